"""Starting and stopping services: by systemd, or by what their units say where systemd is not running."""

import grp
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from installer import machine
from installer.steps import Failed, Step, run
from installer.texts import settings_in

UNITS = [Path("/etc/systemd/system"), Path("/lib/systemd/system")]
RUN = Path("/run/mailadmin-install")
POSTFIX_PID = "/var/spool/postfix/pid/master.pid"  # the only unit that forks and does not say where
SECONDS = 60


class Service(Step):
    """``unit`` runs, starts with the machine, and has read its present files. ``check`` tests these
    before a restart."""

    def __init__(self, unit, *, name=None, check=None, ready=None, seconds=SECONDS, replan=False):
        self.unit, self.name, self.replan = unit, name or unit, replan
        self.title = f"service {unit}"
        self.check, self.ready, self.seconds = check, ready, seconds

    def difference(self, journal):
        services = manager()
        if not services.takes(self.unit):
            return ""
        if not services.is_running(self.unit):
            return f"start {self.unit}"
        if self.name in journal.stale:
            return f"restart {self.unit}"
        return "" if services.is_enabled(self.unit) else f"enable {self.unit}"

    def do(self, journal, log):
        services = manager()
        if self.check:
            run(self.check, log=log, advice=f"{self.unit} was not restarted: what ran goes on.")
        was = any(e["kind"] == "service" and e["unit"] == self.unit for e in journal.entries)
        if not was:
            journal.record(
                "service",
                unit=self.unit,
                ran=services.is_running(self.unit),
                enabled=services.is_enabled(self.unit),
            )
        services.enable(self.unit, log)
        services.restart(self.unit, log)
        if self.ready:
            complaint = f"{self.unit} was started, and does not answer."
            wait_until(self.ready, complaint, seconds=self.seconds)
        services.is_ready(self.unit, log)
        if self.name in journal.stale:
            journal.stale.remove(self.name)
        journal.save()


class Stopped(Step):
    def __init__(self, unit):
        self.unit, self.title = unit, f"service {unit}"

    def difference(self, journal):
        services = manager()
        ours = any(
            entry["kind"] == "service" and entry["unit"] == self.unit and not entry["ran"]
            for entry in journal.entries
        )
        runs = ours and services.takes(self.unit) and services.is_running(self.unit)
        return f"stop {self.unit}" if runs else ""

    def do(self, journal, log):
        services = manager()
        services.stop(self.unit, log)
        services.disable(self.unit, log)


class Units(Step):
    title = "systemd's units"
    name = "units"

    def difference(self, journal):
        return (
            "systemctl daemon-reload"
            if self.name in journal.stale and machine.runs_systemd()
            else ""
        )

    def do(self, journal, log):
        run(["systemctl", "daemon-reload"], log=log)
        journal.stale.remove(self.name)
        journal.save()


def manager():
    return Systemd() if machine.runs_systemd() else ByHand()


def wait_until(ready, complaint, *, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise Failed(f"{complaint}\nSee its log: journalctl -e, or /var/log.")
        time.sleep(0.2)


def answers_on(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


class Systemd:
    def takes(self, unit):
        return True

    def is_running(self, unit):
        return self._says("is-active", unit)

    def is_enabled(self, unit):
        return self._says("is-enabled", unit)

    def enable(self, unit, log):
        run(["systemctl", "enable", "--quiet", unit], log=log)

    def disable(self, unit, log):
        run(["systemctl", "disable", "--quiet", unit], log=log)

    def restart(self, unit, log):
        run(["systemctl", "restart", unit], log=log, advice=f"journalctl -u {unit} -n 30")

    def is_ready(self, unit, log):
        # systemd has run ExecStartPost= by itself
        pass

    def stop(self, unit, log):
        run(["systemctl", "stop", unit], log=log)

    def _says(self, verb, unit):
        command = ["systemctl", verb, "--quiet", unit]
        return subprocess.run(command, capture_output=True).returncode == 0  # noqa: S603


class ByHand:
    """For a container: no systemd, so the unit's own commands are run and its process id is kept in /run."""

    def takes(self, unit):
        return not unit.endswith((".timer", ".socket")) and unit != "systemd-journald"

    def is_enabled(self, unit):
        return True

    def enable(self, unit, log):
        pass

    def disable(self, unit, log):
        pass

    def is_running(self, unit):
        pid = self._pid(unit)
        try:
            return pid is not None and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
        except OSError:
            return False

    def restart(self, unit, log):
        self.stop(unit, log)
        settings = read_unit(unit)
        _make_runtime_directories()
        environment = _environment(settings)
        self._run(settings.get("ExecStartPre", []), environment, log)
        for folder in settings.get("RuntimeDirectory", [""])[0].split():
            Path("/run", folder).mkdir(exist_ok=True)
            if "User" in settings:
                shutil.chown(f"/run/{folder}", settings["User"][0])
        for _prefix, command in [_command(line, environment) for line in settings["ExecStart"]]:
            if settings.get("Type") in (["forking"], ["oneshot"]):
                run(command, log=log)
                pid = self._its_own_pid(settings, log)
            else:
                pid = self._start(unit, settings, command, environment, log)
        RUN.mkdir(exist_ok=True)
        (RUN / f"{unit}.pid").write_text(f"{pid}\n")

    def is_ready(self, unit, log):
        settings = read_unit(unit)
        self._run(settings.get("ExecStartPost", []), _environment(settings), log)

    def _run(self, lines, environment, log):
        for line in lines:
            prefix, command = _command(line, environment)
            try:
                run(command, log=log)
            except Failed:
                if "-" not in prefix:
                    raise

    def stop(self, unit, log):
        if self.is_running(unit):
            pid = self._pid(unit)
            log.write(f"stop {unit} (process {pid})")
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + SECONDS
            while self.is_running(unit):
                if time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.1)
        (RUN / f"{unit}.pid").unlink(missing_ok=True)

    def _pid(self, unit):
        try:
            return int((RUN / f"{unit}.pid").read_text())
        except (OSError, ValueError):
            return None

    def _its_own_pid(self, settings, log):
        file = Path(settings.get("PIDFile", [POSTFIX_PID])[0])
        wait_until(file.exists, f"{file} was not written.")
        return int(file.read_text())

    def _start(self, unit, settings, command, environment, log):
        sockets = _listen(unit)
        user = settings.get("User", [None])[0]
        pid = os.fork()
        if pid:
            for one in sockets:
                one.close()
            return pid
        try:
            os.setsid()
            output = os.open(log.path, os.O_WRONLY | os.O_APPEND)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            for number, one in enumerate(sockets, start=3):
                os.dup2(one.fileno(), number)
            os.closerange(3 + len(sockets), 1024)
            if sockets:
                environment |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(sockets))}
            if user:
                account = pwd.getpwnam(user)
                os.initgroups(user, account.pw_gid)
                os.setgroups([*os.getgroups(), *_more_groups(settings)])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
            os.chdir(settings.get("WorkingDirectory", ["/"])[0])
            os.umask(0o077 if settings.get("UMask") == ["0077"] else 0o022)
            os.execvpe(command[0], command, environment)  # noqa: S606
        finally:
            os._exit(127)


