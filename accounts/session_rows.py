from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.factor_rows import OfAccountQuerySet
from panel.fields import KeyField


class PanelSession(AbstractBaseSession):
    """A session of Django's, and whose it is; of nobody while the second step of signing in is awaited."""

    kind = KeyField(max_length=7, default="")
    username = KeyField(default="")

    objects = OfAccountQuerySet.as_manager()

    class Meta:
        db_table = "panel_session"
        default_permissions = ()
        indexes = [models.Index(fields=["username", "kind"], name="panel_session_account")]

    def __str__(self):
        return self.username
