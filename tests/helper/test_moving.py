"""Mail moves from one directory to another below the mail root, and nowhere else; wherever that was stopped, asking again does the rest."""

import errno
import importlib.util
import os
import pwd
import subprocess
import sys

import pytest

from tests.helper.conftest import OWNER, called
from tests.helper.test_helper import ask
from tests.servers.processes import ROOT

PROGRAM = ROOT / "deploy/helper/moving.py"
OLD, NEW = "example.org/joe/deep", "example.org/deep"
MARK = (
    f"The mail that was here is in {NEW} now. This file may be deleted an hour after it was made.\n"
)


@pytest.fixture
def moving():
    spec = importlib.util.spec_from_file_location("helper_moving", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path):
    """The mail root: deep@ lies in joe@'s directory."""
    new = tmp_path / "vmail" / OLD / "Maildir/new"
    new.mkdir(parents=True)
    (new / "1.host").write_text("mail of deep")
    return tmp_path / "vmail"


def move(root, old=OLD, new=NEW):
    """(what it says, what it complains of)."""
    command = [sys.executable, "-I", PROGRAM, root, old, new]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode == 0) is (done.stderr == "")
    return done.stdout or done.stderr.rstrip()


def mail_in(root, place):
    return [path.read_text() for path in sorted((root / place).glob("Maildir/new/*"))]


def everything(root):
    return sorted(
        (str(path.relative_to(root)), path.is_symlink() or path.is_dir() or path.read_text())
        for path in root.rglob("*")
    )


def test_the_mail_is_in_the_new_place_and_nothing_can_be_made_in_the_old_one(root):
    assert move(root) == "moved"

    assert mail_in(root, NEW) == ["mail of deep"]
    assert (root / OLD).read_text() == MARK
    with pytest.raises(NotADirectoryError):
        (root / OLD / "Maildir").mkdir()


def test_asked_again_it_says_so_and_changes_nothing(root):
    move(root)
    before = everything(root)

    assert move(root) == "moved before"
    assert everything(root) == before


def test_directories_on_the_way_are_made_like_the_mail_root(root):
    root.chmod(0o750)

    assert move(root, new="other/way/deep") == "moved"

    assert mail_in(root, "other/way/deep") == ["mail of deep"]
    assert {oct((root / path).stat().st_mode & 0o777) for path in ("other", "other/way")} == {
        "0o750"
    }


@pytest.mark.parametrize("length", [0, 10, len(MARK)])
def test_stopped_before_the_names_change_places_it_is_done_the_next_time(length, root):
    (root / NEW).write_text(MARK[:length])

    assert move(root) == "moved"

    assert mail_in(root, NEW) == ["mail of deep"]
    assert (root / OLD).read_text() == MARK


@pytest.mark.parametrize("there", ["directory", "file", "link"])
def test_what_is_in_the_way_is_left_alone(there, root):
    place = root / NEW
    if there == "directory":
        place.mkdir()
    elif there == "file":
        place.write_text("somebody's")
    else:
        place.symlink_to(root)
    before = everything(root)

    assert move(root) == f"{NEW} is there already"
    assert everything(root) == before


def test_a_file_of_somebody_elses_is_no_sign_that_it_was_moved_before(root):
    (root / NEW).mkdir()
    for text in ("", MARK.replace("deep", "other")):
        (root / "example.org/joe/lost").write_text(text)

        assert (
            move(root, old="example.org/joe/lost") == "there is no directory example.org/joe/lost"
        )


def test_mail_that_is_in_neither_place_is_missed(root):
    move(root)
    (root / NEW).rename(root / "example.org/elsewhere")

    assert move(root) == f"there is no directory {NEW}"


def test_what_is_not_there_is_said(root):
    assert move(root, old="example.org/nobody", new="other/way/deep").startswith("there is no")
    assert not (root / "other").exists()
    assert (
        move(root, old="example.org/joe/nobody") == "there is no directory example.org/joe/nobody"
    )
    assert move(root, old="nobody.example/joe") == "there is no directory nobody.example"
    assert not (root / NEW).exists()


