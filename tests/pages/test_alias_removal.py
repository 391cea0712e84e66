from django.urls import reverse

from aliases import services
from aliases.models import Alias
from aliases.views import referrers_context
from domains.services import set_domain_active
from tests.pages.reading import hidden_inputs, referrers, text, told

# --- One


def test_deactivating_says_the_consequences_then_does_it_and_back(admin, add_alias):
    alias = add_alias("sales@example.org", "x@else.example")
    address = reverse("alias-state", args=["sales@example.org"])

    asked = text(admin.get(address))
    assert "Switch off sales@example.org?" in asked
    assert "Mail for sales@example.org is refused." in asked
    assert "x@else.example" in asked

    done = admin.post(address)
    alias.refresh_from_db()
    assert (alias.active, told(done)) == (
        False,
        ["sales@example.org is off: mail is refused."],
    )
    assert "Mail for it goes to x@else.example again." in text(admin.get(address))

    done = admin.post(address, {"active": "1"})
    alias.refresh_from_db()
    assert (alias.active, told(done)[-1]) == (
        True,
        "sales@example.org is on: mail goes to x@else.example.",
    )


def test_what_answers_nobody_in_an_inactive_domain_is_not_said_to_go_to_the_catch_all(
    superadmin, add_alias, add_mailbox, example_org
):
    add_alias("sales@example.org", "x@else.example")
    add_mailbox("joe@example.org")
    add_alias("@example.org", "y@else.example")
    set_domain_active(actor=None, domain=example_org, active=False)

    for name, address in [
        ("alias-state", "sales@example.org"),
        ("alias-delete", "sales@example.org"),
        ("mailbox-state", "joe@example.org"),
        ("mailbox-delete", "joe@example.org"),
    ]:
        page = text(superadmin.get(reverse(name, args=[address])))
        assert "example.org is off: mail for its addresses is refused." in page
        assert "catch-all" not in page
    for name, address in [("alias-bulk", "sales@example.org"), ("mailbox-bulk", "joe@example.org")]:
        page = text(superadmin.post(reverse(name), {"action": "delete", "selected": [address]}))
        assert "example.org is off: mail for its addresses is refused." in page


def test_activating_an_alias_that_leads_to_nobody_says_who_answers(admin, add_alias):
    alias = add_alias("sales@example.org", "gone@example.org", active=False)

    page = text(admin.get(reverse("alias-state", args=[alias.pk])))

    assert "None of its recipients can receive mail at the moment." in page
    assert "Mail for sales@example.org is refused." in page


def test_activating_a_loop_is_refused_on_the_page(admin, add_alias):
    add_alias("a@example.org", "x@else.example", active=False)
    Alias.objects.update(goto="b@example.org")
    add_alias("b@example.org", "a@example.org")

    page = admin.post(reverse("alias-state", args=["a@example.org"]), {"active": "1"})

    assert page.status_code == 422
    assert "This would create a mail loop:" in text(page)
    assert Alias.objects.get(pk="a@example.org").active is False


def test_deleting_names_the_aliases_and_cleans_those_one_manages(admin, add_alias):
    add_alias("sales@example.org", "x@else.example")
    add_alias("all@example.org", "sales@example.org", "y@else.example")
    add_alias("abuse@example.org", "sales@example.org")
    add_alias("theirs@other.net", "sales@example.org")
    address = reverse("alias-delete", args=["sales@example.org"])

    page = admin.get(address)
    assert "Mail for sales@example.org is refused." in text(page)
    assert referrers(page) == {"all@example.org": False}
    assert page.context["referrers_elsewhere"] == 2
    assert 'name="drop" value="1">' in page.text
    assert "all@example.org" in text(page)
    assert "theirs@other.net" not in text(page)

    done = admin.post(address, {"drop": "1", "emptied": "delete"})
    assert done.url == "/aliases/?domain=example.org"
    assert told(done) == ["Alias sales@example.org deleted."]
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "all@example.org": "y@else.example",
        "abuse@example.org": "sales@example.org",
        "theirs@other.net": "sales@example.org",
    }


