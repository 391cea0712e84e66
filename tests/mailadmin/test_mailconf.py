import re
import shutil
import stat

import pytest
from django.core.management import CommandError

from domains import main_cf
from domains.models import WrittenBlock
from mailadmin import shipped, written_files
from mailboxes.models import Mailbox
from tests.mailadmin.written import files_in


def test_writes_every_file_of_deploy_filled_in(run, tmp_path, settings):
    settings.MAIL_HOSTNAME = "mx.example.net"

    output = run()

    written = files_in(tmp_path / "out")
    assert {
        "postfix/main.cf",
        "postfix/master.cf",
        "postfix/alias.cf",
        "postfix/database.cf",
        "postfix/domains.cf",
        "postfix/login.cf",
        "postfix/mailbox.cf",
        "postfix/sender_login.cf",
        "dovecot/2.3/dovecot.conf",
        "dovecot/2.4/dovecot.conf",
        "mariadb/grants.sql",
        "mariadb/undeliverable-targets.sql",
        "nginx/mailadmin.conf",
        "systemd/mailadmin.service",
        "systemd/mailadmin-snapshot.timer",
        "README.md",
    } <= written.keys()
    assert [name for name, text in written.items() if shipped.MARKER.search(text)] == []
    assert "myhostname = mx.example.net\n" in written["postfix/main.cf"]
    assert "hosts = unix:/run/mysqld/mysqld.sock\n" in written["postfix/alias.cf"]
    assert "dbname = panel\n" in written["postfix/alias.cf"]
    assert f"{len(written) - 1} of {len(written) - 1} files" in output


def test_every_map_named_in_main_cf_is_written(run, tmp_path):
    run(*(f"--{block}" for block in main_cf.BLOCKS))

    main = (tmp_path / "out/postfix/main.cf").read_text()
    named = set(re.findall(r"proxy:mysql:/etc/postfix/sql/(\w+\.cf)", main))
    written = {path.name for path in (tmp_path / "out/postfix").iterdir()}
    assert named == written - {"main.cf", "master.cf"}


def test_nobody_else_may_read_the_passwords(run, tmp_path):
    run()

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*")}
    assert modes.pop(tmp_path / "out" / written_files.STATE_NAME) == 0o600
    assert set(modes.values()) == {0o640, 0o750}


def test_each_program_gets_its_own_password_and_keeps_it(run, tmp_path):
    run()
    first = files_in(tmp_path / "out")
    run("--hostname", "other.example.net")
    second = files_in(tmp_path / "out")

    def secret(files, name, pattern):
        return re.search(pattern, files[name])[1]

    postfix = secret(first, "postfix/alias.cf", r"password = (\w{40})\n")
    dovecot = secret(first, "dovecot/2.4/dovecot.conf", r"password = (\w{40})\n")
    assert postfix != dovecot
    assert postfix == secret(second, "postfix/alias.cf", r"password = (\w+)\n")
    assert f"password={dovecot}\n" in second["dovecot/2.3/mailadmin-sql.conf.ext"]
    assert f"IDENTIFIED BY '{postfix}'" in second["mariadb/grants.sql"]


@pytest.mark.parametrize("release", ["2.3", "2.4"])
def test_a_new_directory_goes_on_with_the_passwords_that_postfix_and_dovecot_have(
    run, tmp_path, release
):
    run()
    out, places = tmp_path / "out", ("--maps", str(tmp_path / "maps"), "--dovecot-conf", str(tmp_path / "dovecot"))  # fmt: skip
    (out / "postfix").rename(tmp_path / "maps")
    (out / f"dovecot/{release}").rename(tmp_path / "dovecot")
    grants = (out / "mariadb/grants.sql").read_text()
    shutil.rmtree(out)

    run(*places)
    same = (out / "mariadb/grants.sql").read_text()
    shutil.rmtree(out)
    run(*places, "--postfix-user", "another", "--dovecot-user", "yet_another")
    others = (out / "mariadb/grants.sql").read_text()

    known = set(re.findall("IDENTIFIED BY '(\\w+)'", grants))
    assert len(known) == 2
    assert same == grants
    assert known & set(re.findall("IDENTIFIED BY '(\\w+)'", others)) == set()


def test_a_second_run_changes_nothing(run, tmp_path):
    run()
    before = files_in(tmp_path / "out")

    output = run()

    assert files_in(tmp_path / "out") == before
    assert "0 of" in output


def test_shows_the_difference_without_passwords(run, tmp_path):
    run()

    output = run("--hostname", "other.example.net", "--postfix-version", "3.10")

    assert "-myhostname = mail.example.org\n+myhostname = other.example.net\n" in output
    assert "+retry_interval = 2\n" in output
    assert "********" in output
    assert not re.search(r"\b[0-9a-f]{40}\b", output)


