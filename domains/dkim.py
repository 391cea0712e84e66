"""Keys that mail is signed with: made here, signing once their record was seen in the DNS, replaced, removed.

As in domains/services.py: keywords only, ``actor`` first, permission is the caller's job. A private key is
written here and never read: no page, log or command shows one.

Mail is signed with an RSA key, which all receivers understand, and with an Ed25519 key besides where there is one and the signer
takes it: rspamd does, OpenDKIM does not. Each kind has its own key that signs, one that comes next, and those of before.
"""

import re
from datetime import timedelta
from string import ascii_lowercase

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from domains.dkim_keys import (
    ED25519,
    NEXT,
    REPLACED,
    RSA,
    DKIMKey,
    DKIMSigning,
    of_kind,
)
from domains.dns.findings import OK, Finding
from domains.models import Domain, DomainDNS, RoutingLock
from panel import helper
from panel.transactions import in_transaction

BITS = 2048  # more does not fit into one string of a record, and no receiver asks for it
SMALLEST = 1024  # of a key that is brought along: receivers take no smaller one
READY = 2  # keys of a kind that are published: the one that signs, and the one after it
# Mail signed with a replaced key is on its way as long as Postfix tries (five days), and read later.
KEPT = timedelta(days=10)


def signer_takes(kind):
    return kind == RSA or settings.DKIM_SIGNER == "rspamd"


def new_key(kind=RSA):
    if kind == ED25519:
        return Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=BITS)


@in_transaction
def create_keys(*, actor, domain, kind=RSA):
    """Make the keys that ``domain`` lacks, two at first; return them. None signs before its record was seen in the DNS."""
    pairs = [new_key(kind) for _number in range(READY)]  # takes a while: not under the lock
    keys = _hold(domain)
    _check_kind(kind)
    lacking = lacking_keys(keys, kind)
    if lacking <= 0:
        raise ValidationError(_("%(domain)s has its keys already."), "exists", {"domain": domain})
    return [_add(actor, domain, pair) for pair in pairs[:lacking]]


def lacking_keys(keys, kind):
    return READY - sum(key.role != REPLACED for key in of_kind(keys, kind))


def _check_kind(kind):
    if not signer_takes(kind):
        raise ValidationError(
            _("The signer of this server takes no Ed25519 keys (DKIM_SIGNER)."), "signer"
        )


@in_transaction
def import_key(*, actor, domain, selector, pem):
    """Take over a key (PEM, bytes) that signed elsewhere, under its selector."""
    _hold(domain)
    return _add(actor, domain, read_private_key(pem), selector)


def read_private_key(pem):
    try:
        pair = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValidationError(
            {
                "private_key": ValidationError(
                    _("This is no private key in PEM form without a password."), "unreadable"
                )
            }
        ) from error
    if isinstance(pair, Ed25519PrivateKey) and signer_takes(ED25519):
        return pair
    if not isinstance(pair, rsa.RSAPrivateKey) or pair.key_size < SMALLEST:
        raise ValidationError(
            {
                "private_key": ValidationError(
                    _("An RSA key of at least 1024 bits is needed."), "kind"
                )
            }
        )
    return pair


def _add(actor, domain, pair, selector=None):
    private = pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = DKIMKey(
        domain_name=domain,
        selector=selector or _free_selector(domain),
        private_key=private.decode(),
        public_key=public.decode(),
    )
    key.full_clean()
    if DKIMKey.objects.filter(domain_name=domain, selector=key.selector).exists():
        raise ValidationError(
            {"selector": ValidationError(_("%(key)s exists already."), "taken", {"key": key})}
        )
    key.save()
    _log(actor, "create_dkim_entry", domain, selector=[None, key.selector])
    return DKIMKey.objects.with_roles().get(pk=key.pk)


def _free_selector(domain):
    """A selector with the day in it; never one used before, whose record resolvers may still have."""
    taken = set(DKIMKey.objects.filter(domain_name=domain).values_list("selector", flat=True))
    names = (f"s{timezone.localdate():%Y%m%d}{letter}" for letter in ascii_lowercase)
    for name in names:
        if name not in taken:
            return name
    raise ValidationError(_("That are too many keys for one day. Try again tomorrow."), "too_many")


@in_transaction
def sign_with(*, actor, domain, selector, force=False):
    """Let the key of ``selector`` sign all mail of ``domain`` from now on; return it. A new one is made to come after it.

    Raises ``not_seen`` unless the last check saw its record in the DNS, or ``force``.
    """
    pair = new_key()  # takes a while: not under the lock
    keys = _hold(domain)
    key = next((key for key in keys if key.selector == selector), None)
    if key is None:
        raise ValidationError(
            _("%(domain)s has no key %(selector)s."),
            "unknown",
            {"domain": domain, "selector": selector},
        )
    if key.signs:
        return key
    if not DKIMKey.objects.filter(pk=key.pk, private_key__gt="").exists():
        raise ValidationError(
            _("%(selector)s has no private key here."), "no_private_key", {"selector": selector}
        )
    if not force and str(key) not in seen(domain):
        raise ValidationError(
            _(
                "The DNS did not show the record of %(selector)s: receivers could not check what is signed with it."
                " Publish the record, wait until the DNS has it, and try again."
            ),
            "not_seen",
            {"selector": selector},
        )
    if key.kind == ED25519:
        _check_beside(keys)
        pair = new_key(ED25519)
    others = [one for one in keys if one.kind != key.kind]
    keys = of_kind(keys, key.kind)
    before = [one for one in keys if one.signs]
    _let_sign(domain, key, before, others)
    changes = {"selector": [before[0].selector if before else None, selector]}
    if force and str(key) not in seen(domain):
        changes["dkim_unseen"] = [None, True]
    _log(actor, "edit_dkim_entry", domain, **changes)
    if not any(one.role == NEXT and one.pk != key.pk for one in keys):
        _add(actor, domain, pair)
    return DKIMKey.objects.with_roles().get(pk=key.pk)


