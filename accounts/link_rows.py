from django.db import models
from django.utils import timezone

from accounts.factor_rows import OfAccountQuerySet
from panel.fields import KeyField, SecondsField


class PasswordLink(models.Model):
    """A link by which a person sets a password: one for each account and purpose, so a new one replaces it.

    Not PostfixAdmin's columns ``token`` and ``token_validity``: they hold one code without a purpose, which its own
    page takes too, and a new row there has a time but no code. What is stored is the SHA-256 of a random text.
    ``bound`` is what the account had when the link was made: it opens nothing once that is another (password_links.py).
    """

    kind = KeyField(max_length=7)
    username = KeyField()
    purpose = KeyField(max_length=10)
    digest = KeyField(max_length=64, unique=True)
    bound = KeyField(max_length=64)
    made = SecondsField(default=timezone.now)
    until = SecondsField()

    objects = OfAccountQuerySet.as_manager()

    class Meta:
        db_table = "password_link"
        default_permissions = ()
        indexes = [models.Index(fields=["purpose", "until"], name="password_link_until")]
        constraints = [
            models.UniqueConstraint(
                fields=["username", "kind", "purpose"], name="password_link_account"
            )
        ]

    def __str__(self):
        return f"{self.purpose} {self.kind} {self.username}"


class SignInLink(models.Model):
    """A link that stands for the password of an account once, for some seconds (sign_in_links.py). The SHA-256 of a random text is stored."""

    kind = KeyField(max_length=7)
    username = KeyField()
    digest = KeyField(max_length=64, unique=True)
    until = SecondsField()

    objects = OfAccountQuerySet.as_manager()

    class Meta:
        db_table = "sign_in_link"
        default_permissions = ()
        indexes = [
            models.Index(fields=["username", "kind"], name="sign_in_link_account"),
            models.Index(fields=["until"], name="sign_in_link_until"),
        ]

    def __str__(self):
        return f"{self.kind} {self.username}"
