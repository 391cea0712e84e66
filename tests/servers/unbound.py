from tests.servers.processes import Process, answers, find, free_ports

CONF = """
server:
    directory: "{directory}"
    chroot: ""
    username: ""
    pidfile: "{directory}/unbound.pid"
    logfile: ""
    use-syslog: no
    interface: 127.0.0.1@{port}
    do-not-query-localhost: no
    local-zone: "test." nodefault
    trust-anchor-file: "{anchors}"
remote-control:
    control-enable: no
"""


class Unbound:
    """``start({"host.test": knot}, [anchors])`` asks these servers for these zones."""

    def __init__(self, directory):
        self.directory = directory
        [self.port] = free_ports(1)
        self.address = f"127.0.0.1:{self.port}"
        self._conf = directory / "unbound.conf"
        command = [find("unbound"), "-d", "-c", self._conf]
        self._process = Process(command, directory / "unbound.log")

    def start(self, zones, anchors):
        file = self.directory / "anchors"
        file.write_text("".join(f"{anchor}\n" for anchor in anchors))
        text = CONF.format(directory=self.directory, port=self.port, anchors=file)
        for name, server in zones.items():
            text += f"stub-zone:\n    name: {name}\n    stub-addr: 127.0.0.1@{server.port}\n"
        self._conf.write_text(text)
        self._process.start(lambda: answers(self.port))

    def stop(self):
        self._process.stop()
