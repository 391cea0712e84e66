import json
import re
import time

import dkim
import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_alias, create_domain, create_mailbox
from tests.host.browser import visitors_of
from tests.host.facts import NAME, PANEL, PASSWORD, differences, files_of, python
from tests.host.machine import CHECKOUT
from tests.host.post import as_ann, from_outside, read
from tests.host.programs import FULL_LISTS, OFFER, SIGN_IN, WEBMAIL
from tests.webmail.roundcube import Webmail

BOSS, ANNA, SALES = "boss@town.example", "anna@town.example", "sales@town.example"
NEW_PASSWORD = "seven-quiet-otters-8"
OUTSIDE = "192.0.2.10"
SYSTEMCTL = ("python3", "-B", f"{CHECKOUT}/tests/host/systemctl.py")
ZONE = {
    "MX outside.test": ["mx.outside.test"],
    "A mx.outside.test": [OUTSIDE],
}


@pytest.fixture(scope="module")
def host(machine, bare):
    machine.path("/etc/hosts").write_text(
        f"127.0.0.1 localhost\n192.0.2.25 {NAME} mail {WEBMAIL}\n"
    )
    machine.install(NAME, "--webmail", WEBMAIL)
    machine.run(*PANEL, "domain", "add", "example.org", "--role-target", "ann@example.org")
    machine.run(*PANEL, "mailbox", "add", "ann@example.org", input=f"{PASSWORD}\n")
    return machine


# --- Signing


def test_what_is_sent_is_signed_and_verifies_with_the_record_of_the_panel(host):
    host.run(*PANEL, "dkim", "add", "example.org")
    host.run(*PANEL, "dkim", "sign", "example.org", "--force")

    as_ann(host, "ann@example.org", "signed")
    message = read(host, "signed")
    shown = host.run(*PANEL, "dkim", "list", "--domain", "example.org", "--json")
    keys = [json.loads(line) for line in shown.splitlines()]
    records = {
        f"{key['selector']}._domainkey.example.org.": "".join(
            re.findall('"([^"]*)"', key["record"])
        )
        for key in keys
    }

    assert "DKIM-Signature: " in message
    assert dkim.verify(
        message.replace("\n", "\r\n").encode(),
        dnsfunc=lambda name, timeout=5: records[name.decode()].encode(),
    )


# --- SRS


def test_it_comes_when_mail_is_forwarded_to_another_server(host):
    host.run(*PANEL, "alias", "add", "both@example.org", "ann@example.org")
    stays = host.install()
    host.run(*PANEL, "alias", "add", "away@example.org", "joe@outside.test")
    host.run(*PANEL, "alias", "edit", "both@example.org", "--add", "joe@outside.test")
    leaves = host.install()

    assert "Nothing to do." in stays
    assert "service postsrsd" in leaves
    assert "Nothing to do." in host.install()


def test_forwarded_mail_leaves_with_a_sender_of_this_host_and_what_stays_keeps_its_own(host):
    zone = json.dumps(ZONE)
    tls = "/etc/mailadmin/tls"
    relay = ["python3", f"{CHECKOUT}/tests/host/relay.py", OUTSIDE, "25"]

    with (
        host.background("python3", f"{CHECKOUT}/tests/host/names.py", zone) as names,
        host.background(
            *relay, f"{tls}/fullchain.pem", f"{tls}/privkey.pem", elsewhere=True
        ) as outside,
    ):
        assert (names.stdout.readline(), outside.stdout.readline()) == ("on\n", "on\n")
        from_outside(host, "eve@outside.test", "away@example.org", "forwarded")
        forwarded = outside.stdout.readline()
        from_outside(host, "eve@outside.test", "both@example.org", "shared")
        shared = outside.stdout.readline()
        as_ann(host, "joe@outside.test", "own")
        own = outside.stdout.readline()
        rewritten = forwarded.split()[1]
        from_outside(host, "", rewritten, "bounce")
        bounce = outside.stdout.readline()

    pattern = rf"nobody SRS0=[\w+/]+=\w\w=outside\.test=eve@{NAME} joe@outside\.test\n"
    assert re.fullmatch(pattern, forwarded)
    assert re.fullmatch(pattern, shared)
    assert "Return-Path: <eve@outside.test>" in read(host, "shared")
    assert own == "nobody ann@example.org joe@outside.test\n"
    assert bounce == "nobody <> eve@outside.test\n"


