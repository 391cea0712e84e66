"""Debian's own PostfixAdmin, filled through its pages and its command, adopted while it is used, and both panels beside each other."""

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from accounts.models import Admin
from aliases.models import Alias, AliasTarget
from domains.models import AliasDomain, Domain, DomainUsage
from mailboxes.models import Mailbox, QuotaUsage, RetiredMaildir
from mailboxes.triggers import are_complete
from tests.accounts.test_passwords import RAW
from tests.adoption.evening import CONF, READS_OURS, SECRET, Evening, Life, new_mailbox
from tests.adoption.filled import fill, names_of_stored
from tests.adoption.tables import everything, rows
from tests.pages.reading import sent, text
from tests.servers.clients import may_imap

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("evening")]

NEW = "lantern-58-orchard"
ACCEPTED = ("--accept", "superadmins-by-row")


@pytest.fixture
def _django_db_helper(evening):
    """Replaces pytest-django's: the pages of PostfixAdmin see only what is committed."""


@pytest.fixture(scope="module")
def evening(django_db_setup, django_db_blocker):
    """The server after `manage.py adopt --apply`, and what was seen before and meanwhile."""
    with django_db_blocker.unblock():
        evening = Evening().start()
        try:
            fill(evening)
            evening.before = everything(evening.name)
            evening.read_before = {
                name for name in names_of_stored() if evening.may_read(name, RAW)
            }
            evening.adopt("--apply", "--no-dump", *ACCEPTED)
            evening.adopt("--undo")
            evening.after_undo = everything(evening.name)
            with Life(evening) as evening.life:
                evening.adopt("--apply", "--no-dump", *ACCEPTED)
            yield evening
        finally:
            evening.stop()


@pytest.fixture
def root(evening):
    """PostfixAdmin's superadmin, in its pages."""
    return evening.visitor("root@example.org")


@pytest.fixture
def ours(evening):
    """The same person in this panel's."""
    client = Client()
    assert client.login(username="root@example.org", password=SECRET)
    return client


# --- The evening


def test_undo_gave_back_every_table_as_it_was(evening):
    assert evening.after_undo == evening.before


def test_nobody_noticed_but_who_was_told_to_try_again(evening):
    assert evening.life.errors == []
    stored = set(Mailbox.objects.values_list("pk", flat=True))
    assert evening.life.acknowledged != []
    assert [name for name in evening.life.acknowledged if name not in stored] == []
    assert [name for name in evening.life.refused if name in stored] == []
    assert QuotaUsage.objects.get(pk="joe@example.org").messages == evening.life.arrived


def test_dovecot_takes_the_same_passwords_as_before_and_this_panel_all_of_them(evening):
    names = names_of_stored()

    assert {name for name in names if evening.may_read(name, RAW)} == evening.read_before
    assert [name for name in names if not authenticate(username=name, password=RAW)] == []
    assert len(evening.read_before) > 20


def test_the_triggers_are_there_and_everything_is_counted(evening):
    assert are_complete(connection)
    assert counters() == counted()


# --- PostfixAdmin writes, this panel reads


@pytest.mark.parametrize(
    "path",
    [
        "/main.php",
        "/list.php?table=domain",
        "/list.php?table=admin",
        "/list.php?table=fetchmail",
        "/list-virtual.php?domain=example.org",
        "/list-virtual.php?search[_]=joe",
        "/viewlog.php",
        "/edit.php?table=mailbox&edit=joe@example.org",
        "/edit.php?table=alias&edit=sales@example.org",
        "/setup.php",
    ],
)
def test_its_pages_are_as_before(root, path):
    page = root.page(path)

    assert "DEBUG INFORMATION" not in page
    assert "Fatal error" not in page


def test_its_database_is_up_to_date(evening):
    assert "updating to version" not in evening.pages.upgrade()


def test_a_mailbox_made_there_is_here_at_once_and_reads_its_mail(evening, root, ours):
    new_mailbox(root, "fresh", name="Fresh")

    assert "Fresh" in text(ours.get(reverse("mailbox", args=["fresh@example.org"])))
    assert Alias.objects.get(pk="fresh@example.org").is_self_alias
    assert may_imap(evening, "fresh@example.org", SECRET)
    assert Client().login(username="fresh@example.org", password=SECRET)
    assert counters() == counted()


