"""A row of each kind that operations are about, and their paths: for tests that try every operation."""

from django.core.files.base import ContentFile

from accounts import tokens, totp
from accounts.models import ApiToken, Event, Webhook
from accounts.password_links import invite
from aliases.models import OwnAlias
from aliases.services import delete_alias
from domains.copy_services import add_copy
from domains.dkim_keys import DKIMKey
from domains.dns.findings import WRONG, Finding
from domains.flow_services import set_relay_host
from domains.models import Domain, DomainDNS
from domains.sender_services import set_domain_sender_rule, set_sender_rule
from domains.services import create_alias_domain
from mailadmin.file_import import judging, keeping, matching
from mailboxes.endings import set_ending, today
from mailboxes.fetching import add_remote
from mailboxes.models import AppPassword, Deleted, RefusedNetwork, RemoteMailbox
from mailboxes.own_aliases import set_limit
from mailboxes.sharing import share_mailbox
from mailboxes.vacations import set_vacation
from panel.models import FileImport

# By what stands before them in a path.
KEYS = {
    "domains": "example.org",
    "alias-domains": "alias.example.org",
    "mailboxes": "joe@example.org",
    "aliases": "sales@example.org",
    "administrators": "theirs@example.org",
    "own-addresses": "shop@example.org",
    "send-as": "joe@example.org",
    "by": "sue@example.org",
    "shares": "joe@example.org",
    "with": "sue@example.org",
    "copies": "to",
    "{direction}": "sales@example.org",
    "sender-rules": "bad.example",
    "dkim-keys": "s1",
    "refused-networks": "192.0.2.0/24",
    "lines": "2",
}
# Of rows that are not there, and can be made.
NEW_KEYS = {
    "domains": "new.example",
    "alias-domains": "new.example",
    "mailboxes": "new@example.org",
    "aliases": "new@example.org",
    "administrators": "new@example.org",
    "own-addresses": "new@example.org",
    "by": "tom@example.org",
    "with": "tom@example.org",
    "{direction}": "new@example.org",
    "sender-rules": "worse.example",
}


def fill(add_domain, add_mailbox, add_alias, make_admin):
    """Returns (a superadmin, who manages example.org, the mailbox joe@example.org)."""
    domain = Domain.objects.get(pk="example.org")
    source = add_domain("alias.example.org")
    create_alias_domain(actor=None, alias_domain=source, target_domain=domain)
    mailbox, sue = add_mailbox("joe@example.org"), add_mailbox("sue@example.org")
    add_mailbox("tom@example.org")
    sales = add_alias("sales@example.org", "joe@example.org")
    root = make_admin("root@example.net", superadmin=True)
    theirs = make_admin("theirs@example.org", domains=["example.org", "alias.example.org"])
    mailbox.app_passwords.create(description="Phone", protocols="imap", password_hash="x")
    set_vacation(actor=None, mailbox=mailbox, subject="Away", body="Until Monday.")
    for row in (mailbox, sales):
        set_ending(actor=None, row=row, last_day=today(), action="off")
    share_mailbox(actor=None, mailbox=mailbox, person=sue.pk)
    shop = add_alias("shop@example.org", "joe@example.org")
    OwnAlias.objects.create(address=shop.pk, username=mailbox.pk, domain=domain.pk)
    set_limit(actor=None, row=domain, most=5)
    set_relay_host(actor=None, domain=domain, server="smtp.example.net")
    add_copy(actor=None, domain=domain, direction="to", goto="x@elsewhere.test", local_part="sales")
    set_sender_rule(actor=None, sender="bad.example", action="REJECT")
    set_domain_sender_rule(actor=None, domain=domain, sender="bad.example", action="REJECT")
    RefusedNetwork.objects.create(network="192.0.2.0/24", since=1, until=2**32, failures=9)
    key = DKIMKey.objects.create(domain_name=domain, selector="s1", private_key="x", public_key="x")
    mx = ("mx", "example.org", "MX", ("10 a.",), ("10 b.",), WRONG, "elsewhere")
    elsewhere = Finding(*mx, {"servers": "b"})
    found = [elsewhere, Finding("dkim next", str(key), "TXT")]
    DomainDNS.objects.create(pk=domain.pk, findings=[list(one) for one in found])
    there = {"server": "imap.example.net", "login": "joe", "password": "of somewhere"}
    add_remote(actor=None, mailbox=mailbox, **there)
    event = Event.objects.filter(domain=domain.pk).first()
    for account in (theirs, root):
        hook = Webhook.objects.create(
            owner=account.pk,
            url="https://hooks.example.net/mail",
            events="mailbox",
            secret=totp.sealed("whsec_x"),
        )
        hook.answers.create(event=event.name, action=event.action, about=event.data, sent=event.at)
    for account in (theirs, root):
        file = keeping.store(
            actor=account,
            kind="mailbox",
            upload=ContentFile(b"Mail\numa@example.org\n", "people.csv"),
            format="table",
        )
        file = matching.match_as_given(actor=account, file=file, given={}, options={})
        judging.judge_next(actor=account, file=file)
    delete_alias(actor=None, alias=add_alias("old@example.org", "joe@example.org"))
    for account in (mailbox, theirs):
        invite(actor=None, account=account)
    for account in (mailbox, theirs, root):
        rights = ["tokens:read"]
        tokens.make_token(actor=account, token=tokens.drawn(), name="Old", rights=rights)
    return root, theirs, mailbox


def filled(path, whose="joe@example.org", *, new=False):
    """``path`` about the rows above; ``whose`` are tokens and webhooks. ``new``: about one that is not there."""
    parts = path.strip("/").split("/")
    last = len(parts) - 1
    found = [
        _key(parts[place - 1], whose, new=new and place == last) if "{" in part else part
        for place, part in enumerate(parts)
    ]
    return "/" + "/".join(found)


def _key(before, whose, *, new):
    if before == "app-passwords":
        return str(getattr(AppPassword.objects.first(), "pk", 0))
    if before == "deleted":
        return str(getattr(Deleted.objects.first(), "pk", 0))
    if before == "tokens":
        row = ApiToken.objects.filter(name="Old", username=whose).first()
        return str(getattr(row, "pk", 0))
    if before == "fetches":
        return str(getattr(RemoteMailbox.objects.first(), "pk", 0))
    if before == "imports":
        return str(getattr(FileImport.objects.filter(admin=whose).first(), "pk", 0))
    if before in {"webhooks", "answers"}:
        hook = Webhook.objects.filter(owner=whose).first()
        row = hook if before == "webhooks" or hook is None else hook.answers.first()
        return str(getattr(row, "pk", 0))
    return NEW_KEYS[before] if new else KEYS[before]
