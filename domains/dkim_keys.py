"""The keys that mail is signed with (DKIM): PostfixAdmin's tables, read by the signer through views (deploy/mariadb)."""

import re
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField, ShortTextField
from panel.scoping import ScopedQuerySet

SIGNS, NEXT, REPLACED = "signs", "next", "replaced"
RSA, ED25519 = "rsa", "ed25519"
# What every public half of that kind begins with, in PEM; deploy/mariadb/signer.sql knows the private one.
ED25519_PEM = "MCowBQYDK2VwAyEA"
TOGETHER = 500  # domains that are asked for at once
SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class DKIMKeyQuerySet(ScopedQuerySet):
    domain_lookup = "domain_name"

    def with_roles(self):
        """Add ``signs``: whether mail of the whole domain is signed with it. The private key is left where it is."""
        signing = DKIMSigning.objects.filter(dkim=OuterRef("pk"), author=OuterRef("domain_name"))
        return self.defer("private_key").annotate(signs=Exists(signing)).order_by("pk")


class DKIMKey(models.Model):
    """A key and its selector. Both halves are PEM; the private one is written and never shown.

    ``replaced`` is ours: since when another key signs, and None for one that signs or never did.
    """

    id = models.AutoField(primary_key=True)
    # The constraint is made by the migration: it deletes the keys with their domain, also for PostfixAdmin.
    domain_name = models.ForeignKey(
        "domains.Domain",
        models.DO_NOTHING,
        db_column="domain_name",
        db_constraint=False,
        db_index=False,
        related_name="dkim_keys",
    )
    description = models.CharField(max_length=255, blank=True, null=True, default="", db_default="")
    selector = KeyField(
        _("selector"),
        max_length=63,
        default="default",
        db_default="default",
        validators=[
            RegexValidator(
                rf"^{SELECTOR.pattern}\Z",
                _("A selector has letters, digits and hyphens, such as s2026."),
            )
        ],
    )
    private_key = ShortTextField(null=True, editable=False)
    public_key = ShortTextField(null=True)
    created = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    modified = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    replaced = SecondsField(null=True, blank=True)

    objects = DKIMKeyQuerySet.as_manager()

    class Meta:
        db_table = "dkim"
        default_permissions = ()
        indexes = [models.Index(fields=["domain_name", "description"], name="domain_name")]

    def __str__(self):
        return f"{self.selector}._domainkey.{self.domain_name_id}"

    @property
    def role(self):
        return SIGNS if self.signs else REPLACED if self.replaced else NEXT

    @property
    def kind(self):
        return ED25519 if ED25519_PEM in (self.public_key or "") else RSA

    @property
    def record(self):
        """The text of the TXT record; "" if another program stored no key that can be read."""
        try:
            return record_of(load_pem_public_key((self.public_key or "").encode()))
        except ValueError:
            return ""


def record_of(key):
    if isinstance(key, Ed25519PublicKey):
        kind, raw = ED25519, key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    elif isinstance(key, RSAPublicKey):
        kind, raw = RSA, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        raise ValueError("neither RSA nor Ed25519")
    return f"v=DKIM1; k={kind}; p={b64encode(raw).decode()}"


def of_kind(keys, kind):
    return [key for key in keys if key.kind == kind]


class DKIMSigningQuerySet(ScopedQuerySet):
    domain_lookup = "dkim__domain_name"


class DKIMSigning(models.Model):
    """Whose mail a key signs: ``author`` is a domain, or an address, which counts before its domain."""

    id = models.AutoField(primary_key=True)
    author = KeyField(default="", db_default="")
    dkim = models.ForeignKey(
        DKIMKey, models.CASCADE, db_column="dkim_id", db_constraint=False, related_name="signing"
    )
    created = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    modified = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)

    objects = DKIMSigningQuerySet.as_manager()

    class Meta:
        db_table = "dkim_signing"
        default_permissions = ()
        indexes = [models.Index(fields=["author"], name="author")]

    def __str__(self):
        return f"{self.author}: {self.dkim_id}"


def keys_of(*names):
    found = {}
    for at in range(0, len(names), TOGETHER):
        some = names[at : at + TOGETHER]
        for key in DKIMKey.objects.with_roles().filter(domain_name__in=some):
            found.setdefault(key.domain_name_id, []).append(key)
    return found
