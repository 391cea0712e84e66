"""Operations on domains and alias domains: lock, check, save, log, in one transaction.

Every function takes keywords only, ``actor`` first: the account named in the log, or None for
the command line. Permission is the caller's job: pass rows that came out of
``manageable_by(actor)``. Each raises ValidationError and then has written nothing.
"""

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import managers
from accounts.models import Admin, DomainRole, FactorException, LetterText, LogEntry, PanelSession
from aliases.cleaning import KEEP, check_treatment, remove_target_from_aliases
from aliases.loops import MAX_UPSTREAM_OF_DOMAIN, refuse_loops
from aliases.models import Alias, Ending, OwnAliasLimit
from domains import copy_services, dkim, resellers, sending_limits
from domains.deliveries import forget_figures
from domains.mail_reports import forget_reports
from domains.models import (
    AliasDomain,
    Copy,
    Domain,
    DomainAdmin,
    DomainDNS,
    DomainSenderRule,
    RelayHost,
    RoutingLock,
)
from domains.transports import as_stored
from mailboxes.deleted_rows import DOMAIN
from mailboxes.keeping import keep, kept_domains
from panel import helper
from panel.addresses import display_address, normalise_address, normalise_local_part
from panel.changes import (
    changed_fields,
    collected,
    created,
    insert,
    refuse,
    removed,
    taken,
    validate_changed,
)
from panel.prepared import prepared_deletion
from panel.scoping import domains_managed, sees_all_domains
from panel.transactions import in_transaction

LOGGED = (
    *("description", "aliases", "mailboxes", "maxquota", "quota"),
    *("password_expiry", "transport", "backupmx", "verify_recipients", "active", "reseller"),
)


@in_transaction
def create_domain(*, actor, name, role_target=None, alias_of=None, **fields):
    """Create a domain and return it; with ``alias_of``, a Domain, as an alias domain of it, without role addresses.

    ``fields`` are columns of Domain (limits: 0 unlimited, -1 none; quotas in MB). With ``role_target``
    the role addresses (ROLE_ADDRESSES) are created as aliases to that address; a bare local part means that
    name in the new domain. They may exceed the alias limit, as in PostfixAdmin. Of a reseller the DNS is asked whose the name is.
    """
    new = {"actor": actor, "alias_of": alias_of, "role_target": role_target, **fields}
    refuse_unproved(name=name, **new)
    RoutingLock.hold()
    domain = check_new_domain(name=name, **new)
    insert(domain)
    LogEntry.objects.record(
        actor,
        "create_domain",
        domain=domain.pk,
        target=domain.pk,
        changes=created(domain, *LOGGED),
    )
    if domain.reseller:
        resellers.assign(actor, domain)
    if alias_of is not None:
        create_alias_domain(
            actor=actor,
            alias_domain=domain,
            target_domain=alias_of,
            description=domain.description,
        )
    elif role_target:
        _create_role_aliases(actor, domain, role_target)
        refuse_loops(actor, [f"@{domain.pk}"], bound=MAX_UPSTREAM_OF_DOMAIN)
    return domain


def refuse_unproved(*, actor, name, **fields):
    """Before check_new_domain(), which tells of a ``name`` what is here: nobody learns that of names that are not theirs."""
    errors = {}
    with collected(errors):
        resellers.refuse_unproved(actor, name)
    if errors:
        with collected(errors):
            check_new_domain(actor=actor, **fields)
    refuse(errors)


def check_new_domain(*, actor=None, name=None, role_target=None, alias_of=None, **fields):
    """Return the unsaved Domain. Raises all errors at once; a ``name`` and ``role_target`` that are None are not checked."""
    errors = {}
    domain = Domain(**(settings.DOMAIN_DEFAULTS | fields), name=name)
    domain.transport = as_stored(domain.transport)
    with collected(errors):
        domain.full_clean(exclude=["name"], validate_unique=False)
    if name is not None and "name" not in errors and Domain.objects.filter(pk=domain.name).exists():
        errors["name"] = [taken(domain)]
    if role_target:
        with collected(errors, "role_target"):
            target = _role_target(role_target, domain)
            resellers.refuse_role_target(actor, domain, target)
    if resellers.is_bound(actor):
        with collected(errors):
            resellers.refuse_new_beyond(actor, domain, alias_of)
        if name is not None and "name" not in errors:
            with collected(errors, "name"):
                resellers.refuse_others_name(actor, domain, kept_domains(domain.name))
    refuse(errors)
    return domain


