"""What people do with their mailboxes, with real mail through this release's Postfix and Dovecot."""

import json
import re
from email import message_from_bytes, policy

import pytest

from tests.e2e.browsing import fill, submit
from tests.host.browser import visitors_of
from tests.host.facts import NAME, PANEL, PASSWORD, python
from tests.host.machine import CHECKOUT
from tests.host.patient import leave, make, resolver, root, server

ANN, BEN = "ann@example.org", "ben@example.org"
JOE, INFO, FULL, OLD = "joe@example.org", "info@example.org", "full@example.org", "old@example.org"
LOG = "/var/log/dovecot.log"
TLS = "/etc/mailadmin/tls"
OUTSIDE = "192.0.2.10"
RELAY = ["python3", f"{CHECKOUT}/tests/host/relay.py", OUTSIDE, "25"]
ZONE = {"MX outside.test": ["mx.outside.test"], "A mx.outside.test": [OUTSIDE]}


@pytest.fixture(scope="module")
def host(machine):
    make(machine, NAME, "--no-resolver", "--certificate", "self-signed")
    for name, *options in ([JOE], [INFO], [FULL, "--quota", "2"], [OLD]):
        machine.run(*PANEL, "mailbox", "add", name, *options, input=f"{PASSWORD}\n")
    # In here nobody keeps a journal.
    root(machine, f"echo 'log_path = {LOG}' >> /etc/dovecot/local.conf")
    root(machine, "systemctl restart dovecot")
    return machine


@pytest.fixture(scope="module")
def boss(host, tmp_path_factory):
    """The page of a superadmin."""
    made = host.run(
        *(*PANEL, "admin", "add", "boss@example.net", "--superadmin", "--generate", "--json")
    )
    with visitors_of(host, f"https://{NAME}", tmp_path_factory.mktemp("browser")) as visitors:
        password = json.loads(made)["password"]
        yield visitors.sign_in("boss@example.net", password, ignore_https_errors=True)


def deliver(host, sender, recipient, subject, *, head="", size=0):
    """From outside; wait until it has arrived, and what was sent because of it has gone."""
    text = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n{head}\r\n"
    code = f"""
with smtplib.SMTP("192.0.2.25", 25) as smtp:
    smtp.sendmail({sender!r}, [{recipient!r}], {text!r} + ("x" * 78 + "\\r\\n") * {size // 80})
"""
    python(host, code, elsewhere=True)
    leave(host)


def send(host, login, recipient, *, sender=None, subject="hello"):
    """As somebody who signs in; return "taken", or the code of what the sender is answered."""
    sender = sender or login
    text = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n\r\nhello\r\n"
    code = f"""
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login({login!r}, {PASSWORD!r})
    try:
        smtp.sendmail({sender!r}, [{recipient!r}], {text!r})
        print("taken")
    except smtplib.SMTPSenderRefused as error:
        print(error.smtp_code)
"""
    return python(host, code).strip()


def mail_of(host, address, *, at_least=0):
    """The messages in the inbox, once there are so many."""
    code = f"""
import json, time
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login({address!r}, {PASSWORD!r})
    for _ in range(600):
        imap.select(readonly=True)
        found = imap.search(None, "ALL")[1][0].split()
        if len(found) >= {at_least}:
            break
        time.sleep(0.1)
    print(json.dumps([imap.fetch(one, "(BODY.PEEK[]<0.20000>)")[1][0][1].decode("latin-1") for one in found]))
"""
    found = json.loads(python(host, code))
    return [message_from_bytes(text.encode("latin-1"), policy=policy.default) for text in found]


def subjects(host, address, *, at_least=0):
    return sorted(str(message["Subject"]) for message in mail_of(host, address, at_least=at_least))


def text_of(message):
    return message.get_body(["plain"]).get_content().replace("\r\n", "\n").strip()


# --- Away


