"""Mail fetched from elsewhere at the command line, for `manage.py mailbox`."""

import json as json_module

from django.core.management.base import CommandError

from mailboxes import fetch_runs
from mailboxes.fetch_rows import IMAP, TLS
from mailboxes.fetching import (
    FINE,
    KINDS,
    MINUTES,
    SECURITY,
    add_remote,
    change_remote,
    delete_remote,
    in_words,
)


class FetchMixin:
    fetch_verbs = {
        "fetch-add": "Fetch mail from a mailbox elsewhere into this one. The password there is asked for, or read from standard input.",
        "fetch-edit": "Change from where, how and how often mail is fetched.",
        "fetch-list": "List from where mail is fetched, and how it went.",
        "fetch-try": "Sign in there and count what waits; fetch nothing.",
        "fetch-end": "Fetch nothing from there any more.",
    }

    def options_for_fetch_add(self, parser):
        self.name_option(parser)
        parser.add_argument("server", metavar="SERVER", help="E.g. imap.example.net.")
        parser.add_argument("login", metavar="LOGIN", help="The login there.")
        self._fetch_options(parser, new=True)

    def options_for_fetch_edit(self, parser):
        self._number_option(parser)
        parser.add_argument("--server", metavar="SERVER", help="Another server.")
        parser.add_argument("--login", metavar="LOGIN", help="Another login there.")
        parser.add_argument(
            "--password",
            action="store_true",
            help="Another password, asked for or read from standard input.",
        )
        parser.add_argument(
            "--on", dest="active", action="store_const", const=True, help="Switch it on."
        )
        parser.add_argument(
            "--off", dest="active", action="store_const", const=False, help="Switch it off."
        )
        self._fetch_options(parser, new=False)

    def _fetch_options(self, parser, *, new):
        said = "" if not new else " (default: {})"
        parser.add_argument(
            "--kind",
            dest="protocol",
            choices=KINDS,
            default=IMAP if new else None,
            help=f"IMAP or POP3{said.format(IMAP)}.",
        )
        parser.add_argument(
            "--tls",
            choices=SECURITY,
            default=TLS if new else None,
            help=f"From the start, by STARTTLS, or none{said.format('tls')}.",
        )
        parser.add_argument("--port", type=int, help="Another port than the usual one.")
        parser.add_argument("--folder", help="A folder in place of the inbox, by IMAP.")
        parser.add_argument(
            "--delete",
            dest="keep",
            action="store_const",
            const=False,
            help="Delete the mail there once it is here.",
        )
        parser.add_argument(
            "--keep",
            dest="keep",
            action="store_const",
            const=True,
            help="Leave it there, too (default).",
        )
        parser.add_argument(
            "--unread-only",
            dest="fetchall",
            action="store_const",
            const=False,
            help="Leave out what was read there, by IMAP.",
        )
        parser.add_argument(
            "--minutes",
            dest="poll_time",
            type=int,
            choices=MINUTES,
            metavar="N",
            help=f"How often: {', '.join(map(str, MINUTES))}.",
        )
        self.json_option(parser)

    def options_for_fetch_list(self, parser):
        self.name_option(parser)
        self.json_option(parser)

    def options_for_fetch_try(self, parser):
        self._number_option(parser)
        self.json_option(parser)

    def options_for_fetch_end(self, parser):
        self._number_option(parser)
        self.json_option(parser)

    def _number_option(self, parser):
        self.name_option(parser)
        parser.add_argument("number", type=int, metavar="NUMBER", help="As fetch-list says it.")

    def fetch_add(self, *, name_given, server, login, json, **options):
        row = add_remote(
            actor=None,
            mailbox=self.named(name_given),
            server=server,
            login=login,
            password=self.ask_password(False, what="password there"),
            **_given(options),
        )
        self._say_remote(row, json)

    def fetch_edit(self, *, name_given, number, password, json, **options):
        row = self._remote(name_given, number)
        stored = {
            "server": row.src_server,
            "login": row.src_user,
            "protocol": row.protocol,
            "tls": row.tls,
            "port": row.src_port or None,
            "folder": row.src_folder,
            "keep": row.keep,
            "fetchall": row.fetchall,
            "poll_time": row.poll_time,
            "active": row.active,
        }
        values = stored | _given(options)
        if password:
            values["password"] = self.ask_password(False, what="password there")
        self._say_remote(change_remote(actor=None, remote=row, **values), json)

    def fetch_list(self, *, name_given, json, **options):
        for row in self.named(name_given).remote_mailboxes.order_by("pk"):
            self._say_remote(row, json)

    def fetch_try(self, *, name_given, number, json, **options):
        row = fetch_runs.try_now(self._remote(name_given, number))
        if row is None:
            raise CommandError("Its mail is being fetched right now.")
        self._say_remote(row, json)
        if row.outcome not in FINE:
            raise CommandError(f"{in_words(row)} {row.said}".strip())

    def fetch_end(self, *, name_given, number, json, **options):
        row = self._remote(name_given, number)
        delete_remote(actor=None, remote=row)
        self._say_remote(row, json)

    def _remote(self, name, number):
        row = self.named(name).remote_mailboxes.filter(pk=number).first()
        if row is None:
            raise CommandError(f"{name} fetches nothing by the number {number}.")
        return row

    def _say_remote(self, row, json):
        said = f"{in_words(row)} {row.said}".strip()
        if not json:
            state = "on" if row.active else "off"
            self.stdout.write(
                f"{row.pk}\t{row.protocol}\t{row.src_server}\t{row.src_user}\t{state}\t{said}"
            )
            return
        record = {"number": row.pk, "mailbox": row.mailbox_id, "protocol": row.protocol}
        record |= {
            "server": row.src_server,
            "port": row.port,
            "tls": row.tls,
            "login": row.src_user,
        }
        record |= {"folder": row.src_folder, "keep": row.keep, "fetchall": row.fetchall}
        record |= {"poll_time": row.poll_time, "active": row.active, "outcome": row.outcome}
        record |= {"said": said, "fetched": row.taken, "failures": row.failures}
        record["last_run"] = row.date.isoformat() if row.has_run else None
        self.stdout.write(json_module.dumps(record))


def _given(options):
    names = (
        "server",
        "login",
        "protocol",
        "tls",
        "port",
        "folder",
        "keep",
        "fetchall",
        "poll_time",
        "active",
    )
    return {name: options[name] for name in names if options.get(name) is not None}
