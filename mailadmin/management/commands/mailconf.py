from argparse import BooleanOptionalAction
from contextlib import suppress

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from domains import main_cf
from mailadmin import mailconf, shipped, written_files
from mailadmin.mail_settings import FETCHMAIL_SOCKET

# Blocks that are there if a row needs them, or if an option says so.
OPTIONAL = {
    main_cf.BACKUP_MX: "Be a backup MX (default: if a domain in the panel asks for it).",
    main_cf.VERIFY: "Ask the primary servers which recipients exist (default: likewise).",
    main_cf.TRANSPORT: "Use transports per domain (default: likewise).",
    main_cf.RELAY_HOSTS: "Send through relay hosts (default: if one is named in the panel).",
    main_cf.COPIES_TO: "Copy mail by recipient (default: if an address in the panel has a copy).",
    main_cf.COPIES_FROM: "Copy mail by sender (default: likewise).",
    main_cf.SENDER_ACCESS: "Refuse senders on port 25 (default: if the panel has a rule).",
    main_cf.RECIPIENT_ACCESS: "Refuse mail to addresses that do not take it from everybody (default: if there is one).",
    main_cf.MEMBERS: "Take mail to an alias from its members only (default: if there is such an alias).",
    main_cf.DOMAIN_SENDERS: "Refuse senders to single domains (default: if one of them has a rule).",
    "weak-hashes": "Let Dovecot 2.4 take MD5 and SHA1 (default: if a mailbox has one).",
}


