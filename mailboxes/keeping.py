"""What a deletion takes away is written down, in its transaction and before it does: mailboxes/restoring.py puts it back.

Sessions, API tokens, links in mails, webhooks, figures of the past and reports are not kept, nor is what another program deletes.
"""

from datetime import timedelta
from functools import cache

from django.conf import settings
from django.db import connection
from django.db.models import GeneratedField
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.models import (
    Admin,
    DomainRole,
    FactorException,
    LetterText,
    Passkey,
    RecoveryCode,
    SecondFactor,
)
from aliases.models import Alias, Ending, OwnAlias, OwnAliasLimit
from domains.dkim_keys import DKIMKey, DKIMSigning
from domains.models import (
    AliasDomain,
    Copy,
    Domain,
    DomainAdmin,
    DomainDNS,
    DomainSenderRule,
    RelayHost,
)
from mailboxes.deleted_rows import ALIAS, DOMAIN, MAILBOX, TARGETS
from mailboxes.models import (
    AppPassword,
    Deleted,
    DeletedRow,
    FetchedMessage,
    LastLogin,
    Mailbox,
    QuotaUsage,
    RemoteMailbox,
    SendAs,
    Share,
    ShareIndex,
    Vacation,
)
from panel.addresses import split_address
from panel.changes import insert_many

OF_ACCOUNT = (SecondFactor, RecoveryCode, Passkey)
# (model, condition) of the rows that go with each, in the order in which they are put back; every %s is its name.
OF_MAILBOX = (
    (Alias, "address = %s"),
    (Mailbox, "username = %s"),
    (QuotaUsage, "username = %s"),
    *((model, "kind = 'mailbox' AND username = %s") for model in OF_ACCOUNT),
    (FactorException, "username = %s AND NOT for_admin"),
    (AppPassword, "username = %s"),
    (RemoteMailbox, "mailbox = %s"),
    (FetchedMessage, "remote IN (SELECT id FROM fetchmail WHERE mailbox = %s)"),
    (Vacation, "email = %s"),
    (LastLogin, "username = %s"),
    (Ending, "address = %s"),
    (OwnAlias, "username = %s"),
    (OwnAliasLimit, "name = %s"),
    (SendAs, "username = %s"),
    (SendAs, "sender = %s"),
    (Share, "owner = %s"),
    (Share, "person = %s"),
    (ShareIndex, "owner = %s"),
    (Admin, "mailbox = %s AND active"),
)
OF_ALIAS = (
    (Alias, "address = %s"),
    (Ending, "address = %s"),
    (OwnAlias, "address = %s"),
    (SendAs, "sender = %s"),
)
_THERE = "(SELECT username FROM mailbox WHERE domain = %s)"
_FETCHED = f"remote IN (SELECT id FROM fetchmail WHERE mailbox IN {_THERE})"  # noqa: S608  constant
OF_DOMAIN = (
    (Domain, "domain = %s"),
    (AliasDomain, "alias_domain = %s"),
    (AliasDomain, "target_domain = %s"),
    (DomainRole, "domain = %s"),
    (DomainAdmin, "domain = %s"),
    (Alias, "domain = %s"),
    (Mailbox, "domain = %s"),
    (QuotaUsage, f"username IN {_THERE}"),
    *((model, f"kind = 'mailbox' AND username IN {_THERE}") for model in OF_ACCOUNT),
    (FactorException, "domain = %s AND NOT for_admin"),
    (AppPassword, f"username IN {_THERE}"),
    (RemoteMailbox, f"mailbox IN {_THERE}"),
    (FetchedMessage, _FETCHED),
    (Vacation, f"email IN {_THERE}"),
    (LastLogin, f"username IN {_THERE}"),
    (Ending, "domain = %s"),
    (OwnAlias, "domain = %s"),
    (OwnAlias, f"username IN {_THERE}"),
    (OwnAliasLimit, "domain = %s"),
    (SendAs, "domain = %s"),
    (SendAs, "sender_domain = %s"),
    (Share, "owner_domain = %s"),
    (Share, "person_domain = %s"),
    (ShareIndex, f"owner IN {_THERE}"),
    (Admin, f"mailbox IN {_THERE} AND active"),
    (Copy, "domain = %s"),
    (Copy, "goto_domain = %s"),
    (RelayHost, "domain = %s"),
    (DomainSenderRule, "domain = %s"),
    (DomainDNS, "domain = %s"),
    (LetterText, "domain = %s"),
    (DKIMKey, "domain_name = %s"),
    (DKIMSigning, "dkim_id IN (SELECT id FROM dkim WHERE domain_name = %s)"),
)
SOURCES = {MAILBOX: OF_MAILBOX, ALIAS: OF_ALIAS, DOMAIN: OF_DOMAIN}


def keep(*, actor, kind, row, note, copies=(), **numbers):
    """Write down ``row``, which is about to be deleted, and what goes with it; return the Deleted, or None if nothing is kept.

    ``copies`` are those (BCC) that end with an address. Two statements, however many rows there are.
    """
    if not settings.DELETED_DAYS:
        return None
    now = timezone.now()
    deletion = Deleted(
        kind=kind,
        name=row.pk,
        domain=row.pk if kind == DOMAIN else row.domain_id,
        at=now,
        until=now + timedelta(days=settings.DELETED_DAYS),
        who=actor.username if actor else "",
        note=note[:255],
        **numbers,
    )
    deletion.save(force_insert=True)
    keep_rows(kind, row.pk, deletion.pk, copies)
    return deletion