def _role_target(text, domain):
    return normalise_address(text) if "@" in text else f"{normalise_local_part(text)}@{domain.name}"


def _create_role_aliases(actor, domain, role_target):
    target = _role_target(role_target, domain)
    for role in settings.ROLE_ADDRESSES:
        address = f"{role}@{domain.pk}"
        if address == target:
            continue
        alias = Alias(address=address, domain=domain, goto=target)
        alias.full_clean()
        insert(alias)
        LogEntry.objects.record(
            actor,
            "create_alias",
            domain=domain.pk,
            target=address,
            changes={"goto": [None, target]},
        )


@in_transaction
def update_domain(*, actor, domain, **fields):
    RoutingLock.hold()
    domain = domain.fresh()
    changes = check_domain(domain, actor=actor, **fields)
    if not changes:
        return domain
    sending_limits.refuse_others(actor, changes)
    domain.modified = timezone.now()
    domain.save(update_fields=[*changes, "modified"])
    LogEntry.objects.record(
        actor, "edit_domain", domain=domain.pk, target=domain.pk, changes=changes
    )
    sending_limits.tell(changes)
    if changes.get("password_expiry", [0, 0])[1]:
        # It counts from here: what the column has without a lifetime would end every password at once.
        until = domain.modified + timedelta(days=domain.password_expiry)
        domain.mailbox_set.update(password_expiry=until)
    if "active" in changes and not domain.active:
        _end_panel_sessions(domain)
        _end_sessions(domain)
    return domain


def _end_panel_sessions(domain):
    mailboxes = domain.mailbox_set.order_by().values("username")
    of_users = PanelSession.objects.filter(kind="mailbox", username__in=mailboxes)
    managing = Admin.objects.filter(mailbox__in=mailboxes).values("username")
    of_managers = PanelSession.objects.filter(kind="admin", username__in=managing)
    # By keys: a DELETE with these subqueries would scan, and lock, the whole table on MariaDB.
    keys = list(
        of_users.values_list("pk", flat=True).union(of_managers.values_list("pk", flat=True))
    )
    PanelSession.objects.filter(pk__in=keys).delete()


def _end_sessions(domain):
    if domain.usage.mailboxes:
        helper.after_commit("kick-domain", domain.pk)


def check_domain(domain, *, actor=None, **fields):
    if "transport" in fields:
        fields["transport"] = as_stored(fields["transport"])
    errors, bound = {}, resellers.is_bound(actor)
    before = resellers.count_of(domain) if bound else None
    changes = changed_fields(domain, fields)
    with collected(errors):
        validate_changed(domain, changes)
    if bound:
        with collected(errors):
            resellers.refuse_change_beyond(actor, before, domain, changes)
    refuse(errors)
    return changes


def set_domain_active(*, actor, domain, active):
    """Nothing is delivered to or through an inactive domain (deploy/postfix/alias.cf); its users
    cannot sign in and their open sessions end. Its rows stay unchanged."""
    return update_domain(actor=actor, domain=domain, active=active)


def delete_domain(*, actor, domain, **treatment):
    """As delete_domains(), which says more. Returns the Deleted, or None if nothing is kept."""
    return delete_domains(actor=actor, domains=[domain], **treatment)[0]


