import sys
from argparse import BooleanOptionalAction

from django.conf import settings
from django.core.management.base import CommandError

from accounts.commands import PasswordMixin
from aliases.effects import find_fallbacks, outcome
from aliases.models import Alias
from aliases.referrers import referrers_of
from domains.commands import DomainRowCommand
from mailboxes.forwarding import forwarding_of, forwards, self_alias, set_forwarding
from mailboxes.models import Mailbox, first_quota, megabytes
from mailboxes.services import create_mailbox, delete_mailbox, set_mailbox_password, update_mailbox
from mailboxes.welcome import send_welcome
from panel.addresses import (
    display_address,
    normalise_address,
    split_address,
)
from panel.changes import collected, refuse
from panel.commands import NOTHING_TO_CHANGE, whole_number
from panel.output import Field
from panel.transactions import in_transaction


def size(value):
    # Another program may have stored MB: a quota of 2048 bytes holds one short message.
    return f"{value:,} bytes" if 0 < megabytes(value) < 0.01 else f"{megabytes(value):,g} MB"


def display_all(addresses):
    return [display_address(address) for address in addresses]


def state_text(value):
    return "active" if value else "inactive"


def quota(value):
    return size(value) if value > 0 else "unlimited"


class Command(PasswordMixin, DomainRowCommand):
    help = "Create, list, show, change and delete mailboxes."
    noun = "mailbox"
    verbs = {
        "add": "Create a mailbox. The password is asked for, or read from standard input.",
        "list": "List mailboxes. In a pipe: tab-separated address, name, quota and use in bytes, active.",
        "show": "Show one mailbox.",
        "edit": "Change a mailbox.",
        "delete": "Delete a mailbox. Its mail stays on disk; a new mailbox of that name starts empty.",
        "password": "Set a new password, asked for or read from standard input.",
    }
    fields = [
        Field("Address", "address", display_address),
        Field("Name", "name"),
        Field("Quota", "quota_bytes", quota, right=True),
        Field("Used", "used_bytes", size, right=True),
        Field("Active", "active"),
        Field("Mail", "mail", listed=False),
        Field("Mail goes to", "mail_goes_to", display_all, listed=False),
        Field("Messages", "messages", listed=False),
        Field("May send", "may_send", listed=False),
        Field("Forwards to", "forwards_to", display_all, listed=False),
        Field("Forwarding", "forwards", state_text, listed=False),
        Field("Keeps a copy", "keeps_copy", listed=False),
        Field("Aliases leading here", "aliases", display_all, listed=False),
        Field("Maildir", "maildir", listed=False),
        Field("Phone", "phone", listed=False),
        Field("Other address", "email_other", listed=False),
        Field("Created", "created", listed=False),
        Field("Changed", "modified", listed=False),
    ]
    words = {
        "local_part": "address",
        "username": "address",
        "email_other": "email-other",
        "targets": "forward",
    }

    # --- Options

    def options_for_add(self, parser):
        self._address(parser)
        self._columns(
            parser,
            quota=" (default: the largest that the domain allows, or a fair share of what it has left)",
        )
        self._password(parser)
        parser.add_argument(
            "--inactive", action="store_false", dest="active", help="Create it inactive."
        )
        parser.add_argument(
            "--welcome",
            action=BooleanOptionalAction,
            default=settings.WELCOME_MAIL,
            help="Send the welcome mail (default: as WELCOME_MAIL says).",
        )

    def options_for_list(self, parser):
        super().options_for_list(parser)
        parser.add_argument("--domain", metavar="DOMAIN", help="Only this domain.")

    def options_for_show(self, parser):
        self._address(parser)
        self.json_option(parser)

    def options_for_edit(self, parser):
        self._address(parser)
        self._columns(parser)
        self.active_options(parser)
        parser.add_argument(
            "--forward",
            nargs="*",
            metavar="TARGET",
            help="Send its mail on to these addresses; without one, forwarding ends.",
        )
        parser.add_argument(
            "--keep-copy",
            action=BooleanOptionalAction,
            help="Keep forwarded mail here as well (default: as now).",
        )

    def options_for_delete(self, parser):
        self._address(parser)
        super().options_for_delete(parser)
        self.treatment_options(parser)

    def options_for_password(self, parser):
        self._address(parser)
        self._password(parser)
        self.json_option(parser)

    def _password(self, parser):
        self.password_option(parser).add_argument(
            "--hash",
            action="store_true",
            dest="hashed",
            help="Read a hash from another server in place of the password, such as {SHA512-CRYPT}$6$….",
        )

    def _address(self, parser):
        parser.add_argument("address", metavar="ADDRESS", help="E.g. joe@example.org.")

    def _columns(self, parser, quota=""):
        parser.add_argument("--name", metavar="NAME", help="The owner's name.")
        parser.add_argument(
            "--quota",
            type=whole_number,
            metavar="MB",
            help=f"Size in MB, or “unlimited”{quota}.",
        )
        parser.add_argument("--phone", metavar="TEXT", help="A phone number.")
        parser.add_argument("--email-other", metavar="ADDRESS", help="Another address of theirs.")
        parser.add_argument(
            "--may-send",
            action=BooleanOptionalAction,
            dest="smtp_active",
            help="May send mail through this server.",
        )
        self.json_option(parser)

    # --- Verbs

    def add(self, *, address, generate, hashed, welcome, active, json, **options):
        local_part, name = split_address(address.strip())
        domain = self.domain(name)
        fields = self.given(options, "name", "phone", "email_other", "smtp_active")
        size_mb = first_quota(domain) if options["quota"] is None else options["quota"]
        fields["quota"] = size_mb * settings.QUOTA_MULTIPLIER
        password = self.ask_password(generate, what="hash" if hashed else "password")
        mailbox = create_mailbox(
            actor=None,
            domain=domain,
            local_part=local_part,
            password=password,
            hashed=hashed,
            active=active,
            **fields,
        )
        self.report("Created", mailbox, json=json, password=password if generate else None)
        # consolemail:// prints the mail: standard output is for what the command says.
        if welcome and not send_welcome(mailbox, stream=sys.stderr):
            self.stderr.write("The welcome mail could not be sent: see the message above.")

    def list(self, *, domain, search, active, json, **options):
        rows = Mailbox.objects.select_related("usage")
        if active is not None:
            rows = rows.filter(active=active)
        if domain:
            rows = rows.filter(domain=self.domain(domain))
        if search:
            rows = rows.search(search)
        by_name = search and not domain
        self.print_list(rows, *(["username"] if by_name else ["domain_id", "username"]), json=json)

    def show(self, *, address, json, **options):
        self.print_one(self._mailbox(address), json=json)

    def edit(self, *, address, forward, keep_copy, json, **options):
        mailbox = self._mailbox(address)
        fields = self.given(
            options, "name", "quota", "phone", "email_other", "smtp_active", "active"
        )
        if not fields and forward is None and keep_copy is None:
            raise CommandError(NOTHING_TO_CHANGE)
        if "quota" in fields:
            fields["quota"] *= settings.QUOTA_MULTIPLIER
        mailbox = self._edit(mailbox, fields, forward, keep_copy)
        self.report("Changed", mailbox, json=json)

    @in_transaction
    def _edit(self, mailbox, fields, forward, keep_copy):
        errors = {}
        if fields:
            with collected(errors):
                mailbox = update_mailbox(actor=None, mailbox=mailbox, **fields)
        if forward is not None or keep_copy is not None:
            with collected(errors):
                set_forwarding(actor=None, mailbox=mailbox, targets=forward, keep_copy=keep_copy)
        refuse(errors)
        return mailbox

    def delete(self, *, address, yes, drop_targets, replace_by, emptied, json, **options):
        mailbox = self._mailbox(address)
        treatment = self.treatment(
            drop_targets=drop_targets, replace_by=replace_by, emptied=emptied
        )
        referrers = sorted(map(display_address, referrers_of([mailbox.pk])))
        self.confirm_delete(
            mailbox.pk,
            self._consequences(mailbox, referrers, treatment),
            yes,
        )
        with self.deleting(mailbox, json=json):
            delete_mailbox(actor=None, mailbox=mailbox, clean=Alias.objects.all(), **treatment)

    def password(self, *, address, generate, hashed, json, **options):
        mailbox = self._mailbox(address)
        password = self.ask_password(generate, what="hash" if hashed else "password")
        mailbox = set_mailbox_password(
            actor=None, mailbox=mailbox, password=password, hashed=hashed
        )
        self.report("New password for", mailbox, json=json, password=password if generate else None)

    # --- Rows

    def _mailbox(self, text):
        rows = Mailbox.objects.select_related("domain__alias_of__target_domain", "usage")
        if rows.filter(pk=text).exists():  # another program may write capitals
            return rows.get(pk=text)
        return self.find(rows, normalise_address(text), "Is the address right?")

    def _consequences(self, mailbox, referrers, treatment):
        usage = getattr(mailbox, "usage", None)
        if usage:
            yield f"It holds {size(usage.bytes)} (messages: {usage.messages}), which stay on disk."
        if referrers:
            yield from self.about_referrers(referrers, **treatment)

    def record(self, mailbox):
        usage = getattr(mailbox, "usage", None)
        return {
            "address": mailbox.username,
            "domain": mailbox.domain_id,
            "name": mailbox.name,
            "quota_bytes": mailbox.quota,
            "used_bytes": usage.bytes if usage else 0,
            "messages": usage.messages if usage else 0,
            "active": mailbox.active,
            "may_send": mailbox.smtp_active,
            "phone": mailbox.phone,
            "email_other": mailbox.email_other,
            "maildir": mailbox.maildir,
            "created": mailbox.created,
            "modified": mailbox.modified,
        }

    def details(self, mailbox):
        row = self_alias(mailbox)
        lookup = find_fallbacks(None, [mailbox], [row] if row else [])
        targets, keeps_copy = forwarding_of(row)
        return {
            **outcome(None, mailbox, row, lookup).record(),
            "forwards_to": targets,
            "forwards": forwards(row) if targets else None,
            "keeps_copy": keeps_copy if targets else None,
            "aliases": sorted(referrers_of([mailbox.pk])),
        }