# --- What its Postfix and its Dovecot are up to


def test_more_than_a_hundred_sessions_with_tls_stay_open(host):
    code = """
def connect():
    line = context.wrap_socket(socket.create_connection(("127.0.0.1", 993), timeout=120))
    return line, line.recv(4)
print({greeting for line, greeting in [connect() for number in range(130)]})
"""
    assert python(host, code) == "{b'* OK'}\n"


def test_many_messages_at_once_to_one_mailbox_are_all_delivered(host):
    """One that is put off comes five minutes later."""
    code = f"""
from concurrent.futures import ThreadPoolExecutor
import time
def send(number):
    with smtplib.SMTP("192.0.2.25", 25, timeout=120) as smtp:
        smtp.sendmail("joe@outside.test", ["ann@example.org"], f"Subject: at once {{number}}\\n\\nhello\\n")
with ThreadPoolExecutor(24) as pool:
    list(pool.map(send, range(120)))
with imaplib.IMAP4_SSL("192.0.2.25", 993, ssl_context=context) as imap:
    imap.login("ann@example.org", {PASSWORD!r})
    for _ in range(600):
        imap.select("INBOX", readonly=True)
        found = len(imap.search(None, "SUBJECT", '"at once"')[1][0].split())
        if found == 120:
            break
        time.sleep(0.2)
    print(found)
"""
    assert python(host, code, elsewhere=True) == "120\n"


def test_one_message_is_never_taken_for_two(host):
    code = r"""
with smtplib.SMTP("192.0.2.25", 25, timeout=120) as smtp:
    smtp.ehlo("outside.test")
    smtp.mail("joe@outside.test")
    smtp.rcpt("ann@example.org")
    smtp.docmd("DATA")
    hidden = b"MAIL FROM:<boss@bank.test>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\nSubject: hidden\r\n\r\nhello"
    smtp.send(b"Subject: outer\r\n\r\nhello\r\n\n.\n" + hidden + b"\r\n.\r\n")
    print(smtp.getreply()[0], smtp.docmd("XYZ")[0])
"""
    assert python(host, code, elsewhere=True) in ("250 500\n", "250 502\n")


# --- Senders that a domain refuses


def test_the_last_of_all_lists_of_senders_is_asked(host):
    assert host.run(*PANEL, "shell", "-v", "0", "-c", FULL_LISTS) == "200 19901\n"
    written = host.install()

    assert "/etc/postfix/main.cf" in written
    assert len(host.run("postconf", "-h", "smtpd_restriction_classes").split()) == 200
    answers = python(host, OFFER, elsewhere=True).splitlines()
    assert answers == ["554 250", "554 250", "250 250", "250 250"]
    assert "Nothing to do." in host.install()


# --- The webmail


def test_roundcube_signs_in_with_the_mailboxs_password_and_shows_its_mail(host):
    from_outside(host, "eve@elsewhere.test", "ann@example.org", "for the webmail")
    read(host, "for the webmail")
    code = SIGN_IN.format(password=PASSWORD)
    code += f"""
listed = browser.open("https://{WEBMAIL}/?_task=mail&_action=list&_mbox=INBOX&_remote=1").read().decode()
print("for the webmail" in listed)
identities = browser.open("https://{WEBMAIL}/?_task=settings&_action=identities").read().decode()
print(sorted(set(re.findall(r"[a-z]+@example[.]org", identities))))
"""
    answers = python(host, code).splitlines()

    assert answers[:2] == ["200 _task=mail", "True"]
    assert "both@example.org" in answers[2]


