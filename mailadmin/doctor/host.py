"""The host as a doctor sees it: facts that only root can collect, by the helper or by who runs this, and the panel's rows."""

import json
import os
import re
import shlex
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.utils.translation import gettext_noop

from domains.models import LOCAL_TRANSPORTS, Domain
from mailadmin.doctor.checking import Unseen
from mailadmin.shipped import DEPLOY
from mailboxes.models import Mailbox
from panel import helper

SECONDS = 120
NOT_ROOT = gettext_noop("only root sees it: run `mailadmin doctor` as root, or set HELPER_SOCKET")
OLDER = gettext_noop("the helper is of another release: restart mailadmin-helper")
# Of deploy/install.
INSTALLED = Path("/var/lib/mailadmin-install")
# Where Postfix and Dovecot have their files.
PLACES = ()
# Names that the helper and every program take as they are. The first ones in order may be odd: "*x@…", "\"joe b\"@…".
PLAIN = re.compile(r"[a-z0-9][a-z0-9_+=.-]{0,63}@[a-z0-9.-]{1,255}")
TRIED = 1000


class Host:
    """``before``: the figures of the last look. ``anew``: whether rows are looked at now, and not as the daily look found them."""

    def __init__(self, before=None, *, anew=False):
        self.before = before or {}
        self.anew = anew

    @cached_property
    def address(self):
        rows = Mailbox.objects.filter(
            active=True,
            domain__active=True,
            domain__backupmx=False,
            domain__transport__in=LOCAL_TRANSPORTS,
        )
        try:
            names = rows.order_by("pk").values_list("pk", flat=True)[:TRIED]
            return next(filter(PLAIN.fullmatch, names), "")
        except DatabaseError:  # told by another check
            return ""

    @cached_property
    def facts(self):
        if os.geteuid() == 0:
            return self._as_root()
        if not helper.is_there():
            return NOT_ROOT
        try:
            return helper.ask("look", self.address)
        except ValidationError as error:
            return " ".join(error.messages)

    @cached_property
    def installer(self):
        """The command that keeps this host as deploy/install made it; "" where somebody set it up by hand."""
        return shlex.quote(str(DEPLOY / "install")) if INSTALLED.is_dir() else ""

    @property
    def files_anew(self):
        """The command that puts back what is shipped, and keeps what it overwrites; or ""."""
        return f"{self.installer} --ours" if self.installer else ""

    def part(self, name):
        if isinstance(self.facts, str):
            raise Unseen(self.facts)
        part = self.facts.get(name, {"error": OLDER})
        if "error" in part:
            raise Unseen(part["error"])
        return part["ok"]

    def failure(self, name):
        if isinstance(self.facts, str):
            raise Unseen(self.facts)
        says = self.facts.get(name, {}).get("error", "")
        if says.endswith("No such file or directory") and "env: " in says:
            raise Unseen(says)  # the program is not installed
        return says

    def parameter(self, name):
        return self.part("postfix")["parameters"][name]

    def served_domains(self, names):
        return sorted(Domain.objects.filter(pk__in=names).values_list("pk", flat=True))

    @cached_property
    def certificates(self):
        """{file: the first certificate in it}, without files that have none."""
        return {
            file: x509.load_pem_x509_certificates(text.encode())[0]
            for file, text in self.part("certificates").items()
            if "BEGIN CERTIFICATE" in text
        }

    def _as_root(self):
        given = ["--mail-root", settings.VMAIL_ROOT, *map(str, PLACES)]
        if settings.MAIL_CERTIFICATE:
            given += ["--certificate", settings.MAIL_CERTIFICATE]
        command = [sys.executable, "-I", "-B", str(DEPLOY / "helper"), *given]
        try:
            done = subprocess.run(  # noqa: S603 -- our own program
                [*command, "--look", self.address],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=True,
            )
            return json.loads(done.stdout)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return str(error)
