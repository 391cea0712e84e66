import pytest

from accounts.passwords import verify_password
from tests.importing import stored
from tests.importing.hand_made import MAIL, findings


@pytest.mark.parametrize(
    "kept",
    [
        "{BLF-CRYPT}$2y$05$Q7u9a2rqZjOeZl2uN5mM4uu8uU5uK3F8uXKqfQ4y2qfK6bU5t5xMe",
        "{CRYPT}$y$j9T$abcdefghijklmnop$0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
        "{SSHA256}3Ya6XFf0HZ0C4aMVJ8xVm6o9N3zBVm2xXyZ0f4t7p8x0MTIz",
        "{PLAIN-MD5}5f4dcc3b5aa765d61d8327deb882cf99",
        "{CRYPT}ab1234567890.",
    ],
)
def test_a_hash_that_dovecot_reads_is_kept_as_it_is(run, server, kept):
    server.add_user("eve@example.org", kept)
    run(*server.arguments, *MAIL)

    assert stored.mailboxes("password")["eve@example.org"] == kept


def test_a_hash_without_a_scheme_is_of_the_files_own(run, server):
    server.add_user("eve@example.org", "$y$j9T$abcdefghijklmnop$0123456789abcdefghijklmnopqrstuv")
    server.add_user("fay@example.org", "5f4dcc3b5aa765d61d8327deb882cf99")
    run(*server.arguments, *MAIL, "--scheme", "plain-md5")

    found = stored.mailboxes("password")
    assert found["eve@example.org"].startswith("{CRYPT}$y$")
    assert found["fay@example.org"] == "{PLAIN-MD5}5f4dcc3b5aa765d61d8327deb882cf99"


def test_a_password_in_clear_becomes_a_hash(run, server, password):
    server.add_user("eve@example.org", "{PLAIN}" + password)
    _status, report = run(*server.arguments, *MAIL)

    now = stored.mailboxes("password")["eve@example.org"]
    assert now.startswith("{SHA512-CRYPT}")
    assert verify_password(password, now)[0] is True
    assert findings(report) == {"passwords-in-clear": ["eve@example.org"]}


@pytest.mark.parametrize(
    "stored_there",
    ["{FOO}bar", "$bcrypt-sha256$v=2,t=2b,r=12$abc", "5f4dcc3b5aa765d61d8327deb882cf99", ""],
)
def test_a_password_of_no_scheme_is_listed_with_the_command_for_a_new_one(
    run, server, stored_there
):
    server.add_user("eve@example.org", stored_there)
    status, report = run(*server.arguments, *MAIL)

    assert (status, findings(report)) == (0, {"passwords-of-no-scheme": ["eve@example.org"]})
    [found] = [f for f in report["findings"] if f["name"] == "passwords-of-no-scheme"]
    assert "`manage.py mailbox password ADDRESS --generate`" in found["does"]
    assert stored.mailboxes("password")["eve@example.org"].startswith("{SHA512-CRYPT}$6$")


@pytest.mark.parametrize(("secret_there", "extra"), [("!", ""), ("*", ""), ("{PLAIN}x", "nologin")])
def test_who_may_not_sign_in_there_may_not_here_and_gets_mail(run, server, secret_there, extra):
    server.add_user("eve@example.org", secret_there, extra=extra)
    _status, report = run(*server.arguments, *MAIL)

    assert findings(report)["receives-without-sign-in"] == ["eve@example.org"]
    assert stored.mailboxes("active", "smtp_active")["eve@example.org"] == (True, False)
    assert verify_password("x", stored.mailboxes("password")["eve@example.org"])[0] is False