def test_who_is_away_answers_a_stranger_once_and_a_list_never(host):
    host.run(*PANEL, "mailbox", "away", JOE, "--subject", "Away", input="Back on Monday.\n")
    relay = [*RELAY, f"{TLS}/fullchain.pem", f"{TLS}/privkey.pem"]

    with resolver(host, ZONE), server(host, *relay) as outside:
        deliver(host, "eve@outside.test", JOE, "1")
        deliver(host, "eve@outside.test", JOE, "2")
        deliver(host, "list@outside.test", JOE, "3", head="List-Id: <list.outside.test>\r\n")
        deliver(host, "news@outside.test", JOE, "4", head="Precedence: list\r\n")
        deliver(host, "max@outside.test", JOE, "5")
        host.run(*PANEL, "mailbox", "back", JOE)
        deliver(host, "zoe@outside.test", JOE, "6")
        send(host, BEN, "end@outside.test")
        said = [line.split() for line in iter(outside.readline, f"nobody {BEN} end@outside.test\n")]

    assert said == [["nobody", "<>", "eve@outside.test"], ["nobody", "<>", "max@outside.test"]]
    assert subjects(host, JOE) == ["1", "2", "3", "4", "5", "6"]


def test_the_answer_is_the_text_that_was_written(host):
    text = 'Zurück am "Montag".\n. ${1} \\\n'
    host.run(*PANEL, "mailbox", "away", JOE, "--subject", "Bin weg – später", input=text)
    send(host, ANN, JOE)
    [answer] = mail_of(host, ANN, at_least=1)
    host.run(*PANEL, "mailbox", "back", JOE)

    assert [answer["From"].addresses[0].addr_spec, str(answer["Subject"])] == [
        *(JOE, "Bin weg – später")
    ]
    assert answer["Auto-Submitted"].startswith("auto-replied")
    assert text_of(answer) == text.strip()


# --- Shared mailboxes

SHARED = f"shared/{INFO}"
OPEN = f"""
def lines(imap, pattern):
    return sorted(line.decode().rpartition(' "/" ')[2].strip('"') for line in imap.list('""', pattern)[1] if line)
def look(address):
    with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
        imap.login(address, {PASSWORD!r})
        seen = lines(imap, "shared/*")
        if imap.select('"{SHARED}"', readonly=True)[0] != "OK":
            return seen, "closed", "closed"
        found = imap.search(None, "SUBJECT", "ours")[1][0].split()
        written = imap.append('"{SHARED}"', None, None, b"Subject: written\\r\\n\\r\\nhello\\r\\n")[0]
        return seen, len(found), written
"""


def opens(host, address):
    """(the shared folders that are listed, how many of "ours" are read, whether one is written)"""
    return python(host, f"{OPEN}print(*look({address!r}))").strip()


def test_what_is_shared_on_the_page_is_seen_and_read_without_a_command_typed_by_root(host, boss):
    deliver(host, "eve@outside.test", INFO, "ours")
    before = opens(host, ANN)
    boss.goto(f"/mailboxes/{INFO}/sharing/")
    fill(boss, {"Mailbox": ANN, "May change it": True, "May send as it": False})
    submit(boss)

    assert before == "[] closed closed"
    assert "no effect yet" not in boss.locator("#shares").inner_text()
    assert opens(host, ANN) == f"['{SHARED}'] 1 OK"
    assert opens(host, BEN) == "[] closed closed"
    assert subjects(host, INFO) == ["ours", "written"]


def test_who_reads_it_alone_writes_nothing(host):
    host.run(*PANEL, "mailbox", "share", INFO, BEN, "--read-only", "--no-send-as")
    assert opens(host, BEN) == f"['{SHARED}'] 1 NO"


def test_a_folder_that_is_made_later_is_shared_too(host):
    code = f"""{OPEN}
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login({INFO!r}, {PASSWORD!r})
    imap.create("Later")
print(look({ANN!r})[0])
"""
    assert python(host, code).strip() == f"['{SHARED}', '{SHARED}/Later']"


