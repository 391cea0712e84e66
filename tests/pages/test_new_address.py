import re

import pytest
from django.conf import settings
from django.urls import reverse

from aliases.models import Alias
from mailboxes.models import Mailbox, QuotaUsage
from tests.pages.reading import errors, links, text, told

NEW = reverse("domain-new-address", args=["example.org"])
PREVIEW, SUGGESTIONS = reverse("address-preview"), reverse("address-suggestions")
MAILBOX = {"local_part": "joe", "password": "tangerine-7-bicycle", "quota_mb": "1 GB"}


def said(client, **typed):
    page = client.post(PREVIEW, {"domain": "example.org"} | typed)
    assert page.status_code == 200
    return re.findall("<p[^>]*>(.*?)</p>", page.text.partition("<ul hidden")[0])


def kinds(client, targets, **typed):
    page = client.post(
        PREVIEW, {"kind": "alias", "domain": "example.org", "targets": targets} | typed
    )
    return dict(re.findall('<li data-typed="([^"]*)" data-kind="([^"]*)"', page.text))


# --- The page


@pytest.mark.parametrize(
    ("kind", "button"),
    [
        ("", "Create mailbox"),
        ("mailbox", "Create mailbox"),
        ("alias", "Create alias"),
        ("catch-all", "Set catch-all"),
        ("nonsense", "Create mailbox"),
    ],
)
def test_the_kind_of_address_is_chosen_by_a_link(kind, button, admin):
    page = admin.get(NEW, {"kind": kind})

    assert button in text(page)
    offered = [link for link in links(page) if link.startswith(f"{NEW}?kind=")]
    assert offered == [f"{NEW}?kind={one}" for one in ("mailbox", "alias", "catch-all")]


@pytest.mark.parametrize(
    ("name", "button"), [("mailbox-create", "Create mailbox"), ("alias-create", "Create alias")]
)
def test_the_addresses_without_a_domain_are_the_same_page(name, button, superadmin):
    page = superadmin.get(reverse(name))

    assert "New address" in text(page)
    assert button in text(page)


def test_a_mailbox_an_alias_and_a_catch_all_are_made_on_one_page(admin):
    first = admin.post(NEW, MAILBOX | {"domain": "example.org"})
    second = admin.post(
        f"{NEW}?kind=alias",
        {"local_part": "info", "domain": "example.org", "targets": "joe@example.org"},
    )
    third = admin.post(
        f"{NEW}?kind=catch-all", {"domain": "example.org", "targets": "joe@example.org"}
    )

    assert (first.status_code, first.context["login"]) == (200, "joe@example.org")
    assert (second.status_code, second.url) == (302, "/aliases/info@example.org/")
    assert (third.status_code, third.url) == (302, "/aliases/@example.org/")
    assert told(third)[-1] == "Catch-all of example.org set."
    assert set(Alias.objects.values_list("pk", flat=True)) == {
        "joe@example.org",
        "info@example.org",
        "@example.org",
    }


def test_a_second_catch_all_is_refused(admin, add_alias):
    add_alias("@example.org", "a@b.example")

    page = admin.post(f"{NEW}?kind=catch-all", {"domain": "example.org", "targets": "c@d.example"})

    assert page.status_code == 422
    assert "exists already" in text(page)
    assert Alias.objects.get().goto == "a@b.example"


def test_a_mailbox_comes_with_a_password_that_can_be_read_out(admin):
    made = {
        re.search(r'name="password" value="([^"]*)"', admin.get(NEW).text)[1] for _page in range(9)
    }

    assert len(made) == 9
    for password in made:
        assert re.fullmatch("([b-z][aeiou][b-z][aeiou]-){3}[b-z][aeiou][b-z][aeiou]", password)
    admin.post(NEW, MAILBOX | {"domain": "example.org", "password": password})
    assert Mailbox.objects.get().check_password(password) is True


def test_what_is_left_of_the_domains_quota_is_said(superadmin, add_domain):
    add_domain("small.example", quota=11 * 1024)

    page = superadmin.get(reverse("domain-new-address", args=["small.example"]))

    assert "11 GB left in this domain" in text(page)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, ""),
        ({"maxquota": 4096}, "4096"),
        ({"quota": 3072}, "3072"),
        ({"maxquota": 4096, "quota": 3072}, "3072"),
        ({"maxquota": -1}, "0"),
    ],
)
def test_what_the_domain_refuses_is_not_offered(limits, most, superadmin, add_domain):
    add_domain("small.example", **limits)

    page = superadmin.get(reverse("domain-new-address", args=["small.example"]))
    asked = superadmin.post(PREVIEW, {"kind": "mailbox", "domain": "small.example"})

    offered = f'id="quota-left" data-most="{most}"'
    assert offered in page.text
    assert offered in asked.text