def _check_beside(keys):
    # Most receivers treat mail that has only an Ed25519 signature as unsigned.
    _check_kind(ED25519)
    if not any(key.signs for key in of_kind(keys, RSA)):
        raise ValidationError(
            _("An Ed25519 key signs only beside an RSA key: few receivers understand it."), "alone"
        )


def _let_sign(domain, key, before, others):
    now = timezone.now()
    rows = DKIMSigning.objects.filter(author=domain.pk).exclude(dkim__in=others)
    first = rows.order_by("pk").first()
    if first is None:
        DKIMSigning(author=domain.pk, dkim=key).save(force_insert=True)
    else:
        # In place: the signer, which asks at each message, finds one row at any moment.
        rows.filter(pk=first.pk).update(dkim=key, modified=now)
        rows.exclude(pk=first.pk).delete()
    DKIMKey.objects.filter(pk__in=[one.pk for one in before]).update(replaced=now, modified=now)
    DKIMKey.objects.filter(pk=key.pk).update(replaced=None, modified=now)
    _tell_signer()


@in_transaction
def begin_when_seen(*, domain, findings):
    """Of each kind of key of which none signs yet, let the first one that the check saw in the DNS
    sign."""
    found = [one for one in findings if one.topic == "dkim next" and one.state == OK]
    signing = {_kind_in(one) for one in findings if one.topic == "dkim"}
    if not {_kind_in(one) for one in found} - signing:  # as always but once: no lock is needed
        return
    names = {one.name for one in found}
    for kind in (RSA, ED25519):
        try:
            keys = _hold(domain)
        except Domain.DoesNotExist:  # deleted while the DNS was asked
            return
        signs = {key.kind for key in keys if key.signs}
        due = [key for key in of_kind(keys, kind) if str(key) in names and key.role == NEXT]
        if due and kind not in signs and (kind == RSA or (RSA in signs and signer_takes(kind))):
            sign_with(actor=None, domain=domain, selector=due[0].selector)


def _kind_in(finding):
    return ED25519 if re.search(rf"k\s*=\s*{ED25519}", "".join(finding.wanted)) else RSA


@in_transaction
def delete_key(*, actor, domain, selector):
    """Delete a key that does not sign, or an Ed25519 key: what it signs has an RSA signature besides."""
    key = next((key for key in _hold(domain) if key.selector == selector), None)
    if key is None or (key.signs and key.kind == RSA):
        raise ValidationError(
            _("%(domain)s has no key %(selector)s that does not sign."),
            "signs",
            {"domain": domain, "selector": selector},
        )
    _remove(actor, domain, [key])


@in_transaction
def delete_keys(*, actor, domain):
    keys = _hold(domain)
    if not keys:
        raise ValidationError(_("%(domain)s has no keys."), "none", {"domain": domain})
    _remove(actor, domain, keys)


def forget_keys(domain):
    """Delete the keys of a Domain that is being deleted; the log says that of the domain."""
    DKIMKey.objects.filter(domain_name=domain).delete()


def retire_keys(moment=None):
    before = (moment or timezone.now()) - KEPT
    due = DKIMKey.objects.with_roles().filter(replaced__lt=before)
    return [str(key) for key in list(due) if _retire(key=key)]


@in_transaction
def _retire(*, key):
    domain = Domain(pk=key.domain_name_id)
    try:
        found = [one for one in _hold(domain) if one.pk == key.pk and one.role == REPLACED]
    except Domain.DoesNotExist:  # deleted meanwhile, with its keys
        return False
    _remove(None, domain, found)
    return bool(found)


def _remove(actor, domain, keys):
    for key in keys:
        DKIMKey.objects.filter(pk=key.pk).delete()
        _log(actor, "delete_dkim_entry", domain, selector=[key.selector, None])
    _tell_signer()


def _tell_signer():
    # rspamd reads a file, which the helper also writes each minute; OpenDKIM asks at each message.
    if settings.DKIM_SIGNER == "rspamd":
        helper.after_commit("write-signing-files")


def _hold(domain):
    RoutingLock.hold()
    Domain.objects.only("pk").get(pk=domain.pk)
    return list(DKIMKey.objects.with_roles().filter(domain_name=domain.pk))


def _log(actor, action, domain, **changes):
    LogEntry.objects.record(actor, action, domain=domain.pk, target=domain.pk, changes=changes)


def seen(domain):
    """The names of keys whose record the last check saw."""
    return seen_in(DomainDNS.objects.filter(pk=domain.pk).only("findings").first())


def seen_in(row):
    """As seen(), of a DomainDNS or None."""
    findings = [Finding.stored(stored) for stored in row.findings] if row else []
    return {one.name for one in findings if one.topic.startswith("dkim") and one.state == OK}
