"""A domain of which every table of the panel has a row, and where its name stands: for tests that give it another one."""

from datetime import date, timedelta

from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from accounts.models import (
    Admin,
    ApiToken,
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
from aliases.models import Alias, Ending, OwnAlias, OwnAliasLimit
from aliases.services import delete_alias, update_alias
from domains.dkim_keys import DKIMKey, DKIMSigning
from domains.flow_services import set_relay_host
from domains.models import Copy, DomainDNS, DomainUsage
from domains.sender_services import set_domain_sender_rule, set_sender_rule
from domains.services import create_alias_domain
from mailboxes.models import (
    AppPassword,
    IdleMailbox,
    LastLogin,
    Mailbox,
    MailboxDay,
    QuotaUsage,
    QuotaWarning,
    RemoteMailbox,
    SendAs,
    Share,
    ShareIndex,
    SignIn,
    UsageDay,
    Vacation,
)
from mailboxes.services import delete_mailbox

# What has the name in it and is none: an administrator's account, domains of others, directories, a text.
BOSS, DESCRIPTION = "boss@old.example", "mail of old.example for the customer"
OTHERS = (BOSS, "sub.old.example", "old.example.net", "old.example/", DESCRIPTION)
OLD, NEW = "old.example", "new.example"
ANN, BOB, OTHER = f"ann@{OLD}", f"bob@{OLD}", "carl@other.example"
LATER, DAY = timezone.now() + timedelta(days=1), date(2026, 1, 1)
NETWORK = "192.0.2.7"

# Where the old name may stand afterwards, and why.
STAYS = {
    "log": "what was done is found under the name that it had then",
    "event": "as the log",
    "webhook_answer": "what was told is told",
    "deleted": "a whole domain of the name that was deleted before",
    "retired_maildir": "whose a directory was",
    "task": "what was begun or done under the old name",
    "task_row": "as task",
    "file_import": "what a file says that somebody brought",
    "file_line": "as file_import",
    "found_rows": "what was found last; found anew each night",
    "host_look": "as found_rows",
    "form_answer": "where a form that was sent twice led, for an hour",
    "api_answer": "what a program was answered, for a day",
    "login_attempt": "wrong passwords for a name, for minutes",
    "delivery": "what became of mail is found under the name that it had then",
    "delivery_key": "as delivery",
    "sender_day": "as delivery",
    "delivery_day": "as delivery",
    "open_mail": "as delivery",
    "log_position": "a place in a log file",
    "sender_rule": "about mail of others, whoever has the name",
    "mail_report": "what others saw of mail with the old name",
    "report_day": "as mail_report",
    "reported_sender": "as mail_report",
    "tls_failure": "as mail_report",
}
# Columns with room for an address in which none of ours stands, but what people wrote, what only another server knows, or who did something.
NO_NAMES = {
    *("admin.password", "admin.token", "admin.totp_secret", "admin.username"),
    *("alias.description", "alias_domain.description", "api_token.networks", "api_token.rights"),
    *("auth_permission.name", "deleted.who", "deleted_row.maildir", "django_session.session_data"),
    *("dkim.description", "dkim.private_key", "dkim.public_key", "domain.description"),
    *(
        "domain.reseller",
        "domain_role.username",
        "domain.transport",
        "domain_dns.meant",
        "domain_dns.told",
        "domain_sender_rule.sender",
    ),
    *("event.action", "event.username", "fetchmail.extra_options", "fetchmail.mda"),
    *("fetchmail.protocol", "fetchmail.returned_text", "fetchmail.said", "fetchmail.src_auth"),
    *("fetchmail.src_folder", "fetchmail.src_password", "fetchmail.src_server"),
    *("fetchmail.src_user", "fetchmail.sslcertpath", "fetchmail.sslfingerprint"),
    *("file_columns.admin", "file_columns.meanings", "letter_text.body", "log.action"),
    *("log.username", "mailbox.local_part", "mailbox.maildir", "mailbox.name", "mailbox.password"),
    *("mailbox.token", "mailbox.totp_secret", "mailbox_app_password.description"),
    *("mailbox_app_password.networks", "mailbox_app_password.password_hash"),
    *("panel_session.session_data", "passkey.credential", "passkey.public_key"),
    *("relay_host.login", "relay_host.next_hop", "relay_host.secret", "relay_host.spf_include"),
    *("retired_maildir.maildir", "totp_exception_address.description", "vacation.body"),
    *("vacation.cache", "vacation.subject", "webhook.events", "webhook.owner", "webhook.secret"),
    "webhook.url",
}
# They have no column for a name of ours.
WITHOUT_NAMES = {
    *("django_session", "django_content_type", "django_migrations", "auth_permission"),
    *("auth_group", "auth_group_permissions", "written_block", "routing_lock", "event_lock"),
    *("superadmin_lock", "refused_network", "fetched_message", "adoption", "file_columns"),
}


def fill(add_domain, add_mailbox, add_alias, make_admin):
    """A row of every kind for old.example; returns its Domain."""
    domain = add_domain(OLD, description=DESCRIPTION, aliases=90, mailboxes=50)
    add_domain("other.example")
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=domain)
    for name in (ANN, BOB, OTHER):
        add_mailbox(name, quota=100, name=name.partition("@")[0].title())
    roles = {OLD: "read"}
    make_admin(BOSS, domains=[OLD, "twin.example"], roles=roles, email_other=f"private@{OLD}")
    _fill_accounts()
    _fill_addresses(domain, add_alias)
    _fill_domain(domain)
    _fill_bin(domain, add_mailbox, add_alias)
    _fill_rest()
    return domain