@pytest.mark.parametrize("of", ["old", "new"])
def test_no_link_is_followed(of, root, tmp_path):
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (root / "link").symlink_to(outside)
    paths = {"old": "link/deep"} if of == "old" else {"new": "link/mine"}

    assert move(root, **paths) == "link: Not a directory"

    assert os.listdir(outside) == ["deep"]
    assert mail_in(root, OLD) == ["mail of deep"]


@pytest.mark.parametrize(
    "path", ["../outside", "/etc", "example.org//joe", "example.org/./joe", ""]
)
def test_no_path_leaves_the_mail_root(path, root):
    assert move(root, old=path) == f"{path} is no directory below that of the mail"
    assert move(root, new=path) == f"{path} is no directory below that of the mail"


def test_a_link_in_the_place_of_the_mail_is_not_moved(root):
    (root / "example.org/link").symlink_to(root / OLD)

    assert move(root, old="example.org/link") == "there is no directory example.org/link"


@pytest.mark.parametrize("new", [OLD, f"{OLD}/inner", "example.org/joe", "example.org"])
def test_into_itself_nothing_is_moved(new, root):
    assert move(root, new=new) == f"{new} and {OLD} lie in one another"


def test_a_disk_that_cannot_is_said_and_the_next_time_nothing_is_in_the_way(
    moving, root, monkeypatch
):
    class Old:
        def renameat2(self, *_arguments):
            moving.ctypes.set_errno(errno.EINVAL)
            return -1

    with monkeypatch.context() as broken:
        broken.setattr(moving.ctypes, "CDLL", lambda *_arguments, **_options: Old())
        with pytest.raises(moving.NotMoved, match="does not let two names change places"):
            moving.move(root, OLD, NEW)
    assert mail_in(root, OLD) == ["mail of deep"]

    assert moving.move(root, OLD, NEW)


@pytest.fixture
def kept(helper):
    """``kept("old/", "new/")``: what the database says of ann@."""
    file = helper / "bin/directories"

    def keep(old, new):
        file.write_text(f"ann@example.org {old}\t{new}\n")
        called(helper)

    yield keep
    file.unlink(missing_ok=True)


def test_the_helper_moves_it_as_the_owner_of_the_mail(helper, kept):
    deep = helper / "vmail/example.org/ann/deep"
    deep.mkdir()
    os.chown(deep, *pwd.getpwnam(OWNER)[2:4])
    kept("example.org/ann/deep/", "example.org/deep/")

    answer = ask(helper, "move-directory ann@example.org")

    assert answer == {
        "ok": {"from": "example.org/ann/deep/", "to": "example.org/deep/", "says": "moved"}
    }
    assert called(helper) == ["postmap -q ann@example.org mysql:/directories.cf"]
    assert deep.stat().st_uid == pwd.getpwnam(OWNER).pw_uid
    assert (helper / "vmail/example.org/deep").is_dir()


def test_it_moves_nothing_that_the_owner_of_the_mail_could_not(helper, kept):
    theirs = helper / "vmail/theirs"
    (theirs / "deep").mkdir(parents=True)  # root's
    kept("theirs/deep/", "example.org/mine/")

    answer = ask(helper, "move-directory ann@example.org")

    assert answer == {"error": "deep: Permission denied"}
    assert (theirs / "deep").is_dir()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/etc/", "example.org/x/"),
        ("example.org/ann/", "/tmp/x/"),
        ("../etc/", "example.org/x/"),
        ("example.org/ann/", "example.org/../../x/"),
        ("example.org/ann/", "example.org//x/"),
        ("example.org/ann/", "example.org/./x/"),
        ("example.org/ann/", "/"),
        ("example.org/ann/", "example.org/x"),
        ("example.org/ann/", "example.org/x/,example.org/y/\texample.org/z/"),
    ],
)
def test_paths_that_leave_the_mail_root_are_refused(old, new, helper, kept):
    kept(old, new)

    answer = ask(helper, "move-directory ann@example.org")

    assert answer == {"error": "not a directory below that of the mail"}


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("bob@example.org", "no directory is kept for it"),
        ("", "not an address"),
        ("ann@example.org /etc", "not an address"),
        ("-q@example.org", "not an address"),
        ("example.org/ann/", "not an address"),
    ],
)
def test_it_takes_an_address_alone_and_the_database_says_the_rest(argument, error, helper):
    assert ask(helper, f"move-directory {argument}".strip()) == {"error": error}
