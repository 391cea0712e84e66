import os
import signal
from contextlib import suppress

from tests.servers.processes import Process, answers, find, free_ports

LAUNCHER = """. "$0" && exec "$1" -4 -f"$SRS_FORWARD_PORT" -r"$SRS_REVERSE_PORT" -d"$SRS_DOMAIN" -s"$SRS_SECRET" \
-a"$SRS_SEPARATOR" -n"$SRS_HASHLENGTH" -N"$SRS_HASHMIN" -u"$RUN_AS" -l"$SRS_LISTEN_ADDR" -c"$CHROOT" -X"$SRS_EXCLUDE_DOMAINS"
"""


class PostSRSd:
    def __init__(self, directory, files):
        self.port, self.back_port = free_ports(2)
        self.markers = {"SRS_PORT": self.port, "SRS_BACK_PORT": self.back_port}
        command = [find("sh"), "-c", LAUNCHER, files / "postsrsd", find("postsrsd")]
        self._process = Process(command, directory / "postsrsd.log")

    def start(self):
        self._process.start(lambda: answers(self.port) and answers(self.back_port))

    def stop(self):
        # A child serves each connection, and would go on.
        if self._process.process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.process.pid, signal.SIGTERM)
        self._process.stop()