def read_unit(unit):
    """{setting: [values]} of a unit file and its drop-ins."""
    name = unit if unit.endswith((".service", ".socket", ".timer")) else f"{unit}.service"
    name, at, instance = name.partition("@")
    for folder in UNITS:
        file = folder / (f"{name}@.service" if at else name)
        if file.exists():
            texts = [one.read_text() for one in [file, *_drop_ins(file.name)]]
            text = "\n".join(texts).replace("\\\n", " ").replace("%i", instance.partition(".")[0])
            break
    else:
        raise Failed(f"There is no unit {unit}.")
    settings = {}
    for line in text.splitlines():
        found = re.fullmatch(r"\s*(\w+)\s*=\s*(.*?)\s*", line)
        if found and found[2]:
            settings.setdefault(found[1], []).append(found[2])
        elif found:  # "ExecStart=" forgets those before
            settings.pop(found[1], None)
    return settings


def _drop_ins(name):
    return sorted(file for folder in UNITS for file in (folder / f"{name}.d").glob("*.conf"))


def _make_runtime_directories():
    for file in Path("/usr/lib/tmpfiles.d").glob("*.conf"):
        for line in file.read_text().splitlines():
            words = line.split()
            if (
                words[:1] == ["d"]
                and len(words) > 4
                and words[1].startswith(("/run/", "/var/run/"))
            ):
                Path(words[1]).mkdir(parents=True, exist_ok=True)
                shutil.chown(words[1], words[3], words[4])
                Path(words[1]).chmod(int(words[2], 8))


def _environment(settings):
    found = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    for file in settings.get("EnvironmentFile", []):
        found |= settings_in(Path(file.removeprefix("-")))
    return found


def _more_groups(settings):
    """That of the journal is not there without systemd."""
    names = " ".join(settings.get("SupplementaryGroups", [])).split()
    return [group.gr_gid for group in grp.getgrall() if group.gr_name in names]


def _command(line, environment):
    """("-", [program, …]) of ExecStart's value; variables that nobody set vanish."""
    prefix = re.match(r"[-+!@:]*", line)[0]
    # Debian 13's Postfix refuses that word where systemd is not running.
    line = re.sub(r"\bdebian-systemd-start$", "start", line)
    words = shlex.split(line[len(prefix) :])
    expanded = [
        re.sub(r"\$\{?(\w+)\}?", lambda m: environment.get(m[1], ""), word) for word in words
    ]
    return prefix, [word for word in expanded if word]


def _listen(unit):
    if not (UNITS[0] / f"{unit}.socket").exists():
        return []
    settings = read_unit(f"{unit}.socket")
    path = Path(settings["ListenStream"][0])
    path.parent.mkdir(mode=0o755, exist_ok=True)
    path.unlink(missing_ok=True)
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(path))
    path.chmod(int(settings["SocketMode"][0], 8))
    os.chown(path, pwd.getpwnam(settings["SocketUser"][0]).pw_uid, -1)
    one.listen(128)
    return [one]
