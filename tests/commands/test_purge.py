import errno
import json
import os
import shutil
from datetime import timedelta

import pytest
from django.core.management.base import CommandError

from mailboxes import purging, restoring
from mailboxes.models import Deleted, Mailbox, RetiredMaildir
from mailboxes.services import delete_mailbox


@pytest.fixture
def root(tmp_path):
    """A mail root with the mail of joe and of ann."""
    root = tmp_path / "vmail"
    for name in ("joe", "ann"):
        (root / f"example.org/{name}/Maildir/cur").mkdir(parents=True)
        (root / f"example.org/{name}/Maildir/cur/1.eml").write_text("From: x\n")
    return root


@pytest.fixture
def mailboxes(example_org, add_mailbox):
    return add_mailbox("joe@example.org"), add_mailbox("ann@example.org")


@pytest.fixture
def purge(run, root):
    """``purge("--remove")``: what it prints; ``purge.refused``, the end of it, where something stays."""

    def call(*options):
        call.refused = ""
        try:
            return run("purge", "--mail-root", str(root), *options)
        except CommandError as error:
            call.refused = str(error)
            return run.screen

    return call


def over(days=30):
    """Let everything have been deleted so long ago, and be forgotten if its time is over."""
    for row in Deleted.objects.all():
        until = row.until - timedelta(days=days)
        Deleted.objects.filter(pk=row.pk).update(until=until)
    for row in RetiredMaildir.objects.all():
        retired = row.retired - timedelta(days=days)
        RetiredMaildir.objects.filter(pk=row.pk).update(retired=retired)
    restoring.forget_over()


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


class TestLinks:
    @pytest.fixture
    def elsewhere(self, tmp_path):
        place = tmp_path / "elsewhere"
        (place / "joe").mkdir(parents=True)
        (place / "joe/precious").write_text("x")
        return place

    @pytest.fixture
    def gone(self, mailboxes):
        delete_mailbox(actor=None, mailbox=mailboxes[0])
        over()

    def test_in_the_place_of_the_directory_stays(self, gone, purge, root, elsewhere):
        (root / "example.org/joe").rename(root / "example.org/old")
        (root / "example.org/joe").symlink_to(elsewhere / "joe")

        assert "stays: it is no directory" in purge("--remove")

        assert (elsewhere / "joe/precious").is_file()
        assert RetiredMaildir.objects.get().pk == "example.org/joe/"

    def test_above_it_are_not_followed(self, gone, purge, root, elsewhere):
        (root / "example.org").rename(root / "old")
        (root / "example.org").symlink_to(elsewhere)

        assert "joe@example.org\tstays: example.org: " in purge("--remove")

        assert (elsewhere / "joe/precious").is_file()

    def test_in_it_are_removed_and_not_followed(self, gone, purge, root, elsewhere):
        (root / "example.org/joe/Maildir/away").symlink_to(elsewhere / "joe")

        purge("--remove")

        assert not (root / "example.org/joe").exists()
        assert (elsewhere / "joe/precious").is_file()


@pytest.mark.parametrize(
    "maildir", ["../outside/", "/etc/", "example.org/../../outside/", "", "/", "example.org"]
)
def test_a_name_that_leads_out_of_the_mail_root_is_refused(
    maildir, example_org, purge, root, tmp_path
):
    (tmp_path / "outside").mkdir()
    RetiredMaildir.objects.create(maildir=maildir, username="joe@example.org")
    over()

    assert "is no directory below that of the mail" in purge("--remove")

    assert (tmp_path / "outside").is_dir()
    assert (root / "example.org/ann/Maildir/cur/1.eml").is_file()


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


