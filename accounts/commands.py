import getpass
import json as json_module
import sys
from argparse import BooleanOptionalAction

from django.conf import settings
from django.core.management.base import CommandError

from accounts import factors, password_links, tokens
from accounts.made_passwords import nobodys_password
from accounts.models import ApiToken
from accounts.passwords import generate_password
from accounts.reselling import BUDGET
from panel import commands

NOTHING_READ = (
    "No password. Run this in a terminal to be asked for one, write it as one line to standard"
    " input, or use --generate."
)


class FactorMixin:
    factor_verbs = {
        "factor-reset": "Take second factors away: the password alone is asked for then. The person is told by mail."
    }

    def options_for_factor_reset(self, parser):
        self.names_option(parser)
        self.json_option(parser)

    def factor_reset(self, *, names, json, **options):
        def one(name, say):
            account = factors.reset(actor=None, account=self.named(name))
            self.report("Took the second factor away from", account, say=say, json=json)

        self.each(names, one, done="without second factor", json=json)


UNLIMITED = "unlimited"


def most(text):
    return UNLIMITED if text.lower() == UNLIMITED else commands.whole_number(text)


def most_storage(text):
    """MB."""
    return UNLIMITED if text.lower() == UNLIMITED else commands.size_limit(text)


class BudgetMixin:
    """What an administrator may create: the columns of accounts/reselling.py."""

    def budget_options(self, parser):
        parser.add_argument(
            "--reseller",
            action=BooleanOptionalAction,
            help="May create domains whose limits together are within these numbers.",
        )
        for name, kind, metavar, what in (
            ("domains", most, "N", "How many domains"),
            ("mailboxes", most, "N", "How many mailboxes in all of them"),
            ("storage", most_storage, "SIZE", "How much storage in all of them, such as 100GB"),
        ):
            parser.add_argument(
                f"--reseller-{name}",
                dest=f"max_{name}",
                type=kind,
                metavar=metavar,
                help=f"{what}; or “unlimited”.",
            )
        parser.add_argument(
            "--resold",
            nargs="*",
            metavar="DOMAIN",
            help="Of the domains, those that count against these numbers, and no others.",
        )

    def budget_given(self, options):
        given = self.given(options, *BUDGET, "resold")
        return {name: None if value == UNLIMITED else value for name, value in given.items()}


class TokenMixin:
    """API tokens of accounts. They are made on the account's own page alone, where the password is asked for."""

    token_verbs = {
        "tokens": "List the API tokens of an account, with the number of each.",
        "token-revoke": "Revoke an API token by its number: it opens nothing any more.",
    }

    def options_for_tokens(self, parser):
        self.name_option(parser)
        self.json_option(parser)

    def options_for_token_revoke(self, parser):
        self.name_option(parser)
        parser.add_argument("number", type=int, metavar="NUMBER", help="As tokens lists it.")

    def tokens(self, *, name_given, json, **options):
        for row in ApiToken.objects.of(self.named(name_given)).order_by("pk"):
            record = {
                "number": row.pk,
                "name": row.name,
                "rights": list(row.right_names),
                "domains": list(row.domain_names),
                "networks": list(row.network_names),
                "expires": row.expires and row.expires.isoformat(),
                "last_used": row.last_used and row.last_used.isoformat(),
                "last_ip": row.last_ip or None,
            }
            if json:
                self.stdout.write(json_module.dumps(record))
                continue
            limits = [*record["domains"], *record["networks"]]
            limits += [f"until {record['expires']}"] if row.expires else []
            used = record["last_used"] or "not used yet"
            told = [str(row.pk), row.name, ",".join(record["rights"]), " ".join(limits), used]
            self.stdout.write("\t".join(told))

    def token_revoke(self, *, name_given, number, **options):
        account = self.named(name_given)
        row = ApiToken.objects.of(account).filter(pk=number).first()
        if row is None:
            raise CommandError(f"{account} has no API token {number}. tokens lists them.")
        tokens.revoke_token(actor=None, account=account, token=row)
        self.stdout.write(f"Revoked API token {number} of {account}.")


class InvitationMixin:
    """A command that invites people to choose a password. The link is printed once, and stored nowhere."""

    invitation_verbs = {
        "invite": "Make a link on which the person chooses a password. A former one is not taken any more."
    }

    def options_for_invite(self, parser):
        self.name_option(parser)
        parser.add_argument("--send", action="store_true", help="Send it to the other address.")
        self.json_option(parser)

    def invite(self, *, name_given, send, json, **options):
        account = self.named(name_given)
        self.report("Invited", account, json=json, link=self.link_for(account, send=send))

    def link_for(self, account, *, send=False):
        """Where it leads; None if it is sent."""
        self.check_links()
        token = password_links.invite(actor=None, account=account, send=send)
        return None if send else password_links.url_of(token)

    def check_links(self):
        if not settings.PANEL_URL:
            raise CommandError("Set PANEL_URL first: where the panel is, and the link leads to.")

    def invite_option(self, parser):
        parser.add_argument(
            "--invite",
            action="store_true",
            help="Set no password: print a link on which the person chooses one, within three days.",
        )


class PasswordMixin:
    """A command that sets passwords. A password is never an argument: process lists and shell histories show those."""

    def password_option(self, parser):
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--generate", action="store_true", help="Generate a password and print it once."
        )
        return group

    def must_change_option(self, parser):
        parser.add_argument(
            "--must-change",
            action=BooleanOptionalAction,
            help="Whether the panel lets the person do nothing but set another password.",
        )

    def password_for_new(self, generate, invite, *, what="password"):
        """That of a new account; one that nobody knows if the person is to be invited."""
        if not invite:
            return self.ask_password(generate, what=what)
        self.check_links()
        return nobodys_password()

    def ask_password(self, generate, *, what="password"):
        if generate:
            return generate_password()
        if sys.stdin is None:
            raise CommandError(NOTHING_READ)
        if sys.stdin.isatty():
            return self._prompt(what)
        try:
            password = sys.stdin.readline().rstrip("\r\n")
            password.encode()
        except UnicodeError as error:
            raise CommandError(f"The {what} is not valid UTF-8 text.") from error
        if not password:
            raise CommandError(NOTHING_READ)
        return password

    def _prompt(self, what):
        try:
            password = getpass.getpass(f"{what.capitalize()}: ")
            again = getpass.getpass(f"Repeat {what.lower()}: ")
        except (KeyboardInterrupt, EOFError):
            raise CommandError("Cancelled. Nothing was changed.") from None
        if password != again:
            raise CommandError("The two differ. Nothing was changed.")
        return password
