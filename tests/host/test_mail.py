"""Real mail, from the logs of this release's Postfix and Dovecot to the page "Was it delivered?"; and what opens a mailbox, by each protocol."""

import json
import re
import time
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import fill, submit
from tests.host.browser import visitors_of
from tests.host.facts import NAME, PANEL, PASSWORD, python
from tests.host.faults import DEAD
from tests.host.machine import CHECKOUT
from tests.host.patient import leave, look, make, put_off, resolver, root, server
from tests.host.programs import WAYS_IN

ANN, BEN = "ann@example.org", "ben@example.org"
LOGS = "/var/log/mail.log", "/var/log/dovecot.log"
RELAY = ["python3", f"{CHECKOUT}/tests/host/relay.py"]
TLS = ["/etc/mailadmin/tls/fullchain.pem", "/etc/mailadmin/tls/privkey.pem"]
HTTPS = {"ignore_https_errors": True}
ALL = {"imap", "pop3", "smtp", "sieve"}


@pytest.fixture(scope="module")
def host(machine):
    """In here nobody keeps a journal: Postfix and Dovecot write files, which the group adm may read, and these are followed."""
    make(machine, NAME, "--no-resolver", "--certificate", "self-signed")
    root(machine, f"sed -i '/^DELIVERY_LOGS=/d' {CHECKOUT}/.env")
    root(machine, f"echo 'DELIVERY_LOGS={','.join(LOGS)}' >> {CHECKOUT}/.env")
    for path, user in zip(LOGS, ("postfix", "root"), strict=True):
        root(machine, f"install -m 640 -o {user} -g adm /dev/null {path}")
    root(machine, f"postconf -e maillog_file={LOGS[0]}")
    root(machine, "postconf -Me 'postlog/unix-dgram=postlog unix-dgram n - n - 1 postlogd'")
    root(machine, f"echo 'log_path = {LOGS[1]}' >> /etc/dovecot/local.conf")
    root(machine, "systemctl restart postfix dovecot mailadmin-deliveries")
    return machine


@pytest.fixture(scope="module")
def visitors(host, tmp_path_factory):
    with visitors_of(host, f"https://{NAME}", tmp_path_factory.mktemp("browser")) as visitors:
        yield visitors


# --- The delivery log


@pytest.fixture(scope="module")
def log(visitors, host):
    """``log(address, *wanted)``: the newest row of an address, as "result, sender → recipient, place", once it has these words; then its details."""
    boss = "boss@example.net"
    made = host.run(*PANEL, "admin", "add", boss, "--superadmin", "--generate", "--json")
    page = visitors.sign_in(boss, json.loads(made)["password"], **HTTPS)

    def look(address, *wanted):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            page.goto(f"/deliveries/?address={quote(address)}")
            rows = page.locator("ol.deliveries li")
            if rows.count():
                text = rows.first.text_content()
                if all(word in text for word in wanted):
                    row = rows.first.locator(".tag, p").all_text_contents()
                    facts = rows.first.locator(".changes li").all_text_contents()
                    return " ".join(", ".join(row).split()), dict(
                        fact.strip().split(": ", 1) for fact in facts
                    )
            time.sleep(0.5)
        raise AssertionError(page.locator("main").text_content())

    return look


def send(host, sender, recipient, login=None):
    """Return what became of it: "taken", or the answer to the recipient."""
    how = 'SMTP_SSL("192.0.2.25", 465, context=context)' if login else 'SMTP("192.0.2.25", 25)'
    code = f"""
with smtplib.{how} as smtp:
    {f"smtp.login({login!r}, {PASSWORD!r})" if login else "smtp.starttls(context=context)"}
    try:
        smtp.sendmail({sender!r}, [{recipient!r}], "From: {sender}\\nSubject: hello\\n\\nhello\\n")
        print("taken")
    except smtplib.SMTPRecipientsRefused as error:
        print(*error.recipients[{recipient!r}])
"""
    return python(host, code, elsewhere=True).strip()


def test_the_unit_follows_as_its_user_with_a_login_of_its_own(host):
    pid = host.path("/run/mailadmin-install/mailadmin-deliveries.pid").read_text().strip()
    status = host.path(f"/proc/{pid}/status").read_text()
    environment = host.path(f"/proc/{pid}/environ").read_text()

    uid = host.run("id", "-u", "mailadmin").strip()
    assert re.search(r"Uid:\s+(\d+)", status)[1] == uid
    assert "DATABASE_URL=mysql://mailadmin_log:" in environment


def test_what_comes_from_outside_is_in_the_inbox(host, log):
    assert send(host, "eve@outside.test", ANN) == "taken"

    row, facts = log(ANN, "eve@outside.test", "INBOX")
    assert row == "Delivered, eve@outside.test → ann@example.org in INBOX"
    assert (facts["Way"], facts["From"]) == ("came in", "unknown[192.0.2.9]")
    assert re.search(r"\b250 2\.0\.0 .*Saved", facts["The other side said"])
    assert re.fullmatch(r"TLSv1\.\d \S+", facts["Encryption"])