def test_refuses_to_overwrite_a_file_that_was_changed(run, tmp_path):
    run()
    changed = tmp_path / "out/postfix/main.cf"
    changed.write_text(changed.read_text() + "relayhost = [smart.example.net]\n")
    before = files_in(tmp_path / "out")

    with pytest.raises(CommandError, match=r"changed since: postfix/main\.cf"):
        run("--hostname", "other.example.net")
    assert files_in(tmp_path / "out") == before

    output = run("--hostname", "other.example.net", "--force")
    assert "-relayhost = [smart.example.net]" in output
    assert "relayhost" not in changed.read_text()


def test_refuses_to_overwrite_a_file_it_did_not_write(run, tmp_path):
    foreign = tmp_path / "out/dovecot/2.3/dovecot.conf"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("protocols = imap\npassword=hunter2\n")

    with pytest.raises(CommandError, match="Nothing was written"):
        run()

    assert files_in(tmp_path / "out") == {
        "dovecot/2.3/dovecot.conf": "protocols = imap\npassword=hunter2\n"
    }


def test_a_dry_run_shows_and_writes_nothing(run, tmp_path):
    foreign = tmp_path / "out/postfix/main.cf"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("relayhost = x\npassword = hunter2\n")

    output = run("--dry-run")

    assert "-relayhost = x\n" in output
    assert "hunter2" not in output
    assert files_in(tmp_path / "out") == {"postfix/main.cf": foreign.read_text()}


@pytest.mark.parametrize(
    ("options", "fields", "blocks"),
    [
        ([], {}, set()),
        ([], {"backupmx": True}, {"backup-mx"}),
        ([], {"transport": "smtp:[192.0.2.7]"}, {"transport"}),
        ([], {"backupmx": True, "verify_recipients": True}, {"backup-mx", "verify-recipients"}),
        (["--no-backup-mx"], {"backupmx": True}, set()),
        (["--backup-mx", "--transport"], {}, {"backup-mx", "transport"}),
    ],
)
def test_what_a_domain_needs_of_main_cf_comes_when_a_domain_needs_them(
    run, tmp_path, add_domain, options, fields, blocks
):
    add_domain("example.org", **fields)

    run(*options)

    main = (tmp_path / "out/postfix/main.cf").read_text()
    assert set(re.findall(r"^# BEGIN (.*)$", main, re.MULTILINE)) == blocks | {
        "no-dane",
        "unsigned",
    }
    assert ("\nrelay_domains = " in main) is ("backup-mx" in blocks)
    assert ("\ntransport_maps = " in main) is ("transport" in blocks)
    assert main.count("relay_recipients.cf") == ("verify-recipients" in blocks)
    assert set(WrittenBlock.objects.values_list("pk", flat=True)) == blocks


def test_a_dry_run_leaves_what_the_pages_say_of_main_cf(run, add_domain):
    add_domain("example.org", backupmx=True)

    run("--dry-run")

    assert not WrittenBlock.objects.exists()


@pytest.mark.parametrize(
    ("password", "options", "weak"),
    [
        (None, [], False),
        ("{SHA512-CRYPT}$6$x", [], False),
        ("$6$x$y", [], False),
        ("{BLF-CRYPT}$2y$05$x", [], False),
        ("$1$x$y", [], True),
        ("{MD5-CRYPT}$1$x$y", [], True),
        ("{SSHA}x", [], True),
        ("{PLAIN-MD5}x", [], True),
        ("$1$x$y", ["--no-weak-hashes"], False),
        (None, ["--weak-hashes"], True),
    ],
)
def test_dovecot_2_4_takes_weak_hashes_if_a_mailbox_has_one(
    run, tmp_path, add_domain, add_mailbox, password, options, weak
):
    if password:
        add_domain("example.org")
        Mailbox.objects.filter(pk=add_mailbox("ann@example.org").pk).update(password=password)

    run(*options)

    written = (tmp_path / "out/dovecot/2.4/dovecot.conf").read_text()
    assert ("\nauth_allow_weak_schemes = yes\n" in written) is weak


def test_a_damaged_memory_is_not_taken_for_an_empty_one(run, tmp_path):
    run()
    (tmp_path / "out" / written_files.STATE_NAME).write_text("{")

    with pytest.raises(CommandError, match="damaged"):
        run()


def test_no_option_takes_a_password():
    from mailadmin.management.commands.mailconf import Command

    text = Command().create_parser("manage.py", "mailconf").format_help()
    assert "--postfix-user" in text
    assert not re.search(r"--\S*(password|secret)", text)


def test_each_shipped_file_says_how_to_try_it():
    for path in [p for folder in shipped.FOLDERS for p in (shipped.DEPLOY / folder).rglob("*")]:
        if path.is_file() and path.name != "main.cf":
            assert "Try it:" in path.read_text(), path
