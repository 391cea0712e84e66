"""The rows that name a domain, or an address in it, when the domain gets another name: each kind in a few statements, however many there are.

Called by domains/renaming.py, in its transaction and under RoutingLock. What belongs to a single mailbox or alias goes along by the
triggers in mailboxes/sql/. Rows of the new name were left by a domain that is gone: they are nobody's, and make room.
"""

import re
from datetime import timedelta

from django.db.models import Case, F, Max, Value, When
from django.db.models.functions import Concat, Length, Substr

from accounts.models import (
    Admin,
    ApiToken,
    DomainRole,
    FactorException,
    LetterText,
    PanelSession,
    Passkey,
    PasswordLink,
    RecoveryCode,
    SecondFactor,
    SignInLink,
    Webhook,
)
from aliases.access import MOVED
from aliases.models import Alias, Ending, OwnAlias, OwnAliasLimit
from domains import sender_services
from domains.dkim_keys import DKIMKey, DKIMSigning
from domains.models import (
    AliasDomain,
    Copy,
    Domain,
    DomainAdmin,
    DomainDNS,
    DomainSenderRule,
    DomainUsage,
    RelayHost,
)
from mailboxes.models import Deleted, Mailbox, QuotaUsage, SendAs, UsageDay
from panel.addresses import split_targets
from panel.changes import insert_many
from panel.fields import KeyField, ShortTextField

TOGETHER = 1_000  # rows that one statement names
WRITTEN = (
    100  # recipients of so many aliases in one statement: an alias may have 65,000 bytes of them
)
OF_A_MAILBOX = (SecondFactor, RecoveryCode, Passkey, PasswordLink, ApiToken)
OPENED = (PanelSession, SignInLink)  # what lets somebody in under the old name ends


class Names:
    """The old and the new name of a domain, and what becomes of a text or a column with addresses in it."""

    def __init__(self, old, new):
        self.old, self.new = old, new
        name = re.escape(old)
        self._in_text = re.compile(rf"@{name}(?![a-z0-9_-]|\.[a-z0-9])", re.IGNORECASE)

    def of(self, text):
        return self._in_text.sub(f"@{self.new}", text)

    def of_domain(self, name):
        return self.new if name == self.old else name

    def of_column(self, column):
        """The expression that replaces the end of ``column``: an address in the domain, or its bare name."""
        kept = Substr(column, 1, Length(column) - len(self.old))
        return Concat(kept, Value(self.new), output_field=KeyField())

    def of_recipients(self, goto, address=""):
        """``goto`` with the new name; of ``address`` also where PostfixAdmin's away message answers for it."""
        targets = split_targets(goto)
        changed = [self.of(target) for target in targets]
        if address:
            old, new = (f"{name.replace('@', '#')}@" for name in (address, self.of(address)))
            changed = [target.replace(old, new, 1) for target in changed]
        return ",".join(dict.fromkeys(changed)) if changed != targets else goto


def batches(items, size=TOGETHER):
    for start in range(0, len(items), size):
        yield items[start : start + size]


def forget_left_overs(new, *, of_an_alias_domain):
    """Of a name that no domain has: another program deleted what it was of, before the triggers did the rest.

    An alias domain keeps what is said of its own mail.
    """
    of_addresses = (
        SendAs.objects.filter(domain=new),
        SendAs.objects.filter(sender_domain=new),
        Ending.objects.filter(domain=new),
        OwnAlias.objects.filter(domain=new),
        OwnAliasLimit.objects.filter(domain=new),
        LetterText.objects.filter(domain=new),
        FactorException.objects.filter(domain=new, for_admin=False),
        UsageDay.objects.filter(domain=new),
    )
    of_mail = (
        Copy.objects.filter(domain=new),
        RelayHost.objects.filter(pk=new),
        DomainSenderRule.objects.filter(domain=new),
        DomainDNS.objects.filter(pk=new),
        DomainAdmin.objects.filter(domain=new),
    )
    for rows in of_addresses if of_an_alias_domain else (*of_addresses, *of_mail):
        rows.delete()


def created_of(new, first, before=None):
    """``first``, but after what the bin has of another domain that had the new name: nobody finds that as their own.

    An alias domain of that name is there since ``before``; what was deleted in it later is its own.
    """
    others = Deleted.objects.filter(domain=new)
    if before is not None:
        others = others.filter(at__lt=before)
    last = others.aggregate(last=Max("at"))["last"]
    return max(first, last + timedelta(seconds=1)) if last else first