def test_what_leads_here_through_an_alias_domain_is_named_and_taken_out(admin, twin, add_alias):
    add_alias("sales@example.org", "x@else.example")
    add_alias("all@example.org", "sales@twin.example", "y@else.example")
    add_alias("only@example.org", "sales+list@twin.example")
    add_alias("abuse@example.org", "sales@twin.example")
    add_alias("theirs@other.net", "sales@twin.example")
    address = reverse("alias-delete", args=["sales@example.org"])

    page = admin.get(address)
    assert referrers(page) == {"all@example.org": False, "only@example.org": True}
    assert page.context["referrers_elsewhere"] == 2
    assert 'name="drop"' in page.text

    admin.post(address, {"drop": "1", "emptied": "delete"})
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "all@example.org": "y@else.example",
        "abuse@example.org": "sales@twin.example",
        "theirs@other.net": "sales@twin.example",
    }


def test_what_leads_through_an_alias_domain_is_not_changed_when_deactivated(admin, twin, add_alias):
    add_alias("sales@example.org", "x@else.example")
    add_alias("only@example.org", "sales@twin.example")

    page = admin.get(reverse("alias-state", args=["sales@example.org"]))

    assert referrers(page) == {"only@example.org": True}
    assert 'name="drop"' not in page.text


def test_a_catch_all_has_no_name_in_an_alias_domain(superadmin, twin, other_net, add_alias):
    add_alias("@example.org", "x@else.example")
    Alias.objects.create(address="@other.net", goto="@twin.example", domain=other_net)

    assert referrers(superadmin.get(reverse("alias-delete", args=["@example.org"]))) == {}


def test_foreign_aliases_however_many_hide_none_of_ones_own(
    admin, add_domain, add_alias, monkeypatch
):
    monkeypatch.setattr("aliases.views.COUNT_BOUND", 3)
    add_domain("another.net")
    add_alias("sales@example.org", "x@else.example")
    for number in range(5):
        add_alias(f"a{number}@another.net", "sales@example.org")
        add_alias(f"z{number}@example.org", "sales@example.org")
    address = reverse("alias-delete", args=["sales@example.org"])

    page = admin.get(address)
    assert next(iter(referrers(page))) == "z0@example.org"
    assert page.context["referrers_elsewhere"] > page.context["referrers_elsewhere_bound"] == 3
    assert "more than 3" in text(page)
    assert "z0@example.org" in text(admin.get(reverse("alias", args=["sales@example.org"])))

    admin.post(address, {"drop": "1", "emptied": "delete"})
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        f"a{number}@another.net": "sales@example.org" for number in range(5)
    }


def test_more_than_a_page_counts_are_all_cleaned(superadmin, add_alias, monkeypatch):
    monkeypatch.setattr("aliases.views.COUNT_BOUND", 3)
    monkeypatch.setattr("aliases.views.SHOWN", 2)
    add_alias("sales@example.org", "x@else.example")
    for number in range(5):
        add_alias(f"a{number}@example.org", "sales@example.org", "y@else.example")
    address = reverse("alias-delete", args=["sales@example.org"])

    assert "a1@example.org and more than 1 more" in text(superadmin.get(address))
    superadmin.post(address, {"drop": "1", "emptied": "delete"})
    assert set(Alias.objects.values_list("goto", flat=True)) == {"y@else.example"}


def test_each_page_counts_to_the_bound_of_its_own_time(superadmin, add_alias, monkeypatch):
    add_alias("sales@example.org", "x@else.example")
    for number in range(4):
        add_alias(f"a{number}@example.org", "sales@example.org")

    shown = {}
    for bound in (1, 3):
        monkeypatch.setattr("aliases.views.COUNT_BOUND", bound)
        shown[bound] = len(
            referrers(superadmin.get(reverse("alias-delete", args=["sales@example.org"])))
        )

    assert shown == {1: 2, 3: 4}


def test_a_plus_address_falls_back_to_the_name_before_it(admin, add_alias):
    add_alias("sales+news@example.org", "x@else.example")
    add_alias("sales@example.org", "y@else.example")

    page = text(admin.get(reverse("alias-delete", args=["sales+news@example.org"])))

    assert "Mail for sales+news@example.org goes to sales@example.org instead." in page


def test_a_mailboxs_own_row_has_no_alias_page(superadmin, add_mailbox):
    add_mailbox("joe@example.org")

    for name in ("alias", "alias-edit", "alias-state", "alias-delete"):
        assert superadmin.get(reverse(name, args=["joe@example.org"])).status_code == 404


# --- Several at once