def _fill_accounts():
    for kind, name in (("mailbox", ANN), ("admin", BOSS)):
        of, digest = {"kind": kind, "username": name}, f"digest of the {kind}"
        SecondFactor.objects.create(**of)
        RecoveryCode.objects.create(digest=digest, **of)
        Passkey.objects.create(digest=digest, credential="x", public_key="x", name="x", **of)
        PasswordLink.objects.create(purpose="reset", digest=digest, bound="x", until=LATER, **of)
        SignInLink.objects.create(digest=digest, until=LATER, **of)
        ApiToken.objects.create(
            name="x", digest=digest, rights="x", domains=f"a.example,{OLD}", **of
        )
        PanelSession.objects.create(
            session_key=digest[:40], session_data="", expire_date=LATER, **of
        )
        FactorException.objects.create(ip=NETWORK, username=name, for_admin=kind == "admin")
    FactorException.objects.create(ip=NETWORK, username=OLD)
    Admin.objects.create(username="manager@firm.example", password="x", mailbox=BOB)
    Webhook.objects.create(owner=BOSS, url="https://x.example", secret="x", events="", domains=OLD)


def _fill_addresses(domain, add_alias):
    QuotaUsage.objects.create(username_id=ANN, bytes=95, messages=7)
    QuotaWarning.objects.create(pk=ANN, percent=95)
    AppPassword.objects.create(username_id=ANN, password_hash="x")
    RemoteMailbox.objects.create(mailbox_id=ANN, domain=OLD, src_server="imap.example.net")
    Vacation.objects.create(email_id=ANN, domain=OLD, subject="Away")
    SendAs.objects.create(username=ANN, sender=f"@{OLD}")
    SendAs.objects.create(username=OTHER, sender=ANN)
    share = Share.objects.create(owner=ANN, person=OTHER)
    Share.objects.create(owner=OTHER, person=ANN)
    ShareIndex.objects.create(group_name=share.group, owner=ANN)
    LastLogin.objects.create(username=ANN, protocol="imap", at=1)
    SignIn.objects.create(
        username=ANN,
        day=DAY,
        protocol="imap",
        address=NETWORK,
        success=True,
        reason="",
        app_password=0,
        at=1,
    )
    IdleMailbox.objects.create(pk=ANN, domain=OLD, at=1)
    MailboxDay.objects.create(username=ANN, day=DAY, bytes=1)
    UsageDay.objects.create(domain=OLD, day=DAY, bytes=1)
    DomainUsage.objects.filter(pk=OLD).update(used=1)
    last = {"last_day": LATER.date(), "action": "off"}
    Ending.objects.create(address=ANN, domain=OLD, **last)
    Ending.objects.create(address=OTHER, domain="other.example", goto=BOB, **last)
    Mailbox.objects.filter(pk=OTHER).update(email_other=BOB)
    add_alias(f"sales@{OLD}", ANN, "partner@elsewhere.example", f"bob+list@{OLD}")
    add_alias(f"@{OLD}", BOB)
    add_alias(f"shop@{OLD}", ANN)
    OwnAlias.objects.create(address=f"shop@{OLD}", username=ANN, domain=OLD)
    OwnAliasLimit.objects.create(name=ANN, domain=OLD, most=5)
    OwnAliasLimit.objects.create(name=OLD, domain=OLD, most=3)
    moved = add_alias("moved@other.example", OTHER)
    update_alias(actor=None, alias=moved, access="moved", access_text=BOB)
    add_alias("all@other.example", f"ANN@{OLD}", OTHER, f"bob@sub.{OLD}", f"x@{OLD}.net")
    Alias.objects.filter(pk=BOB).update(goto=f"{BOB},joe@home.example")


