"""How gunicorn serves the panel: gunicorn -c deploy/gunicorn.conf.py mailadmin.wsgi

HOST and PORT say where to listen, WEB_CONCURRENCY how many processes serve.
Under systemd's socket activation the socket it hands over wins.
"""

import os
import sys
from pathlib import Path

from environ import Env

Env.read_env(os.environ.get("ENV_FILE", Path(__file__).parent.parent / ".env"))

host = os.environ.get("HOST", "127.0.0.1")
bind = "{}:{}".format(f"[{host}]" if ":" in host else host, os.environ.get("PORT", "8000"))

# A panel is idle most of the day: each process takes about 80 MB, and a few keep every core busy.
cores = len(os.sched_getaffinity(0))
processes = os.environ.get("WEB_CONCURRENCY") or str(max(2, min(cores, 4)))
if not processes.isdecimal() or processes == "0":
    sys.exit(
        "WEB_CONCURRENCY has a wrong value. Expected: a whole number, 1 or more. See .env.example."
    )
workers = int(processes)
threads = 4  # also the database connections a process holds

# A wrong setting ends the start with its one sentence, instead of once per process.
preload_app = True
keepalive = 5
timeout = 120  # seconds; deleting a domain with 100,000 mailboxes takes a while
# The processes' signs of life must not wait for a busy disk.
memory = "/dev/shm"  # noqa: S108
worker_tmp_dir = memory if os.access(memory, os.W_OK) else None
control_socket_disable = True
