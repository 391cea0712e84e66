import json
import os
import subprocess
import sys
import threading

import pytest

from tests.helper.conftest import PANEL
from tests.helper.test_helper import ask
from tests.servers.processes import ROOT, wait_until

WAITS = """#!/bin/sh
echo >"$(dirname "$0")/waits"
cat "$(dirname "$0")/gate"
"""


@pytest.fixture
def own_helper(start_helper):
    return start_helper(PANEL)


def test_others_do_not_wait_for_a_look_and_a_second_look_is_sent_away(own_helper):
    program = own_helper / "bin/doveconf"
    before = program.read_text()
    program.write_text(WAITS)
    os.mkfifo(own_helper / "bin/gate")
    told = []
    look = threading.Thread(target=lambda: told.append(ask(own_helper, "look")))
    look.start()
    try:
        wait_until((own_helper / "bin/waits").exists, "it looks")

        assert ask(own_helper, "reload-postfix") == {"ok": {"says": ""}}
        assert ask(own_helper, "look") == {"error": "busy"}
        assert told == []
    finally:
        (own_helper / "bin/gate").write_text("2.4\n")
        look.join()
        program.write_text(before)
        (own_helper / "bin/gate").unlink()
    assert told[0]["ok"]["dovecot"]["ok"]["version"] == "2.4"
    assert "ok" in ask(own_helper, "look")


def test_no_look_is_about_what_a_program_takes_for_an_option(own_helper):
    assert ask(own_helper, "look -a@example.org") == {"error": "not an address"}


MODULES = ("facts", "verbs", "machine", "mail_hosts", "refused")
# Runs in the helper's own directory: a look of which every program hangs.
ENDS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import facts, verbs
facts.LOOK_SECONDS = 1
settings = verbs.Settings(mail_root=Path("/var/vmail"), mailboxes="", certificate=None)
print(json.dumps(facts.look(settings, "")))
"""


def test_a_look_ends_in_time_whatever_hangs(own_helper):
    code = own_helper / "slow"
    code.mkdir()
    for name in ("postconf", "postqueue", "postfix", "doveconf", "doveadm"):
        program = code / name
        program.write_text("#!/bin/sh\nexec sleep 300\n")
        program.chmod(0o755)
    for name in MODULES:
        text = (own_helper / f"helper/{name}.py").read_text()
        (code / f"{name}.py").write_text(text.replace('PROGRAMS = "', f'PROGRAMS = "{code}:'))

    command = [sys.executable, "-I", "-B", "-c", ENDS, str(code)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)

    assert b"postconf took longer than 1 seconds" in done.stdout
    assert b"no time was left for it" in done.stdout


QUEUE_ALONE = ENDS.replace("print(", "facts.PARTS = {'queue': facts.queue}\nprint(")
CHECK_ALONE = ENDS.replace("print(", "facts.PARTS = {'check': facts.check}\nprint(")


@pytest.mark.parametrize(
    ("code", "says"),
    [(QUEUE_ALONE, b"postqueue took too long"), (CHECK_ALONE, b"postfix check took too long")],
)
def test_what_is_read_while_it_runs_is_ended_too(own_helper, tmp_path, code, says):
    for name in ("postqueue", "postfix"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\nexec sleep 300\n")
        program.chmod(0o755)
    for name in MODULES:
        text = (own_helper / f"helper/{name}.py").read_text()
        (tmp_path / f"{name}.py").write_text(
            text.replace('PROGRAMS = "', f'PROGRAMS = "{tmp_path}:')
        )

    command = [sys.executable, "-I", "-B", "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)

    assert says in done.stdout


DOVECOT_ALONE = ENDS.replace("print(", "facts.PARTS = {'dovecot': facts.dovecot}\nprint(")
PRINTED_BY_24 = """# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf
auth_policy {
  hash_nonce = # hidden, use -P to show it
  server_url = http://joe:geheim@127.0.0.1:1/
}
passdb sql-app {
  driver = sql
  sql_query = SELECT AES_DECRYPT(p.password, 'geheim'), (SELECT CONCAT('geheim', s.id) FROM mailbox_share s) FROM mailbox_app_password p WHERE p.password = 'geheim'
}
passdb sql {
  query = SELECT m.password FROM mailbox m
}
"""
SETTINGS_OF_24 = """auth_policy {
  server_url = http://127.0.0.1:1/
}
passdb sql-app {
  driver = sql
  sql_query = FROM mailbox_app_password
}
passdb sql {
  query = FROM mailbox
}"""


def test_of_queries_that_dovecot_prints_the_table_is_told_alone(own_helper, tmp_path):
    program = tmp_path / "doveconf"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{PRINTED_BY_24}END\n")
    program.chmod(0o755)
    for name in MODULES:
        text = (own_helper / f"helper/{name}.py").read_text()
        (tmp_path / f"{name}.py").write_text(
            text.replace('PROGRAMS = "', f'PROGRAMS = "{tmp_path}:')
        )

    command = [sys.executable, "-I", "-B", "-c", DOVECOT_ALONE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    told = json.loads(done.stdout)["dovecot"]["ok"]

    assert told["version"] == "2.4.1-4"
    assert told["settings"] == SETTINGS_OF_24
    assert told["policy"]["url"] == "http://127.0.0.1:1"
    assert told["policy"]["says"] != ""


HIDDEN = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import machine
home = Path(sys.argv[2])
machine.HOMES = (home, home / "not-there")
home.chmod(0)
print([machine.hidden(path) for path in (home / "vmail", home / "../vmail", "/var/vmail")])
home.chmod(0o755)
print([machine.hidden(home / "vmail"), machine.hidden(home / "not-there/x")])
"""


def test_it_knows_where_systemd_lets_it_see_nothing(own_helper, tmp_path):
    command = [sys.executable, "-I", "-B", "-c", HIDDEN, own_helper / "helper", tmp_path]
    done = subprocess.run(command, capture_output=True, check=True, text=True)

    assert done.stdout.splitlines() == [str([str(tmp_path), "", ""]), "['', '']"]


MOUNTS = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import machine
machine.FSTAB, machine.MOUNTED = Path(sys.argv[2], "fstab"), Path(sys.argv[2], "mountinfo")
print(*machine.unmounted(Path("/srv/my mail")), sep="\\n")
"""
FSTAB = r"""
# UUID=0 /srv/old ext4 defaults 0 2
UUID=1 / ext4 errors=remount-ro 0 1
UUID=2 none swap sw 0 0
UUID=3 /srv/ ext4 nofail 0 2
UUID=4 /srv/my\040mail/example.org ext4 nofail 0 2
UUID=5 /mnt/backup ext4 nofail 0 2
"""


@pytest.mark.parametrize(
    ("mounted", "found"),
    [
        (["/"], ["/srv", "/srv/my mail/example.org"]),
        (["/", "/srv"], ["/srv/my mail/example.org"]),
        (["/", "/srv", r"/srv/my\040mail/example.org"], []),
    ],
)
def test_what_is_not_mounted_though_mail_lies_there(tmp_path, mounted, found):
    tmp_path.joinpath("fstab").write_text(FSTAB)
    lines = [f"20 1 8:1 / {place} rw shared:1 - ext4 /dev/sda rw\n" for place in mounted]
    tmp_path.joinpath("mountinfo").write_text("".join(lines))

    command = [sys.executable, "-I", "-B", "-c", MOUNTS, ROOT / "deploy/helper", tmp_path]
    done = subprocess.run(command, capture_output=True, check=True, text=True)

    assert done.stdout.split("\n")[:-1] == (found or [""])
