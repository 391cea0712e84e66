import json
import os
import subprocess

import pytest
from django.core.management.base import CommandError

from accounts.models import LogEntry
from mailadmin.findings import directories
from mailboxes.models import Mailbox, RetiredMaildir
from panel.models import FoundRows


@pytest.fixture
def nested(example_org, add_mailbox):
    """deep@ lies in nested@'s directory, which lies in joe@'s."""
    for name, maildir in (
        ("joe", "example.org/joe/"),
        ("nested", "example.org/joe/nested/"),
        ("deep", "example.org/joe/nested/deep/"),
    ):
        add_mailbox(f"{name}@example.org")
        Mailbox.objects.filter(pk=f"{name}@example.org").update(maildir=maildir)
    RetiredMaildir.objects.all().delete()


@pytest.fixture
def mail(tmp_path, monkeypatch):
    monkeypatch.setattr(directories, "MASTER", tmp_path / "master.pid")
    root = tmp_path / "vmail"
    for maildir in ("joe", "joe/nested", "joe/nested/deep"):
        new = root / "example.org" / maildir / "new"
        new.mkdir(parents=True)
        (new / "1.host").write_text(f"mail of {maildir}")
    return root


def stored():
    return dict(Mailbox.objects.values_list("local_part", "maildir"))


def mail_of(root, maildir):
    return [path.read_text() for path in sorted((root / maildir).glob("new/*"))]


def test_alone_it_lists_them_and_changes_nothing(run, nested):
    before = stored()

    assert run("directories").splitlines() == [
        "deep@example.org: example.org/joe/nested/deep/ → example.org/deep/",
        "nested@example.org: example.org/joe/nested/ → example.org/nested/",
    ]

    assert stored() == before


def test_each_keeps_its_mail_and_the_innermost_moves_first(run, nested, mail):
    said = run("directories", "--apply", "--mail-root", str(mail))

    assert said.splitlines() == [
        "deep@example.org: example.org/joe/nested/deep/ → example.org/deep/   moved",
        "nested@example.org: example.org/joe/nested/ → example.org/nested/   moved",
    ]
    assert stored() == {
        "joe": "example.org/joe/",
        "nested": "example.org/nested/",
        "deep": "example.org/deep/",
    }
    assert mail_of(mail, "example.org/joe") == ["mail of joe"]
    assert mail_of(mail, "example.org/nested") == ["mail of joe/nested"]
    assert mail_of(mail, "example.org/deep") == ["mail of joe/nested/deep"]
    assert os.listdir(mail / "example.org/joe") == ["new"]
    assert FoundRows.objects.get(pk=directories.CHECK).count == 0
    assert LogEntry.objects.filter(action="edit_mailbox").count() == 2
    assert run("directories") == "No mailbox lies inside another's directory.\n"


def test_the_owner_of_the_mail_root_owns_what_is_made_there(run, nested, mail, settings):
    settings.MAILDIR_LAYOUT = "own/{username}/"
    mail.chmod(0o750)

    run("directories", "--apply", "--mail-root", str(mail))

    assert mail_of(mail, "own/deep@example.org") == ["mail of joe/nested/deep"]
    assert (mail / "own").stat().st_uid == mail.stat().st_uid
    assert (mail / "own").stat().st_mode & 0o777 == 0o750


def test_a_mailbox_without_mail_gets_only_the_name(run, nested, tmp_path, mail):
    empty = tmp_path / "empty"
    empty.mkdir()

    [deep, _nested] = json.loads(run("directories", "--apply", "--json", "--mail-root", str(empty)))

    assert deep["state"] == "no mail yet"
    assert stored()["deep"] == "example.org/deep/"
    assert os.listdir(empty) == []


def test_what_is_in_the_way_is_left_alone_and_said(run, nested, mail):
    (mail / "example.org/deep/new").mkdir(parents=True)

    with pytest.raises(SystemExit):
        run("directories", "--apply", "--mail-root", str(mail))

    assert stored()["deep"] == "example.org/joe/nested/deep/"
    assert stored()["nested"] == "example.org/joe/nested/"


def test_a_run_that_was_stopped_between_the_two_steps_is_finished(run, nested, mail):
    (mail / "example.org/joe/nested/deep").rename(mail / "example.org/deep")

    run("directories", "--apply", "--mail-root", str(mail))

    assert stored()["deep"] == "example.org/deep/"
    assert mail_of(mail, "example.org/deep") == ["mail of joe/nested/deep"]


def test_mail_goes_back_if_the_new_place_cannot_be_written_down(nested, mail, monkeypatch):
    row = Mailbox.objects.get(pk="deep@example.org")
    Mailbox.objects.filter(pk=row.pk).delete()

    with pytest.raises(Mailbox.DoesNotExist):
        directories.move(row, mail)

    assert mail_of(mail, "example.org/joe/nested/deep") == ["mail of joe/nested/deep"]


def test_while_dovecot_runs_nothing_is_moved(run, nested, mail):
    directories.MASTER.write_text(f"{os.getpid()}\n")

    with pytest.raises(CommandError, match="Dovecot runs"):
        run("directories", "--apply", "--mail-root", str(mail))

    ended = subprocess.Popen(["true"])
    ended.wait()
    directories.MASTER.write_text(f"{ended.pid}\n")
    assert "moved" in run("directories", "--apply", "--mail-root", str(mail))


def test_elsewhere_than_the_mail_it_says_so(run, nested, tmp_path):
    with pytest.raises(CommandError, match="run this where the mail lies"):
        run("directories", "--apply", "--mail-root", str(tmp_path / "nowhere"))