@in_transaction
def delete_domains(*, actor, domains, others=KEEP, emptied=KEEP, drop_links=False):
    """Delete domains with their mailboxes, aliases, quota figures and their own alias-domain links: all, or none.

    The log stays, and says what their settings were. Refused while alias domains lead here, unless ``drop_links``
    deletes these links too. Copies of mail to them end. ``others`` and ``emptied`` say what becomes of the aliases of other domains that lead here,
    as ``aliases.cleaning.clean_referrers`` has it; mail for targets that are kept goes to the domain's public MX.
    Files on disk stay; the maildirs are remembered, so that a new mailbox of the same name starts empty. Returns a Deleted, or None, of each.
    """
    RoutingLock.hold()
    _hold([domain.pk for domain in domains])
    domains = [domain.fresh() for domain in domains]
    others, emptied = check_treatment_of_domains(actor, domains, others=others, emptied=emptied)
    referring = []
    if (others, emptied) != (KEEP, KEEP):
        names = sorted(domain.pk for domain in domains)
        referring = list(Alias.targets_from_other_domains(*names))
    # Of all before the first is deleted: one may lead to another.
    kept = [_keep(actor, domain) for domain in domains]
    copies = Copy.objects.about_domains([domain.pk for domain in domains])
    copy_services.end_copies(actor=actor, copies=copies)
    # Alias domains first: a domain is not deleted while one leads to it.
    for domain in sorted(domains, key=lambda row: (not hasattr(row, "alias_of"), row.pk)):
        _delete_domain(actor, domain, drop_links=drop_links)
    if referring:
        remove_target_from_aliases(
            actor=actor,
            addresses={target.bare for target in referring},
            aliases=_cleanable(actor).filter(pk__in={target.alias for target in referring}),
            domains=[domain.pk for domain in domains],
            others=others,
            emptied=emptied,
        )
    return kept


def cleanable_targets(actor, targets):
    """(those of ``targets``, of aliases of other domains, that the actor may treat; how many other aliases they are of)."""
    if sees_all_domains(actor):
        return targets, 0
    names = {target.alias for target in targets}
    cleanable = set(_cleanable(actor).filter(pk__in=names).values_list("pk", flat=True))
    return [target for target in targets if target.alias in cleanable], len(names - cleanable)


def _cleanable(actor):
    return Alias.objects.all() if actor is None else Alias.objects.cleanable_by(actor)


def _hold(names):
    """What others change of them and their mailboxes waits: between its being kept and deleted it would be lost."""
    if connection.features.has_select_for_update:
        marks = ", ".join(["%s"] * len(names))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(m.username) FROM domain d LEFT JOIN mailbox m ON m.domain = d.domain"  # noqa: S608
                f" WHERE d.domain IN ({marks}) FOR UPDATE",
                names,
            )


def _keep(actor, domain):
    numbers = {"mailboxes": domain.usage.mailboxes, "aliases": domain.alias_count}
    return keep(actor=actor, kind=DOMAIN, row=domain, note=domain.description, **numbers)


def check_treatment_of_domains(actor, domains, *, others, emptied):
    others, emptied = check_treatment(actor, [], others=others, emptied=emptied)
    names = {domain.pk for domain in domains}
    for address in (others, emptied):
        if address.rpartition("@")[2] in names:
            raise ValidationError(
                _("%(address)s itself is being deleted. Enter another address."),
                "itself",
                {"address": display_address(address)},
            )
    return others, emptied


def _delete_domain(actor, domain, *, drop_links):
    links = list(domain.alias_domains.order_by("pk"))
    managed = domains_managed(actor, {link.pk for link in links})
    alias_domains = [link for link in links if link.pk in managed]
    if drop_links:
        for link in alias_domains:
            delete_alias_domain(actor=actor, link=link)
        links, alias_domains = [link for link in links if link.pk not in managed], []
    if links and not alias_domains:
        text = _("A domain of somebody else leads to %(domain)s. Ask a superadmin to end that first.")  # fmt: skip
        raise ValidationError(text, "alias_domains", {"domain": domain})
    if alias_domains:
        raise ValidationError(
            _("Alias domains lead to %(domain)s: %(sources)s. Delete them first."),
            "alias_domains",
            {"domain": domain, "sources": ", ".join(map(str, alias_domains[:5]))},
        )
    name = domain.pk
    link = getattr(domain, "alias_of", None)
    admins = domain.domainadmin_set.order_by("username_id").values_list("username_id", flat=True)
    changes = {
        "mailbox_count": [domain.usage.mailboxes, None],
        "alias_count": [domain.alias_count, None],
        **removed(domain, *LOGGED),
        "admins": [list(admins.distinct()), None],
        **({"target_domain": [link.target_domain_id, None]} if link else {}),
    }
    manage = managers.managers_at(domain.mailbox_set.order_by().values("pk"))
    domain.mailbox_set.all().delete_all()
    dkim.forget_keys(name)
    forget_reports(name)
    forget_figures(name)
    _delete_rows_of(name)
    LogEntry.objects.record(actor, "delete_domain", domain=name, target=name, changes=changes)
    managers.record_off(actor, manage)
    _end_sessions(domain)


