import sys
from pathlib import Path
from time import sleep

from django.core.management.base import CommandError

from accounts.models import Admin
from mailboxes.broadcast_replies import counts, not_sent
from mailboxes.broadcasts import BroadcastWork, Waits, ask_broadcast
from mailboxes.writing import LATER, REFUSED, SENT, UNKNOWN
from panel import tasks
from panel.addresses import lookup_key
from panel.commands import PanelCommand
from panel.models import Task
from panel.transactions import Unavailable

ATTEMPTS = 60  # without a message taken in between, before it gives up
PAUSE_SECONDS = 10
ENDED = {
    SENT: "sent",
    REFUSED: "refused",
    LATER: "put off by the mail server",
    UNKNOWN: "not known: the connection broke",
}


class Command(PanelCommand):
    help = (
        "Send a message in plain text to each mailbox of some domains, or of all, as the page “Broadcast message” does."
        " Ctrl-C stops it, and --resume goes on with it, or with one of that page."
    )
    words = {"body": "FILE", "subject": "--subject", "from_name": "--from", "domains": "--domain"}

    def add_arguments(self, parser):
        parser.add_argument(
            "file", metavar="FILE", nargs="?", help="The text; “-” for standard input."
        )
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument(
            "--domain",
            dest="domains",
            action="append",
            help="Only this one; several times for several.",
        )
        where.add_argument("--all", action="store_true", help="All domains.")
        where.add_argument("--resume", type=int, metavar="N", help="Go on with broadcast N.")
        parser.add_argument("--subject", metavar="TEXT", default="")
        parser.add_argument(
            "--from",
            dest="from_name",
            default="",
            metavar="NAME",
            help="A name before the sender's address.",
        )
        parser.add_argument(
            "--aliases", action="store_true", help="Aliases too that lead to addresses elsewhere."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say how many would get it, and stop."
        )

    def act(self, *, file, resume, dry_run, **options):
        if resume is not None:
            task = self.begun_before(resume)
        elif file is None:
            raise CommandError("Name the FILE that holds the text, or “-” for standard input.")
        else:
            task = self.asked(self.text_in(file), **options)
        if dry_run:
            self.tell_plan(task, asked=resume is None)
            return
        self.send(tasks.begin(task, self.work_of(task)))

    def text_in(self, file):
        try:
            return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error

    def asked(self, text, *, domains, subject, from_name, aliases, **options):
        return ask_broadcast(
            actor=None,
            domains=domains and [lookup_key(name) for name in domains],
            aliases=aliases,
            subject=subject,
            body=text,
            from_name=from_name,
        )

    def begun_before(self, number):
        task = Task.objects.filter(kind=BroadcastWork.kind, pk=number).first()
        if task is None:
            raise CommandError(f"There is no broadcast {number}.")
        if task.state not in tasks.UNFINISHED:
            raise CommandError(f"Broadcast {number} is over, or was never begun.")
        self.work_of(task)
        return task

    def work_of(self, task):
        """With the administrator as they are now: rights may have been taken away since it was begun."""
        if not task.admin:
            return BroadcastWork(None)
        actor = Admin.objects.filter(pk=task.admin).first()
        if actor is None:
            raise CommandError(f"Its administrator {task.admin} is gone.")
        work = BroadcastWork(actor)
        if not work.is_allowed():
            raise CommandError(f"Its administrator {task.admin} may send no broadcast message now.")
        if not tasks.may_go_on(task, work):
            raise CommandError(
                f"What its administrator {task.admin} manages has changed since it was begun,"
                " so it does not go on."
            )
        return work

    def tell_plan(self, task, *, asked):
        options, total = task.options, task.total
        number = f"more than {tasks.COUNTED}" if total > tasks.COUNTED else total
        self.stdout.write(f"From {options['sender']}, subject: {options['subject']}")
        self.stdout.write(f"Recipients: {number}.")
        if asked:
            task.delete()

    def send(self, task):
        self.stdout.write(f"Broadcast {task.pk}.")
        failed, why = 0, f"It is not finished: `broadcast --resume {task.pk}` goes on."
        try:
            while task.state == tasks.Running and failed < ATTEMPTS:
                before, work = task.passed, self.work_of(task)
                try:
                    task = tasks.step(task, work)
                    failed = 0
                    pause = work.pause(task)
                    if task.passed != before:
                        self.stdout.write(f"{task.passed} of {self.total(task)}")
                except Unavailable as error:
                    self.stderr.write(self.explain(error))
                    task.refresh_from_db()
                    waits = isinstance(error, Waits)  # for the end of an earlier one, not in vain
                    failed += task.passed == before and not waits
                    pause = PAUSE_SECONDS
                self.stdout.flush()
                sleep(pause)
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")
        except CommandError as error:
            why = str(error)
        self.conclude(tasks.stop(task), why)

    def total(self, task):
        return task.total if task.total <= tasks.COUNTED else f"more than {tasks.COUNTED}"

    def conclude(self, task, why):
        told = counts(task)
        said = [
            f"{told[name]} {words}" for name, words in ENDED.items() if told[name] or name == SENT
        ]
        self.stdout.write(f"{', '.join(said)}.")
        for address, state, reply in not_sent(task):
            self.stdout.write(f"{address}: {state} {reply}".rstrip())
        if task.state != Task.State.DONE:
            raise CommandError(why)
