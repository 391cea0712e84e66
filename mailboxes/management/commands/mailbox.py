import sys
from argparse import BooleanOptionalAction

from django.conf import settings
from django.core.management.base import CommandError

from accounts.commands import FactorMixin, InvitationMixin, PasswordMixin, TokenMixin
from aliases.effects import find_fallbacks, outcome
from aliases.models import Alias
from aliases.referrers import referrers_of, with_alias_domain_names
from domains.commands import DomainRowCommand
from domains.copies import copies_about
from mailboxes import storage
from mailboxes.app_password_commands import SWITCH_OPTIONS, AppPasswordMixin
from mailboxes.fetch_commands import FetchMixin
from mailboxes.forwarding import forwarding_of, forwards, is_away, self_alias, set_forwarding
from mailboxes.list_commands import ListMixin
from mailboxes.models import FullMailbox, Mailbox, first_quota
from mailboxes.own_alias_commands import OwnAliasMixin
from mailboxes.rename_previews import preview
from mailboxes.renaming import check_new_name, rename_mailbox
from mailboxes.services import (
    create_mailbox,
    delete_mailbox,
    set_mailbox_active,
    set_mailbox_password,
    update_mailbox,
)
from mailboxes.sharing_commands import SharingMixin
from mailboxes.vacation_commands import VacationMixin
from mailboxes.vacations import vacation_of
from mailboxes.welcome import send_welcome
from panel import output
from panel.addresses import (
    display_address,
    normalise_address,
    split_address,
)
from panel.changes import collected, refuse
from panel.commands import NOTHING_TO_CHANGE, number_or_usual, size_in_mb
from panel.output import STATE, Column, Field
from panel.transactions import in_transaction

QUOTA_MULTIPLIER = settings.QUOTA_MULTIPLIER


def display_all(addresses):
    return [display_address(address) for address in addresses]


def storage_column(record):
    return storage.of(record["used_bytes"], record["quota_bytes"])


def full_column(record):
    share = storage.percent(record["used_bytes"], record["quota_bytes"])
    return "" if share is None else f"{share} %"


def storage_style(record):
    return storage.style(record["used_bytes"], record["quota_bytes"])


def state(record):
    said = {"receives": "only sends", "sign_in": "no sign-in", "may_send": "cannot send"}
    found = [words for name, words in said.items() if not record[name]]
    return "off" if not record["active"] else ", ".join(found)