@prepared_deletion
def _delete_rows_of(name):
    return (
        FactorException.objects.filter(domain=name, for_admin=False),
        Alias.objects.filter(domain=name),
        AliasDomain.objects.filter(pk=name),
        DomainAdmin.objects.filter(domain=name),
        DomainRole.objects.filter(domain=name),
        DomainDNS.objects.filter(pk=name),
        RelayHost.objects.filter(pk=name),
        OwnAliasLimit.objects.filter(domain=name),
        Ending.objects.filter(domain=name),
        DomainSenderRule.objects.filter(domain=name),
        LetterText.objects.filter(domain=name),
        Domain.objects.filter(pk=name),
    )


@in_transaction
def create_alias_domain(*, actor, alias_domain, target_domain, active=True, description=""):
    """Let each address of ``alias_domain`` lead to the same name in ``target_domain``.

    The actor must manage both Domains. Refused when it creates a loop.
    """
    RoutingLock.hold()
    link = check_new_alias_domain(
        alias_domain=alias_domain,
        target_domain=target_domain,
        active=active,
        description=description,
    )
    insert(link)
    refuse_loops(actor, [f"@{alias_domain.pk}"], bound=MAX_UPSTREAM_OF_DOMAIN)
    LogEntry.objects.record(
        actor,
        "create_alias_domain",
        domain=alias_domain.pk,
        target=alias_domain.pk,
        changes={
            "target_domain": [None, target_domain.pk],
            **created(link, "description", "active"),
        },
    )
    return link


def check_new_alias_domain(*, alias_domain=None, target_domain=None, **fields):
    errors = {}
    link = AliasDomain(alias_domain=alias_domain, target_domain=target_domain, **fields)
    ends = {"alias_domain": alias_domain, "target_domain": target_domain}
    with collected(errors):
        unknown = [name for name, end in ends.items() if end is None]
        link.full_clean(exclude=unknown, validate_unique=False)
    stored = AliasDomain.objects.select_related("target_domain").filter(pk=link.pk).first()
    if stored:
        errors["alias_domain"] = [
            ValidationError(
                _("%(domain)s is an alias domain already: it leads to %(target)s."),
                "taken",
                {"domain": alias_domain, "target": stored.target_domain},
            )
        ]
    refuse(errors)
    return link


@in_transaction
def update_alias_domain(*, actor, link, **fields):
    RoutingLock.hold()
    link = AliasDomain.objects.select_for_update().get(pk=link.pk)
    changes = check_alias_domain(link, **fields)
    if not changes:
        return link
    link.modified = timezone.now()
    link.save(update_fields=[*changes, "modified"])
    refuse_loops(actor, [f"@{link.alias_domain.pk}"], bound=MAX_UPSTREAM_OF_DOMAIN)
    action = "edit_alias_domain_state" if set(changes) == {"active"} else "edit_alias_domain"
    LogEntry.objects.record(
        actor,
        action,
        domain=link.pk,
        target=link.pk,
        changes={k.removesuffix("_id"): v for k, v in changes.items()},
    )
    return link


def check_alias_domain(link, **fields):
    if "target_domain" in fields:
        fields["target_domain_id"] = fields.pop("target_domain").pk
    changes = changed_fields(link, fields)
    validate_changed(link, changes)
    return changes


@in_transaction
def delete_alias_domain(*, actor, link):
    """Delete the link; both domains stay. Addresses that existed only through the link are unknown then."""
    RoutingLock.hold()
    link = AliasDomain.objects.select_for_update().get(pk=link.pk)
    name, target = link.pk, link.target_domain_id
    AliasDomain.objects.filter(pk=name).delete()
    refuse_loops(actor, [f"@{link.alias_domain.pk}"], bound=MAX_UPSTREAM_OF_DOMAIN)
    LogEntry.objects.record(
        actor,
        "delete_alias_domain",
        domain=name,
        target=name,
        changes={"target_domain": [target, None], **removed(link, "description", "active")},
    )
