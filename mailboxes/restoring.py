"""What the bin gives back, and what is removed from it for good.

``actor`` is the account named in the log, or None for the command line. Permission is the caller's job: pass rows that came out of
``Deleted.objects.manageable_by(actor)``, and let superadmins alone remove.
"""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import managers
from accounts.models import Admin, LogEntry
from aliases.access import MEMBERS
from aliases.access_rules import list_number
from aliases.loops import MAX_UPSTREAM_OF_DOMAIN, refuse_loops
from aliases.models import Alias, is_role_address
from aliases.refusals import refuse_external_targets, refuse_role_address, refuse_taken
from domains import resellers, sender_services, sending_limits
from domains.models import AliasDomain, Copy, Domain, DomainSenderRule, RoutingLock
from mailboxes.deleted_rows import ALIAS, DOMAIN, MAILBOX, TARGETS
from mailboxes.insertion import TESTS, Ends, insert_stored, renamed_since
from mailboxes.keeping import SOURCES
from mailboxes.models import Deleted, DeletedRow, Mailbox, RetiredMaildir
from panel.addresses import display_domain, split_address
from panel.changes import taken
from panel.fields import UNKNOWN_MOMENT
from panel.formats import day
from panel.scoping import domains_in_sight, may_change_role_addresses
from panel.transactions import in_transaction

TOGETHER = 1_000  # rows that are read and written at once
ROWS = {ALIAS: Alias, DOMAIN: Domain}
WARNINGS = {
    MAILBOX: gettext_lazy(
        "A deleted mailbox of this name can be restored until %(day)s, but not while another has the name."
    ),
    ALIAS: gettext_lazy(
        "A deleted alias of this name can be restored until %(day)s, but not while another has the name."
    ),
    DOMAIN: gettext_lazy(
        "A deleted domain of this name can be restored until %(day)s, but not while another has the name."
    ),
}


def warning_about(actor, name):
    """What whoever makes ``name`` anew is told, if what had it before is in the bin; or ""."""
    rows = Deleted.objects.all() if actor is None else Deleted.objects.manageable_by(actor)
    found = rows.filter(name=name, until__gt=timezone.now()).order_by("-pk").first()
    return WARNINGS[found.kind] % {"day": day(found.until)} if found else ""


@in_transaction
def restore(*, actor, deletion):
    """Put back what was deleted, with all that went with it, and return the row. Sessions and tokens are not revived.

    Refused while the name is taken, a limit is reached, or its time is over. The address comes back into the aliases that lost it, if they are
    there still and the actor may clean them.
    """
    RoutingLock.hold()
    deletion = Deleted.objects.select_for_update().get(pk=deletion.pk)
    check_restorable(actor, deletion)
    ends = Ends(deletion)
    try:
        with transaction.atomic():
            others = _put_back(actor, deletion, ends)
    except IntegrityError as error:  # another program was faster
        raise ValidationError([taken(deletion)]) from error
    changed = _lead_back(actor, deletion, ends, others)
    if deletion.kind == DOMAIN:
        resellers.forget_former(deletion.name)
        refuse_loops(actor, [f"@{deletion.name}"], bound=MAX_UPSTREAM_OF_DOMAIN)
    own = [] if deletion.kind == DOMAIN else [deletion.name]
    refuse_loops(actor, [*own, *sorted(others | changed)])
    deletion.rows.all().delete()
    Deleted.objects.filter(pk=deletion.pk).delete()
    LogEntry.objects.record(
        actor, f"restore_{deletion.kind}", domain=deletion.domain, target=deletion.name
    )
    row = ROWS.get(deletion.kind, Mailbox).objects.get(pk=deletion.name)
    if deletion.kind == DOMAIN or getattr(row, "sending_limit", None) is not None:
        # rspamd's files have a domain's keys and the limits of its mailboxes, too
        sending_limits.tell({"sending_limit"})
    return row


def reasons_against(actor, deletion):
    """Sentences about what stands in the way now; none if it can be restored."""
    try:
        check_restorable(actor, deletion)
    except ValidationError as error:
        return error.messages
    return []


def check_restorable(actor, deletion):
    """Raises all that stands in the way, at once."""
    if deletion.is_over:
        text = _("It could be restored until %(day)s.")
        raise ValidationError(text, "over", {"day": day(deletion.until)})
    errors = []
    checks = _checks_of_domain if deletion.kind == DOMAIN else _checks_of_address
    for check in checks(actor, deletion):
        try:
            check()
        except ValidationError as error:
            by_field = getattr(error, "error_dict", None)
            errors += [one for some in by_field.values() for one in some] if by_field else [error]
    if errors:
        raise ValidationError(errors)