def kept_domains(name):
    """The rows of the deleted domains of this name that can be restored, by column."""
    deletions = Deleted.objects.filter(kind=DOMAIN, name=name, until__gt=timezone.now())
    rows = DeletedRow.objects.filter(deletion__in=deletions, kind=Domain._meta.db_table)
    return list(rows.values_list("data", flat=True))


def keep_rows(kind, name, deletion, copies):
    sql, marks = _statement(kind, connection.vendor)
    params = [value for count in marks for value in (deletion, *[name] * count)]
    if copies:
        keys = [copy.pk for copy in copies]
        numbers = ", ".join(["%s"] * len(keys))
        sql += f" UNION ALL {_rows_of(Copy, f'id IN ({numbers})')}"
        params += [deletion, *keys]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def tag_of(*kept):
    """The tag of a message about deletions, which offers to restore what is ``kept``: one by a button, several by their list."""
    if not any(kept):
        return None
    return f"deleted-{kept[0].pk}" if len(kept) == 1 else "deleted-list"


@cache
def _statement(kind, _vendor):
    """The statement, and of each of its parts how often it asks for the name."""
    sources = SOURCES[kind]
    parts = " UNION ALL ".join(_rows_of(model, where) for model, where in sources)
    marks = [where.count("%s") for _model, where in sources]
    return f"INSERT INTO deleted_row (deletion_id, kind, maildir, data) {parts}", marks


def _rows_of(model, where):
    quote, table = connection.ops.quote_name, model._meta.db_table
    pairs = ", ".join(f"'{column}', {quote(column)}" for column in columns_of(model))
    maildir = "maildir" if model is Mailbox else "''"
    return (
        f"SELECT %s, '{table}', {maildir}, JSON_OBJECT({pairs}) FROM {quote(table)} WHERE {where}"  # noqa: S608
    )


def columns_of(model):
    fields = model._meta.concrete_fields
    return [field.column for field in fields if not isinstance(field, GeneratedField)]


class Losses:
    """What aliases lose to a deletion of ``addresses``, or of whole ``domains``: kept with the last one of each name.

    ``addresses`` may have names in alias domains beside those that were deleted.
    """

    def __init__(self, *, addresses=(), domains=()):
        self.of_domains, self.names = bool(domains), [*(domains or addresses)]
        self.rows, self.targets = [], {}

    @cached_property
    def deletions(self):
        kinds = [DOMAIN] if self.of_domains else [MAILBOX, ALIAS]
        rows = Deleted.objects.filter(name__in=self.names, kind__in=kinds).order_by("pk")
        return dict(rows.values_list("name", "pk"))

    def deletion_of(self, address):
        name = split_address(address)[1] if self.of_domains else self._row_of(address)
        return self.deletions.get(name)

    def _row_of(self, address):
        """The mailbox or alias that answers for it."""
        local_part, domain = split_address(address)
        if self.of_domains or address in self.deletions:
            return address
        return f"{local_part}@{self._target_of(domain)}"

    def _target_of(self, domain):
        if domain not in self.targets:
            links = AliasDomain.objects.filter(pk=domain)
            self.targets[domain] = links.values_list("target_domain_id", flat=True).first()
        return self.targets[domain]

    def note(self, alias, before, gone):
        """``alias`` has its new recipients, and had ``before``; ``gone`` are {target: the address that is deleted}."""
        by_deletion = self._by_deletion(gone)
        # nothing else was changed at once
        whole = [len(targets) for targets in by_deletion.values()] == [len(gone)]
        for key, targets in by_deletion.items():
            data = {"alias": alias.pk, "before": before, "after": alias.goto, "gone": targets}
            self._add(key, data | {"whole": whole})

    def note_deleted(self, alias, gone, copies):
        """``alias`` itself is about to be deleted with its ``copies``, for it has no other recipient.

        It is kept whole with each deletion that took one: which of them is restored first gives it back, with its own targets.
        """
        by_deletion = self._by_deletion(gone)
        for key, targets in by_deletion.items():
            keep_rows(ALIAS, alias.pk, key, copies)
            if len(by_deletion) > 1:
                others = {
                    target: self._row_of(address)
                    for target, address in gone.items()
                    if target not in targets
                }
                data = {"alias": alias.pk, "before": alias.goto, "after": "", "gone": targets}
                self._add(key, data | {"whole": False, "others": others})

    def _by_deletion(self, gone):
        by_deletion = {}
        for target, address in gone.items() if settings.DELETED_DAYS else ():
            if key := self.deletion_of(address):
                by_deletion.setdefault(key, []).append(target)
        return by_deletion

    def _add(self, key, data):
        self.rows.append(DeletedRow(deletion_id=key, kind=TARGETS, data=data))

    def store(self):
        if self.rows:
            insert_many(self.rows)
