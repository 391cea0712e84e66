import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains.models import AliasDomain, Domain
from domains.services import (
    create_alias_domain,
    set_domain_active,
    update_alias_domain,
)
from tests.pages.reading import errors, links, rows, text


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


def test_the_list_shows_both_ends_and_warns_of_inactive_ones(as_superadmin, link, other_net):
    link("old.example", "example.org", description="The old name")
    set_domain_active(actor=None, domain=Domain.objects.get(pk="example.org"), active=False)

    page = page_of(as_superadmin, "aliasdomain-list")

    assert "old.example → example.org domain off · The old name" in text(page)


def test_the_list_of_a_domain_has_what_leads_here_and_where_it_leads(as_superadmin, link):
    link("a.example", "hub.example")
    link("b.example", "hub.example")
    link("c.example", "other.example")

    assert rows(page_of(as_superadmin, "aliasdomain-list", domain="hub.example")) == [
        "a.example",
        "b.example",
    ]
    assert rows(page_of(as_superadmin, "aliasdomain-list", domain="c.example")) == ["c.example"]


def test_a_domain_admin_sees_a_link_whose_target_is_foreign_but_cannot_change_it(as_admin, link):
    link("own.example", "foreign.example")
    link("foreign-too.example", "own2.example")
    client = as_admin("own.example")

    page = page_of(client, "aliasdomain-list")

    assert rows(page) == ["own.example"]
    assert reverse("aliasdomain-edit", args=["own.example"]) not in links(page)
    assert page_of(client, "aliasdomain-edit", "own.example").status_code == 404


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_asks_as_often_for_any_number_of_links(
    number, as_admin, link, django_assert_num_queries
):
    for n in range(number):
        link(f"s{n}.example", "target.example")
    client = as_admin("target.example", *(f"s{n}.example" for n in range(number)))

    with django_assert_num_queries(7):  # session, account, names, keys, rows, count, changeable
        page = page_of(client, "aliasdomain-list")

    assert len(rows(page)) == number


def test_the_form_offers_only_the_own_domains_by_their_unicode_names(as_admin, add_domain):
    add_domain("müller.example")
    add_domain("foreign.example")

    form = page_of(as_admin("xn--mller-kva.example"), "aliasdomain-create").context["form"]

    assert form.fields["target_domain"].widget.choices == [
        ("", ""),
        ("xn--mller-kva.example", "müller.example"),
    ]


def test_a_field_for_text_has_the_unicode_name_too_and_saves_nothing_by_it(
    as_superadmin, add_domain, link
):
    add_domain("müller.example")
    link("other.example", "xn--mller-kva.example")
    edit = reverse("aliasdomain-edit", args=["other.example"])
    pages = [
        (reverse("mailbox-create"), "domain"),
        (reverse("aliasdomain-create"), "target_domain"),
        (edit, "target_domain"),
    ]
    for address, name in pages:
        form = as_superadmin.get(address, {"domain": "xn--mller-kva.example"}).context["form"]
        assert form[name].value() == "müller.example"

    entries = LogEntry.objects.count()
    as_superadmin.post(edit, {"target_domain": "müller.example", "description": ""})

    assert AliasDomain.objects.get().target_domain_id == "xn--mller-kva.example"
    assert LogEntry.objects.count() == entries


def test_a_name_that_is_new_becomes_a_domain_too(as_superadmin, add_domain):
    add_domain("shop.example")
    address = reverse("aliasdomain-create")
    form = as_superadmin.get(address, {"domain": "shop.example"}).context["form"]
    assert form["target_domain"].value() == "shop.example"

    response = as_superadmin.post(
        address,
        {"alias_domain": "Müller-Shop.example", "target_domain": "shop.example"},
        follow=True,
    )

    assert (
        "Domain müller-shop.example created. Mail for each name in it goes to the same name in"
        " shop.example." in text(response)
    )
    [link] = AliasDomain.objects.all()
    assert (link.pk, link.target_domain_id) == ("xn--mller-shop-9db.example", "shop.example")
    assert Domain.objects.get(pk=link.pk).usage.alias_rows == 0  # no role addresses


def test_a_domain_admin_adds_no_domain_that_is_new(as_admin, add_domain):
    add_domain("foreign.example")
    for name in ("a.example", "b.example"):
        add_domain(name)
    client = as_admin("a.example", "b.example")

    for name in ("new.example", "foreign.example"):
        response = client.post(
            reverse("aliasdomain-create"), {"alias_domain": name, "target_domain": "a.example"}
        )
        assert errors(response) == {
            "alias_domain": [
                "You manage no domain of this name. If it is new here, ask a superadmin to add it."
            ]
        }
    assert not Domain.objects.filter(pk="new.example").exists()


@pytest.mark.parametrize(
    ("names", "offered"), [(["a.example"], False), (["a.example", "b.example"], True)]
)
def test_another_name_is_offered_to_who_has_two_domains(names, offered, as_admin, add_domain):
    for name in ("a.example", "b.example"):
        add_domain(name)

    page = page_of(as_admin(*names), "aliasdomain-list")

    assert ("/alias-domains/new/" in page.text.partition("<main")[0]) is offered
    assert any(link.startswith("/alias-domains/new/") for link in links(page)) is offered


