"""What resellers may do: make domains and change their limits, within a budget that superadmins set. Superadmins are not bound by it.

By its limits a domain counts, and at least by what is in it: a limit that is lowered gives nothing back that is in use. Every
change of a domain holds RoutingLock, under which these numbers are true.
"""

from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Admin, LogEntry
from aliases.refusals import refuse_external_targets
from domains.dns.asking import Asking, NotAsked
from domains.models import NONE_ALLOWED, UNLIMITED, Domain, DomainAdmin
from panel.addresses import normalise_domain
from panel.changes import refuse
from panel.formats import mb, number
from panel.scoping import may_create_domains, resells, sees_all_domains

PROOF_SECONDS = 6
OF_SUPERADMINS = {"transport": "virtual", "backupmx": False, "verify_recipients": False}


class Use(NamedTuple):
    """Of one domain, or of several together; ``storage`` is in MB. None is without a limit."""

    domains: int = 0
    mailboxes: int | None = 0
    storage: int | None = 0

    def plus(self, other):
        return Use(*(None if None in pair else sum(pair) for pair in zip(self, other, strict=True)))


def budget_of(admin):
    return Use(admin.max_domains, admin.max_mailboxes, admin.max_storage)


def use_of(username, *, without=None):
    """What the domains of a reseller count for together, but the one of the name ``without``."""
    rows = Domain.objects.filter(reseller=username)
    if without is not None:
        rows = rows.exclude(pk=without)
    columns = ("mailboxes", "quota", "usage__mailboxes", "usage__allotted")
    use = Use()
    for row in rows.order_by().values_list(*columns):
        use = use.plus(_counted(*row))
    return use


