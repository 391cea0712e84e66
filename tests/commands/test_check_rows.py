import json

import pytest
from django.core.management.base import CommandError

from accounts.models import Admin
from mailboxes.models import Mailbox
from panel.models import FoundRows


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox("joe@example.org")


def test_it_says_that_all_is_well(run, joe):
    assert run("check_rows").startswith("All is well: ")
    assert not FoundRows.objects.exclude(count=0).exists()


def test_it_names_what_it_finds_and_keeps_it_for_the_page(run, joe, add_alias):
    add_alias("team@example.org", "joe@example.org", "gone@example.org")

    assert run("check_rows").splitlines() == [
        "Recipients that do not exist (1)   recipients-that-do-not-exist",
        "    team@example.org to gone@example.org",
    ]
    [record] = json.loads(run("check_rows", "--json"))
    assert record == {
        "name": "recipients-that-do-not-exist",
        "title": "Recipients that do not exist",
        "count": 1,
        "is_more": False,
        "examples": ["team@example.org to gone@example.org"],
    }


def test_the_list_feeds_the_command_that_makes_passwords(run, joe, make_admin, capsys):
    make_admin("boss@example.org")
    Mailbox.objects.update(password="5f4dcc3b5aa765d61d8327deb882cf99")
    Admin.objects.update(password="$1$abcdefgh$oTbI6f2eHtcCWNfqZ0OWq.")
    run("check_rows")

    assert run("check_rows", "--list", "passwords-weak") == "joe@example.org\n"
    assert capsys.readouterr().err == "admin boss@example.org\n"


def test_a_finding_that_nobody_knows_is_named(run, joe):
    with pytest.raises(CommandError, match="is none of: names-with-the-delimiter, "):
        run("check_rows", "--list", "nothing")


@pytest.mark.parametrize(
    ("stored", "is_weak"),
    [
        ("{SHA512-CRYPT}$6$abcdefgh$x", False),
        ("{BLF-CRYPT}$2y$10$x", False),
        ("$y$j9T$abc$def", False),
        ("{PLAIN-MD5}5f4dcc3b5aa765d61d8327deb882cf99", True),
        ("{SSHA512.B64}x", True),
        ("{SHA}x", True),
        ("{CRYPT}$1$abcdefgh$x", True),
        ("abJnggxhB/yWI", True),
        ("$1$c9809462$fC8eUPU8lq7WtlIQpvhZ70", False),  # named as such
    ],
)
def test_what_is_guessed_fast_is_weak(run, joe, stored, is_weak):
    Mailbox.objects.update(password=stored)
    run("check_rows")

    assert bool(FoundRows.objects.get(pk="passwords-weak").count) is is_weak
