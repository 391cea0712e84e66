from django.contrib.messages.storage.cookie import MessageDecoder, MessageEncoder
from django.db import models
from django.utils import timezone

from panel.fields import KeyField, SecondsField


class FormAnswer(models.Model):
    """Where a form that was sent led, and what was said then: see panel/once.py."""

    key = KeyField(primary_key=True, max_length=64)
    url = models.TextField()
    told = models.JSONField(default=list, encoder=MessageEncoder, decoder=MessageDecoder)
    at = SecondsField(default=timezone.now)

    class Meta:
        db_table = "form_answer"
        default_permissions = ()
        indexes = [models.Index(fields=["at"], name="form_answer_at")]

    def __str__(self):
        return self.url