def _fill_domain(domain):
    set_relay_host(actor=None, domain=domain, server="smtp.example.net", login="x", password="y")
    for local_part, goto in (("ann", "a@archive.example"), ("", OTHER), ("nobody", BOB)):
        Copy.objects.create(domain=OLD, direction="to", address=f"{local_part}@{OLD}", goto=goto)
    Copy.objects.create(domain="other.example", direction="from", address=OTHER, goto=ANN)
    Copy.objects.create(
        domain="twin.example", direction="to", address="ann@twin.example", goto=OTHER
    )
    set_domain_sender_rule(actor=None, domain=domain, sender="bad.example", action="REJECT")
    set_sender_rule(actor=None, sender=f"x@{OLD}", action="REJECT")
    LetterText.objects.create(kind="welcome", domain=OLD, language="en", subject="x", body="x")
    key = DKIMKey.objects.create(
        domain_name=domain, selector="s1", private_key="private", public_key="public"
    )
    DKIMKey.objects.create(
        domain_name=domain, selector="s0", private_key="x", public_key="x", replaced=timezone.now()
    )
    DKIMSigning.objects.create(author=OLD, dkim=key)
    DKIMSigning.objects.create(author=ANN, dkim=key)
    DomainDNS.objects.create(domain=domain, findings=[{"name": OLD}])


def _fill_bin(domain, add_mailbox, add_alias):
    add_alias(f"gone@{OLD}", BOB)
    zoe = add_mailbox(f"zoe@{OLD}", name="Zoe")
    QuotaUsage.objects.create(username=zoe, bytes=3)
    add_alias(f"both@{OLD}", zoe.pk, BOB)
    delete_mailbox(actor=None, mailbox=zoe, clean=Alias.objects.all())
    delete_alias(actor=None, alias=Alias.objects.get(pk=f"gone@{OLD}"))


def _fill_rest():
    """Of every other model a row with the name wherever it has room: also of those that come later."""
    there = rows_naming(OLD)
    for model in apps.get_models():
        if model._meta.db_table not in there and model._meta.db_table not in WITHOUT_NAMES:
            _made(model)


def _made(model):
    values = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.AutoField | models.GeneratedField):
            continue
        if isinstance(field, models.ForeignKey):
            if not field.null:
                related = field.related_model
                values[field.name] = related.objects.first() or _made(related)
        elif not field.has_default() or field.default in {"", list, dict}:
            values[field.name] = _value_of(field)
    return model.objects.create(**values)


def _value_of(field):
    if isinstance(field, models.CharField | models.TextField):
        wide = field.max_length is None or field.max_length >= 64
        return ANN if wide else "x"
    if isinstance(field, models.JSONField):
        return [ANN]
    if isinstance(field, models.DateTimeField):
        return LATER
    return DAY if isinstance(field, models.DateField) else 1


def rows_naming(name):
    """{table: {column: [values]}} of every text with ``name`` in it, in all tables of the database."""
    found, computed = {}, _computed_columns()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    text = value.decode() if isinstance(value, bytes) else value
                    if not isinstance(text, str) or (table, column) in computed:
                        continue
                    if name in without_others(text.lower()):
                        found.setdefault(table, {}).setdefault(column, []).append(text)
    return found


def _computed_columns():
    return {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.GeneratedField)
    }


def without_others(text):
    for other in OTHERS:
        text = text.replace(other, "")
    return text


def columns_for_names():
    """{table.column} wherever an address has room."""
    kinds = models.TextField, models.JSONField
    return {
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, kinds)
        or (isinstance(field, models.CharField) and field.max_length >= 255)
    }
