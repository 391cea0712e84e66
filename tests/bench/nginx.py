import re

from tests.servers.processes import ROOT, Process, answers, find, free_ports

CONF = """
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log;
events {{ }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    {before}
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"""


class Nginx:
    def __init__(self, directory, server, before="", user=""):
        [self.port] = free_ports(1)
        self.directory = directory
        text = CONF.format(
            directory=directory, port=self.port, server=server, before=before, user=user
        )
        file = directory / "nginx.conf"
        file.write_text(text)
        command = [find("nginx"), "-p", directory, "-e", "stderr", "-g", "daemon off;", "-c", file]
        self.process = Process(command, directory / "nginx.log")

    def start(self):
        self.process.start(lambda: answers(self.port))
        return self

    @property
    def pid(self):
        return self.process.process.pid

    def stop(self):
        self.process.stop()


def before_panel(directory, port, root=ROOT):
    shipped = (root / "deploy" / "nginx" / "mailadmin.conf").read_text()
    upstream = re.search(r"(?ms)^upstream .+?^}", shipped)[0]
    location = re.search(
        r"(?ms)^    proxy_http_version .+?^    location / \{\s+proxy_pass .+?^    }", shipped
    )[0]
    upstream = re.sub(r"unix:\S+", f"127.0.0.1:{port}", upstream)
    return Nginx(directory, location, upstream)
