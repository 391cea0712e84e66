from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.models import Sum
from django_rich.management import RichCommand

from aliases import functions
from aliases.models import AliasTarget
from domains.models import DomainUsage
from mailboxes import sieve, triggers
from mailboxes.models import FullMailbox, Mailbox
from panel import foreign, output, server
from panel.transactions import Unavailable, in_transaction

SHOWN = 5


class Command(RichCommand):
    help = (
        "Create the database triggers (and Postfix's functions and Dovecot's views) and compute anew what they keep: counters of the domains,"
        " where aliases lead, which mailboxes are nearly full, the words that the search finds. For tables that"
        " another program filled before the triggers were there, or from a dump without them. About a minute for"
        " a million mailboxes: mail goes on meanwhile, the search by words finds only a part."
    )

    def handle(self, **options):
        bar = output.bar(self, "Counting")
        if words := foreign.owner(connection):
            raise CommandError(words)
        if missing := foreign.missing_tables(connection):
            raise CommandError(
                f"These tables are missing: {', '.join(missing)}. Run `manage.py migrate`."
                " Nothing was written."
            )
        # Checked first: MySQL has no triggers any more by the time it refuses the new ones.
        if not server.may_create(connection):
            raise CommandError(
                f"This server lets only SUPER create triggers. {server.HOW_TO_ALLOW}"
            )
        try:
            with triggers.created(connection, anew=True):
                functions.create(connection)
                functions.drop(connection, functions.FORMER)
                sieve.create(connection)
                # Pages see the old figures until all new ones are there.
                in_transaction(triggers.rebuild)(connection, bar)
            triggers.empty_words(connection)
            triggers.rebuild_words(connection, bar)
        except Unavailable as error:
            raise CommandError(error.message) from error
        except DatabaseError as error:
            raise CommandError(foreign.refusal(error)) from error
        totals = DomainUsage.objects.aggregate(m=Sum("mailboxes"), rows=Sum("alias_rows"))
        mailboxes, rows = totals["m"] or 0, totals["rows"] or 0
        dangling = AliasTarget.objects.dangling().count()
        self.stdout.write(
            f"Domains: {DomainUsage.objects.count()}, mailboxes: {mailboxes},"
            f" aliases: {max(0, rows - mailboxes)}, recipients that do not exist: {dangling},"
            f" nearly full mailboxes: {FullMailbox.objects.count()}."
        )
        tiny = Mailbox.objects.with_tiny_quota().order_by("quota", "pk")
        if names := list(tiny.values_list("pk", flat=True)[:SHOWN]):
            self.stdout.write(
                "Quotas below 1 MB, as if somebody had written megabytes where bytes are meant:"
                f" {tiny.count()}, such as {', '.join(names)}."
            )