class TestWhatTheDiskRefuses:
    """Told of that directory alone: the others go on."""

    @pytest.fixture(autouse=True)
    def gone(self, mailboxes):
        for mailbox in mailboxes:
            delete_mailbox(actor=None, mailbox=mailbox)
        over()

    @pytest.fixture
    def refuse(self, monkeypatch):
        """``refuse("rename", "joe", code)``: what the kernel answers to this function about this name."""

        def begin(function, name, code):
            real = getattr(os, function)

            def refused(path, *args, **kwargs):
                if path == name:
                    raise OSError(code, os.strerror(code), path)
                return real(path, *args, **kwargs)

            monkeypatch.setattr(purging.os, function, refused)

        return begin

    @pytest.mark.parametrize(
        ("function", "code", "words"),
        [
            ("rename", errno.EBUSY, "Device or resource busy"),
            ("rename", errno.EACCES, "Permission denied"),
            ("rename", errno.ENAMETOOLONG, "File name too long"),
            ("stat", errno.EACCES, "Permission denied"),
        ],
    )
    def test_of_one(self, purge, root, refuse, function, code, words):
        refuse(function, "joe", code)

        assert purge("--remove").splitlines() == [
            f"{root}/example.org/joe\tjoe@example.org\tstays: joe: {words}",
            f"{root}/example.org/ann\tann@example.org\tremoved",
            "Directories removed: 1.",
        ]

        assert purge.refused == "Directories that stay: 1."
        assert [row.pk for row in RetiredMaildir.objects.all()] == ["example.org/joe/"]
        assert (root / "example.org/joe/Maildir/cur/1.eml").is_file()

    def test_of_the_mail_root_halfway(self, purge, root, refuse, monkeypatch):
        monkeypatch.setattr(
            purging, "in_the_way", lambda maildir: refuse("open", root, errno.EIO) or ""
        )

        assert purge().splitlines() == [
            f"{root}/example.org/joe\tjoe@example.org\tdue",
            f"{root}/example.org/ann\tann@example.org\tstays: {root}: Input/output error",
            "Directories due: 1.",
        ]

    def test_of_the_whole_mail_root(self, purge, root, refuse):
        refuse("open", root, errno.EACCES)

        assert purge("--remove") == ""

        assert purge.refused == (
            f"{root} (Permission denied): run this where the mail lies, as its owner."
        )
        assert RetiredMaildir.objects.count() == 2

    def test_of_directories_that_are_nested_too_deeply(self, purge, root, monkeypatch):
        real = shutil.rmtree

        def removed(name, *, dir_fd):
            if name == "joe~gone":
                raise RecursionError
            real(name, dir_fd=dir_fd)

        monkeypatch.setattr(purging.shutil, "rmtree", removed)

        told = purge("--remove")

        assert "stays: joe~gone: too many directories inside one another\n" in told
        assert told.splitlines()[-1] == "Directories removed: 1."

    def test_a_disk_that_goes_away_at_that_moment_is_not_taken_for_removed(
        self, purge, root, monkeypatch
    ):
        monkeypatch.setattr(
            purging,
            "in_the_way",
            lambda maildir: (root / "example.org").rename(root / "away") and "",
        )

        assert "joe@example.org\tstays: example.org is not here\n" in purge("--remove")

        assert RetiredMaildir.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x" * 250, "its name is too long to be set apart"),
        ("é" * 126, f"{'é' * 126}: File name too long"),
    ],
)
def test_a_name_that_is_too_long_for_another_one_stays(example_org, purge, root, name, why):
    (root / name).mkdir()
    for maildir in (f"{name}/", "example.org/joe/"):
        RetiredMaildir.objects.create(maildir=maildir, username="joe@example.org")
    over()

    told = purge("--remove").splitlines()

    assert told == [
        f"{root}/{name}\tjoe@example.org\tstays: {why}",
        f"{root}/example.org/joe\tjoe@example.org\tremoved",
        "Directories removed: 1.",
    ]
    assert (root / name).is_dir()


def test_a_name_that_is_too_long_for_another_one_is_forgotten_without_a_directory(
    example_org, purge
):
    RetiredMaildir.objects.create(maildir=f"{'x' * 254}/", username="joe@example.org")
    over()

    assert purge("--remove") == "Directories removed: 0.\n"

    assert RetiredMaildir.objects.count() == 0


def test_a_name_with_a_zero_byte_is_refused(example_org, purge):
    RetiredMaildir.objects.create(maildir="example.org/jo\0e/", username="joe@example.org")
    over()

    assert "is no directory below that of the mail" in purge("--remove")