def test_several_are_deleted_after_a_page_that_says_what_stops(admin, add_alias):
    for name in ("a", "b", "c"):
        add_alias(f"{name}@example.org", "x@else.example")
    add_alias("all@example.org", "a@example.org", "b@example.org")
    chosen = {"action": "delete", "selected": ["a@example.org", "b@example.org"]}

    asked = admin.post(reverse("alias-bulk"), chosen)
    assert "Delete 2 aliases?" in text(asked)
    assert "Mail for these 2 is refused. a@example.org b@example.org" in text(asked)
    assert referrers(asked) == {"all@example.org": True}
    assert Alias.objects.count() == 4

    done = admin.post(
        reverse("alias-bulk"), hidden_inputs(asked) | {"drop": "1", "emptied": "delete"}
    )
    assert told(done)[-1].startswith("2 aliases ")
    assert list(Alias.objects.values_list("pk", flat=True)) == ["c@example.org"]


def test_one_that_goes_with_another_is_deleted_too(admin, add_alias):
    add_alias("a@example.org", "x@else.example")
    add_alias("b@example.org", "a@example.org")
    chosen = {"action": "delete", "selected": ["a@example.org", "b@example.org"]}

    done = admin.post(
        reverse("alias-bulk"), chosen | {"confirmed": "1", "drop": "1", "emptied": "delete"}
    )

    assert told(done)[-1].startswith("2 aliases ")
    assert Alias.objects.count() == 0


def test_one_that_is_gone_is_not_said_to_be_deactivated(admin, add_alias, monkeypatch):
    alias = add_alias("a@example.org", "x@else.example")
    add_alias("b@example.org", "x@else.example")
    switch = services.update_alias

    def late(**options):
        Alias.objects.filter(pk=alias.pk).delete()
        return switch(**options)

    monkeypatch.setattr("aliases.bulk.services.update_alias", late)
    chosen = {"action": "deactivate", "selected": ["a@example.org", "b@example.org"]}

    done = admin.post(reverse("alias-bulk"), chosen | {"confirmed": "1"})

    assert told(done) == ["b@example.org is off: mail is refused."]
    assert list(Alias.objects.values_list("pk", "active")) == [("b@example.org", False)]


def test_several_are_taken_out_of_all_that_lead_to_them(admin, add_alias, monkeypatch):
    monkeypatch.setattr("aliases.views.COUNT_BOUND", 1)
    for name in ("a", "b"):
        add_alias(f"{name}@example.org", "x@else.example")
        for number in range(3):
            add_alias(f"{name}{number}@example.org", f"{name}@example.org")
            add_alias(f"{name}{number}@other.net", f"{name}@example.org")
    chosen = {"action": "delete", "selected": ["a@example.org", "b@example.org"]}

    asked = admin.post(reverse("alias-bulk"), chosen)
    admin.post(reverse("alias-bulk"), hidden_inputs(asked) | {"drop": "1", "emptied": "delete"})

    assert {alias.domain_id for alias in Alias.objects.all()} == {"other.net"}
    assert Alias.objects.count() == 6


def test_several_aliases_are_deactivated_and_activated(admin, add_alias):
    for name in ("a", "b"):
        add_alias(f"{name}@example.org", "x@else.example")
    chosen = {"selected": ["a@example.org", "b@example.org"], "next": "/aliases/?q=a"}

    done = admin.post(reverse("alias-bulk"), chosen | {"action": "deactivate"})
    assert done.url == "/aliases/?q=a"
    assert list(Alias.objects.values_list("active", flat=True)) == [False, False]

    admin.post(reverse("alias-bulk"), chosen | {"action": "activate"})
    assert list(Alias.objects.values_list("active", flat=True)) == [True, True]


def test_nothing_selected_is_said_and_an_unknown_action_not_found(admin):
    done = admin.post(reverse("alias-bulk"), {"action": "delete", "next": "//evil.example/"})

    assert (done.url, told(done)) == ("/aliases/", ["Nothing was selected."])
    assert admin.post(reverse("alias-bulk"), {"action": "rename"}).status_code == 404


def test_to_an_admin_without_domains_all_that_leads_there_is_elsewhere(
    make_admin, example_org, add_alias
):
    add_alias("sales@example.org", "ann@elsewhere.example")

    found = referrers_context(make_admin("nobody@example.org"), ["ann@elsewhere.example"])

    assert (found["referrers"], found["referrers_elsewhere"]) == ([], 1)
