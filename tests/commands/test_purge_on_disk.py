"""What of a directory is not removed by `purge`: what the disk has in its place, refuses, or has beside it."""

import errno
import os
import shutil

import pytest

from mailboxes import purging
from mailboxes.models import Mailbox, RetiredMaildir
from mailboxes.services import delete_mailbox
from tests.commands.mail_root import mailboxes as mailboxes
from tests.commands.mail_root import over
from tests.commands.mail_root import purge as purge
from tests.commands.mail_root import root as root


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