class Command(
    FactorMixin,
    TokenMixin,
    AppPasswordMixin,
    SharingMixin,
    FetchMixin,
    VacationMixin,
    OwnAliasMixin,
    InvitationMixin,
    PasswordMixin,
    ListMixin,
    DomainRowCommand,
):
    help = "Create, list, show and change mailboxes, switch them off and on, delete them."
    noun, nouns = "mailbox", "mailboxes"
    key = ("ADDRESS", "joe@example.org")
    word_kind = "mailbox"
    verbs = {
        "add": "Create a mailbox. The password is asked for, or read from standard input.",
        "list": "List mailboxes. In a pipe: tab-separated address, name, quota and use in bytes, on or off.",
        "show": "Show one mailbox.",
        "edit": "Change mailboxes.",
        "off": "Switch mailboxes off: their mail is refused, and nobody can sign in.",
        "on": "Switch mailboxes on.",
        "rename": "Give a mailbox another name, in another domain too. Its old address becomes an alias that leads to it.",
        "delete": "Delete mailboxes. Their mail stays on disk; a new mailbox of that name starts empty.",
        "password": "Set a new password, asked for or read from standard input.",
        **FactorMixin.factor_verbs,
        **TokenMixin.token_verbs,
        **AppPasswordMixin.app_password_verbs,
        **VacationMixin.vacation_verbs,
        **OwnAliasMixin.own_alias_verbs,
        **SharingMixin.sharing_verbs,
        **FetchMixin.fetch_verbs,
        **InvitationMixin.invitation_verbs,
    }
    columns = [
        Column("Address", lambda record: display_address(record["address"])),
        Column("Name", lambda record: record["name"], wide=True),
        Column("Storage", storage_column, right=True, style=storage_style),
        Column("Full", full_column, right=True, style=storage_style),
        STATE._replace(text=state),
    ]
    piped = ("address", "name", "quota_bytes", "used_bytes", "active")
    fields = [
        Field("Address", "address", display_address),
        Field("Name", "name"),
        Field("State", "active", output.state),
        Field("Quota", "quota_bytes", storage.limit),
        Field("Used", "used_bytes", storage.exact),
        Field("Messages", "messages"),
        Field("Mail", "mail"),
        Field("Mail goes to", "mail_goes_to", display_all),
        Field("May send", "may_send"),
        Field("Receives", "receives"),
        Field("People sign in", "sign_in"),
        Field("By IMAP", "imap"),
        Field("By POP3", "pop3"),
        Field("By ManageSieve", "sieve"),
        Field("App passwords only", "app_only"),
        Field("Recipients an hour", "sending_limit"),
        Field("Forwards to", "forwards_to", display_all),
        Field("Forwarding", "forwards", output.state),
        Field("Keeps a copy", "keeps_copy"),
        Field("Away message", "away_message"),
        Field("Away from", "away_from"),
        Field("Away until", "away_until"),
        Field("Also receives", "aliases", display_all),
        Field("Maildir", "maildir"),
        Field("Second factor", "second_factor", output.state),
        Field("Must change the password", "must_change_password"),
        Field("Password until", "password_until"),
        Field("Phone", "phone"),
        Field("Other e-mail address", "email_other"),
        Field("Created", "created"),
        Field("Changed", "modified"),
    ]
    words = {
        "local_part": "Address",
        "username": "Address",
        "keep_alias": "Old address",
        "email_other": "Other e-mail address",
        "targets": "Forward to",
        "smtp_active": "May send",
        "poll_time": "How often",
        "sending_limit": "Recipients an hour",
    }

    # --- Options

    def options_for_add(self, parser):
        self.name_option(parser)
        self._columns(
            parser,
            quota=" (default: the largest that the domain allows, or a fair share of what it has left)",
        )
        self.invite_option(self._password(parser))
        self.must_change_option(parser)
        self.off_option(parser)
        parser.add_argument(
            "--welcome",
            action=BooleanOptionalAction,
            default=settings.WELCOME_MAIL,
            help="Send the welcome mail (default: as WELCOME_MAIL says).",
        )

    def options_for_edit(self, parser):
        self.names_option(parser)
        self._columns(parser)
        self.must_change_option(parser)
        parser.add_argument(
            "--forward",
            nargs="*",
            metavar="RECIPIENT",
            help="Send its mail on to these addresses; without one, forwarding ends.",
        )
        parser.add_argument(
            "--keep-copy",
            action=BooleanOptionalAction,
            help="Keep forwarded mail here as well (default: as now).",
        )
        parser.add_argument(
            "--sending-limit",
            type=number_or_usual,
            metavar="N",
            help="To how many recipients an hour it may send, or “usual”: as the server has it. Kept by rspamd.",
        )

    def options_for_delete(self, parser):
        super().options_for_delete(parser)
        self.treatment_options(parser)

    def options_for_rename(self, parser):
        self.name_option(parser)
        self.new_name_option(parser)
        self.rename_options(parser)

    def options_for_password(self, parser):
        self.name_option(parser)
        self._password(parser)
        self.must_change_option(parser)
        self.json_option(parser)

    def _password(self, parser):
        group = self.password_option(parser)
        group.add_argument(
            "--hash",
            action="store_true",
            dest="hashed",
            help="Read a hash from another server in place of the password, such as {SHA512-CRYPT}$6$….",
        )
        return group

    def _columns(self, parser, quota=""):
        parser.add_argument("--name", metavar="NAME", help="The owner's name.")
        parser.add_argument(
            "--quota",
            type=size_in_mb,
            metavar="SIZE",
            help=f"Such as “2 GB”, a number of MB, or “unlimited”{quota}.",
        )
        parser.add_argument("--phone", metavar="TEXT", help="A phone number.")
        parser.add_argument("--email-other", metavar="ADDRESS", help="Another address of theirs.")
        self.switch_options(parser)
        self.json_option(parser)

    # --- Verbs

    def add(self, *, name_given, generate, hashed, invite, welcome, active, json, **options):
        local_part, name = split_address(name_given.strip())
        domain = self.domain(name)
        fields = self.given(options, "name", "phone", "email_other", "must_change", *SWITCH_OPTIONS)
        size_mb = first_quota(domain) if options["quota"] is None else options["quota"]
        fields["quota"] = int(size_mb * QUOTA_MULTIPLIER)
        what = "hash" if hashed else "password"
        password = self.password_for_new(generate, invite, what=what)
        mailbox = create_mailbox(
            actor=None,
            domain=domain,
            local_part=local_part,
            password=password,
            hashed=hashed,
            active=active,
            **fields,
        )
        link = self.link_for(mailbox) if invite else None
        self.report(
            "Created", mailbox, json=json, password=password if generate else None, link=link
        )
        # consolemail:// prints the mail: standard output is for what the command says.
        if welcome and not send_welcome(mailbox, stream=sys.stderr):
            self.stderr.write("The welcome mail could not be sent: see the message above.")

    def edit(self, *, names, forward, keep_copy, json, **options):
        columns = ("name", "quota", "phone", "email_other", "must_change", "sending_limit")
        fields = self.given(options, *columns, *SWITCH_OPTIONS)
        if "sending_limit" in fields:
            fields["sending_limit"] = fields["sending_limit"] or None
        if not fields and forward is None and keep_copy is None:
            raise CommandError(NOTHING_TO_CHANGE)
        if "quota" in fields:
            fields["quota"] = int(fields["quota"] * QUOTA_MULTIPLIER)

        def one(name, say):
            mailbox = self._edit(self.named(name), fields, forward, keep_copy)
            self.report("Changed", mailbox, say=say, json=json)

        self.each(names, one, done="changed", json=json)

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

    def password(self, *, name_given, generate, hashed, must_change, json, **options):
        mailbox = self.named(name_given)
        password = self.ask_password(generate, what="hash" if hashed else "password")
        mailbox = set_mailbox_password(
            actor=None,
            mailbox=mailbox,
            password=password,
            hashed=hashed,
            must_change=bool(must_change),
        )
        self.report("New password for", mailbox, json=json, password=password if generate else None)

    def rename(self, *, name_given, new_name, keep_alias, dry_run, json, **options):
        mailbox = self.named(name_given)
        given = self.new_name(new_name, mailbox.domain) | {"keep_alias": keep_alias}
        if dry_run:
            mailbox.domain = mailbox.domain.fresh()
            new = check_new_name(actor=None, mailbox=mailbox, **given)
            self.print_preview(preview(None, mailbox, new, keep_alias=keep_alias), json=json)
            return
        follow = Alias.objects.all()
        renamed = rename_mailbox(actor=None, mailbox=mailbox, follow=follow, **given)
        self.report("Renamed", renamed, json=json, was=mailbox)

    # --- Rows

    def named(self, text):
        rows = Mailbox.objects.select_related("domain__alias_of__target_domain", "usage")
        if rows.filter(pk=text).exists():  # another program may write capitals
            return rows.get(pk=text)
        return self.find(rows, normalise_address(text), "Is the address right?")

    def switch(self, mailbox, active):
        return set_mailbox_active(actor=None, mailbox=mailbox, active=active)

    def remove(self, mailbox, **options):
        treatment = self.treatment(**options)
        delete_mailbox(actor=None, mailbox=mailbox, clean=Alias.objects.all(), **treatment)

    def consequences(self, mailbox, **options):
        usage = getattr(mailbox, "usage", None)
        if usage:
            yield (
                f"{mailbox} holds {storage.exact(usage.bytes)} (messages: {usage.messages}), which stay on disk."
            )
        yield from self.about_copies(copies_about(with_alias_domain_names([mailbox.pk])))
        if referrers := sorted(map(display_address, referrers_of([mailbox.pk]))):
            yield from self.about_referrers(mailbox, referrers, **self.treatment(**options))

    def record(self, mailbox):
        if isinstance(mailbox, FullMailbox):
            mailbox = mailbox.username
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
            "receives": mailbox.receives,
            "sign_in": mailbox.sign_in_active,
            "imap": mailbox.imap_active,
            "pop3": mailbox.pop3_active,
            "sieve": mailbox.sieve_active,
            "app_only": mailbox.app_only,
            "sending_limit": mailbox.sending_limit,
            "second_factor": mailbox.has_second_factor,
            "must_change_password": mailbox.must_change,
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
        vacation = vacation_of(mailbox)
        return {
            "password_until": mailbox.password_until,
            **outcome(None, mailbox, row, lookup).record(),
            "forwards_to": targets,
            "forwards": forwards(row) if targets else None,
            "keeps_copy": keeps_copy if targets else None,
            "away_message": is_away(row) or (vacation is not None) or None,
            "away_from": vacation and vacation.first_day(mailbox.zone),
            "away_until": vacation and vacation.last_day(mailbox.zone),
            "aliases": sorted(referrers_of([mailbox.pk])),
        }
