from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.middleware.csrf import CSRF_TOKEN_LENGTH
from django.urls import reverse

from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Deleted, Mailbox
from mailboxes.services import delete_mailbox
from tests.pages.reading import buttons, links, rows, text, told

LIST = "deleted-list"


def restore(row):
    return reverse("deleted-restore", args=[row.pk])


def tags(response):
    return [message.extra_tags for message in get_messages(response.wsgi_request)]


@pytest.fixture
def joe(add_mailbox, example_org):
    delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org", name="Joe"))
    return Deleted.objects.get(name="joe@example.org")


def test_the_message_of_a_deletion_has_a_button_that_restores(admin, add_mailbox):
    add_mailbox("joe@example.org")

    asked = admin.get(reverse("mailbox-delete", args=["joe@example.org"]))
    assert "For 30 days it can be restored." in text(asked)
    done = admin.post(reverse("mailbox-delete", args=["joe@example.org"]))
    row = Deleted.objects.get()
    assert tags(done) == [f"deleted-{row.pk}"]
    page = admin.get(done.url)
    assert f'action="{restore(row)}"' in page.text
    assert "Restore" in buttons(page)

    back = admin.post(restore(row))

    assert (told(back), back.url) == (
        ["joe@example.org restored."],
        reverse("mailbox", args=["joe@example.org"]),
    )
    assert (Mailbox.objects.count(), Deleted.objects.count()) == (1, 0)


def test_who_does_not_manage_all_domains_is_told_which_aliases_do_not_get_it_back(
    admin, joe, sign_in, make_admin
):
    sentence = "Aliases of domains that you do not manage do not get it back."
    assert sentence in text(admin.get(restore(joe)))

    root = sign_in(make_admin("root@example.net", superadmin=True))
    assert sentence not in text(root.get(restore(joe)))


def test_a_second_click_says_the_same(admin, joe):
    form = {"csrfmiddlewaretoken": "x" * CSRF_TOKEN_LENGTH}

    answers = [admin.post(restore(joe), form) for _click in range(2)]

    mailbox = reverse("mailbox", args=["joe@example.org"])
    assert [(answer.status_code, answer.url) for answer in answers] == [(302, mailbox)] * 2
    assert Mailbox.objects.count() == 1


def test_an_alias_and_a_domain_are_offered_too(superadmin, add_alias, example_org):
    add_alias("sales@example.org", "x@elsewhere.test")
    done = superadmin.post(reverse("alias-delete", args=["sales@example.org"]))
    assert tags(done) == [f"deleted-{Deleted.objects.get(kind='alias').pk}"]

    done = superadmin.post(
        reverse("domain-delete", args=["example.org"]), {"confirm": "example.org"}
    )
    row = Deleted.objects.get(kind="domain")
    assert tags(done)[-1] == f"deleted-{row.pk}"
    assert "come back, with passwords and mail." in text(superadmin.get(restore(row)))
    back = superadmin.post(restore(row))

    assert back.url == reverse("domain", args=["example.org"])
    assert Domain.objects.count() == 1


def test_many_that_were_deleted_are_offered_by_their_list(admin, add_alias):
    for name in ("a", "b"):
        add_alias(f"{name}@example.org", "x@elsewhere.test")

    done = admin.post(
        reverse("alias-bulk"),
        {
            "action": "delete",
            "selected": ["a@example.org", "b@example.org"],
            "confirmed": "1",
        },
    )

    assert "deleted-list" in tags(done)
    assert reverse(LIST) in links(admin.get(done.url))


def test_nothing_is_offered_where_nothing_is_kept(admin, add_mailbox, settings):
    settings.DELETED_DAYS = 0
    add_mailbox("joe@example.org")

    asked = admin.get(reverse("mailbox-delete", args=["joe@example.org"]))
    assert "This cannot be undone." in text(asked)
    done = admin.post(reverse("mailbox-delete", args=["joe@example.org"]))

    assert tags(done) == [""]
    assert "Nothing is kept of what is deleted" in text(admin.get(reverse(LIST)))


