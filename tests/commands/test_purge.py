import json
import os

import pytest
from django.core.management.base import CommandError

from mailboxes import purging, restoring
from mailboxes.models import Deleted, Mailbox, RetiredMaildir
from mailboxes.services import delete_mailbox
from tests.commands.mail_root import mailboxes as mailboxes
from tests.commands.mail_root import over
from tests.commands.mail_root import purge as purge
from tests.commands.mail_root import root as root


def test_what_can_be_restored_is_not_due(mailboxes, purge, root):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over(days=29)

    assert purge("--remove") == "Directories removed: 0.\n"
    assert (root / "example.org/joe").is_dir()


def test_a_longer_time_that_was_promised_counts(mailboxes, purge, settings):
    settings.DELETED_DAYS = 60
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    settings.DELETED_DAYS = 30
    over(days=31)

    assert purge() == "Directories due: 0.\n"


def test_without_remove_it_only_lists(mailboxes, purge, root):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()

    assert purge() == f"{root}/example.org/joe\tjoe@example.org\tdue\nDirectories due: 1.\n"
    assert purge("--json") == (
        json.dumps(
            {
                "directory": f"{root}/example.org/joe",
                "mailbox": "joe@example.org",
                "state": "due",
            }
        )
        + "\n"
    )
    assert (root / "example.org/joe/Maildir/cur/1.eml").is_file()
    assert RetiredMaildir.objects.count() == 1


def test_what_is_over_is_removed_with_its_row_and_nothing_else(mailboxes, purge, root):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()

    assert purge("--remove").splitlines()[-1] == "Directories removed: 1."

    assert [path.name for path in (root / "example.org").iterdir()] == ["ann"]
    assert (root / "example.org/ann/Maildir/cur/1.eml").is_file()
    assert RetiredMaildir.objects.count() == 0
    assert purge("--remove") == "Directories removed: 0.\n"


def test_what_a_superadmin_removed_is_due_at_once(mailboxes, purge, root):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    restoring.remove(actor=None, deletion=Deleted.objects.get())

    purge("--remove")

    assert not (root / "example.org/joe").exists()


def test_what_another_program_deleted_waits_as_long(mailboxes, purge, root):
    Mailbox.objects.filter(pk="joe@example.org").delete()
    assert purge() == "Directories due: 0.\n"
    over()

    purge("--remove")

    assert not (root / "example.org/joe").exists()


def test_a_directory_that_a_mailbox_has_is_never_touched(mailboxes, purge, root):
    # A row that should not be there.
    RetiredMaildir.objects.create(maildir="example.org/joe/", username="old@example.org")
    over()

    assert purge("--remove") == "Directories removed: 0.\n"
    assert (root / "example.org/joe").is_dir()


@pytest.mark.parametrize("theirs", ["example.org/joe/inner/", "example.org/", "example.org/joe"])
def test_a_directory_inside_anothers_or_around_it_stays(mailboxes, purge, root, theirs):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()
    Mailbox.objects.filter(pk="ann@example.org").update(maildir=theirs)

    told = purge("--remove")

    assert f"joe@example.org\tstays: the mail of ann@example.org lies in {theirs}\n" in told
    assert purge.refused == "Directories that stay: 1."
    assert (root / "example.org/joe/Maildir/cur/1.eml").is_file()


def test_a_directory_around_one_that_can_be_restored_stays(mailboxes, purge, root):
    Mailbox.objects.filter(pk="ann@example.org").update(maildir="example.org/joe/inner/")
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk="ann@example.org"))

    assert (
        "stays: another directory is kept in it, around it or in the place that it gets"
        in purge("--remove")
    )
    assert (root / "example.org/joe").is_dir()


def test_a_directory_that_is_kept_for_mail_about_to_be_moved_stays(mailboxes, purge, root):
    RetiredMaildir.objects.create(
        maildir="example.org/new/", username="joe@example.org", awaited=True
    )
    (root / "example.org/new").mkdir()
    over()

    assert purge("--remove") == "Directories removed: 0.\n"
    assert (root / "example.org/new").is_dir()


