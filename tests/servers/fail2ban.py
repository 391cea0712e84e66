import subprocess
from collections import Counter

from tests.servers.processes import find


def guesses(files, name, log):
    """Return ``{address: wrong passwords}`` that the filter ``name`` of ``files`` counts in ``log``."""
    command = [find("fail2ban-regex"), "--out", "ip", log, files / "filter.d" / f"{name}.conf"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.stderr:
        raise RuntimeError(run.stdout + run.stderr)
    return Counter(run.stdout.split())
