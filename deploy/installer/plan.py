"""The steps from a bare Debian to a mail host, in the order in which they are done.

What is written comes from deploy/: the files of `manage.py mailconf` by mailadmin/shipped.py, and the few of
deploy/host/ that only this program writes. What each part of the host needs is with the part: parts.py.
"""

import json
import os
import subprocess

from installer import releases, services
from installer.packages import Packages
from installer.part import DATABASE
from installer.parts import PARTS
from installer.texts import settings_in
from mailadmin import shipped
from panel.derived_keys import policy_nonce, policy_secret, relay_key


class Plan:
    def __init__(self, options, journal):
        self.journal, self.checkout = journal, options.checkout
        self.python = self.checkout / ".venv/bin/python"
        self.release = releases.here()
        self.environment = settings_in(self.checkout / ".env")
        self.rows = self._rows()
        self.options = self._decided(options)
        self.parts = [part(self) for part in PARTS if part.wanted(self.options)]
        for part in self.parts:
            for name, make in part.secrets.items():
                journal.secrets.setdefault(name, make())
        self.values = self._values()
        self.blocks = self._blocks()
        self.files = shipped.render(self.values, self.blocks)

    def steps(self):
        parts = self.parts
        return [
            Packages(shipped.DEPLOY / "bin/install-packages", parts),
            *(step for part in parts for step in part.users()),
            *(step for part in parts for step in part.steps()),
            services.Units(),
            *(step for part in PARTS if part not in map(type, parts) for step in part.without()),
            *(step for part in parts for step in part.services()),
            *(step for part in parts for step in part.last()),
        ]

    def _decided(self, options):
        answers = dict(vars(options))
        for part in PARTS:
            answers |= part.decided(options, self.rows, self.environment)
        return type(options)(**answers)

    # --- What is filled in

    def _values(self):
        options = self.options
        key = self.environment.get("SECRET_KEY") or self.journal.secrets["secret_key"]
        wanted = {
            "HOSTNAME": options.hostname,
            "VMAIL_ROOT": options.mail_root,
            "VMAIL_UID": self.environment.get("VMAIL_UID", "5000"),
            "VMAIL_GID": self.environment.get("VMAIL_GID", "5000"),
            "RECIPIENT_DELIMITER": self.environment.get("RECIPIENT_DELIMITER", "+"),
            "RELAY_KEY": relay_key(key),
            "SIGN_INS_SECRET": policy_secret(key),
            "SIGN_INS_NONCE": policy_nonce(key),
            "PASSWORD_DEFAULT_SCHEME": self.environment.get("PASSWORD_DEFAULT_SCHEME", "CRYPT"),
        }
        given = {name: text for part in self.parts for name, text in part.values().items()}
        return shipped.fill_in(wanted, DATABASE, self.journal.secrets, **given)

    def _blocks(self):
        return {
            *shipped.postfix_blocks(shipped.postfix_here() or self.release.postfix),
            *shipped.nginx_blocks(shipped.nginx_here() or self.release.nginx),
            *self.rows.get("needed", []),
            *(block for part in self.parts for block in part.blocks()),
        }

    def _rows(self):
        """The blocks of main.cf that the panel's rows need, and those that the panel knows to be
        there; nothing before the panel is there."""
        code = (
            "import json, django; django.setup(); from domains import main_cf;"
            "from mailadmin.mailconf import blocks_needed, forwards_elsewhere;"
            "told = main_cf.WrittenBlock.objects.values_list('name', flat=True);"
            "print(json.dumps({'needed': [*blocks_needed()], 'all': main_cf.BLOCKS, 'told': [*told], 'forwards': forwards_elsewhere()}))"
        )
        if os.geteuid() != 0 or not self.python.exists():
            return {}
        found = subprocess.run(  # noqa: S603
            ["runuser", "-u", "mailadmin", "--", self.python, "-B", "-c", code],  # noqa: S607
            capture_output=True,
            text=True,
            cwd=self.checkout,
            env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "mailadmin.settings"},
        )
        return json.loads(found.stdout) if found.returncode == 0 else {}
