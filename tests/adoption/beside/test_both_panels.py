import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Admin, LogEntry
from aliases.models import Alias, AliasTarget
from domains.models import AliasDomain, Domain
from mailboxes.models import Mailbox, RetiredMaildir
from tests.adoption import postfixadmin
from tests.adoption.beside.conftest import NEW
from tests.adoption.beside.counting import counted, counters
from tests.adoption.evening import SECRET, new_mailbox
from tests.adoption.filled import fetch
from tests.adoption.tables import rows
from tests.pages.reading import sent, text
from tests.servers.clients import may_imap, send

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("evening")]


# --- PostfixAdmin writes, this panel reads


@pytest.mark.parametrize(
    "path",
    [
        "/main.php",
        "/list.php?table=domain",
        "/list.php?table=admin",
        "/list.php?table=mailbox",
        "/list.php?table=alias",
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


def test_mail_fetched_from_elsewhere_is_as_it_was_and_entered_changed_and_deleted_there(root):
    question = "SELECT mailbox, domain, src_server, active FROM fetchmail ORDER BY id"
    [kept] = rows(question)
    assert kept == ("joe@example.org", "example.org", "pop.elsewhere.example", 1)

    fetch(root, "ann@example.org")
    [[number]] = rows("SELECT id FROM fetchmail WHERE mailbox = 'ann@example.org'")
    root.edit(
        "fetchmail",
        str(number),
        src_server="imap.elsewhere.example",
        src_password=SECRET,
        active="0",
    )

    assert rows(question) == (
        kept,
        ("ann@example.org", "example.org", "imap.elsewhere.example", 0),
    )
    root.delete("fetchmail", str(number))
    assert rows(question) == (kept,)


def test_an_away_message_begun_there_is_ended_here_and_may_begin_again(evening, root, ours):
    new_mailbox(root, "holiday")
    user = evening.visitor("holiday@example.org", of="user")
    away = {"action": "fChange", "fActiveUntil": "2037-01-01T00:00:00+0000", "fInterval_Time": "0"}
    user.send("/users/vacation.php", away)
    assert "PostfixAdmin" in text(ours.get(reverse("mailbox", args=["holiday@example.org"])))

    ours.post(reverse("mailbox-away-end", args=["holiday@example.org"]))

    assert Alias.objects.get(pk="holiday@example.org").goto == "holiday@example.org"
    assert rows("SELECT active FROM vacation WHERE email = 'holiday@example.org'") == ((0,),)
    user.send("/users/vacation.php", away)
    assert rows("SELECT active FROM vacation WHERE email = 'holiday@example.org'") == ((1,),)
    assert "holiday#example.org@" in Alias.objects.get(pk="holiday@example.org").goto


def test_an_emoji_comes_along_and_is_lost_only_where_postfixadmin_saves_it_again(root, ours):
    assert Mailbox.objects.get(pk="max@example.org").name == "Max 😀 Žižek"
    assert rows("SELECT subject FROM vacation WHERE email = 'max@example.org'") == (("Away 🌴",),)
    assert "Max 😀 Žižek" in text(ours.get(reverse("mailbox", args=["max@example.org"])))

    # It talks to the database in utf8mb3, before an adoption too.
    postfixadmin.add_mailbox("maxim@example.org", name="Max 😀 Žižek")
    root.edit("mailbox", "maxim@example.org", quota="10")

    assert Mailbox.objects.get(pk="maxim@example.org").name == "Max ? Žižek"


def test_a_mailbox_with_the_delimiter_goes_on_with_postfixadmins_maps(evening):
    send(evening.post, "a@elsewhere.example", "plus+tag@example.org")
    evening.post.wait_until_delivered()

    assert evening.post.delivered("plus+tag@example.org") == 1


def test_a_domain_and_the_domains_of_an_administrator_are_changed_there(root, ours):
    root.edit("domain", "other.example", description="Changed there", aliases="7", mailboxes="9")
    root.edit(
        "admin",
        username="deputy@example.org",
        password=SECRET,
        password2=SECRET,
        domains=["example.org"],
    )
    root.edit("admin", "deputy@example.org", domains=["example.org", "other.example"])

    domain = Domain.objects.get(pk="other.example")
    assert (domain.description, domain.aliases, domain.mailboxes) == ("Changed there", 7, 9)
    deputy = Client()
    assert deputy.login(username="deputy@example.org", password=SECRET)
    assert "other.example" in text(deputy.get(reverse("domain", args=["other.example"])))
    root.delete("admin", "deputy@example.org")


def test_a_domain_administrator_works_there_as_before(evening):
    boss = evening.visitor("boss@example.org")

    new_mailbox(boss, "bossy")
    boss.edit("mailbox", "bossy@example.org", name="Renamed", quota="10")
    boss.switch("mailbox", "bossy@example.org", on=False)

    assert list(Mailbox.objects.filter(pk="bossy@example.org").values_list("name", "active")) == [
        ("Renamed", False)
    ]


def test_a_domain_deleted_there_is_gone_with_all_that_it_had_our_log_too(root, ours):
    root.edit("domain", domain="short.example", aliases="0", mailboxes="0", maxquota="0", quota="0")
    new_mailbox(root, "one", "short.example")
    ours.post(reverse("mailbox-state", args=["one@short.example"]))
    entries = LogEntry.objects.filter(domain="short.example").exclude(action="delete_domain")
    assert entries.filter(action="edit_mailbox_state").count() == 1

    root.delete("domain", "short.example")

    assert not entries.exists()

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
    root.edit("alias", "ours@example.org", goto="joe@example.org")
    assert Alias.objects.get(pk="ours@example.org").goto == "joe@example.org"
    root.switch("alias", "ours@example.org", on=False)
    assert not Alias.objects.get(pk="ours@example.org").active
    root.delete("alias", "ours@example.org")
    root.delete("mailbox", "mine@example.org")
    assert not Mailbox.objects.filter(pk="mine@example.org").exists()
    assert RetiredMaildir.objects.filter(pk="example.org/mine/").exists()
    assert counters() == counted()


def test_a_domain_made_here_is_listed_edited_switched_off_and_deleted_there(root, ours):
    limits = {
        f"{name}_{number}": value
        for name in ("mailboxes", "aliases", "maxquota", "quota")
        for number, value in enumerate(("unlimited", ""))
    }
    ours.post(
        reverse("domain-create"),
        {"name": "ours.example", "transport": "virtual", "active": "on"} | limits,
    )
    assert "ours.example" in root.page("/list.php?table=domain")

    root.edit("domain", "ours.example", description="Theirs", aliases="3")
    assert list(
        Domain.objects.filter(pk="ours.example").values_list("description", "aliases", "active")
    ) == [("Theirs", 3, True)]
    root.switch("domain", "ours.example", on=False)
    assert not Domain.objects.get(pk="ours.example").active
    root.delete("domain", "ours.example")
    assert not Domain.objects.filter(pk="ours.example").exists()
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
