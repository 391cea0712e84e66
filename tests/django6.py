"""python -m tests.django6 TESTS…: the tests that run on SQLite, on Django 6.

It needs a newer Python than Debian 12 has. So they run in a root of Debian 13, the one that whole hosts are made of (tests/host), with the
packages of requirements/django6.lock. Root and checkout can only be read in there, and all mounts end with the tests.
"""

import os
import shlex
import subprocess
import sys

from tests.host.roots import (
    CACHE,
    NAMESPACES,
    NotHere,
    NotMade,
    base_root,
    check_this_machine,
    fetch,
)
from tests.servers.processes import ROOT

RELEASE, PYTHON = "trixie", "3.13"
LOCK = ROOT / "requirements/django6.lock"
INSIDE = """
mount --make-rprivate /
mount --bind {root} {root}
mount -o remount,bind,ro {root}
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
mount -t tmpfs tmpfs {root}/tmp
mount --bind {checkout} {root}/srv
mount -o remount,bind,ro {root}/srv
mount --bind {packages} {root}/opt
mount -o remount,bind,ro {root}/opt
ip link set lo up
exec chroot {root} env --chdir=/srv python3 -m pytest {words}
"""
# All warnings are errors but these: MAILERS is not in Django 5.2, pyspf is not compiled in here before, and
# Python 3.13 tells of connections to SQLite that nobody closed, whenever it comes across them.
WARNINGS = r"""filterwarnings=error
ignore:The EMAIL_\w+ setting is deprecated
ignore:get_connection\(\) is deprecated
ignore:The 'connection' argument is deprecated
ignore:invalid escape sequence:SyntaxWarning
ignore:unclosed database in:ResourceWarning
ignore:Exception ignored in. <sqlite3.Connection:pytest.PytestUnraisableExceptionWarning
"""
# Programs, and the driver for MariaDB, that this root does not have.
ELSEWHERE = [
    "tests/commands/test_completion.py",
    "tests/commands/test_program.py::test_help_has_two_examples_and_no_option_of_djangos[import]",
    "tests/domains/test_client_setup.py::test_a_signed_profile_is_verified_by_openssl",
]
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONPATH": "/opt",
    "PYTHONPYCACHEPREFIX": "/tmp/compiled",
    "TEST_DATABASE": "sqlite",
}


def main(words):
    try:
        check_this_machine()
        root, in_use = base_root(RELEASE)
        packages = install_packages()
        # Whether the mounts can be made, before a test that fails could be taken for it.
        fetch(inside(root, packages, "--version"), "Look at the mounts.", env=ENVIRONMENT)
    except NotMade as error:
        print(f"\nNOT ONE TEST ON DJANGO 6 WAS RUN.\n{error}", flush=True)
        # In CI it is said and no failure: nobody can mend the machine with a commit.
        return 0 if isinstance(error, NotHere) and "CI" in os.environ else 1
    options = ["-q", "-n", "logical", "--maxprocesses", "4", "-o", WARNINGS]
    options += [f"--deselect={name}" for name in ELSEWHERE]
    status = subprocess.run(
        inside(root, packages, shlex.join([*options, *words])), env=ENVIRONMENT
    ).returncode
    os.close(in_use)
    return status


def inside(root, packages, words):
    script = INSIDE.format(root=root, checkout=ROOT, packages=packages, words=words)
    return ["unshare", *NAMESPACES, "sh", "-e", "-c", script]


def install_packages():
    """They are of another Python than ours, so pip cannot; uv keeps what it downloaded."""
    packages = CACHE / "django6"
    options = ["--python-version", PYTHON, "--target", packages, "--exact"]
    fetch(
        [
            ROOT / ".venv/bin/uv",
            *("pip", "install", "--quiet", "--native-tls", "--python", sys.executable),
            *("--no-build-isolation", "--no-deps", "--require-hashes", *options, "-r", LOCK),
        ],
        "Does the package index answer?",
    )
    return packages


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