def test_a_run_that_was_stopped_is_gone_on_with(mailboxes, purge, root, monkeypatch):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()

    def stopped(*_given, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(purging.shutil, "rmtree", stopped)
    with pytest.raises(KeyboardInterrupt):
        purge("--remove")
    monkeypatch.undo()
    assert RetiredMaildir.objects.get().pk == "example.org/joe~gone/"
    assert (root / "example.org/joe~gone/Maildir").is_dir()

    assert "joe~gone\tjoe@example.org\tremoved" in purge("--remove")

    assert [path.name for path in (root / "example.org").iterdir()] == ["ann"]
    assert RetiredMaildir.objects.count() == 0


def test_a_new_mailbox_of_the_name_meanwhile_starts_empty(
    mailboxes, purge, root, add_mailbox, monkeypatch
):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()
    made = []

    def made_meanwhile(name, *, dir_fd):
        made.append(add_mailbox("joe@example.org").maildir)
        (root / "example.org/joe").mkdir()

    monkeypatch.setattr(purging.shutil, "rmtree", made_meanwhile)
    purge("--remove")
    monkeypatch.undo()

    assert made == ["example.org/joe/"]
    assert list((root / "example.org/joe").iterdir()) == []
    assert purge("--remove") == "Directories removed: 0.\n"


def test_what_cannot_be_removed_stays_listed_and_fails(mailboxes, purge, root, monkeypatch):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()

    def not_ours(name, *, dir_fd):
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(purging.shutil, "rmtree", not_ours)
    told = purge("--remove")

    assert "joe@example.org\tstays: joe~gone: Permission denied\n" in told
    assert purge.refused == "Directories that stay: 1."
    assert RetiredMaildir.objects.get().pk == "example.org/joe~gone/"


def test_a_run_whose_renaming_was_not_committed_is_gone_on_with(
    mailboxes, purge, root, monkeypatch
):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()
    rename = os.rename

    def stopped(*names, **folders):
        rename(*names, **folders)
        raise KeyboardInterrupt

    monkeypatch.setattr(purging.os, "rename", stopped)
    with pytest.raises(KeyboardInterrupt):
        purge("--remove")
    monkeypatch.undo()
    assert RetiredMaildir.objects.get().pk == "example.org/joe/"
    assert (root / "example.org/joe~gone/Maildir").is_dir()

    assert "joe\tjoe@example.org\tremoved" in purge("--remove")

    assert [path.name for path in (root / "example.org").iterdir()] == ["ann"]
    assert RetiredMaildir.objects.count() == 0


@pytest.mark.parametrize("options", [(), ("--remove",)])
def test_in_a_mail_root_with_nothing_at_all_nothing_is_forgotten(
    example_org, run, tmp_path, options
):
    # MAILDIR_LAYOUT={username}/, and a disk that is not mounted.
    (tmp_path / "vmail").mkdir()
    RetiredMaildir.objects.create(maildir="joe@example.org/", username="joe@example.org")
    over()

    run("purge", *options, "--mail-root", str(tmp_path / "vmail"))
    assert RetiredMaildir.objects.count() == 1

    (tmp_path / "vmail/lost+found").mkdir()
    run("purge", "--remove", "--mail-root", str(tmp_path / "vmail"))
    assert RetiredMaildir.objects.count() == 0


def test_where_no_mail_lies_nothing_is_forgotten(mailboxes, run, tmp_path):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    over()

    with pytest.raises(CommandError, match="run this where the mail lies"):
        run("purge", "--remove", "--mail-root", str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    run("purge", "--remove", "--mail-root", str(tmp_path / "empty"))

    assert RetiredMaildir.objects.count() == 1


def test_more_than_one_batch(example_org, purge, monkeypatch, root):
    monkeypatch.setattr(purging, "TOGETHER", 2)
    for number in range(5):
        (root / f"example.org/m{number}").mkdir()
        RetiredMaildir.objects.create(
            maildir=f"example.org/m{number}/", username=f"m{number}@example.org"
        )
    over()

    assert purge("--remove").splitlines()[-1] == "Directories removed: 5."
