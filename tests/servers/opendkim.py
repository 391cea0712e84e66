import re
import shutil

from tests.servers.processes import Process, answers, find, free_ports


class OpenDKIM:
    def __init__(self, directory, files):
        self.files = files
        self.conf = directory / "opendkim"
        [self.port] = free_ports(1)
        self.markers = {"SIGNER_PORT": self.port, "OPENDKIM_CONF": self.conf}
        self.log = directory / "opendkim.log"
        command = [find("opendkim"), "-f", "-x", self.conf / "opendkim.conf"]
        self._process = Process(command, self.log)

    def install(self):
        self.conf.mkdir()
        shutil.copy(self.files / "setup.lua", self.conf)
        text = (self.files / "opendkim.conf").read_text()
        # A place for the process id that is not the machine's own.
        text = re.sub(r"^PidFile.*\n", "", text, flags=re.MULTILINE)
        (self.conf / "opendkim.conf").write_text(text)
        for path in [self.conf, *self.conf.iterdir()]:
            shutil.chown(path, "root", "opendkim")
            path.chmod(0o750 if path.is_dir() else 0o640)

    def start(self):
        self._process.start(lambda: answers(self.port))

    def stop(self):
        self._process.stop()