def _checks_of_domain(actor, deletion):
    def name():
        if Domain.objects.filter(pk=deletion.name).exists():
            raise taken(deletion)

    def target():
        for row in _kept(deletion, AliasDomain):
            there = Domain.objects.filter(pk=row["target_domain"], created__lte=deletion.at)
            if row["alias_domain"] != deletion.name:
                continue
            params = {"domain": display_domain(row["target_domain"])}
            if not there.exists():
                text = _("It leads to %(domain)s, which is not there. Restore that first.")
                raise ValidationError(text, "no_target", params)
            if AliasDomain.objects.filter(pk=row["target_domain"]).exists():
                text = _("It leads to %(domain)s, which is itself an alias domain now. End that first.")  # fmt: skip
                raise ValidationError(text, "chain", params)

    return name, target, lambda: _refuse_others_maildir(actor, deletion)


def _checks_of_address(actor, deletion):
    local_part, _domain = split_address(deletion.name)
    domain = Domain.objects.select_related("usage").filter(pk=deletion.domain).first()
    if domain is None or domain.created > deletion.at:
        text = _("Its domain %(domain)s is not there any more.")
        params = {"domain": display_domain(deletion.domain)}
        raise ValidationError(text, "no_domain", params)
    kept = _kept(deletion, Alias)
    own = [Alias(goto=row["goto"]) for row in kept if row["address"] == deletion.name]
    is_alias = deletion.kind == ALIAS

    def limit():
        if error := domain.limit_error("aliases" if is_alias else "mailboxes"):
            raise error

    def quota():
        for row in () if is_alias else _kept(deletion, Mailbox):
            Mailbox(domain=domain, username=row["username"], quota=row["quota"]).clean()

    return (
        lambda: refuse_role_address(actor, local_part),
        lambda: refuse_taken(deletion.name, wanted=deletion.kind),
        lambda: refuse_external_targets(actor, [t for row in own for t in row.targets]),
        *(limit, quota),
        lambda: _refuse_others_maildir(actor, deletion),
    )


def _refuse_others_maildir(actor, deletion):
    """Another program may have given the directory to another mailbox."""
    maildirs = deletion.rows.exclude(maildir="").values("maildir")
    for other in Mailbox.objects.filter(maildir__in=maildirs).order_by()[:1]:
        text = _("Its directory %(maildir)s is that of another mailbox now. Ask a superadmin.")
        if domains_in_sight(actor, {other.domain_id}):
            text = _("Its directory %(maildir)s is that of %(mailbox)s now.")
        raise ValidationError(text, "maildir", {"maildir": other.maildir, "mailbox": other})


def _put_back(actor, deletion, ends):
    """Return the addresses of the aliases that came back with it."""
    others = set()
    there = set(deletion.rows.order_by().values_list("kind", flat=True).distinct())
    models = dict.fromkeys(model for model, _where in SOURCES[deletion.kind])
    for model in [*models, *([] if Copy in models else [Copy])]:
        if model._meta.db_table not in there:
            continue
        for rows in _batches(deletion, model._meta.db_table):
            if model is Alias:
                rows = _others_left_out(actor, deletion, rows, ends)
                others |= {row["address"] for row in rows if not _is_own(deletion, row)}
            if model in TESTS:
                rows = ends.still_there(model, rows)
            _insert(actor, deletion, model, rows)
    return others


def _insert(actor, deletion, model, rows):
    if model is Admin:  # none was deleted: they are off, for their mailboxes were
        managers.switch_on_again(actor, rows, deletion.at)
        return
    if model is Mailbox:
        # The links in mails that opened it are over.
        rows = [row | {"token": ""} for row in rows]
    if model is DomainSenderRule:
        number = sender_services.list_number(deletion.name)
        rows = [row | {"list_number": number} for row in rows]
    members = []
    if model is Alias:
        members = [row["address"] for row in rows if row["access"] == MEMBERS]
        rows = [row | {"access_list": None} for row in rows]
    insert_stored(model, rows, ignore=model not in {Domain, Alias, Mailbox})
    for alias in Alias.objects.filter(pk__in=members) if members else ():
        # The number that it had may be another's by now.
        Alias.objects.filter(pk=alias.pk).update(access_list=list_number(alias))


def _is_own(deletion, row):
    return deletion.name == row["domain" if deletion.kind == DOMAIN else "address"]