def test_once_it_ended_it_is_closed_in_a_session_that_is_open_too(host, boss):
    code = f"""
import subprocess
imap = imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context)
imap.login({ANN!r}, {PASSWORD!r})
print(imap.select('"{SHARED}"')[0])
end = {[*PANEL, "mailbox", "share", INFO, ANN, "--end"]!r}
subprocess.run(end, check=True, stdout=subprocess.DEVNULL)
try:
    print(imap.fetch("1", "(FLAGS)")[0])
except imaplib.IMAP4.abort:
    print("ended")
"""
    assert python(host, code).split() == ["OK", "ended"]
    assert opens(host, ANN) == "[] closed closed"

    boss.goto(f"/mailboxes/{INFO}/sharing/")
    boss.get_by_role("button", name="End it").click()
    boss.get_by_text("Only whoever signs in with it.").wait_for()
    assert opens(host, BEN) == "[] closed closed"
    assert "share-" not in root(host, f"doveadm acl get -u {INFO} INBOX")


# --- Near the quota


def warned(boss):
    """{address: what its row says}, in the list of those who were warned."""
    boss.goto("/mailboxes/?state=warned")
    rows = boss.locator("main tbody tr")
    found = (rows.nth(number) for number in range(rows.count()))
    return {
        row.locator("th").inner_text().strip(): row.locator(".tag").all_inner_texts()
        for row in found
    }


def test_at_each_level_there_is_one_letter_in_the_own_language_and_a_row_in_the_list(host, boss):
    german = f"from mailboxes.models import Mailbox; Mailbox.objects.filter(pk={FULL!r}).update(language='de')"
    host.run(*PANEL, "shell", "-v", "0", "-c", german)
    letters = {
        level: f"Das Postfach {FULL} ist zu mehr als {level} % voll" for level in ("80", "95")
    }
    nobody = warned(boss)

    deliver(host, "eve@outside.test", FULL, "1", size=1_500_000)  # of 2,048,000
    deliver(host, "eve@outside.test", FULL, "2", size=200_000)
    assert subjects(host, FULL, at_least=3) == ["1", "2", letters["80"]]
    near = warned(boss)
    deliver(host, "eve@outside.test", FULL, "3", size=20_000)
    deliver(host, "eve@outside.test", FULL, "4", size=260_000)
    found = mail_of(host, FULL, at_least=6)

    assert sorted(str(mail["Subject"]) for mail in found) == [*"1234", letters["80"], letters["95"]]
    [letter] = [mail for mail in found if str(mail["Subject"]) == letters["95"]]
    assert f"https://{NAME}/account/room/" in text_of(letter)
    assert nobody == {}
    assert near == {FULL: ["warned at 80 %"]}
    assert warned(boss) == {FULL: ["warned at 95 %"]}


def test_who_made_room_is_in_the_list_no_more_and_is_told_again_later(host, boss):
    empty = f"""
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login({FULL!r}, {PASSWORD!r})
    imap.select()
    imap.store("1:*", "+FLAGS", "(\\\\Deleted)")
    imap.expunge()
"""
    python(host, empty)
    for _ in range(60):
        if not warned(boss):
            break
    left = warned(boss)
    deliver(host, "eve@outside.test", FULL, "5", size=1_700_000)

    assert left == {}
    assert subjects(host, FULL, at_least=2) == [
        *("5", f"Das Postfach {FULL} ist zu mehr als 80 % voll")
    ]


# --- Mail fetched from elsewhere: here from another mailbox of this host, by another name

ELSEWHERE = "imap.elsewhere.test"
TWO_NAMES = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9"
    f" -subj /CN={NAME} -addext subjectAltName=DNS:{NAME},DNS:{ELSEWHERE}"
    f" -keyout {TLS}/self-signed.key -out {TLS}/self-signed.pem"
)


def fetched(host, status=0):
    """What the unit of the timer starts; then how it went."""
    root(host, "systemctl start mailadmin-fetchmail", status=status)
    [line] = host.run(*PANEL, "mailbox", "fetch-list", BEN, "--json").splitlines()
    row = json.loads(line)
    return row["outcome"], row["fetched"]


