import re
from collections.abc import Callable
from dataclasses import dataclass

from mailadmin import shipped

# The server's own name, and an address.
NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@" + NAME.pattern)
# The panel's, as settings.DATABASES has it.
DATABASE = {"ENGINE": "django.db.backends.mysql", "NAME": "mail", "USER": "mailadmin", "HOST": ""}
# Below it a person's lines, in files of ours that cannot include another one.
OWN_LINES = "\n# --- Own lines: what stands below is never written by deploy/install.\n"


@dataclass(frozen=True)
class Answer:
    """What a run is told: a line "name = value" in a file of answers, and --name on the command line."""

    help: str
    default: str = ""
    # What a value looks like; None where any will do. Nothing at all will do where the default is that.
    shape: re.Pattern | None = None
    # yes or no; on the command line --name and --no-name. With another default (auto) a part decides: decided().
    switch: bool = False
    # Not on the command line, where others see it: from the file of answers, --name-file FILE or a question. Kept with
    # the journal's secrets.
    secret: bool = False
    # Of a secret: whether these options need it.
    needed: Callable | None = None


class Part:
    """Nothing by default: a subclass overrides what its part has. ``self.plan`` has the options,
    the journal, values and files."""

    # {name_of_option: Answer}; its value is ``self.options.name_of_option``, a switch's is True or False.
    answers = {}
    # {name: function} of secrets that are made once; ``self.journal.secrets[name]``.
    secrets = {}
    # Purposes of deploy/bin/debian-packages.txt whose packages it needs.
    purposes = []
    # Directories and files of these packages of which purging leaves some behind; undo removes what came.
    places = []
    # Files of these packages that a step replaces: nobody's work is lost by it.
    configurations = []
    # Files and directories that a backup needs, besides the database and what the steps write anew.
    keeps = []

    def __init__(self, plan):
        self.plan = plan
        self.options, self.journal, self.checkout = plan.options, plan.journal, plan.checkout

    @classmethod
    def decided(cls, options, rows, environment):
        """{name: value} of answers that nobody gave, and that follow from the panel's rows and its .env."""
        return {}

    @classmethod
    def wanted(cls, options):
        return True

    @classmethod
    def without(cls):
        """Steps for a host that is not to have it: services to stop that an earlier run started."""
        return []

    @classmethod
    def findings(cls, options):
        """What a look at the machine finds out for it: ``world.ok()``, ``note()`` or ``stop()``."""
        return []

    def blocks(self):
        """Names of the blocks "# BEGIN name" in deploy/'s files that stay."""
        return set()

    def values(self):
        """{MARKER: value} for these files."""
        return {}

    def users(self):
        """Steps for accounts, right after the packages."""
        return []

    def steps(self):
        return []

    def services(self):
        """What is started, when all files of all parts are there."""
        return []

    def last(self):
        """Steps for which everything must be running."""
        return []

    def closing(self):
        return []

    def filled(self, name):
        """The text of deploy/``name``, with values and blocks. Those of `manage.py mailconf` are in plan.files too."""
        text = shipped.with_blocks((shipped.DEPLOY / name).read_text(), self.plan.blocks)
        return shipped.MARKER.sub(lambda m: self.plan.values[m[1]], text)

    def files_in(self, folder):
        return [name for name in self.plan.files if name.startswith(folder)]
