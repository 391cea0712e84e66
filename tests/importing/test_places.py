import pytest

from mailadmin.importing.plan import Plan
from mailadmin.importing.reader import Reader
from mailadmin.importing.records import Domain, Mailbox


@pytest.fixture
def settled(db):
    """``settled((address, home, mail), …)`` returns (root, line, maildirs, names of findings)."""

    def settle(*boxes, **options):
        class Given(Reader):
            def records(self):
                for address, home, mail in boxes:
                    yield Domain(address.partition("@")[2])
                    yield Mailbox(address, "{CRYPT}ab1234567890.", home=home, mail=mail)

        plan = Plan(Given(), **options)
        maildirs = [m for (m,) in plan.spool.rows("SELECT maildir FROM mailbox ORDER BY address")]
        return plan.place.root, plan.place.line, maildirs, sorted(plan.notes)

    return settle


@pytest.mark.parametrize(
    ("home", "mail", "root", "line", "maildir"),
    [
        (
            "/var/vmail/d.example/a",
            "maildir:~/Maildir",
            "/var/vmail",
            "maildir:~/Maildir",
            "d.example/a/",
        ),
        ("/var/vmail/d.example/a", "maildir:~/", "/var/vmail", "maildir:~/", "d.example/a/"),
        ("/srv/vmail/d.example/a", "mdbox:~/mdbox", "/srv/vmail", "mdbox:~/mdbox", "d.example/a/"),
        (
            "",
            "maildir:/srv/vmail/%d/%n/mail:LAYOUT=fs",
            "/srv/vmail",
            "maildir:~/:LAYOUT=fs",
            "d.example/a/mail/",
        ),
        ("/home/%u", "maildir:/srv/vmail/%d/%n", "/srv/vmail", "maildir:~/", "d.example/a/"),
        (
            "/srv/%{user | domain}/%{user|username}",
            "maildir:%h/Maildir",
            "/srv",
            "maildir:~/Maildir",
            "d.example/a/",
        ),
        ("/var/vmail/d.example/a", "", "/var/vmail", "", "d.example/a/"),
    ],
)
def test_one_prefix_and_one_suffix_are_dovecots_settings(settled, home, mail, root, line, maildir):
    assert settled(("a@d.example", home, mail)) == (root, line, [maildir], [])


def test_what_lies_apart_for_some_is_found_by_the_mail_itself(settled):
    found = settled(
        ("a@d.example", "/var/vmail/d.example/a", "maildir:/var/vmail/d.example/a/Maildir"),
        ("b@d.example", "/var/vmail/d.example/b", "maildir:/var/vmail/archive/b"),
    )

    assert found == ("/var/vmail", "maildir:~/", ["d.example/a/Maildir/", "archive/b/"], [])


@pytest.mark.parametrize(
    ("other", "finding"),
    [
        (("/var/vmail/d.example/b", "mdbox:~/mdbox"), "mail-in-different-forms"),
        (("/srv/d.example/b", "maildir:~/Maildir"), "mail-without-common-root"),
        (("/var/vmail/d.example/a", "maildir:~/Maildir"), "directories-shared"),
    ],
)
def test_what_one_dovecot_cannot_find_stops(settled, other, finding):
    found = settled(
        ("a@d.example", "/var/vmail/d.example/a", "maildir:~/Maildir"), ("b@d.example", *other)
    )

    assert found[3] == [finding]


def test_all_may_get_new_directories_instead(settled):
    found = settled(
        ("a@d.example", "/var/vmail/d.example/a", "maildir:~/Maildir"),
        ("b@d.example", "/srv/b", "mdbox:~/"),
        new_directories=True,
    )

    assert found == ("", "", ["", ""], ["directories-new"])


def test_who_has_no_place_gets_a_new_directory(settled):
    found = settled(("a@d.example", "", ""), ("b@d.example", "/var/vmail/d.example/b", ""))

    assert found == ("/var/vmail", "", ["", "d.example/b/"], ["directories-new"])