def due(host, *options):
    """Again, before its time."""
    host.run("mariadb", "mail", "-e", "UPDATE fetchmail SET next_run = 0")
    if options:
        host.run(*PANEL, "mailbox", "fetch-edit", BEN, "1", *options)


def test_no_private_address_and_no_unknown_certificate_is_fetched_from(host):
    root(host, f"echo '192.0.2.25 {ELSEWHERE}' >> /etc/hosts")
    root(host, f"{TWO_NAMES} && doveadm reload")
    add = ["fetch-add", BEN, ELSEWHERE, OLD, "--json"]
    added = json.loads(host.run(*PANEL, "mailbox", *add, input=f"{PASSWORD}\n"))
    private = fetched(host)
    root(host, f"echo 'FETCHMAIL_NETWORKS=192.0.2.0/24' >> {CHECKOUT}/.env")
    due(host)
    unknown = fetched(host)
    root(host, f"cp {TLS}/fullchain.pem /usr/local/share/ca-certificates/mail.crt")
    root(host, "update-ca-certificates")
    due(host)

    assert added["number"] == 1
    assert (private, unknown) == (("private_address", 0), ("certificate", 0))
    assert fetched(host) == ("fetched", 0)


def test_what_waits_there_is_fetched_once(host):
    deliver(host, "eve@outside.test", OLD, "moved")
    before = subjects(host, BEN)
    due(host)
    first, waits = fetched(host), fetched(host)
    due(host)
    again = fetched(host)

    assert before == []
    assert (first, waits, again) == (("fetched", 1), ("fetched", 1), ("fetched", 0))
    [message] = mail_of(host, BEN, at_least=1)
    assert (message["Subject"], message["Return-Path"]) == ("moved", "<>")
    assert any(
        f"from {ELSEWHERE} by {NAME} with IMAP (mailadmin)" in line
        for line in message.get_all("Received")
    )
    assert subjects(host, OLD) == ["moved"]


def test_what_is_not_kept_there_is_gone_there_once_it_is_here(host):
    deliver(host, "eve@outside.test", OLD, "next")
    due(host, "--delete")

    assert fetched(host) == ("fetched", 1)
    assert subjects(host, BEN) == ["moved", "next"]
    assert subjects(host, OLD) == []


def test_nobody_but_the_panel_reaches_the_door_of_fetched_mail(host):
    code = "import socket; print(socket.socket(socket.AF_UNIX).connect_ex('/run/dovecot/mailadmin-lmtp'))"
    reached = {
        user: host.run("runuser", "-u", user, "--", "python3", "-c", code).strip()
        for user in ("mailadmin", "nobody", "www-data")
    }

    assert reached == {"mailadmin": "0", "nobody": "13", "www-data": "13"}


# --- Sending as others


def test_who_may_send_as_an_address_does_until_it_ends_and_others_get_553(host):
    tried = [send(host, ANN, BEN, sender=INFO, subject="not yet")]
    host.run(*PANEL, "mailbox", "send-as", ANN, INFO)
    tried += [
        send(host, ANN, BEN, sender=INFO, subject="as info"),
        send(host, JOE, BEN, sender=INFO),
    ]
    host.run(*PANEL, "mailbox", "send-as", ANN, INFO, "--end")
    tried.append(send(host, ANN, BEN, sender=INFO, subject="no more"))
    leave(host)

    assert tried == ["553", "taken", "553", "553"]
    [message] = [mail for mail in mail_of(host, BEN) if mail["Subject"] == "as info"]
    assert message["Return-Path"] == f"<{INFO}>"


# --- And Dovecot had nothing to complain of


def test_dovecot_wrote_no_error(host):
    lines = host.path(LOG).read_text().splitlines()

    assert [line for line in lines if re.search(r"\b(Error|Fatal|Panic):", line)] == []
