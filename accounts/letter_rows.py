from django.db import models
from django.utils.translation import gettext_lazy as _

from panel.fields import KeyField
from panel.scoping import SuperadminQuerySet


class LetterTextQuerySet(SuperadminQuerySet):
    def for_person(self, kind, domain, language):
        """The text of a person's domain before that of all; or None."""
        rows = self.filter(kind=kind, language=language, domain__in={domain, ""})
        return rows.order_by("-domain").first()


class LetterText(models.Model):
    """What a mail of the panel says in place of the panel's own text: to people of ``domain``, or of all ("")."""

    id = models.AutoField(primary_key=True)
    kind = KeyField(max_length=20)
    domain = KeyField(blank=True, default="")
    language = KeyField(_("language"), max_length=10)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"))

    objects = LetterTextQuerySet.as_manager()

    class Meta:
        db_table = "letter_text"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "domain", "language"], name="letter_text_of_domain"
            )
        ]

    def __str__(self):
        return f"{self.kind} {self.language} {self.domain}".strip()