def test_from_a_new_domain_in_the_panel_to_an_answer_and_a_new_password_in_the_webmail(
    host, tmp_path
):
    made = host.run(*PANEL, "admin", "add", BOSS, "--superadmin", "--generate", "--json")
    https = {"ignore_https_errors": True}
    with visitors_of(host, f"https://{NAME}", tmp_path) as visitors:
        panel = visitors.sign_in(BOSS, json.loads(made)["password"], **https)
        create_domain(panel, "town.example")
        create_mailbox(panel, ANNA, PASSWORD)
        create_alias(panel, "sales", "town.example", ANNA)
        webmail = Webmail(visitors, f"https://{WEBMAIL}", ANNA).sign_in(PASSWORD)
        webmail.write(ANNA, "to myself")
        assert webmail.answer("to myself") == ANNA
        webmail.write(SALES, "a question")
        assert webmail.answer("a question") == SALES
        webmail.send()
        webmail.find("Re: a question")

        assert webmail.change_password(PASSWORD, NEW_PASSWORD) == "Successfully saved."
        elsewhere = Webmail(visitors, f"https://{WEBMAIL}", ANNA)
        elsewhere.try_to_sign_in(PASSWORD)
        expect(elsewhere.page.locator("#messagestack")).to_contain_text("Login failed")
        elsewhere.sign_in(NEW_PASSWORD)
        visitors.sign_in(ANNA, NEW_PASSWORD, **https)


def test_a_wrong_password_is_refused_there(host):
    assert python(host, SIGN_IN.format(password="wrong")).split() == ["401"]


def test_what_the_panel_answers_the_webmail_is_not_for_others(host):
    code = f"""
for url in ("https://{WEBMAIL}/config/config.inc.php", "https://{NAME}/webmail/password/"):
    try:
        print(web.urlopen(url, data=b"x", context=context).status)
    except web.HTTPError as error:
        print(error.code)
"""
    assert python(host, code).split() == ["404", "404"]


# --- Sign-ins

# Dovecot's word for a wrong password: 2.3 has none.
REASON = {"bookworm": ("",), "trixie": ("credentials",)}
# What Postfix says where Dovecot lets nobody in: with 2.4 it does not tell that from a database that is away.
NOT_NOW = {"bookworm": 535, "trixie": 454}
MAKE = """
from mailboxes import app_passwords
from mailboxes.models import Mailbox
password = app_passwords.drawn()
ways = {"imap", "pop3", "smtp", "sieve"}
app_passwords.make_app_password(actor=Mailbox.objects.get(pk="ann@example.org"), password=password, name="Phone", protocols=ways)
print(password)
"""
TRY = """
import time
def imap(password):
    session = imaplib.IMAP4_SSL("192.0.2.25", 993, ssl_context=context)
    try:
        return session.login("ann@example.org", password)[0]
    except imaplib.IMAP4.error:
        return "NO"
def smtp(password):
    with smtplib.SMTP_SSL("192.0.2.25", 465, context=context) as session:
        try:
            return session.login("ann@example.org", password)[0]
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code
"""


def select(host, statement):
    shown = host.run("mariadb", "-BN", "mail", "-e", statement)
    return {tuple(line.split("\t")) for line in shown.splitlines()}


def until(condition):
    for _ in range(300):
        if found := condition():
            return found
        time.sleep(0.2)
    raise TimeoutError


def test_each_sign_in_is_kept_with_its_client_and_its_app_password(host):
    host.run("mariadb", "mail", "-e", "DELETE FROM sign_in")
    app = host.run(*PANEL, "shell", "-v", "0", "-c", MAKE).split()[-1]
    tried = f"print(imap({PASSWORD!r}), imap({app!r}), imap('wrong'), smtp({app!r}), smtp('wrong'))"
    assert python(host, TRY + tried) == "OK OK NO 235 535\n"

    kept = "SELECT protocol, address, success, reason, app_password > 0 FROM sign_in"
    wanted = {
        ("imap", "192.0.2.25", "1", "", "0"),
        ("imap", "192.0.2.25", "1", "", "1"),
        ("imap", "192.0.2.25", "0", *REASON[host.release], "0"),
        ("smtp", "192.0.2.25", "1", "", "1"),
        ("smtp", "192.0.2.25", "0", *REASON[host.release], "0"),
    }
    until(lambda: len(select(host, kept)) >= len(wanted))
    assert select(host, kept) == wanted
    used = (
        "SELECT used_protocol, used_address FROM mailbox_app_password WHERE description = 'Phone'"
    )
    assert select(host, used) == {("smtp", "192.0.2.25")}