def _counted(mailboxes, quota, made=0, allotted=0):
    """``quota`` is in MB, ``allotted`` in bytes. A domain that has no counters yet counts by its limits."""
    made, allotted = made or 0, allotted or 0
    of_mailboxes = None if mailboxes == UNLIMITED else max(mailboxes, made)
    if quota > 0:
        storage = max(quota, -(-allotted // settings.QUOTA_MULTIPLIER))
    else:  # without a sum of quotas, what mailboxes there are, or may be, hold any amount
        storage = 0 if mailboxes == NONE_ALLOWED and not made else None
    return Use(1, of_mailboxes, storage)


def count_of(domain):
    return _counted(domain.mailboxes, domain.quota, domain.usage.mailboxes, domain.usage.allotted)


class Line(NamedTuple):
    """``in_words``: "3 of 10 domains"."""

    in_words: str
    is_over: bool


def budget_in_words(admin):
    used, most = use_of(admin.pk), budget_of(admin)
    words = (
        _domains(used.domains, most.domains),
        _mailboxes(used.mailboxes, most.mailboxes),
        _storage(used.storage, most.storage),
    )
    over = [
        limit is not None and (count is None or count > limit)
        for count, limit in zip(used, most, strict=True)
    ]
    return [Line(*pair) for pair in zip(words, over, strict=True)]


def _domains(used, most):
    if most is None:
        return ngettext("%(used)s domain", "%(used)s domains", used) % {"used": number(used)}
    shown = {"used": number(used), "most": number(most)}
    return ngettext("%(used)s of %(most)s domain", "%(used)s of %(most)s domains", most) % shown


def _mailboxes(used, most):
    if used is None:
        return _("mailboxes without a limit")
    if most is None:
        return ngettext("%(used)s mailbox", "%(used)s mailboxes", used) % {"used": number(used)}
    shown = {"used": number(used), "most": number(most)}
    text = ngettext("%(used)s of %(most)s mailbox", "%(used)s of %(most)s mailboxes", most)
    return text % shown


def _storage(used, most):
    if used is None:
        return _("storage without a limit")
    if most is None:
        return _("%(used)s of storage") % {"used": _size(used)}
    return _("%(used)s of %(most)s of storage") % {"used": _size(used), "most": _size(most)}


def _size(value):
    return mb(value) if value else "0"


def forget_former(name):
    """Of a domain that was restored: it counts for whoever resells still, and for nobody else."""
    still = Admin.objects.filter(reseller=True, mailbox=None).values("pk")
    Domain.objects.filter(pk=name).exclude(reseller__in=still).update(reseller="")


# --- What a reseller is refused


def is_bound(actor):
    """Whether ``actor``, who may change the domain, is bound by a budget."""
    return not sees_all_domains(actor)


def refuse_new_beyond(actor, domain, alias_of=None):
    """``domain`` is not saved yet. Sets whose it is."""
    admin = Admin.objects.filter(pk=actor.pk).first()
    if admin is None or not (may_create_domains(actor) and may_create_domains(admin)):
        raise ValidationError(_("Only superadmins and resellers may create domains."), "superadmin")
    domain.reseller = admin.pk
    if alias_of is not None:  # its addresses are those of the other
        domain.mailboxes, domain.quota = NONE_ALLOWED, UNLIMITED
    errors = _set_by_superadmins(
        name for name, usual in OF_SUPERADMINS.items() if getattr(domain, name) != usual
    )
    use, most = use_of(admin.pk), admin.max_domains
    if most is not None and use.domains >= most:
        text = ngettext(
            "Your budget is %(n)d domain, and you have it. Ask a superadmin for more, or delete one.",
            "Your budget is %(n)d domains, and you have them. Ask a superadmin for more, or delete one.",
            most,
        )
        errors["name"] = [ValidationError(text, "budget", {"n": most})]
    errors |= _beyond(budget_of(admin), use, _counted(domain.mailboxes, domain.quota), Use())
    refuse(errors)


def refuse_change_beyond(actor, before, domain, changes):
    """``before`` is the count of ``domain`` before the ``changes``, which are not saved yet."""
    errors = _set_by_superadmins(changes)
    if {"mailboxes", "quota"} & changes.keys():
        admin = Admin.objects.filter(pk=actor.pk).first()
        if admin is None or not (admin.is_reseller and resells(actor, domain)):
            text = _("Only superadmins may change these limits.")
            raise ValidationError(text, "superadmin")
        others = use_of(admin.pk, without=domain.pk)
        errors |= _beyond(budget_of(admin), others, count_of(domain), before)
    refuse(errors)


def _set_by_superadmins(fields):
    return {
        name: [ValidationError(_("Only a superadmin may set this."), "superadmin")]
        for name in OF_SUPERADMINS.keys() & {*fields}
    }


def _beyond(budget, others, new, before):
    """The errors of limits that take more than is left, by field. What takes no more than ``before`` is no error: the budget may be used up."""
    errors = {}
    for kind, field, shown in (("mailboxes", "mailboxes", str), ("storage", "quota", _size)):
        most, wanted, had = (getattr(of, kind) for of in (budget, new, before))
        if most is None or had is None or (wanted is not None and wanted <= had):
            continue
        used = getattr(others, kind)
        left = 0 if used is None else max(0, most - used)
        if wanted is None or wanted > left:
            text = _("At most %(left)s are left of your budget. Enter that or less, or ask a superadmin for more.")  # fmt: skip
            if kind == "storage":
                text = _("At most %(left)s is left of your budget. Enter that or less, or ask a superadmin for more.")  # fmt: skip
            errors[field] = [ValidationError(text, "budget", {"left": shown(left)})]
    return errors


def refuse_role_target(actor, domain, target):
    if not target.endswith(f"@{domain.name}"):
        try:
            refuse_external_targets(actor, [target])
        except ValidationError as error:
            raise ValidationError(error.error_dict["targets"]) from None


# --- Which names


def refuse_others_name(actor, domain, kept):
    """``kept`` are the rows of the deleted domains of this name that can be restored."""
    name = domain.name
    related = Domain.objects.filter(Q(pk__in=_above(name)) | Q(pk__endswith=f".{name}"))
    own = set(Domain.objects.resold_by(actor).values_list("pk", flat=True))
    others = set(related.values_list("pk", flat=True)) - own
    others |= {row.get("reseller", "") for row in kept} - {actor.pk}
    if others or _is_told_of(actor, name):
        text = _("%(name)s is, is within or has within it a domain of somebody else here. Ask a superadmin to add it.")  # fmt: skip
        raise ValidationError(text, "others", {"name": name})
    if any(map(_is_held, kept)):
        text = _("The deleted domain %(name)s was off, or had settings of a superadmin. Ask a superadmin to restore it.")  # fmt: skip
        raise ValidationError(text, "held", {"name": name})


def _is_held(row):
    """Whether a new domain of its name would be without what a superadmin set, or on again."""
    set_by_superadmins = {name: row.get(name, usual) for name, usual in OF_SUPERADMINS.items()}
    limit, active = row.get("sending_limit"), row.get("active", True)
    return set_by_superadmins != OF_SUPERADMINS or limit is not None or not active


def _is_told_of(actor, name):
    """Whether the log, which whoever manages ``name`` reads, has something of it, and the last domain of that name was not theirs."""
    entries = LogEntry.objects.filter(domain=name)
    last = entries.filter(action="delete_domain").order_by("-timestamp", "-pk").first()
    if last is None:
        return entries.exists()
    return (last.changes or {}).get("reseller", [""])[0] != actor.pk


def assign(actor, domain):
    DomainAdmin(username_id=actor.pk, domain=domain).save(force_insert=True)
    actor.forget_domains()


# --- The proof that a name is theirs


def record_of(username, name):
    """(name, text) of the TXT record by which whoever has the DNS of ``name`` lets ``username`` make it a domain here."""
    code = salted_hmac("a reseller's domain", f"{username}\n{name}", algorithm="sha256")
    return f"_mailadmin.{name}", f"mailadmin={code.hexdigest()[:32]}"


def refuse_unproved(actor, name):
    """Raises unless the DNS says that ``name`` is theirs: mail to a domain that is here never leaves this server.

    It may take seconds, so it is asked before a lock is taken, and of each name once for a request.
    """
    if not (settings.RESELLERS_PROVE_DOMAINS and is_bound(actor) and may_create_domains(actor)):
        return
    try:
        name = normalise_domain(name)
    except ValidationError:
        return  # which says so itself
    if _is_known_to(actor, name) or _is_below_an_own(actor, name):
        return
    if name not in actor.proofs:
        actor.proofs = {**actor.proofs, name: _what_is_missing(actor, name)}
    if actor.proofs[name] is not None:
        raise ValidationError({"name": actor.proofs[name]})


def _what_is_missing(actor, name):
    place, wanted = record_of(actor.pk, name)
    params = {"name": name, "place": place, "text": wanted}
    try:
        found = Asking(PROOF_SECONDS).texts(place)
    except NotAsked:
        text = _("The DNS did not answer whether %(place)s is there. Try again in a few minutes.")
        return ValidationError(text, "not_asked", params)
    if wanted in map(str.strip, found):
        return None
    text = _(
        "Prove that %(name)s is yours: publish the TXT record %(place)s with the text %(text)s in its DNS, wait until it"
        " can be seen, and create the domain then. It can go afterwards."
    )
    return ValidationError(text, "unproved", params)


def _is_known_to(actor, name):
    """It is here, as they see: so it is taken, whoever has its DNS."""
    return name in actor.domain_names and Domain.objects.filter(pk=name).exists()


def _is_below_an_own(actor, name):
    return Domain.objects.resold_by(actor).filter(pk__in=_above(name)).exists()


def _above(name):
    """The domains that ``name`` lies in."""
    parts = name.split(".")
    return [".".join(parts[at:]) for at in range(1, len(parts))]
