import json

import pytest
from django.core.management.base import CommandError

from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Mailbox
from tests.commands.test_mailbox import MB


def test_add_creates_a_mailbox_with_the_password_from_standard_input(run, example_org, password):
    printed = run(
        *["mailbox", "add", "Joe@Example.org", "--name", "Joe", "--quota", "500"],
        stdin=f"{password}\n",
    )

    joe = Mailbox.objects.get()
    assert printed == "Created mailbox joe@example.org.\n"
    assert (joe.pk, joe.name, joe.quota, joe.active) == ("joe@example.org", "Joe", 500 * MB, True)
    assert joe.check_password(password) is True
    assert Alias.objects.get().goto == "joe@example.org"
    entry = LogEntry.objects.get(action="create_mailbox")
    assert (entry.username, entry.data) == ("CLI (localhost)", "joe@example.org")


def test_add_asks_at_a_terminal_and_twice(run, example_org, password):
    run("mailbox", "add", "joe@example.org", typed=[password, password])

    assert run.asked == ["Password: ", "Repeat password: "]
    assert Mailbox.objects.get().check_password(password) is True


def test_two_different_passwords_create_nothing(run, example_org, password):
    with pytest.raises(CommandError, match=r"^The two differ"):
        run("mailbox", "add", "joe@example.org", typed=[password, password + "x"])

    assert Mailbox.objects.count() == 0


def test_leaving_the_question_creates_nothing(run, example_org):
    with pytest.raises(CommandError, match=r"^Cancelled\. Nothing was changed\.$"):
        run("mailbox", "add", "joe@example.org", typed=[])

    assert Mailbox.objects.count() == 0


def test_without_a_terminal_and_a_password_nothing_is_created(run, example_org):
    with pytest.raises(CommandError, match=r"^No password") as error:
        run("mailbox", "add", "joe@example.org", stdin="")

    assert "--generate" in str(error.value)
    assert Mailbox.objects.count() == 0


def test_generate_prints_the_password_once(run, example_org):
    printed = run("mailbox", "add", "joe@example.org", "--generate")

    label, _colon, password = printed.splitlines()[1].partition(": ")
    assert label == "Password"
    assert Mailbox.objects.get().check_password(password) is True
    assert password not in run("mailbox", "show", "joe@example.org")


def test_generated_passwords_hold_the_rules_of_this_installation(run, example_org, settings):
    settings.PASSWORD_MIN_LENGTH = 24
    settings.PASSWORD_MIN_DIGITS = 12

    record = json.loads(run("mailbox", "add", "joe@example.org", "--generate", "--json"))

    assert len(record["password"]) == 24
    assert sum(char.isdigit() for char in record["password"]) >= 12


def test_a_weak_password_is_refused_with_the_rule(run, example_org):
    with pytest.raises(CommandError, match=r"^Password: Use at least 10 characters"):
        run("mailbox", "add", "joe@example.org", stdin="short\n")

    assert Mailbox.objects.count() == 0
    assert Alias.objects.count() == 0


def test_the_default_quota_is_the_largest_the_domain_allows(run, add_domain, password):
    add_domain("example.org", maxquota=700)

    run("mailbox", "add", "joe@example.org", stdin=password)

    assert Mailbox.objects.get().quota == 700 * MB


@pytest.mark.parametrize(
    ("limits", "first", "second"),
    [
        ({"maxquota": 0, "quota": 1000}, 300, 700),
        ({"maxquota": 600, "quota": 1000}, 500, 500),
        ({"maxquota": 400, "quota": 1000}, 500, 400),
        ({"maxquota": 1024, "quota": 10240, "mailboxes": 301}, 240, 33),
        ({"maxquota": 20, "quota": 10240, "mailboxes": 301}, 240, 20),
        ({"maxquota": 0, "quota": 0}, 500, 0),
        ({"maxquota": -1, "quota": 0}, 0, 0),
    ],
)
def test_the_default_quota_fits_into_what_the_domain_has_left(
    run, add_domain, add_mailbox, password, limits, first, second
):
    domain = add_domain("example.org")
    add_mailbox("ann@example.org", quota=first * MB)
    Domain.objects.filter(pk=domain.pk).update(**limits)

    run("mailbox", "add", "joe@example.org", stdin=password)

    assert Mailbox.objects.get(pk="joe@example.org").quota == second * MB


@pytest.mark.parametrize("word", ["0", "unlimited", "Unlimited"])
def test_unlimited_is_zero(run, example_org, password, word):
    run("mailbox", "add", "joe@example.org", "--quota", word, stdin=password)

    assert Mailbox.objects.get().quota == 0


def test_a_size_is_typed_as_on_the_pages(run, example_org, password):
    run("mailbox", "add", "joe@example.org", "--quota", "1.5 GB", stdin=password)

    assert Mailbox.objects.get().quota == 1536 * MB


@pytest.mark.parametrize("word", ["-5", "much", "5 lightyears", "٣", "9" * 13])
def test_a_quota_that_is_no_size_is_refused(run, example_org, password, word):
    with pytest.raises(CommandError, match="--quota"):
        run("mailbox", "add", "joe@example.org", f"--quota={word}", stdin=password)

    assert Mailbox.objects.count() == 0


def test_an_unknown_domain_is_named_with_the_command_that_adds_it(run, db, password):
    with pytest.raises(CommandError, match=r"no domain example\.org.*domain add example\.org"):
        run("mailbox", "add", "joe@example.org", stdin=password)


@pytest.mark.parametrize(
    "text", ["joe", "joe@", "@example.org", "a b@example.org", "../x@example.org"]
)
def test_what_is_no_address_is_refused(run, example_org, password, text):
    with pytest.raises(
        CommandError, match=r"is not (an e-mail address|a domain name|a valid local part)"
    ):
        run("mailbox", "add", text, stdin=password)

    assert Mailbox.objects.count() == 0


def test_the_limit_of_the_domain_holds(run, add_domain, add_mailbox, password):
    add_domain("example.org", mailboxes=1)
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match=r"^Domain: example\.org already has its 1 mailbox"):
        run("mailbox", "add", "ann@example.org", stdin=password)

    assert Mailbox.objects.count() == 1


def test_a_taken_address_is_refused(run, example_org, add_alias, password):
    add_alias("joe@example.org", "ann@other.net")

    with pytest.raises(CommandError, match=r"^Address: joe@example\.org exists already"):
        run("mailbox", "add", "joe@example.org", stdin=password)

    assert Mailbox.objects.count() == 0


def test_a_quota_above_the_domain_is_refused_under_its_option(run, add_domain, password):
    add_domain("example.org", maxquota=100)

    with pytest.raises(
        CommandError, match=r"^Quota: A mailbox of example.org needs a limit of at most 100 MB"
    ):
        run("mailbox", "add", "joe@example.org", "--quota", "101", stdin=password)
