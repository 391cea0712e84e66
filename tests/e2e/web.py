import http.client
import os
import re
import shlex
import socket
import ssl
import subprocess

from tests.e2e.panel import Panel
from tests.servers.certificate import certify
from tests.servers.processes import ROOT, Process, answers, find, free_ports

HOST = "panel.example.org"

NGINX = """
user root;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log;
events {{ }}
http {{
    include /etc/nginx/mime.types;
    access_log {directory}/nginx-access.log;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    {sites}
}}
"""


class WebHost(Panel):
    """What mailconf writes for nginx and systemd, on private ports and in ``directory``."""

    options = ()  # more of mailconf

    def __init__(self, database_url, directory, **settings):
        self.http_port, self.https_port = free_ports(2)
        behind = {"HTTPS": "yes", "BEHIND_PROXY": "yes", "ALLOWED_HOSTS": HOST}
        # A browser names the port; on a real host there is none to name.
        origin = {"CSRF_TRUSTED_ORIGINS": f"https://{HOST}:{self.https_port}"}
        super().__init__(database_url, directory, **behind | origin | settings)
        self.certificate = self.directory / "cert.pem"
        self.socket = self.directory / "mailadmin.sock"
        self.files = self.directory / "mailconf"
        self._nginx = None

    def start(self):
        self.manage("migrate", "--no-input", "-v", "0")
        self.manage("collectstatic", "--no-input", "-v", "0")
        key = self.directory / "key.pem"
        certify(HOST, self.certificate, key)
        self.manage(
            *["mailconf", self.files, "--hostname", "mail.example.org", "--panel-host", HOST],
            *["--tls-cert", self.certificate, "--tls-key", key, *self.options],
        )
        self._process = Process(self._activation(), self.log)
        self._process.start(self.socket.exists)
        sites = []
        for name, text in self.sites().items():
            sites.append(f"include {self.directory / name};")
            self.directory.joinpath(name).write_text(text)
        self.conf = self.directory / "nginx.conf"
        self.conf.write_text(NGINX.format(directory=self.directory, sites="\n".join(sites)))
        nginx = [find("nginx"), "-p", self.directory, "-e", "stderr", "-g", "daemon off;"]
        self._nginx = Process([*nginx, "-c", self.conf], self.log)
        self._nginx.start(lambda: answers(self.https_port))
        return self

    def stop(self):
        if self._nginx:
            self._nginx.stop()
        super().stop()

    def units(self):
        return sorted(path for path in (self.files / "systemd").iterdir() if path.is_file())

    def drop_ins(self):
        """Return ``{unit: text}`` of what is added to units of Debian's."""
        paths = (self.files / "systemd").glob("*.d/*")
        return {path.parent.name.removesuffix(".d"): path.read_text() for path in paths}

    def _activation(self):
        """The unit's own command, given the listening socket as systemd gives it."""
        unit = (self.files / "systemd" / "mailadmin.service").read_text()
        command = shlex.split(re.search(r"(?m)^ExecStart=(.+)$", unit)[1])
        variables = [f"--setenv={name}={value}" for name, value in self._environment.items()]
        return [find("systemd-socket-activate"), f"--listen={self.socket}", *variables, *command]

    def sites(self):
        """Return ``{file: text}`` of what nginx includes."""
        changes = {
            r"unix:\S+": f"unix:{self.socket}",
            r"/etc/nginx/mailadmin/": f"{self.directory}/names/",
        }
        text = (self.files / "nginx" / "mailadmin.conf").read_text()
        return {"site.conf": self.on_private_ports(text, changes)}

    def on_private_ports(self, text, changes):
        ports = {
            r"listen \[::\]:.*;\n": "",
            r"listen 80;": f"listen 127.0.0.1:{self.http_port};",
            r"listen 443 ": f"listen 127.0.0.1:{self.https_port} ",
        }
        for old, new in {**ports, **changes}.items():
            text, found = re.subn(old, new, text)
            assert found, old
        return text

    def connect(self):
        context = ssl.create_default_context(cafile=self.certificate)
        plain = socket.create_connection(("127.0.0.1", self.https_port), timeout=60)
        return context.wrap_socket(plain, server_hostname=HOST)

    def visit(self, path, body=None, *, tls=True, host=HOST, **headers):
        """Send one request, a POST if it has a ``body``; return (status, headers, text)."""
        if tls:
            context = ssl.create_default_context(cafile=self.certificate)
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.https_port, context=context, timeout=60
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(
                "GET" if body is None else "POST", path, body, headers | {"Host": host}
            )
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def complaints(self, units, folder=""):
        """Return what systemd has to say against ``units``; it looks at the machine's own too.

        Units in ``folder``, and what is added to units there, come before the machine's.
        """
        command = [find("systemd-analyze"), "verify", "--man=no", *units]
        places = {"SYSTEMD_UNIT_PATH": f"{folder}:"} if folder else {}
        run = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **places},
            capture_output=True,
            text=True,
            timeout=180,
        )
        return [line for line in (run.stdout + run.stderr).splitlines() if "mailadmin" in line]