def test_a_mailbox_may_be_given_what_it_has_already(superadmin, add_domain, add_mailbox):
    add_domain("small.example", quota=2048)
    add_mailbox("joe@small.example", quota=2048 * settings.QUOTA_MULTIPLIER)

    new = superadmin.get(reverse("domain-new-address", args=["small.example"]))
    edit = superadmin.get(reverse("mailbox-edit", args=["joe@small.example"]))

    assert 'data-most="1"' in new.text  # less than any that is offered
    assert 'data-most="2048"' in edit.text


def test_another_kind_keeps_what_was_typed(superadmin):
    page = superadmin.get(NEW, {"kind": "alias", "local_part": "joe", "target": "a@b.example"})

    form = page.context["form"]
    assert [form[name].value() for name in ("local_part", "domain", "targets")] == [
        "joe",
        "example.org",
        "a@b.example",
    ]


def test_a_wrong_address_is_told_at_its_field(admin, add_mailbox):
    add_mailbox("joe@example.org")

    page = admin.post(NEW, MAILBOX | {"domain": "example.org"})

    assert errors(page) == {
        "local_part": ["joe@example.org exists already: it is a mailbox. Choose another name."]
    }
    assert "/mailboxes/joe@example.org/" in links(page)


# --- What will happen


def test_a_free_address_is_said_to_be_free(admin):
    page = admin.post(PREVIEW, {"kind": "mailbox", "domain": "example.org", "local_part": "Joe"})

    assert "joe@example.org is free." in page.text
    assert said(admin, kind="mailbox", local_part="joe") == [
        "Mail for joe@example.org will be delivered here."
    ]


@pytest.mark.parametrize("kind", ["mailbox", "alias"])
def test_an_address_in_use_is_said_to_be_so(kind, admin, add_mailbox):
    add_mailbox("joe@example.org")

    page = admin.post(PREVIEW, {"kind": kind, "domain": "example.org", "local_part": "joe"})

    assert "joe@example.org exists already: it is a mailbox." in page.text
    assert '<a href="/mailboxes/joe@example.org/">Open</a>' in page.text
    assert "is free" not in page.text


def test_who_may_not_create_an_address_is_told_so(admin, settings):
    settings.ROLE_ADDRESSES_PROTECTED = True

    page = admin.post(PREVIEW, {"kind": "alias", "domain": "example.org", "local_part": "abuse"})

    assert "abuse is a role address. Ask a superadmin to set it up." in page.text


def test_a_pasted_address_is_read_with_its_domain(admin):
    page = admin.post(PREVIEW, {"kind": "alias", "domain": "", "local_part": "joe@example.org"})

    assert "joe@example.org is free." in page.text


def test_a_mailbox_takes_its_mail_from_the_catch_all(admin, add_alias):
    add_alias("@example.org", "all@elsewhere.example")
    add_alias("team@example.org", "joe@example.org", "b@elsewhere.example")

    assert said(admin, kind="mailbox", local_part="joe") == [
        "Mail for joe@example.org will be delivered here.",
        "So far the catch-all sends it to all@elsewhere.example.",
        "team@example.org leads to it already.",
    ]


def test_an_alias_says_where_its_mail_will_go(admin, add_mailbox):
    add_mailbox("ann@example.org")

    lines = said(
        admin,
        kind="alias",
        local_part="sales",
        targets="ann@example.org, x@elsewhere.example, piet@example.org",
    )

    assert lines == [
        "Mail for sales@example.org will go to 1 mailbox and 1 external address.",
        "piet@example.org does not exist.",
    ]


def test_an_alias_that_nobody_answers_is_said_to_be_refused(admin):
    assert said(admin, kind="alias", local_part="sales", targets="piet@example.org") == [
        "Nobody would take mail for sales@example.org: it would be refused.",
        "piet@example.org does not exist.",
    ]


def test_a_catch_all_is_said_to_take_every_other_name(admin):
    assert said(admin, kind="catch-all", targets="x@elsewhere.example") == [
        "Mail for every name in example.org that has no mailbox or alias of its own will go to"
        " x@elsewhere.example."
    ]


def test_a_loop_is_foreseen(admin, add_alias):
    add_alias("b@example.org", "a@example.org")

    assert said(admin, kind="alias", local_part="a", targets="b@example.org") == [
        "This would create a mail loop: a@example.org → b@example.org → a@example.org."
    ]


def test_an_extension_that_grows_is_foreseen_and_explained(admin):
    assert said(admin, kind="alias", local_part="a", targets="a+b@example.org") == [
        "Postfix adds an extension, what stands from the “+” on, to each recipient again. So this would"
        " grow without end: a@example.org → a+b@example.org → a+b+b@example.org → …."
    ]


