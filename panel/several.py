import sys
import tempfile

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import CommandError
from rich.text import Text

from panel.output import as_json, progress
from panel.transactions import Unavailable

SEEN_FROM = 50  # rows: then the bar is shown


def names_read(names):
    """Yield the names, those of standard input in place of “-”: of each line what stands before the first tab."""
    for name in names:
        if name != "-":
            yield name
        elif sys.stdin is not None:
            firsts = (line.partition("\t")[0].strip() for line in sys.stdin)
            yield from filter(None, firsts)


class Several:
    """``total``: how many names there are, None if nobody knows beforehand."""

    def __init__(self, command, names, total, *, json):
        self.command = command
        self.json = json
        self.names = names
        self.total = total
        self.done = self.refused = 0
        self.bar = progress(command)
        self.task = self.bar.add_task(command.nouns.capitalize(), total=total)

    def do(self, act, done):
        if (self.total or 0) >= SEEN_FROM:
            self.bar.start()
        stopped = ""
        # On disk, so that a million refusals need no memory.
        with tempfile.TemporaryFile("w+") as refusals:
            try:
                for name in self.names:
                    self._one(act, name, refusals)
            except KeyboardInterrupt:
                stopped = "Stopped: "
            finally:
                self.bar.stop()
                refusals.seek(0)
                for line in refusals:
                    self.command.stderr.write(line)
        noun = self.command.noun if self.done == 1 else self.command.nouns
        summary = f"{stopped}{self.done:,} {noun} {done}"
        if self.refused or stopped:
            raise CommandError(f"{summary}, {self.refused:,} refused.")
        if self.command.stdout.isatty() and not self.json:
            self.command.stdout.write(f"{summary}.")

    def _one(self, act, name, refusals):
        try:
            act(name, self._say)
            self.done += 1
        except Unavailable:
            raise  # nor would the next one be saved
        except (ValidationError, ObjectDoesNotExist, CommandError) as error:
            reason = str(error) if isinstance(error, CommandError) else self.command.explain(error)
            self.refused += 1
            reason = " ".join(reason.split())
            refused = {"name": name, "error": reason}
            refusals.write((as_json(refused) if self.json else f"{name}: {reason}") + "\n")
        if self.done + self.refused == SEEN_FROM:
            self.bar.start()
        self.bar.advance(self.task)

    def _say(self, line):
        if self.bar.live.is_started and self.command.stdout.isatty():
            self.bar.console.print(Text(line), soft_wrap=True)  # above the bar
        else:
            self.command.stdout.write(line)