def test_what_is_refused_has_a_row(host, log):
    said = send(host, "eve@outside.test", "nobody@example.org")

    row, facts = log("nobody@example.org", "eve@outside.test")
    assert said.startswith("550 ")
    assert row == "Refused, eve@outside.test → nobody@example.org"
    assert facts["The other side said"].startswith("550 5.1.1 <nobody@example.org>: Recipient")


def test_what_is_sent_waits_and_then_goes_out_in_one_row(host, log):
    with resolver(host, DEAD):
        assert send(host, ANN, "joe@one.test", login=ANN) == "taken"
        put_off(host, 1)
        waits, why = log("joe@one.test", "Waiting")
        with server(host, *RELAY, "192.0.2.9", "25", *TLS):
            root(host, "postqueue -f")
            leave(host)
        gone, facts = log("joe@one.test", "Delivered")

    assert waits == "Waiting, ann@example.org → joe@one.test"
    assert "Connection refused" in why["The other side said"]
    assert gone == "Delivered, ann@example.org → joe@one.test"
    assert (facts["Way"], facts["Sent by"]) == ("went out", ANN)
    assert "250 ok" in facts["The other side said"]
    assert "tries, the last one on" in facts["Tried"]
    assert facts["Queue ID"] == why["Queue ID"]


def test_what_stays_on_this_server_is_told_as_such(host, log):
    assert send(host, ANN, "ben+tag@example.org", login=ANN) == "taken"

    row, facts = log("ben+tag@example.org", "INBOX")
    assert row == "Delivered, ann@example.org → ben+tag@example.org in INBOX"
    assert (facts["Way"], facts["Sent by"]) == ("within this server", ANN)


# --- What opens a mailbox


@pytest.fixture(scope="module")
def ann(visitors, host):
    return visitors.sign_in(ANN, PASSWORD, **HTTPS)


def made(page, name, *uses):
    """An app password that Ann makes for herself, for so many protocols."""
    words = {
        "imap": "Reading mail (IMAP)",
        "pop3": "Fetching mail (POP3)",
        "smtp": "Sending mail (SMTP)",
        "sieve": "Filters (ManageSieve)",
    }
    page.goto("/account/app-passwords/new/")
    fill(page, {"Name": name} | {text: use in uses for use, text in words.items()})
    fill(page, {"Password of the mailbox": PASSWORD})
    submit(page)
    return page.locator("#secret").inner_text()


def ways_in(host, password, address=ANN):
    return set(python(host, WAYS_IN.format(address=address, password=password)).split())


def edit(host, *switches):
    host.run(*PANEL, "mailbox", "edit", ANN, *switches)


def test_an_app_password_opens_what_it_is_for(host, ann):
    for uses in (ALL, {"imap"}, {"pop3", "smtp"}, {"sieve"}):
        assert ways_in(host, made(ann, "One", *uses)) == uses
    assert ways_in(host, PASSWORD) == ALL
    assert ways_in(host, "wrong") == set()
    assert look(host, "dovecot") == []


def test_it_opens_no_other_mailbox_and_is_typed_without_hyphens_too(host, ann):
    app = made(ann, "Phone", *ALL)

    assert ways_in(host, app, BEN) == set()
    assert ways_in(host, app.replace("-", "")) == ALL


@pytest.mark.parametrize(
    ("switch", "protocol"),
    [("imap", "imap"), ("pop3", "pop3"), ("may-send", "smtp"), ("sieve", "sieve")],
)
def test_a_protocol_that_is_off_lets_in_neither_password(host, ann, switch, protocol):
    app = made(ann, "Laptop", *ALL)
    edit(host, f"--no-{switch}")
    off = ways_in(host, PASSWORD), ways_in(host, app)
    edit(host, f"--{switch}")

    assert off == (ALL - {protocol}, ALL - {protocol})
    assert (ways_in(host, PASSWORD), ways_in(host, app)) == (ALL, ALL)


def test_where_app_passwords_alone_are_let_in_the_main_one_opens_the_panel_alone(
    host, ann, visitors
):
    app = made(ann, "Tablet", *ALL)
    ann.goto("/account/app-passwords/only/")
    fill(ann, {"Password of the mailbox": PASSWORD})
    submit(ann)
    only = ways_in(host, PASSWORD), ways_in(host, app)
    visitors.sign_in(ANN, PASSWORD, **HTTPS)
    edit(host, "--no-app-only")

    assert only == (set(), ALL)
    assert ways_in(host, PASSWORD) == ALL


def test_one_that_is_revoked_opens_nothing_any_more(host, ann):
    app = made(ann, "Lost", *ALL)
    listed = host.run(*PANEL, "mailbox", "app-passwords", ANN)
    number = re.search(r"(?m)^(\d+)\tLost\t", listed)[1]
    before = ways_in(host, app)
    ann.goto("/account/app-passwords/")
    ann.get_by_role("button", name="Revoke Lost").click()
    expect(ann.get_by_role("button", name="Revoke Lost")).to_have_count(0)

    assert (before, ways_in(host, app)) == (ALL, set())
    assert f"\n{number}\t" not in host.run(*PANEL, "mailbox", "app-passwords", ANN)