def test_a_network_that_guesses_is_refused_and_let_in_again(host):
    # More than the 20 that are let through: Dovecot tells 12 bits of a hash, so two of them may be one guess.
    guess = "print({imap(f'wrong-{number}') for number in range(24)})"
    assert python(host, TRY + guess, elsewhere=True) == "{'NO'}\n"
    listed = until(lambda: host.run(*PANEL, "signins", "--json")).splitlines()
    assert [json.loads(line)["network"] for line in listed] == [f"{OUTSIDE}/32"]
    right = f"print(imap({PASSWORD!r}), smtp({PASSWORD!r}))"

    assert python(host, TRY + right, elsewhere=True) == f"NO {NOT_NOW[host.release]}\n"
    assert python(host, TRY + right) == "OK 235\n"
    host.run(*PANEL, "signins", "--let-in", OUTSIDE)
    until(lambda: python(host, TRY + right, elsewhere=True) == "OK 235\n")


def test_where_nobody_keeps_them_people_sign_in_all_the_same(host):
    host.run(*SYSTEMCTL, "stop", "mailadmin-signins")
    try:
        right = f"print(imap({PASSWORD!r}), smtp({PASSWORD!r}), imap('wrong'))"
        assert python(host, TRY + right) == "OK 235 NO\n"
    finally:
        host.run(*SYSTEMCTL, "start", "mailadmin-signins")


# --- The helper

ASK = """
import socket
one = socket.socket(socket.AF_UNIX)
one.connect("/run/mailadmin-helper/helper.sock")
one.sendall({line!r}.encode() + b"\\n")
print(one.makefile().read())
"""


def as_user(machine, user, code):
    return machine.run("runuser", "-u", user, "--", "python3", "-c", code)


def test_the_helper_does_what_the_panels_user_asks(host):
    reloaded, kicked, nobody, looked, other = [
        json.loads(as_user(host, "mailadmin", ASK.format(line=line)))
        for line in (
            "reload-postfix",
            "kick ann@example.org",
            "kick eve@elsewhere.test",
            "look ann@example.org",
            "stop-postfix",
        )
    ]

    assert "ok" in reloaded
    assert "ok" in kicked
    assert nobody == {"error": "no such mailbox"}
    assert looked["ok"]["postfix"]["ok"]["parameters"]["myhostname"] == NAME
    assert "ok" in looked["ok"]["dovecot"]
    assert other == {"error": "no such verb"}


def test_a_new_password_and_a_deletion_end_the_sessions_that_are_open(host):
    host.run(*PANEL, "mailbox", "add", "ben@example.org", input=f"{PASSWORD}\n")
    code = f"""
import subprocess
def goes_on(password, *command, typed=""):
    imap = imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context)
    imap.login("ben@example.org", password)
    subprocess.run({PANEL!r} + ["mailbox", *command], input=typed, text=True, check=True, capture_output=True)
    try:
        return imap.noop()[0]
    except imaplib.IMAP4.abort:
        return "ended"
print(goes_on({PASSWORD!r}, "edit", "ben@example.org", "--name", "Ben"))
print(goes_on({PASSWORD!r}, "password", "ben@example.org", typed="seven-quiet-otters-8\\n"))
print(goes_on("seven-quiet-otters-8", "delete", "ben@example.org", "--yes"))
"""
    assert python(host, code).split() == ["OK", "ended", "ended"]


def test_nobody_else_reaches_it(host):
    code = "import socket; print(socket.socket(socket.AF_UNIX).connect_ex('/run/mailadmin-helper/helper.sock'))"

    assert as_user(host, "nobody", code) == "13\n"


# --- Limits, old mail, logs