def test_an_alias_domain_is_created(as_admin, add_domain):
    add_domain("old.example")
    add_domain("new.example")

    response = as_admin("old.example", "new.example").post(
        reverse("aliasdomain-create"),
        {"alias_domain": "old.example", "target_domain": "new.example", "active": "on"},
        follow=True,
    )

    assert "Alias domain old.example created." in text(response)
    assert list(AliasDomain.objects.values_list("pk", "target_domain", "active")) == [
        ("old.example", "new.example", True)
    ]


@pytest.mark.parametrize(
    ("source", "target", "errors"),
    [
        ("a.example", "a.example", {"target_domain": ["A domain cannot be its own target."]}),
        (
            "free.example",
            "a.example",
            {
                "target_domain": [
                    "a.example is itself an alias domain. Choose the domain it leads to."
                ]
            },
        ),
        (
            "b.example",
            "free.example",
            {
                "alias_domain": [
                    "Other alias domains lead to b.example, so it cannot lead elsewhere."
                ]
            },
        ),
        (
            "a.example",
            "free.example",
            {"alias_domain": ["a.example is an alias domain already: it leads to b.example."]},
        ),
        (
            "new.example",
            "a.example",
            {
                "target_domain": [
                    "a.example is itself an alias domain. Choose the domain it leads to."
                ]
            },
        ),
        (
            "no name",
            "free.example",
            {"alias_domain": ["“no name” is not a domain name. Write it like example.org."]},
        ),
    ],
    ids=[
        "itself",
        "chain at the target",
        "chain at the source",
        "exists already",
        "a new one to a chain",
        "no name",
    ],
)
def test_a_link_that_cannot_be_is_refused_at_its_field(
    source, target, errors, as_superadmin, add_domain, link
):
    add_domain("free.example")
    if source != target:
        link("a.example", "b.example")
    else:
        add_domain("a.example")
    before = AliasDomain.objects.count()

    response = as_superadmin.post(
        reverse("aliasdomain-create"),
        {"alias_domain": source, "target_domain": target, "active": "on"},
    )

    assert response.status_code == 422
    assert response.context["form"].errors == errors
    assert AliasDomain.objects.count() == before


def test_a_link_that_closes_a_loop_is_refused(as_superadmin, add_domain, add_mailbox, add_alias):
    for name in ("a.example", "b.example"):
        add_domain(name)
    add_mailbox("ann@b.example")
    add_alias("joe@b.example", "joe@a.example")

    response = as_superadmin.post(
        reverse("aliasdomain-create"),
        {"alias_domain": "a.example", "target_domain": "b.example", "active": "on"},
    )

    assert response.status_code == 422
    assert AliasDomain.objects.count() == 0


def test_an_alias_domain_is_changed_deactivated_and_deleted(as_superadmin, link, add_domain):
    link("old.example", "example.org")
    add_domain("other.example")

    changed = {"target_domain": "other.example", "description": "Moved", "active": "on"}
    as_superadmin.post(reverse("aliasdomain-edit", args=["old.example"]), changed)
    stored = AliasDomain.objects.get()
    assert (stored.target_domain_id, stored.description) == ("other.example", "Moved")

    off = as_superadmin.post(reverse("aliasdomain-state", args=["old.example"]), follow=True)
    assert "old.example is off." in text(off)
    assert AliasDomain.objects.get().active is False

    gone = as_superadmin.post(reverse("aliasdomain-delete", args=["old.example"]), follow=True)
    assert "Alias domain old.example deleted." in text(gone)
    assert (AliasDomain.objects.count(), Domain.objects.count()) == (0, 3)


def test_before_a_link_is_cut_the_page_says_what_stops(as_superadmin, link):
    link("old.example", "example.org")

    for name in ("aliasdomain-state", "aliasdomain-delete"):
        said = text(page_of(as_superadmin, name, "old.example"))
        assert "Mail for name@old.example no longer goes to name@example.org." in said


def test_before_a_link_is_cut_the_page_names_the_targets_that_nothing_else_answers(
    as_superadmin, link, add_alias, add_mailbox
):
    cut = link("old.example", "example.org")
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@old.example", "kept@old.example")
    add_alias("kept@old.example", "joe@example.org")
    chosen = {"action": "deactivate", "selected": ["old.example"]}

    def pages():
        single = [
            page_of(as_superadmin, name, "old.example")
            for name in ("aliasdomain-delete", "aliasdomain-state")
        ]
        return [*single, as_superadmin.post(reverse("aliasdomain-bulk"), chosen)]

    def named():
        return [[target.target for target in page.context["covered"]] for page in pages()]

    for page in pages():
        assert "sales@example.org → joe@old.example" in text(page)
        assert "kept@old.example" not in text(page)

    update_alias_domain(actor=None, link=cut, active=False)  # nothing is left to stop
    assert named() == [[], [], []]
    update_alias_domain(actor=None, link=cut, active=True)
    add_alias("@old.example", "joe@example.org")
    assert named() == [[], [], []]


@pytest.mark.parametrize(("action", "left"), [("deactivate", [False]), ("delete", [])])
def test_several_alias_domains_are_deactivated_or_deleted(
    action, left, superadmin, example_org, other_net
):
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
    chosen = {"action": action, "selected": ["other.net"]}

    page = superadmin.post(reverse("aliasdomain-bulk"), chosen)

    assert "other.net → example.org" in text(page)
    superadmin.post(reverse("aliasdomain-bulk"), chosen | {"confirmed": "1"})
    assert list(AliasDomain.objects.values_list("active", flat=True)) == left
