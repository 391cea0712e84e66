from django.db import models
from django.utils import timezone

from accounts.factor_rows import OfAccountQuerySet
from panel.fields import KeyField, SecondsField, ShortTextField


class ApiToken(models.Model):
    """What a program acts with in the name of one account (docs/api.md). ``digest`` is the SHA-256 of a text that is stored nowhere.

    ``rights`` (panel/rights.py), ``domains`` and ``networks`` have commas between; no domains: all of the account's, no networks:
    from everywhere. A token never may more than its account.
    """

    kind = KeyField(max_length=7)
    username = KeyField()
    name = models.CharField(max_length=60)
    digest = KeyField(max_length=64, unique=True)
    rights = KeyField(max_length=1_000)
    domains = ShortTextField(default="")
    networks = KeyField(max_length=1_000, default="")
    expires = SecondsField(null=True)
    created = SecondsField(default=timezone.now)
    # Written once a minute at most.
    last_used = SecondsField(null=True)
    last_ip = KeyField(max_length=45, default="")

    objects = OfAccountQuerySet.as_manager()

    class Meta:
        db_table = "api_token"
        default_permissions = ()
        indexes = [models.Index(fields=["username", "kind"], name="api_token_account")]

    def __str__(self):
        return self.name

    @property
    def is_over(self):
        return self.expires is not None and self.expires <= timezone.now()

    @property
    def right_names(self):
        return tuple(filter(None, self.rights.split(",")))

    def has(self, right):
        return right in self.right_names

    @property
    def domain_names(self):
        return tuple(filter(None, self.domains.split(",")))

    @property
    def network_names(self):
        return tuple(filter(None, self.networks.split(",")))
