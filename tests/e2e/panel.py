import re
import secrets
import subprocess
from pathlib import Path

from tests.servers.processes import PROGRAMS, ROOT, Process, answers, find, free_ports


class Panel:
    """Serves ``database_url`` at ``url`` between start() and stop(). ``settings`` go to its .env."""

    root = ROOT  # the checkout it runs from

    def __init__(self, database_url, directory, **settings):
        self.directory = Path(directory)
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.public_url = f"http://localhost:{self.port}/"  # no passkey belongs to an address
        self.log = self.directory / "panel.log"
        self._write_settings(
            {
                "SECRET_KEY": secrets.token_urlsafe(48),
                "HTTPS": "no",  # the browser comes by plain http
                "DATABASE_URL": database_url,
                "PASSWORD_ROUNDS": "5000",
                "PANEL_URL": self.public_url,
            }
            | settings
        )
        gunicorn = [self.root / ".venv/bin/gunicorn", "-c", "deploy/gunicorn.conf.py"]
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        command = [find("env"), f"--chdir={self.root}", *variables, *gunicorn, "mailadmin.wsgi"]
        self._process = Process(command, self.log)

    def start(self, *, migrate=True):
        if migrate:
            self.manage("migrate", "--no-input", "-v", "0")
        self.manage("collectstatic", "--no-input", "-v", "0")
        self._process.start(lambda: answers(self.port))
        return self

    @property
    def pid(self):
        return self._process.process.pid

    def stop(self):
        self._process.stop()

    def manage(self, *arguments, **settings):
        """Run manage.py and return what it printed; ``settings`` stand above those of the panel."""
        command = [self.root / ".venv/bin/python", "manage.py", *map(str, arguments)]
        environment = self._environment | {"PATH": PROGRAMS} | settings
        run = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True
        )
        if run.returncode:
            raise RuntimeError(f"manage.py {arguments[0]}: {run.stdout}{run.stderr}")
        return run.stdout

    def fill_with_demo(self):
        """Create the sample data; return {login: password} of its accounts, the superadmin first."""
        words = self.manage("firstrun", "--demo")
        superadmin, password = re.search(
            r"Sign in as (\S+) with the password (\S+)", words
        ).groups()
        shared = re.search(r"All of them have the password (\S+),", words)[1]
        others = re.findall(r"^ +(\S+@\S+)", words, re.MULTILINE)
        return {superadmin: password} | dict.fromkeys(others, shared)

    def _write_settings(self, settings):
        file = self.directory / "panel.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self._environment = {
            "ENV_FILE": str(file),
            "STATIC_ROOT": str(self.directory / "static"),
            "DJANGO_SETTINGS_MODULE": "tests.e2e.settings",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",  # root's files would stay in a developer's checkout
        }