def test_an_alias_that_is_changed_is_looked_at_as_it_would_be(admin, add_alias, add_mailbox):
    add_alias("sales@example.org", "old@elsewhere.example")
    add_mailbox("ann@example.org")

    lines = said(admin, kind="alias-edit", address="sales@example.org", targets="ann@example.org")

    assert lines == ["Mail for sales@example.org will go to ann@example.org."]
    assert Alias.objects.get(pk="sales@example.org").goto == "old@elsewhere.example"


@pytest.mark.parametrize(
    ("copy", "line"),
    [
        ({"keep_copy": "on"}, "Mail for ann@example.org will stay here and go to x@b.example."),
        ({}, "Mail for ann@example.org will go to x@b.example."),
    ],
)
def test_a_forwarding_is_looked_at_with_and_without_a_copy(copy, line, admin, add_mailbox):
    add_mailbox("ann@example.org")

    assert said(
        admin, kind="forwarding", address="ann@example.org", targets="x@b.example", **copy
    ) == [line]


def test_each_recipient_is_said_to_be_what_it_is(admin, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_mailbox("off@example.org", active=False)
    full = add_mailbox("full@example.org", quota=1000)
    QuotaUsage.objects.create(username=full, bytes=1000, messages=1)
    add_alias("team@example.org", "ann@example.org")
    typed = [
        *("ann@example.org", "Team@example.org", "off@example.org", "full@example.org"),
        *("gone@example.org", "x@elsewhere.example", "no address", "luc@"),
    ]

    assert kinds(admin, "\n".join(typed)) == {
        "ann@example.org": "mailbox",
        "Team@example.org": "alias",
        "off@example.org": "off",
        "full@example.org": "full",
        "gone@example.org": "gone",
        "x@elsewhere.example": "outside",
        "no": "wrong",
        "address": "wrong",
        "luc@": "wrong",
    }


def test_of_others_domains_nothing_is_told(admin, add_mailbox):
    add_mailbox("ann@other.net")

    assert kinds(admin, "ann@other.net, nobody@other.net") == {
        "ann@other.net": "outside",
        "nobody@other.net": "outside",
    }
    page = admin.post(PREVIEW, {"kind": "mailbox", "domain": "other.net", "local_part": "ann"})
    assert "other.net" not in page.text


@pytest.mark.parametrize("kind", ["alias-edit", "forwarding"])
def test_a_row_of_others_is_not_previewed(kind, admin, add_mailbox, add_alias):
    add_mailbox("ann@other.net")
    add_alias("sales@other.net", "ann@other.net")
    address = "ann@other.net" if kind == "forwarding" else "sales@other.net"

    page = admin.post(PREVIEW, {"kind": kind, "address": address, "targets": "a@b.example"})

    assert page.status_code == 404


def test_a_mailbox_user_is_told_nothing(sign_in, add_mailbox, example_org):
    client = sign_in(add_mailbox("joe@example.org"))

    assert client.get(SUGGESTIONS, {"q": "joe"}).status_code == 404
    assert client.post(PREVIEW, {"kind": "alias"}).status_code == 404


def test_only_so_many_recipients_are_looked_at(admin, django_assert_max_num_queries):
    many = ", ".join(f"a{number}@example.org" for number in range(500))

    with django_assert_max_num_queries(20):
        assert len(kinds(admin, many, local_part="sales")) == 100


# --- Suggestions


def suggested(client, q, domain="example.org"):
    page = client.get(SUGGESTIONS, {"q": q, "domain": domain})
    return re.findall('data-address="([^"]*)"', page.text)


def test_suggestions_are_found_by_the_words_of_name_and_address(admin, add_mailbox, add_alias):
    add_mailbox("m.castellanos@example.org", name="María Castellanos")
    add_alias("marketing@example.org", "m.castellanos@example.org")

    assert suggested(admin, "mar") == ["m.castellanos@example.org", "marketing@example.org"]
    assert suggested(admin, "castel") == ["m.castellanos@example.org", "marketing@example.org"]
    assert suggested(admin, "marketing@") == ["marketing@example.org"]
    assert suggested(admin, "zzz") == []
    assert suggested(admin, "") == []


def test_suggestions_begin_with_those_of_the_domain(superadmin, add_mailbox, other_net):
    add_mailbox("ann@example.org")
    add_mailbox("ann@other.net")

    assert suggested(superadmin, "ann", "other.net") == ["ann@other.net", "ann@example.org"]


def test_nobody_is_suggested_an_address_of_others(admin, add_mailbox):
    add_mailbox("ann@other.net")

    assert suggested(admin, "ann", "other.net") == []
    assert suggested(admin, "ann@") == []


def test_a_catch_all_is_no_recipient(admin, add_alias):
    add_alias("@example.org", "a@b.example")

    assert suggested(admin, "example") == []
    assert suggested(admin, "@example") == []
