"""How gunicorn serves the panel: gunicorn -c deploy/gunicorn.conf.py mailadmin.wsgi

HOST and PORT say where to listen, WEB_CONCURRENCY how many processes serve. Run by itself, it only
checks them: gunicorn reads WEB_CONCURRENCY before this file, and a wrong one ends in a traceback. With
systemd's socket activation, systemd's socket is used instead.
"""

import gc
import os
import socket
import sys
from pathlib import Path

from environ import Env

Env.read_env(os.environ.get("ENV_FILE", Path(__file__).parent.parent / ".env"))


def read(name, default, fits, expected):
    value = os.environ.get(name) or default
    if not fits(value):
        sys.exit(f"{name} has a wrong value. Expected: {expected}. See .env.example.")
    return value


def is_address(host):
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)  # on any port: our predecessor may still hold PORT
    except (OSError, UnicodeError):
        return False
    return True


def is_number(text, first, last):
    return text.isascii() and text.isdecimal() and len(text) < 10 and first <= int(text) <= last


host = read("HOST", "127.0.0.1", is_address, "an IP address or a name of this machine")
port = read("PORT", "8000", lambda n: is_number(n, 1, 65535), "a port, from 1 to 65535")
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

# A panel is idle most of the day: each process takes about 50 MB, and a few keep every core busy.
cores = len(os.sched_getaffinity(0))
workers = int(
    read(
        "WEB_CONCURRENCY",
        str(max(2, min(cores, 4))),
        lambda n: is_number(n, 1, 1000),
        "a whole number, from 1 to 1000",
    )
)
threads = 4  # also the database connections a process holds

# A wrong setting ends the start with its one sentence, instead of once per process.
preload_app = True


def when_ready(_server):
    """Freeze what was loaded: untouched by the garbage collector, its memory stays shared by the processes.

    And collect less often: a page makes some thousand objects, hardly any of them in cycles.
    """
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


keepalive = 5
timeout = 120  # seconds; deleting a domain with 100,000 mailboxes takes a while
# The processes' signs of life must not wait for a busy disk.
memory = "/dev/shm"  # noqa: S108
worker_tmp_dir = memory if os.access(memory, os.W_OK) else None
control_socket_disable = True