class TestSomebodyElsesDirectoryOfTheOtherName:
    """Nothing of it is removed: the row names joe/, not joe~gone/."""

    @pytest.fixture(autouse=True)
    def theirs(self, mailboxes, root):
        for mailbox in mailboxes:
            delete_mailbox(actor=None, mailbox=mailbox)
        over()
        (root / "example.org/joe~gone").mkdir()
        (root / "example.org/joe~gone/precious").write_text("x")

    @pytest.fixture
    def is_kept(self, root):
        def ask():
            rows = [row.pk for row in RetiredMaildir.objects.all()]
            return "example.org/joe/" in rows and (root / "example.org/joe~gone/precious").is_file()

        return ask

    STAYS = "joe@example.org\tstays: joe~gone is there already, and is not this one\n"

    def test_beside_it_lets_both_stay(self, purge, root, is_kept):
        assert self.STAYS in purge()
        told = purge("--remove")

        assert self.STAYS in told
        assert told.splitlines()[-1] == "Directories removed: 1."
        assert is_kept()
        assert (root / "example.org/joe/Maildir/cur/1.eml").is_file()

    def test_stays_where_that_of_the_row_is_not_there(self, purge, root, is_kept):
        shutil.rmtree(root / "example.org/joe")

        assert self.STAYS in purge("--remove")
        assert is_kept()

    def test_stays_where_it_is_a_copy_of_one_with_a_mark(self, purge, root, is_kept, monkeypatch):
        shutil.rmtree(root / "example.org/joe~gone")

        def stopped(*_given, **_named):
            raise KeyboardInterrupt

        monkeypatch.setattr(purging.os, "rename", stopped)
        with pytest.raises(KeyboardInterrupt):
            purge("--remove")
        monkeypatch.undo()
        shutil.copytree(root / "example.org/joe", root / "example.org/joe~gone")
        (root / "example.org/joe~gone/precious").write_text("x")
        (root / "example.org/joe").rename(root / "away")

        assert self.STAYS in purge("--remove")
        assert is_kept()

    def test_stays_where_it_is_a_link(self, purge, root, is_kept):
        (root / "example.org/joe~gone").rename(root / "away")
        (root / "example.org/joe~gone").symlink_to(root / "away")
        shutil.rmtree(root / "example.org/joe")

        assert self.STAYS in purge("--remove")
        assert is_kept()

    @pytest.mark.parametrize("maildir", ["joe~gone/", "joe~gone/Maildir/"])
    @pytest.mark.parametrize("has_mail", [True, False])
    def test_stays_where_it_is_a_mailboxs(self, purge, root, add_mailbox, maildir, has_mail):
        add_mailbox("sue@example.org")
        Mailbox.objects.filter(pk="sue@example.org").update(maildir=f"example.org/{maildir}")
        hers = root / "example.org/joe~gone"
        if has_mail:
            shutil.rmtree(root / "example.org/joe")
            (hers / f"~gone.{hers.stat().st_ino}").touch()
        else:
            shutil.rmtree(hers)

        told = purge("--remove")

        assert f"stays: the mail of sue@example.org lies in example.org/{maildir}\n" in told
        assert hers.exists() == has_mail
        assert (root / "example.org/joe").exists() != has_mail

    def test_stays_where_it_can_be_restored(self, purge, is_kept, add_mailbox):
        add_mailbox("sue@example.org")
        Mailbox.objects.filter(pk="sue@example.org").update(maildir="example.org/joe~gone/")
        delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk="sue@example.org"))

        purge("--remove")

        assert is_kept()
        assert purge.refused == "Directories that stay: 1."


def test_a_row_of_the_other_name_that_is_there_already_does_not_end_the_run(mailboxes, purge, root):
    for mailbox in mailboxes:
        delete_mailbox(actor=None, mailbox=mailbox)
    over()
    later = {"maildir": "example.org/joe~gone/", "username": "old@example.org"}
    RetiredMaildir.objects.create(**later)

    told = purge("--remove")

    assert (
        "joe@example.org\tstays: another directory is kept in it, around it or in the place"
        " that it gets\n" in told
    )
    assert told.splitlines()[-1] == "Directories removed: 1."
    assert (root / "example.org/joe").is_dir()


def test_a_row_of_the_other_name_that_is_due_goes_first(mailboxes, purge, root):
    delete_mailbox(actor=None, mailbox=mailboxes[0])
    RetiredMaildir.objects.create(maildir="example.org/joe~gone/", username="old@example.org")
    (root / "example.org/joe~gone").mkdir()
    over()

    assert purge("--remove").splitlines()[-1] == "Directories removed: 2."
    assert [path.name for path in (root / "example.org").iterdir()] == ["ann"]


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
