"""deploy/install on a bare Debian: the real ports, in a machine of its own. The tests go on from one another."""

import json
import os
import re
import time

import pytest

from tests.host.facts import (
    LOG,
    NAME,
    PANEL,
    PASSWORD,
    POSTFIX,
    differences,
    files_of,
    python,
    secrets,
    services,
    settings_of,
)
from tests.host.machine import CHECKOUT

# --- The installation


def test_it_goes_on_after_a_power_cut(machine, bare):
    answers = machine.path("/root/answers")
    answers.write_text(
        f"# for a machine that nobody watches\nhostname = {NAME}\nexpunge-days = 20\n"
    )

    with machine.background(f"{CHECKOUT}/deploy/install", "--answers", "/root/answers") as run:
        while not machine.path("/var/lib/dpkg/info/mariadb-server.list").exists():
            assert run.poll() is None
            time.sleep(0.05)
        assert "deploy/install is running already." in machine.install(status=2)
    for title in [
        "the panel's Python packages",
        "tables",
        "/etc/postfix/main.cf",
        f"service {POSTFIX[machine.release]}",
    ]:
        with machine.background(f"{CHECKOUT}/deploy/install") as run:
            assert any(line.rstrip().endswith(title) for line in run.stdout)
    said = machine.install()

    assert "was changed by somebody" not in said
    assert "20d" in machine.path("/etc/systemd/system/mailadmin-expunge.service").read_text()
    [password] = re.findall(r"Superadmin postmaster@example\.org, password: (\S+)", said)
    assert password not in machine.path(LOG).read_text()
    assert "example.org. 3600 IN MX 10 mail.example.org." in said
    assert "\n  note resolver: No name server" in said.partition("\nStill missing:\n")[2]
    assert not machine.path("/usr/sbin/policy-rc.d").exists()


def test_the_fingerprint_is_that_of_the_certificate_that_is_served(machine):
    said = machine.install()

    code = """
import hashlib
with socket.create_connection(("127.0.0.1", 993)) as line, context.wrap_socket(line) as tls:
    print(hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest())
"""
    assert (
        re.search(r"SHA-256 (\S+)", said)[1].replace(":", "").lower()
        == python(machine, code).strip()
    )


