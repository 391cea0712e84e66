"""What the bin gives back, and what is removed from it for good.

``actor`` is the account named in the log, or None for the command line. Permission is the caller's job: pass rows that came out of
``Deleted.objects.manageable_by(actor)``, and let superadmins alone remove.
"""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import LogEntry
from aliases.access import MEMBERS
from aliases.access_rules import list_number
from aliases.loops import MAX_UPSTREAM_OF_DOMAIN, refuse_loops
from aliases.models import Alias
from aliases.refusals import refuse_external_targets, refuse_role_address, refuse_taken
from domains import sender_services
from domains.models import AliasDomain, Copy, Domain, DomainSenderRule, RoutingLock
from mailboxes.deleted_rows import ALIAS, DOMAIN, MAILBOX, TARGETS
from mailboxes.insertion import TESTS, Ends, insert_stored
from mailboxes.keeping import SOURCES
from mailboxes.models import Deleted, DeletedRow, Mailbox, RetiredMaildir
from panel.addresses import display_domain, split_address
from panel.changes import taken
from panel.fields import UNKNOWN_MOMENT
from panel.formats import day
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
    rows = Deleted.objects.manageable_by(actor).filter(name=name, until__gt=timezone.now())
    found = rows.order_by("-pk").first()
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
    try:
        with transaction.atomic():
            _put_back(actor, deletion)
    except IntegrityError as error:  # another program was faster
        raise ValidationError([taken(deletion)]) from error
    changed = _lead_back(actor, deletion)
    if deletion.kind == DOMAIN:
        refuse_loops(actor, [f"@{deletion.name}"], bound=MAX_UPSTREAM_OF_DOMAIN)
    refuse_loops(actor, [*([] if deletion.kind == DOMAIN else [deletion.name]), *changed])
    deletion.rows.all().delete()
    Deleted.objects.filter(pk=deletion.pk).delete()
    LogEntry.objects.record(
        actor, f"restore_{deletion.kind}", domain=deletion.domain, target=deletion.name
    )
    return ROWS.get(deletion.kind, Mailbox).objects.get(pk=deletion.name)


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
            if row["alias_domain"] == deletion.name and not there.exists():
                text = _("It leads to %(domain)s, which is not there. Restore that first.")
                params = {"domain": display_domain(row["target_domain"])}
                raise ValidationError(text, "no_target", params)

    return name, target, lambda: _refuse_others_maildir(deletion)


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
        lambda: _refuse_others_maildir(deletion),
    )


def _refuse_others_maildir(deletion):
    """Another program may have given the directory to another mailbox."""
    maildirs = deletion.rows.exclude(maildir="").values("maildir")
    for other in Mailbox.objects.filter(maildir__in=maildirs).order_by()[:1]:
        text = _("Its directory %(maildir)s is that of %(mailbox)s now.")
        raise ValidationError(text, "maildir", {"maildir": other.maildir, "mailbox": other})


def _put_back(actor, deletion):
    there = set(deletion.rows.order_by().values_list("kind", flat=True).distinct())
    models = dict.fromkeys(model for model, _where in SOURCES[deletion.kind])
    for model in [*models, *([] if Copy in models else [Copy])]:
        if model._meta.db_table not in there:
            continue
        for rows in _batches(deletion, model._meta.db_table):
            _insert(actor, deletion, model, rows)


def _insert(actor, deletion, model, rows):
    if model in TESTS:
        rows = Ends(deletion.at).still_there(model, rows)
    if model is Alias and deletion.kind != DOMAIN:
        rows = _others_left_out(actor, deletion, rows)
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


def _others_left_out(actor, deletion, rows):
    """Of the aliases that were deleted with it, for they had no other recipient, those that can be there again."""
    others = [row for row in rows if row["address"] != deletion.name]
    names = {row["address"] for row in others}
    used = set(Alias.objects.filter(pk__in=names).values_list("pk", flat=True))
    domains = {row["domain"] for row in others}
    there = Domain.objects.all() if actor is None else Domain.objects.manageable_by(actor)
    there = there.filter(pk__in=domains, created__lte=deletion.at)
    domains = {domain.pk: domain for domain in there.select_related("usage")}
    left = [row for row in rows if row["address"] == deletion.name]
    for row in others:
        domain = domains.get(row["domain"])
        if domain is None or row["address"] in used:
            continue
        if limit := domain.limit_error("aliases"):
            raise limit
        domain.usage.alias_rows += 1
        left.append(row)
    return left


def _lead_back(actor, deletion):
    changed = []
    aliases = Alias.objects.all() if actor is None else Alias.objects.cleanable_by(actor)
    aliases = aliases.filter(created__lte=deletion.at).select_for_update()
    for rows in _batches(deletion, TARGETS):
        found = aliases.filter(pk__in={row["alias"] for row in rows}).in_bulk()
        for lost in rows:
            alias = found.get(lost["alias"])
            goto = alias and _goto_again(alias, lost)
            if not goto:
                continue
            changes = {"goto": [alias.goto, goto]}
            alias.goto, alias.modified = goto, timezone.now()
            alias.save(update_fields=["goto", "modified"])
            changed.append(alias.pk)
            action = "edit_forwarding" if alias.is_self_alias else "edit_alias"
            LogEntry.objects.record(
                actor, action, domain=alias.domain_id, target=alias.pk, changes=changes
            )
    return changed


def _goto_again(alias, lost):
    if alias.goto == lost["after"] and lost["whole"]:
        return lost["before"]
    now, before = alias.targets, Alias(goto=lost["before"]).targets
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