def _others_left_out(actor, deletion, rows, ends):
    """Of the aliases that were deleted with it, for they had no other recipient, those that can be there again."""
    others = [row for row in rows if not _is_own(deletion, row)]
    if not others:
        return rows
    names = {row["address"] for row in others}
    used = {
        *Alias.objects.filter(pk__in=names).values_list("pk", flat=True),
        *Mailbox.objects.filter(pk__in=names).values_list("pk", flat=True),
    }
    domains = {row["domain"] for row in others}
    there = Domain.objects.all() if actor is None else Domain.objects.manageable_by(actor)
    there = there.filter(pk__in=domains, created__lte=deletion.at)
    domains = {domain.pk: domain for domain in there.select_related("usage")}
    left = [row for row in rows if _is_own(deletion, row)]
    if left and deletion.kind == ALIAS and deletion.domain in domains:
        domains[deletion.domain].usage.alias_rows += 1
    for row in others:
        domain, address = domains.get(row["domain"]), row["address"]
        role = is_role_address(address) and not may_change_role_addresses(actor)
        if domain is None or address in used or role:
            ends.left_out.add(address)
            continue
        if limit := domain.limit_error("aliases"):
            raise limit
        domain.usage.alias_rows += 1
        left.append(row)
    return left


def _lead_back(actor, deletion, ends, put_back):
    """Return the addresses of the aliases that lead to it again; of those ``put_back``, what went with another deletion is left out until it is there."""
    changed = set()
    aliases = Alias.objects.all() if actor is None else Alias.objects.cleanable_by(actor)
    aliases = aliases.filter(created__lte=deletion.at).select_for_update()
    for rows in _batches(deletion, TARGETS):
        names = {row["alias"] for row in rows}
        found = aliases.filter(pk__in=names - renamed_since(deletion.at, names)).in_bulk()
        there = ends.there({name for row in rows for name in row.get("others", {}).values()})
        for lost in rows:
            alias = found.get(lost["alias"])
            if alias is None:
                continue
            others = lost.get("others", {}) if alias.pk in put_back else {}
            missing = {target for target, address in others.items() if address not in there}
            if not (goto := _goto_again(alias, lost, missing)):
                continue
            changes = {"goto": [alias.goto, goto]}
            alias.goto, alias.modified = goto, timezone.now()
            alias.save(update_fields=["goto", "modified"])
            changed.add(alias.pk)
            action = "edit_forwarding" if alias.is_self_alias else "edit_alias"
            LogEntry.objects.record(
                actor, action, domain=alias.domain_id, target=alias.pk, changes=changes
            )
    return changed


def _goto_again(alias, lost, missing):
    if alias.goto == lost["after"] and lost["whole"]:
        return lost["before"]
    now = [target for target in alias.targets if target.lower() not in missing]
    before = Alias(goto=lost["before"]).targets
    there = {target.lower() for target in now}
    for place, target in enumerate(before):
        if target.lower() in lost["gone"] and target.lower() not in there:
            earlier = [at for at, one in enumerate(now) if one in before[:place]]
            now.insert(max(earlier, default=-1) + 1, target)
    goto = ",".join(now)
    return goto if goto != alias.goto else ""


@in_transaction
def remove(*, actor, deletion):
    """Forget what was kept of a deletion before its time. The directories of its mail are due at once (``manage.py purge``)."""
    deletion = Deleted.objects.select_for_update().get(pk=deletion.pk)
    maildirs = deletion.rows.exclude(maildir="").values_list("maildir", flat=True)
    maildirs = list(maildirs)
    for start in range(0, len(maildirs), TOGETHER):
        retired = RetiredMaildir.objects.filter(pk__in=maildirs[start : start + TOGETHER])
        retired.exclude(awaited=True).update(retired=UNKNOWN_MOMENT)
    _forget(deletion)
    LogEntry.objects.record(actor, "remove_deleted", domain=deletion.domain, target=deletion.name)


def forget_over():
    """Forget what can be restored no longer; return how many deletions that were."""
    over = list(Deleted.objects.filter(until__lte=timezone.now()).values_list("pk", flat=True))
    for key in over:
        _forget_one(key)
    return len(over)


@in_transaction
def _forget_one(key):
    # Locked, for it may be restored at this moment.
    for deletion in Deleted.objects.select_for_update().filter(pk=key):
        _forget(deletion)


def _forget(deletion):
    deletion.rows.all().delete()
    Deleted.objects.filter(pk=deletion.pk).delete()


def _kept(deletion, model):
    rows = deletion.rows.filter(kind=model._meta.db_table).order_by("pk")
    return list(rows.values_list("data", flat=True)[:TOGETHER])


def _batches(deletion, kind):
    last = 0
    while True:
        rows = DeletedRow.objects.filter(deletion=deletion, kind=kind, pk__gt=last)
        some = list(rows.order_by("pk")[:TOGETHER])
        if some:
            yield [row.data for row in some]
            last = some[-1].pk
        if len(some) < TOGETHER:
            return