def test_no_secret_is_where_others_read(machine):
    every = secrets(machine).values()
    told = []
    for folder in ["/etc", "/opt/mailadmin", "/var/lib", "/var/log", "/usr/local"]:
        for place, _folders, names in os.walk(machine.path(folder)):
            for name in names:
                path = os.path.join(place, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                with open(path, "rb") as file:
                    text = file.read()
                if any(secret.encode() in text for secret in every):
                    told.append((path, os.stat(path).st_mode & 0o007))

    assert len(told) >= 10
    assert [path for path, others in told if others] == []
    assert not any(secret in machine.path(LOG).read_text() for secret in every)
    assert machine.path(LOG).stat().st_mode & 0o077 == 0
    assert machine.path("/etc/mailadmin/tls/self-signed.key").stat().st_mode & 0o077 == 0


def test_mail_flows(machine):
    machine.run(*PANEL, "domain", "add", "example.org", "--role-target", "ann@example.org")
    machine.run(*PANEL, "mailbox", "add", "ann@example.org", input=f"{PASSWORD}\n")

    code = f"""
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {PASSWORD!r})
    smtp.sendmail("ann@example.org", ["postmaster@example.org"], "Subject: hello\\n\\nhello\\n")
with smtplib.SMTP("127.0.0.1", 587) as smtp:
    smtp.starttls(context=context)
    smtp.login("ann@example.org", {PASSWORD!r})
    smtp.sendmail("ann@example.org", ["ann@example.org"], "Subject: spam\\nX-Spam: Yes\\n\\nspam\\n")
with smtplib.SMTP("192.0.2.25", 25) as smtp:
    smtp.ehlo("outside.test")
    print(smtp.docmd("MAIL FROM:<a@outside.test>")[0], smtp.docmd("RCPT TO:<nobody@example.org>")[0])
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login("ann@example.org", {PASSWORD!r})
    import time
    for _ in range(100):
        imap.noop()
        counts = [imap.select(folder)[1][0] for folder in ("INBOX", "Junk")]
        if b"0" not in counts:
            break
        time.sleep(0.2)
    print(counts)
print(web.urlopen("https://mail.example.org/healthz", context=context).read())
print(web.urlopen("https://mail.example.org/login/", context=context).status)
"""
    assert python(machine, code).splitlines() == ["250 550", "[b'1', b'1']", "b'ok\\n'", "200"]


@pytest.mark.parametrize("name", ["snapshot", "daily", "doctor", "expunge"])
def test_what_the_timers_call_succeeds(machine, name):
    unit = machine.path(f"/etc/systemd/system/mailadmin-{name}.service").read_text()
    user = ["runuser", "-u", "mailadmin", "--"] if "\nUser=mailadmin\n" in unit else []
    commands = re.findall(r"(?m)^ExecStart=-?(.+)$", unit)

    assert commands != []
    for command in commands:
        machine.run(*user, *command.split())


def test_the_daemons_may_not_see_what_they_do_not_need(machine):
    ask = ["mariadb", "-u", "mailadmin_postfix", "mail", "-e", "SELECT password FROM mailbox"]
    said = machine.run("env", f"MYSQL_PWD={secrets(machine)['postfix']}", *ask, status=1)

    assert "SELECT command denied" in said


def test_a_second_run_changes_nothing(machine):
    before, running = settings_of(machine), services(machine)

    said = machine.install()

    assert "Nothing to do." in said
    assert "0 of" in machine.install("--plan")
    assert differences(before, settings_of(machine)) == []
    assert services(machine) == running


# --- Changes


def test_what_a_person_changed_is_shown_and_kept(machine):
    site = machine.path("/etc/nginx/sites-available/mailadmin")
    text = site.read_text()
    site.write_text(text.replace("client_max_body_size 256k", "client_max_body_size 512k"))

    shown = machine.install()
    kept = site.read_text()
    machine.install("--theirs")
    silent = machine.install()
    machine.install("--plan", "--expunge-days", "30")

    assert "-    client_max_body_size 512k;\n+    client_max_body_size 256k;\n" in shown
    assert "Kept as somebody changed them: /etc/nginx/sites-available/mailadmin" in shown
    assert "client_max_body_size 512k" in kept
    assert "client_max_body_size" not in silent
    assert site.read_text() == kept


def test_ours_overwrites_it_and_keeps_a_copy(machine):
    site = machine.path("/etc/nginx/sites-available/mailadmin")
    text = site.read_text()
    site.write_text(text + "# one more line\n")
    was = services(machine)

    machine.install("--ours")

    assert "client_max_body_size 256k" in site.read_text()
    kept = [path.read_text() for path in machine.path("/var/lib/mailadmin-install/kept").iterdir()]
    assert text + "# one more line\n" in kept
    now = services(machine)
    assert sorted(name for name in now if now[name] != was[name]) == ["nginx.pid"]


def test_own_lines_stay_without_a_word(machine):
    main = machine.path("/etc/postfix/main.cf")
    main.write_text(main.read_text() + "maximal_queue_lifetime = 3d\n")
    machine.path("/etc/dovecot/local.conf").write_text("mail_max_userip_connections = 20\n")
    master = machine.path("/etc/postfix/master.cf")
    master.write_text(
        master.read_text().replace("#smtps ", "#smtps  ")
        + "own unix - - n - - pipe flags=R user=nobody argv=/bin/cat\n"
    )

    said = machine.install()

    assert "Nothing to do." in said
    assert machine.run("postconf", "-h", "maximal_queue_lifetime") == "3d\n"
    assert "mail_max_userip_connections = 20" in machine.run("doveconf", "-n")


def test_an_answer_that_changes_changes_what_it_is_about(machine):
    before = files_of(machine, "/etc")

    machine.install("--expunge-days", "30")

    assert differences(before, files_of(machine, "/etc")) == [
        "/etc/systemd/system/mailadmin-expunge.service"
    ]


def test_it_stops_at_the_first_failure_and_goes_on_from_there(machine):
    broken = machine.path("/etc/nginx/conf.d/broken.conf")
    site = machine.path("/etc/nginx/sites-available/mailadmin")
    broken.write_text("no_such_directive on;\n")
    site.write_text(site.read_text() + "# changed\n")
    was = services(machine)

    failed = machine.install("--ours", status=1)
    still = services(machine)
    broken.unlink()
    machine.install()

    assert "Stopped at: service nginx" in failed
    assert "nginx -t" in failed
    assert 'unknown directive "no_such_directive"' in failed
    assert still == was
    assert services(machine)["nginx.pid"] != was["nginx.pid"]


def test_pop3_is_a_switch(machine):
    pop3 = "print(socket.create_connection(('127.0.0.1', 110)).recv(3))"
    offered = python(machine, pop3)

    machine.install("--no-pop3")
    code = "print(socket.socket().connect_ex(('127.0.0.1', 110)))"
    refused = python(machine, code)
    machine.install("--pop3")

    assert (offered, refused) == ("b'+OK'\n", "111\n")
    assert python(machine, pop3) == offered


def test_what_leaves_goes_through_a_providers_server_with_its_login(machine):
    root = machine.path("/root")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-subj", "/CN=smtp.example.net", "-addext"]
    make += ["subjectAltName=DNS:smtp.example.net", "-keyout", "/root/relay.key"]
    machine.run(*make, "-out", "/etc/ssl/certs/relay.pem")
    machine.run("openssl", "rehash", "/etc/ssl/certs")
    answers = root / "relay-answers"
    answers.write_text("relayhost = smtp.example.net\nrelayhost-user = ann\n")
    asked = machine.install("--answers", "/root/relay-answers", status=2)
    answers.write_text(answers.read_text() + "relayhost-password = never=shown\n")
    open_to_others = machine.install("--answers", "/root/relay-answers", status=2)
    answers.chmod(0o600)
    planned = machine.install("--plan", "--answers", "/root/relay-answers")
    zone = json.dumps({"A smtp.example.net": ["192.0.2.9"]})
    relay = ["python3", f"{CHECKOUT}/tests/host/relay.py", "192.0.2.9", "587"]
    send = f"""
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {PASSWORD!r})
    smtp.sendmail("ann@example.org", ["far@elsewhere.test"], "Subject: out\\n\\nout\\n")
"""

    with (
        machine.background("python3", f"{CHECKOUT}/tests/host/names.py", zone) as names,
        machine.background(
            *relay, "/etc/ssl/certs/relay.pem", "/root/relay.key", elsewhere=True
        ) as provider,
    ):
        assert (names.stdout.readline(), provider.stdout.readline()) == ("on\n", "on\n")
        machine.install("--answers", "/root/relay-answers")
        python(machine, send)
        taken = provider.stdout.readline()
    again = machine.install()
    kept = machine.path("/etc/postfix/sql/relayhost_login").stat().st_mode
    machine.install("--relayhost", "", "--relayhost-user", "")

    assert "relayhost-password is missing" in asked
    assert "others may read it: chmod 600" in open_to_others
    assert "never=shown" not in planned + machine.path(LOG).read_text()
    assert taken == "ann:never=shown ann@example.org far@elsewhere.test\n"
    assert "Nothing to do." in again
    assert kept & 0o007 == 0
    assert not machine.path("/etc/postfix/sql/relayhost_login").exists()
    assert machine.run("postconf", "-h", "relayhost") == "\n"
    for path in ("/root/relay-answers", "/root/relay.key", "/etc/ssl/certs/relay.pem"):
        machine.path(path).unlink()
    machine.run("openssl", "rehash", "/etc/ssl/certs")


def test_a_key_of_another_certificate_is_not_taken(machine):
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    machine.run(*make, "-keyout", "/root/other.key", "-out", "/root/other.pem")
    ours = "/etc/mailadmin/tls/self-signed.key"

    refused = machine.install("--tls-cert", "/root/other.pem", "--tls-key", ours, status=1)
    for name in ("other.key", "other.pem"):
        machine.path(f"/root/{name}").unlink()

    assert f"STOP certificate: {ours} is not the key of /root/other.pem." in refused
    assert "Nothing was done." in refused


AUTHORITY = {
    "pebble": {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/etc/mailadmin/tls/fullchain.pem",
        "privateKey": "/etc/mailadmin/tls/privkey.pem",
        "httpPort": 80,
        "tlsPort": 443,
    }
}


def test_the_name_points_here_and_an_authority_signs(machine):
    machine.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", "pebble")
    machine.path("/root/pebble.json").write_text(json.dumps(AUTHORITY))
    client = machine.path("/etc/letsencrypt/cli.ini")
    was = client.read_text()
    client.write_text(f"{was}server = https://localhost:14000/dir\nno-verify-ssl = true\n")
    pebble = ["env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "pebble"]
    pebble += ["-config", "/root/pebble.json", "-dnsserver", "127.0.0.2:53"]
    zone = json.dumps({f"A {name}": ["192.0.2.25"] for name in (NAME, "autoconfig.example.org")})
    before = services(machine)

    with (
        machine.background("python3", f"{CHECKOUT}/tests/host/names.py", zone) as names,
        machine.background(*pebble) as authority,
    ):
        assert names.stdout.readline() == "on\n"
        assert any("ACME directory available" in line for line in authority.stdout)
        said = machine.install()
        again = machine.install()
        machine.run("/etc/mailadmin/certnames")
    client.write_text(was)
    machine.run("apt-get", "purge", "-qq", "-y", "pebble")
    machine.path("/root/pebble.json").unlink()

    code = f"""
import subprocess
for port, name in ((443, "{NAME}"), (443, "autoconfig.example.org"), (465, "{NAME}"), (993, "{NAME}")):
    with socket.create_connection(("127.0.0.1", port)) as line, context.wrap_socket(line, server_hostname=name) as tls:
        pem = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))
    print(subprocess.run(["openssl", "x509", "-noout", "-issuer"], input=pem, capture_output=True, text=True).stdout.strip())
"""
    assert len(re.findall(r"issuer=CN ?= ?Pebble Intermediate CA", python(machine, code))) == 4
    assert "signed by itself" not in said
    assert "Nothing to do." in again
    assert {name for name, pid in services(machine).items() if before[name] != pid} == {
        *("dovecot.pid", "nginx.pid", f"{POSTFIX[machine.release]}.pid")
    }


# --- And back


def test_mail_and_database_stay_when_all_else_is_undone(machine):
    said = machine.install("--undo")

    assert "/var/vmail: the mail" in said
    assert "/var/lib/mysql: the database" in said
    assert len(list(machine.path("/var/vmail/example.org/ann/Maildir/cur").iterdir())) == 1
    assert not machine.path("/etc/postfix").exists()
    assert not machine.path(f"{CHECKOUT}/.env").exists()


def test_they_go_only_if_the_name_is_typed_twice(machine):
    said = machine.install("--undo", "--with-data", input=f"{NAME}\nyes\n", status=1)

    assert "Nothing was undone." in said
    assert machine.path("/var/vmail/example.org/ann/Maildir").exists()


def test_then_everything_is_as_it_was(machine, bare):
    machine.path("/root/answers").unlink()
    # A person's own file, which nobody takes away.
    local = machine.path("/etc/dovecot/local.conf")
    assert local.exists()
    local.unlink()
    local.parent.rmdir()

    machine.install("--undo", "--with-data", input=f"{NAME}\n{NAME}\n")

    assert differences(bare, files_of(machine)) == []