def test_a_message_that_is_too_large_is_refused_and_so_is_one_for_a_full_mailbox(host):
    host.run(*PANEL, "mailbox", "add", "small@example.org", "--quota", "1", input=f"{PASSWORD}\n")
    code = f"""
with smtplib.SMTP("192.0.2.25", 25) as smtp:
    smtp.ehlo("outside.test")
    print(smtp.esmtp_features["size"])
    print(*smtp.docmd("MAIL FROM:<eve@outside.test> SIZE=52428801"))
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {PASSWORD!r})
    try:
        smtp.sendmail("ann@example.org", ["small@example.org"], "Subject: much\\n\\n" + "x" * 78 * 20000)
    except smtplib.SMTPRecipientsRefused as error:
        print(*error.recipients["small@example.org"])
"""
    said = python(host, code).splitlines()

    assert said[0] == "52428800"
    assert said[1].startswith("552 b'5.3.4 ")
    assert said[2].startswith("552 b'5.2.2 ")


def test_mail_goes_out_of_trash_and_junk_after_fifteen_days_and_from_nowhere_else(host):
    folders = ("INBOX", "Trash", "Junk")
    put = f"""
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login("small@example.org", {PASSWORD!r})
    for folder in {folders!r}:
        imap.append(folder, None, None, b"Subject: old\\r\\n\\r\\nold\\r\\n")
"""
    count = f"""
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login("small@example.org", {PASSWORD!r})
    print(*[imap.select(folder)[1][0].decode() for folder in {folders!r}])
"""
    unit = host.path("/etc/systemd/system/mailadmin-expunge.service").read_text()
    commands = re.findall(r"(?m)^ExecStart=-?(.+)$", unit)

    python(host, put)
    for command in commands:
        host.run(*command.split())
    young = python(host, count)
    for _ in range(60):
        for command in commands:
            host.run(*command.replace("savedbefore 15d", "savedbefore 1s").split())
        left = python(host, count)
        if left.split()[1:] == ["0", "0"]:
            break

    assert [command.split()[-1] for command in commands] == ["15d", "15d"]
    assert young == "1 1 1\n"
    assert left == "1 0 0\n"


def test_logs_are_turned_over_and_written_on(host):
    visit = f'print(web.urlopen("https://{NAME}/healthz", context=context).status)'
    folder = host.path("/var/log/nginx")
    python(host, visit)
    # Where there is no init at all, Debian's invoke-rc.d asks no service to open its log anew.
    init = host.path("/sbin/init")
    init.symlink_to("/bin/true")

    host.run("logrotate", "--force", "/etc/logrotate.conf")
    init.unlink()
    for _ in range(300):
        python(host, visit)
        written = (folder / "access.log").read_text()
        if written:
            break

    assert "GET /healthz" in (folder / "access.log.1").read_text()
    assert "GET /healthz" in written
    journal = host.path("/etc/systemd/journald.conf.d/mailadmin.conf").read_text()
    assert "MaxRetentionSec=90day\n" in journal
    assert "SystemMaxUse=2G\n" in journal
    assert host.run("stat", "--format", "%U", "/dev/null") == "root\n"


# --- And back


def test_a_second_run_changes_nothing(host):
    assert "Nothing to do." in host.install()


def test_what_is_not_wanted_any_more_stops(host):
    host.install("--no-sign", "--no-helper", "--no-srs", "--webmail", "")
    running = host.run("sh", "-c", "cd /run/mailadmin-install && ls")

    assert [
        name for name in ("opendkim", "postsrsd", "mailadmin-helper", "php") if name in running
    ] == []
    assert host.run("postconf", "-h", "signing_milters", "sender_canonical_maps") == "\n\n"
    assert "\nSRS=False\n" in host.path(f"{CHECKOUT}/.env").read_text()
    assert "Nothing to do." in host.install()


def test_undone_everything_is_as_it_was(host, bare):
    host.install("--undo", "--with-data", input=f"{NAME}\n{NAME}\n")

    assert differences(bare, files_of(host)) == ["/etc/hosts"]