def test_the_list_shows_what_is_in_scope_the_last_one_first(
    admin, make_admin, sign_in, add_mailbox, joe
):
    delete_mailbox(actor=None, mailbox=add_mailbox("ann@example.org"))
    delete_mailbox(actor=None, mailbox=add_mailbox("sue@other.net"))

    page = admin.get(reverse(LIST))
    names = [row.name for row in page.context["object_list"]]
    assert names == ["ann@example.org", "joe@example.org"]
    assert "Joe" in text(page)
    assert "Remove for good…" not in text(page)
    assert [row.name for row in admin.get(reverse(LIST), {"q": "jo"}).context["object_list"]] == [
        "joe@example.org"
    ]
    assert rows(admin.get(reverse(LIST), {"domain": "other.net"})) == []

    root = sign_in(make_admin("root@example.net", superadmin=True))
    page = root.get(reverse(LIST))
    assert len(rows(page)) == 3
    assert "Remove for good…" in text(page)


def test_an_empty_list_says_what_it_is_for(admin):
    assert "What is deleted stands here for 30 days" in text(admin.get(reverse(LIST)))


@pytest.mark.parametrize("number", [1, 3])
def test_a_longer_list_asks_no_more(number, admin, add_mailbox, django_assert_num_queries):
    for n in range(number):
        delete_mailbox(actor=None, mailbox=add_mailbox(f"m{n}@example.org"))
    admin.get(reverse(LIST))

    with django_assert_num_queries(6):  # session, account, domains, count, keys, rows
        page = admin.get(reverse(LIST))

    assert len(rows(page)) == number


def test_its_pages_go_by_key(admin, add_mailbox, example_org):
    for n in range(30):
        delete_mailbox(actor=None, mailbox=add_mailbox(f"m{n}@example.org"))

    first = admin.get(reverse(LIST), {"size": "25"})
    second = admin.get(reverse(LIST) + first.context["next_url"])

    assert (len(rows(first)), len(rows(second))) == (25, 5)
    assert sorted([*rows(first), *rows(second)], reverse=True) == [*rows(first), *rows(second)]


def test_it_can_be_had_as_a_table(admin, joe):
    table = admin.get(reverse(LIST), {"as": "csv"}).getvalue().decode()

    assert "joe@example.org" in table


class TestRefused:
    def test_a_taken_name_with_the_reason_before_and_after(self, admin, joe, add_alias):
        add_alias("joe@example.org", "x@elsewhere.test")

        page = admin.get(restore(joe))
        assert "It cannot be restored now. joe@example.org exists already" in text(page)
        assert "Restore" not in buttons(page)
        refused = admin.post(restore(joe))

        assert refused.status_code == 422
        assert "joe@example.org exists already: it is an alias." in text(refused)
        assert (Mailbox.objects.count(), Alias.objects.count()) == (0, 1)

    def test_when_its_time_is_over(self, admin, joe):
        Deleted.objects.update(until=joe.at - timedelta(days=1))

        assert admin.post(restore(joe)).status_code == 422
        assert Mailbox.objects.count() == 0

    @pytest.mark.parametrize("page", ["deleted-restore", "deleted-remove"])
    def test_another_domain_does_not_exist(self, page, admin, add_mailbox, other_net):
        delete_mailbox(actor=None, mailbox=add_mailbox("sue@other.net"))
        address = reverse(page, args=[Deleted.objects.get().pk])

        assert [admin.get(address).status_code, admin.post(address).status_code] == [404, 404]
        assert Deleted.objects.count() == 1

    def test_a_domain_admin_removes_nothing(self, admin, joe):
        address = reverse("deleted-remove", args=[joe.pk])

        assert [admin.get(address).status_code, admin.post(address).status_code] == [404, 404]
        assert Deleted.objects.count() == 1


def test_a_superadmin_removes_it_for_good(superadmin, joe):
    address = reverse("deleted-remove", args=[joe.pk])
    assert "Nobody can restore it then." in text(superadmin.get(address))

    done = superadmin.post(address)

    assert (told(done), done.url) == (["joe@example.org removed for good."], reverse(LIST))
    assert Deleted.objects.count() == 0


class TestANewOneOfTheName:
    def test_is_warned_of_while_it_is_typed(self, admin, joe):
        typed = {"kind": "mailbox", "domain": "example.org", "local_part": "joe"}

        page = admin.post(reverse("address-preview"), typed)

        assert "A deleted mailbox of this name can be restored until" in page.text
        typed["local_part"] = "ann"
        assert "can be restored" not in admin.post(reverse("address-preview"), typed).text

    def test_is_told_of_when_it_is_made(self, admin, joe):
        form = {"local_part": "joe", "domain": "example.org", "targets": "x@elsewhere.test"}

        done = admin.post(reverse("alias-create"), form)

        assert told(done)[0].startswith(
            "Alias joe@example.org created. A deleted mailbox of this name can be restored until"
        )