# --- Addresses


def rename_mailboxes(names, now):
    """With what belongs to each, which the triggers take along; returns the old names."""
    rows = Mailbox.objects.filter(domain=names.old)
    there = list(rows.values_list("pk", flat=True))
    rows.update(username=names.of_column("username"), domain=names.new, modified=now)
    return there


def take_along(names, mailboxes):
    """What no trigger takes along with a mailbox. At last, for Dovecot writes how much is in it."""
    for some in batches(mailboxes):
        given = [names.of(name) for name in some]
        for model in (*OF_A_MAILBOX, *OPENED):
            rows = model.objects.filter(kind="mailbox")
            rows.filter(username__in=given).delete()
            found = rows.filter(username__in=some)
            if model in OPENED:
                found.delete()
            else:
                found.update(username=names.of_column("username"))
        QuotaUsage.objects.filter(pk__in=given).delete()
        QuotaUsage.objects.filter(pk__in=some).update(username=names.of_column("username"))


def rename_aliases(names, now):
    """Each alias of the domain, and its recipients in it: most are a mailbox's own and lead to it."""
    rows = Alias.objects.filter(domain=names.old)
    others = {}
    # All are locked: what another program writes meanwhile would be lost.
    for address, goto in rows.select_for_update().values_list("address", "goto"):
        if goto == address:
            continue
        changed = names.of_recipients(goto, address)
        if changed != goto:
            others[names.of(address)] = changed
    # The recipients first: MariaDB sets one column after the other, and reads what it has set.
    rows.update(
        goto=Case(
            When(goto=F("address"), then=names.of_column("address")),
            default=F("goto"),
            output_field=ShortTextField(),
        ),
        address=names.of_column("address"),
        domain=names.new,
        modified=now,
    )
    write_recipients(others)


def write_recipients(gotos, **columns):
    """``gotos`` are {address: recipients}."""
    for some in batches(list(gotos.items()), WRITTEN):
        written = Case(*(When(pk=address, then=Value(goto)) for address, goto in some))
        addresses = [address for address, _goto in some]
        Alias.objects.filter(pk__in=addresses).update(goto=written, **columns)


def rename_new_addresses(names):
    """Where an alias that has moved says to, and the other addresses that people gave."""
    at = f"@{names.old}"
    moved = Alias.objects.filter(access=MOVED, access_text__endswith=at)
    moved.update(access_text=names.of_column("access_text"))
    for model in (Mailbox, Admin):
        found = model.objects.filter(email_other__iendswith=at).values_list("pk", flat=True)
        for some in batches(list(found)):
            rows = model.objects.filter(pk__in=some)
            rows.update(email_other=names.of_column("email_other"))


def rename_managers(names):
    """Of mailboxes that are in the bin: those that are there take theirs along by a trigger."""
    rows = Admin.objects.filter(mailbox__endswith=f"@{names.old}")
    for row in rows.order_by("pk"):
        new = names.of(row.mailbox)
        if not Admin.objects.filter(mailbox=new).exists():
            Admin.objects.filter(pk=row.pk).update(mailbox=new)


# --- What is the domain's own


def lead_alias_domains(names):
    """Before the addresses: of a name in an alias domain the triggers ask where it leads."""
    found = list(AliasDomain.objects.filter(target_domain=names.old).order_by("pk"))
    AliasDomain.objects.filter(target_domain=names.old).update(target_domain=names.new)
    return found


def rename_copies(names, *, keep):
    """Mail to the old name is copied on while that leads here: ``keep`` are the copies of it as they were."""
    there = set(Copy.objects.filter(domain=names.new).values_list("address", "direction"))
    rows = Copy.objects.filter(domain=names.old)
    twice = [row.pk for row in rows if (names.of(row.address), row.direction) in there]
    Copy.objects.filter(pk__in=twice).delete()
    rows.update(address=names.of_column("address"), domain=names.new)
    Copy.objects.filter(goto_domain=names.old).update(goto=names.of_column("goto"))
    Copy.objects.filter(domain=names.new, goto=F("address")).delete()
    again = [
        Copy(
            domain=names.old, direction=row.direction, address=row.address, goto=names.of(row.goto)
        )
        for row in keep
    ]
    if again:
        insert_many(again)


