from pathlib import Path

from installer.part import Part
from installer.services import Service, answers_on
from installer.steps import File, Link

SYSTEMD = Path("/etc/systemd/system")


class Surroundings(Part):
    places = ["/etc/nginx", "/var/www", "/etc/fail2ban"]

    def steps(self):
        files = self.plan.files
        for name in self.files_in("systemd/"):
            unit = name.removeprefix("systemd/")
            stale = ["units", "mailadmin"] if unit == "mailadmin.service" else ["units"]
            yield File(SYSTEMD / unit, files[name], stale=stale)
        site = Path("/etc/nginx/sites-available/mailadmin")
        yield File(site, files["nginx/mailadmin.conf"], stale=["nginx"])
        yield Link(
            "/etc/nginx/sites-enabled/mailadmin", "../sites-available/mailadmin", stale=["nginx"]
        )
        for name in self.files_in("fail2ban/"):
            path = Path("/etc/fail2ban") / name.removeprefix("fail2ban/")
            yield File(path, files[name], stale=["fail2ban"])
        journald = Path("/etc/systemd/journald.conf.d/mailadmin.conf")
        yield File(journald, files["journald/mailadmin.conf"], stale=["systemd-journald"])

    def services(self):
        ports = [80, 443]
        yield Service("systemd-journald")
        yield Service("nginx", check=["nginx", "-t"], ready=lambda: all(map(answers_on, ports)))
        yield Service("fail2ban", check=["fail2ban-client", "-t"])

    def closing(self):
        logs = "journalctl -u 'postfix*' -u dovecot -u mailadmin, for 90 days and 2 GB at most"
        return [f"Logs: {logs}; those of nginx in /var/log/nginx, by logrotate."]