def test_a_domain_made_there_comes_with_its_own_aliases(root, ours):
    said = root.edit(
        "domain", domain="new.example", aliases="0", mailboxes="0", maxquota="0", quota="0"
    )

    assert "The domain new.example has been added" in said
    assert Alias.objects.filter(domain="new.example").count() == 4
    assert "new.example" in text(ours.get(reverse("domain", args=["new.example"])))
    assert counters() == counted()


def test_an_alias_made_there_is_read_as_postfix_reads_it(root, ours):
    root.edit(
        "alias",
        localpart="team",
        domain="example.org",
        goto="Joe@Example.org\r\nann@example.org\r\njoe@example.org",
    )
    root.edit("alias", localpart="*", domain="example.org", goto="joe@example.org")

    assert sorted(
        AliasTarget.objects.filter(alias="team@example.org").values_list("target", flat=True)
    ) == [
        "ann@example.org",
        "joe@example.org",
    ]
    assert Alias.objects.get(pk="@example.org").goto == "joe@example.org"
    assert "joe@example.org" in text(ours.get(reverse("alias", args=["team@example.org"])))
    root.delete("alias", "@example.org")
    assert not Alias.objects.filter(pk="@example.org").exists()


def test_an_alias_domain_and_an_administrator_made_there_are_here(evening, root):
    root.edit("domain", domain="alias.example", aliases="0", mailboxes="0", maxquota="0", quota="0")
    root.edit("aliasdomain", alias_domain="alias.example", target_domain="example.org")
    root.edit("admin", username="second@example.org", password=SECRET, password2=SECRET)

    assert AliasDomain.objects.get(pk="alias.example").target_domain_id == "example.org"
    assert Client().login(username="second@example.org", password=SECRET)
    root.delete("aliasdomain", "alias.example")
    root.delete("admin", "second@example.org")
    assert not AliasDomain.objects.filter(pk="alias.example").exists()
    assert not Admin.objects.filter(pk="second@example.org").exists()


def test_its_own_other_pages_write_as_before(evening):
    new_mailbox(evening.visitor("root@example.org"), "away")
    user = evening.visitor("away@example.org", of="user")

    user.send(
        "/users/vacation.php",
        {"action": "fChange", "fActiveUntil": "2037-01-01T00:00:00+0000", "fInterval_Time": "0"},
    )
    user.send(
        "/users/password.php",
        {"fPassword_current": SECRET, "fPassword": NEW, "fPassword2": NEW, "submit": "1"},
    )

    assert rows("SELECT active FROM vacation WHERE email = 'away@example.org'") == ((1,),)
    assert "away#example.org@autoreply.example" in Alias.objects.get(pk="away@example.org").goto
    assert may_imap(evening, "away@example.org", NEW)
    assert not may_imap(evening, "away@example.org", SECRET)


def test_a_domain_administrator_works_there_as_before(evening):
    boss = evening.visitor("boss@example.org")

    new_mailbox(boss, "bossy")
    boss.edit("mailbox", "bossy@example.org", name="Renamed", quota="10")
    boss.switch("mailbox", "bossy@example.org", on=False)

    assert list(Mailbox.objects.filter(pk="bossy@example.org").values_list("name", "active")) == [
        ("Renamed", False)
    ]


def test_a_domain_deleted_there_is_gone_with_all_that_it_had(root):
    root.edit("domain", domain="short.example", aliases="0", mailboxes="0", maxquota="0", quota="0")
    new_mailbox(root, "one", "short.example")

    root.delete("domain", "short.example")

    assert not Domain.objects.filter(pk="short.example").exists()
    assert not Mailbox.objects.filter(domain="short.example").exists()
    assert RetiredMaildir.objects.filter(pk="short.example/one/").exists()
    assert counters() == counted()


# --- This panel writes, PostfixAdmin reads