def take_settings_along(names, *, keep):
    """What says how the mail of a domain is sent and taken counts for the old name too, if ``keep``."""
    usage = DomainUsage.objects.get(pk=names.old)
    DomainUsage.objects.filter(pk=names.new).update(used=usage.used)
    DomainUsage.objects.filter(pk=names.old).update(used=0)
    UsageDay.objects.filter(domain=names.old).update(domain=names.new)
    for model in (LetterText, OwnAlias, Ending):
        model.objects.filter(domain=names.old).update(domain=names.new)
    limits = OwnAliasLimit.objects.filter(domain=names.old)
    limits.update(name=names.of_column("name"), domain=names.new)
    spared = FactorException.objects.filter(domain=names.old, for_admin=False)
    spared.update(username=names.of_column("username"))
    SendAs.objects.filter(sender_domain=names.old).update(sender=names.of_column("sender"))
    _take_admins(names, keep=keep)
    _take_relay_host(names, keep=keep)
    _take_sender_rules(names, keep=keep)
    _take_keys(names, keep=keep)
    for model in (ApiToken, Webhook):
        _name_in_lists(names, model, keep=keep)


def _again(rows, **columns):
    """Store ``rows`` once more, with other ``columns``."""
    again = []
    for row in rows:
        fields = [field for field in row._meta.concrete_fields if field is not row._meta.auto_field]
        values = {field.attname: getattr(row, field.attname) for field in fields}
        again.append(type(row)(**values | columns))
    if again:
        insert_many(again)


def _take_admins(names, *, keep):
    """Whoever manages an alias domain that it changes places with manages both. Who may do less goes on doing less."""
    DomainAdmin.objects.filter(domain=names.new).delete()
    DomainRole.objects.filter(domain=names.new).delete()
    admins = DomainAdmin.objects.filter(domain=names.old)
    roles = DomainRole.objects.filter(domain=names.old)
    _again(admins, domain_id=names.new)
    _again(roles, domain=names.new)
    if not keep:
        admins.delete()
        roles.delete()


def _take_relay_host(names, *, keep):
    rows = RelayHost.objects.filter(pk=names.old)
    if not RelayHost.objects.filter(pk=names.new).exists():
        _again(rows, domain=names.new)
    if not keep:
        rows.delete()


def _take_sender_rules(names, *, keep):
    rows = DomainSenderRule.objects.filter(domain=names.old)
    if DomainSenderRule.objects.filter(domain=names.new).exists():
        if not keep:
            rows.delete()
        return
    rules = list(rows)
    rows.update(domain=names.new)
    if keep and rules:
        number = sender_services.list_number(names.old)
        _again(rules, domain=names.old, list_number=number)


def _take_keys(names, *, keep):
    """Each key is published under the new name before it signs there; until then the old name's goes on signing, if ``keep``."""
    keys = DKIMKey.objects.filter(domain_name=names.old)
    has_its_own = DKIMKey.objects.filter(domain_name=names.new).exists()
    if keep:
        _again(keys.filter(replaced=None) if not has_its_own else (), domain_name_id=names.new)
        return
    DKIMSigning.objects.filter(author=names.old).delete()
    if has_its_own:
        keys.delete()
    signing = DKIMSigning.objects.filter(author__endswith=f"@{names.old}")
    signing.update(author=names.of_column("author"))
    keys.update(domain_name=names.new)


def _name_in_lists(names, model, *, keep):
    for row in model.objects.exclude(domains="").only("pk", "domains"):
        stored = row.domains.split(",")
        if names.old in stored:
            given = [names.old, names.new] if keep else [names.new]
            place = stored.index(names.old)
            listed = dict.fromkeys([*stored[:place], *given, *stored[place + 1 :]])
            model.objects.filter(pk=row.pk).update(domains=",".join(listed))


# --- The old name


def shrink(old, reseller):
    """What is left of the row of a name that leads elsewhere: no limit or budget counts twice, and mail is refused where the new name is off."""
    Domain.objects.filter(pk=old).update(
        active=True,
        aliases=-1,
        mailboxes=-1,
        maxquota=0,
        quota=0,
        transport="virtual",
        backupmx=False,
        verify_recipients=False,
        password_expiry=0,
        sending_limit=None,
        reseller=reseller,
    )
