import json
import re

import dkim
import pytest

from tests.host.facts import NAME, PANEL, PASSWORD, differences, files_of, python
from tests.host.post import as_ann, read

PATTERN = "{}JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
OWN = {
    # The pattern that is marked, besides the one that is refused; no name server to wait for.
    "options.inc": 'gtube_patterns = "all"; enable_test_patterns = true;\n'
    "dns { timeout = 0.1s; retransmits = 1; }\n",
    # Whoever comes for the first time waits a second.
    "actions.conf": "greylist = 0.1; add_header = 20; reject = 30;\n",
    "greylist.conf": "timeout = 1s;\n",
}
OFFER = """
import time
def offer(text):
    with smtplib.SMTP("192.0.2.25", 25) as smtp:
        try:
            smtp.sendmail("eve@outside.test", ["ann@example.org"], text)
            return 250, ""
        except smtplib.SMTPResponseException as error:
            return error.smtp_code, error.smtp_error.decode()
def insist(text):
    for _ in range(60):
        answer = offer(text)
        if answer[0] != 451:
            return answer
        time.sleep(0.5)
"""
HEAD = "From: eve@outside.test\\r\\nTo: ann@example.org\\r\\n"


@pytest.fixture(scope="module")
def host(machine, bare):
    own = machine.path("/etc/rspamd/override.d")
    own.mkdir(parents=True)
    for name, text in OWN.items():
        (own / name).write_text(text)
    machine.install(NAME, "--spam", "--mailbox-limit", "20", "--no-resolver")
    machine.run(*PANEL, "domain", "add", "example.org", "--role-target", "ann@example.org")
    for name in ("ann", "ben"):
        machine.run(*PANEL, "mailbox", "add", f"{name}@example.org", input=f"{PASSWORD}\n")
    return machine


def outside(host, code):
    return python(host, OFFER + code, elsewhere=True)


def test_a_stranger_is_asked_to_come_again_and_then_let_in(host):
    code = f"""
text = "{HEAD}Subject: first\\r\\n\\r\\nhello\\r\\n"
print(*offer(text))
print(*insist(text))
"""
    assert outside(host, code).splitlines() == ["451 4.7.1 Try again later", "250 "]
    assert "Authentication-Results: " + NAME in read(host, "first")


def test_spam_is_filed_into_junk(host):
    code = f'insist("{HEAD}Subject: marked\\r\\n\\r\\n{PATTERN.format("Y")}\\r\\n")'
    outside(host, code)

    assert "X-Spam: Yes" in read(host, "marked", "Junk")


def test_a_mark_of_the_senders_own_is_taken_away(host):
    outside(host, f'insist("{HEAD}X-Spam: Yes\\r\\nSubject: own mark\\r\\n\\r\\nhello\\r\\n")')

    assert "X-Spam" not in read(host, "own mark")


def test_what_is_spam_for_sure_is_refused(host):
    code = f'print(*insist("{HEAD}Subject: refused\\r\\n\\r\\n{PATTERN.format("X")}\\r\\n"))'

    assert outside(host, code) == "554 5.7.1 Gtube pattern\n"


def test_what_is_sent_is_signed_with_the_keys_of_the_panel(host):
    host.run(*PANEL, "dkim", "add", "example.org")
    host.run(*PANEL, "dkim", "sign", "example.org", "--force")
    for number in range(60):  # rspamd looks at the file every six seconds
        as_ann(host, "ann@example.org", f"signed {number}.")
        message = read(host, f"signed {number}.")
        if "DKIM-Signature: " in message:
            break
    shown = host.run(*PANEL, "dkim", "list", "--domain", "example.org", "--json")
    keys = [json.loads(line) for line in shown.splitlines()]
    records = {
        f"{key['selector']}._domainkey.example.org.": "".join(
            re.findall('"([^"]*)"', key["record"])
        )
        for key in keys
    }

    assert dkim.verify(
        message.replace("\n", "\r\n").encode(),
        dnsfunc=lambda name, timeout=5: records[name.decode()].encode(),
    )
    assert host.run("stat", "-c", "%a %U %G", "/var/lib/mailadmin-signing/keys.map") == (
        "640 root _rspamd\n"
    )


def test_what_comes_from_outside_is_not_signed(host):
    from_outside_again(host, "ann@example.org", "from elsewhere")

    assert "DKIM-Signature" not in read(host, "from elsewhere")


def from_outside_again(host, sender, subject):
    text = f"From: {sender}\\r\\nTo: ann@example.org\\r\\nSubject: {subject}\\r\\n\\r\\nhello\\r\\n"
    outside(host, f'insist("{text}")')


def test_a_login_may_write_to_so_many_an_hour(host):
    code = f"""
def send(count):
    with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
        smtp.login("ben@example.org", {PASSWORD!r})
        try:
            smtp.sendmail("ben@example.org", [f"far{{n}}@elsewhere.test" for n in range(count)], "From: ben@example.org\\r\\n\\r\\nx\\r\\n")
            print("sent")
        except smtplib.SMTPResponseException as error:
            print(error.smtp_code, error.smtp_error.decode())
send(19)
send(2)
"""
    assert python(host, code).splitlines() == ["sent", '451 4.7.1 Ratelimit "mailbox" exceeded']


def test_a_mailbox_that_has_a_number_of_its_own_may_write_to_more(host):
    host.run(*PANEL, "mailbox", "edit", "ben@example.org", "--sending-limit", "1000")
    code = f"""
import time
def send(count):
    with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
        smtp.login("ben@example.org", {PASSWORD!r})
        smtp.sendmail("ben@example.org", [f"far{{n}}@elsewhere.test" for n in range(count)], "From: ben@example.org\\r\\n\\r\\nx\\r\\n")
for _ in range(300):  # rspamd looks at the file every six seconds
    try:
        send(21)
        print("sent")
        break
    except smtplib.SMTPResponseException:
        time.sleep(0.5)
"""
    assert python(host, code) == "sent\n"


def test_a_second_run_changes_nothing(host):
    assert "Nothing to do." in host.install()


def test_while_rspamd_is_away_mail_waits_and_the_next_run_starts_it(host):
    pid = host.path("/run/mailadmin-install/rspamd.pid").read_text().strip()
    host.run("kill", pid)
    code = f"""
while True:
    with socket.socket() as line:
        if line.connect_ex(("127.0.0.1", 11332)):
            break
for _ in range(2):
    print(offer("{HEAD}Subject: away\\r\\n\\r\\nx\\r\\n")[0])
"""
    away = python(host, OFFER + code.replace("192.0.2.25", "127.0.0.1"))
    host.install()
    as_ann(host, "ann@example.org", "there again")

    assert away.split() == ["451", "451"]
    assert "DKIM-Signature: " in read(host, "there again")


def test_without_it_opendkim_signs_again(host):
    host.install("--no-spam")
    running = host.run("sh", "-c", "cd /run/mailadmin-install && ls")
    as_ann(host, "ann@example.org", "by the other")

    assert "rspamd" not in running
    assert "redis" not in running
    assert host.run("postconf", "-h", "smtpd_milters") == "\n"
    assert "DKIM-Signature: " in read(host, "by the other")


def test_undone_everything_is_as_it_was(host, bare):
    for name in OWN:
        host.path(f"/etc/rspamd/override.d/{name}").unlink()
    host.install("--undo", "--with-data", input=f"{NAME}\n{NAME}\n")

    assert differences(bare, files_of(host)) == []