class Command(BaseCommand):
    help = (
        "Write the files of deploy/ (Postfix, Dovecot, MariaDB grants, sieve, nginx, systemd, journald, fail2ban, Roundcube) into DIR,"
        " with this installation's database, paths and host name filled in. The passwords of the"
        " two SQL users are those that Postfix and Dovecot have on this machine, or made at the first run; they are kept in DIR. A file that was not written by"
        " this command, or was changed since, is only overwritten with --force."
    )

    def add_arguments(self, parser):
        parser.add_argument("dir", metavar="DIR", help="Where to write, e.g. /root/mailconf.")
        parser.add_argument(
            "--force", action="store_true", help="Overwrite foreign and changed files too."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would change and write nothing."
        )
        for option, marker, text in [
            ("--hostname", "HOSTNAME", "The mail server's name (MAIL_HOSTNAME)."),
            ("--panel-host", "PANEL_HOST", "The panel's name, if another one."),
            ("--mail-root", "VMAIL_ROOT", "Where mail lies (VMAIL_ROOT)."),
            ("--vmail-uid", "VMAIL_UID", "Whose mail it is: user id (VMAIL_UID)."),
            ("--vmail-gid", "VMAIL_GID", "… and group id (VMAIL_GID)."),
            ("--vmail-user", "VMAIL_USER", "The name of that user, if it is on another machine."),
            ("--tls-cert", "TLS_CERT", "Certificate with its chain."),
            ("--tls-key", "TLS_KEY", "Its key."),
            ("--maps", "MAPS", "Where Postfix will find its maps (/etc/postfix/sql)."),
            ("--dovecot-conf", "DOVECOT_CONF", "Dovecot's directory (/etc/dovecot)."),
            ("--postfix-queue", "POSTFIX_QUEUE", "Postfix's queue (/var/spool/postfix)."),
            ("--postfix-user", "POSTFIX_SQL_USER", "SQL user for Postfix (mailadmin_postfix)."),
            ("--dovecot-user", "DOVECOT_SQL_USER", "SQL user for Dovecot (mailadmin_dovecot)."),
            ("--signer-user", "SIGNER_SQL_USER", "SQL user for OpenDKIM (mailadmin_signer)."),
            (
                "--deliveries-user",
                "DELIVERIES_SQL_USER",
                "SQL user for the delivery log (mailadmin_log).",
            ),
            ("--signins-user", "SIGNINS_SQL_USER", "SQL user for sign-ins (mailadmin_signins)."),
            ("--purge-user", "PURGE_SQL_USER", "SQL user for what removes mail (mailadmin_purge)."),
            ("--signer-port", "SIGNER_PORT", "Where OpenDKIM listens on this machine (8891)."),
            (
                "--sql-client",
                "SQL_CLIENT",
                "From where the mail server reaches the database; several with commas.",
            ),
            (
                "--sql-hosts",
                "SQL_HOSTS",
                "The database servers, HOST[:PORT],…, of a cluster (default: the panel's one).",
            ),
            (
                "--expunge-days",
                "EXPUNGE_DAYS",
                "Days until mail in Trash and Junk is removed, if the timer is on (15).",
            ),
            (
                "--webmail-host",
                "WEBMAIL_HOST",
                "The webmail's name: write the files for Debian's Roundcube too.",
            ),
            ("--panels", "PANELS", "The panels behind HAProxy, HOST[:PORT],… (port 8000)."),
            ("--haproxy-cert", "HAPROXY_CERT", "HAProxy's certificate, chain and key in one file."),
            ("--haproxy-sql-port", "HAPROXY_SQL_PORT", "Where it serves the database (3307)."),
        ]:
            parser.add_argument(option, dest=marker, metavar=marker, help=text)
        parser.add_argument(
            "--postfix-version",
            help="What the files are for (default: Postfix on this machine; if there is none, 3.7).",
        )
        for name, text in OPTIONAL.items():
            parser.add_argument(f"--{name}", dest=name, action=BooleanOptionalAction, help=text)
        parser.add_argument(
            "--sieve",
            action=BooleanOptionalAction,
            help="Dovecot's filters and ManageSieve (default: if dovecot-sieve is installed here).",
        )
        parser.add_argument(
            "--quota-warnings",
            action=BooleanOptionalAction,
            help="Write to people whose mailbox gets full (default: if the panel's user, mailadmin, is there).",
        )

    def handle(
        self,
        *,
        dir,
        force,
        dry_run,
        postfix_version,
        sieve,
        quota_warnings,
        **options,
    ):
        if quota_warnings is None:
            quota_warnings = shipped.panel_here()
        # Dovecot does not start with a socket for a user that is not there.
        fetched = settings.FETCHMAIL_TO == FETCHMAIL_SOCKET and shipped.panel_here()
        given = {marker: options[marker] for marker in shipped.SHAPES if marker in options}
        wanted = {name: options[name] for name in OPTIONAL}
        try:
            postfix_version = postfix_version or shipped.postfix_here()
            blocks = (
                self._blocks(wanted)
                | mailconf.blocks_wanted()
                | shipped.postfix_blocks(postfix_version or shipped.POSTFIX)
                | shipped.nginx_blocks(shipped.nginx_here() or shipped.NGINX)
                | (set() if settings.POP3 else {"imap-only"})
                | ({"quota-warnings"} if quota_warnings else set())
                | ({"fetched-mail"} if fetched else set())
                | ({"sieve"} if (shipped.sieve_here() if sieve is None else sieve) else set())
            )
            directory = written_files.Directory(dir, self._passwords_in_use(**options))
            values = mailconf.marker_values(connection.settings_dict, directory.passwords, **given)
            files = shipped.render(values, blocks)
            changes = directory.compare(files)
            self._show(changes)
            foreign = [
                change.path for change in changes if change.old is not None and not change.ours
            ]
            if foreign and not force and not dry_run:
                raise CommandError(
                    f"Nothing was written: not written by mailconf, or changed since: {', '.join(foreign)}."
                    " Look at the difference above, then use --force or another directory."
                )
            if not dry_run:
                directory.write(files)
                self._remember(blocks)
        except (written_files.NotPossible, OSError) as error:
            raise CommandError(str(error)) from error
        if not postfix_version:
            self.stdout.write(
                f"There is no Postfix on this machine: the files are for {shipped.POSTFIX}."
                " For another one say --postfix-version."
            )
        if dry_run:
            self.stdout.write(f"{len(changes)} of {len(files)} files would be written.")
        else:
            self.stdout.write(
                f"{len(changes)} of {len(files)} files in {dir} are new or changed."
                f" How to install them: {dir}/README.md"
            )

    def _passwords_in_use(
        self, *, MAPS, DOVECOT_CONF, POSTFIX_SQL_USER, DOVECOT_SQL_USER, **options
    ):
        users = {
            "postfix": POSTFIX_SQL_USER or "mailadmin_postfix",
            "dovecot": DOVECOT_SQL_USER or "mailadmin_dovecot",
        }
        folders = [MAPS or "/etc/postfix/sql", DOVECOT_CONF or "/etc/dovecot"]
        return written_files.passwords_in_use(users, folders)

    def _blocks(self, wanted):
        blocks = {name for name, choice in wanted.items() if choice}
        if None in wanted.values():
            try:
                needed = mailconf.blocks_needed()
            except DatabaseError as error:
                raise CommandError(
                    "The tables cannot be read. Run `manage.py migrate` first, or say"
                    f" {', '.join(f'--{name}' for name in OPTIONAL)}, or --no-… yourself. ({error})"
                ) from error
            blocks |= {name for name in needed if wanted[name] is None}
        return blocks

    def _remember(self, blocks):
        with suppress(DatabaseError):  # every block was named, and there are no tables yet
            main_cf.remember(blocks)

    def _show(self, changes):
        for change in changes:
            if change.old is None:
                self.stdout.write(f"new: {change.path}")
            else:
                self.stdout.write(change.diff)