def test_what_is_made_here_is_listed_edited_and_deleted_there(evening, root, ours):
    ours.post(
        reverse("mailbox-create"),
        {
            "local_part": "mine",
            "domain": "example.org",
            "password": NEW,
            "quota_mb": "20",
            "active": "on",
            "smtp_active": "on",
        },
    )
    ours.post(
        reverse("alias-create"),
        {
            "local_part": "ours",
            "domain": "example.org",
            "targets": "mine@example.org",
            "active": "on",
        },
    )

    listed = root.page("/list-virtual.php?domain=example.org&search[_]=ours@")
    assert "mine@example.org" in listed
    root.edit("mailbox", "mine@example.org", name="Theirs", quota="30")
    assert list(Mailbox.objects.filter(pk="mine@example.org").values_list("name", "quota")) == [
        ("Theirs", 30_720_000)
    ]
    root.switch("mailbox", "mine@example.org", on=False)
    assert not Mailbox.objects.get(pk="mine@example.org").active
    assert not may_imap(evening, "mine@example.org", NEW)
    root.switch("mailbox", "mine@example.org", on=True)
    assert may_imap(evening, "mine@example.org", NEW)
    root.delete("alias", "ours@example.org")
    root.delete("mailbox", "mine@example.org")
    assert not Mailbox.objects.filter(pk="mine@example.org").exists()
    assert RetiredMaildir.objects.filter(pk="example.org/mine/").exists()
    assert counters() == counted()


def test_what_is_made_there_is_edited_switched_off_and_deleted_here(evening, root, ours):
    new_mailbox(root, "theirs")
    page = reverse("mailbox-edit", args=["theirs@example.org"])

    ours.post(page, sent(ours.get(page)) | {"name": "Edited here"})
    assert "Edited here" in root.page("/list-virtual.php?domain=example.org&search[_]=theirs@")
    ours.post(reverse("mailbox-state", args=["theirs@example.org"]))
    assert not may_imap(evening, "theirs@example.org", SECRET)
    ours.post(reverse("mailbox-delete", args=["theirs@example.org"]))
    assert "theirs@example.org" not in root.page(
        "/list-virtual.php?domain=example.org&search[_]=theirs@"
    )


# --- Passwords


def test_who_signed_in_here_still_signs_in_there(evening):
    stored = Admin.objects.get(pk="boss@example.org").password

    assert Client().login(username="boss@example.org", password=SECRET)

    assert Admin.objects.get(pk="boss@example.org").password == stored
    assert evening.visitor("boss@example.org")


def test_a_password_changed_here_is_read_there_with_the_line_of_the_report(evening, root, ours):
    new_mailbox(root, "changed")
    new_mailbox(root, "unchanged")
    ours.post(reverse("mailbox-password", args=["changed@example.org"]), {"password": NEW})

    assert may_imap(evening, "changed@example.org", NEW)
    assert not may_imap(evening, "changed@example.org", SECRET)
    assert not evening.visitor("changed@example.org", of="user", password=NEW)
    evening.pages.configure(CONF + READS_OURS)
    assert evening.visitor("changed@example.org", of="user", password=NEW)
    assert evening.visitor("unchanged@example.org", of="user")
    evening.pages.configure(CONF)


def test_names_are_typed_in_small_letters_there_now(evening):
    assert evening.visitor("Boss@example.org") is None


# --- Going back


def test_the_way_back_keeps_what_both_wrote(evening, root, ours):
    new_mailbox(root, "later")
    ours.post(
        reverse("mailbox-create"),
        {
            "local_part": "latest",
            "domain": "example.org",
            "password": NEW,
            "quota_mb": "20",
            "active": "on",
            "smtp_active": "on",
        },
    )
    arrived = QuotaUsage.objects.get(pk="joe@example.org").messages

    evening.adopt("--undo")
    try:
        schema = {name: text for name, (text, *_rows) in everything(evening.name).items() if name}
        assert schema == {name: text for name, (text, *_rows) in evening.before.items() if name}
        assert rows(
            "SELECT username, name FROM mailbox WHERE username LIKE 'late%' ORDER BY 1"
        ) == (
            ("later@example.org", ""),
            ("latest@example.org", ""),
        )
        assert rows("SELECT messages FROM quota2 WHERE username = 'joe@example.org'") == (
            (arrived,),
        )
        assert may_imap(evening, "later@example.org", SECRET)
        assert may_imap(evening, "latest@example.org", NEW)
        assert "later@example.org" in evening.visitor("root@example.org").page(
            "/list-virtual.php?domain=example.org&search[_]=later"
        )
        unlike = [
            row
            for row in evening.before["alias"][1]
            if row not in everything(evening.name)["alias"][1]
        ]
        assert unlike == []
    finally:
        evening.adopt("--apply", "--no-dump", *ACCEPTED)


def counters():
    return dict(DomainUsage.objects.exclude(mailboxes=0).values_list("domain", "mailboxes"))


def counted():
    return dict(Mailbox.objects.values_list("domain").annotate(number=Count("pk")))
