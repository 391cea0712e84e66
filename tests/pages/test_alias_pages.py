import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from aliases.services import set_alias_active
from domains import main_cf
from domains.services import set_domain_active, update_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.services import set_mailbox_active
from tests.pages.reading import error_codes, errors, sent, text, told


def fields(**changes):
    return {
        "local_part": "sales",
        "domain": "example.org",
        "targets": "joe@elsewhere.example",
        "active": "on",
    } | changes


# --- One alias


def test_its_page_says_what_happens_to_its_mail(admin, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("team@example.org", "joe@example.org")
    sales = add_alias("sales@example.org", "joe@example.org")
    mixed = [
        "joe+x@example.org",
        "team@example.org",
        "gone@example.org",
        "a@other.net",
        "b@else.example",
    ]
    add_alias("mixed@example.org", *mixed)

    def page(key="sales@example.org"):
        return text(admin.get(reverse("alias", args=[key])))

    assert "Mail for this address goes to joe@example.org." in page()
    assert (
        "Mail for this address goes to 1 mailbox, 1 alias, 2 external addresses"
        " and 1 undeliverable address." in page("mixed@example.org")
    )
    assert "gone@example.org does not exist and gets no mail." in page("mixed@example.org")
    set_alias_active(actor=None, alias=sales, active=False)
    assert "Mail for sales@example.org is refused." in page()
    add_alias("@example.org", "joe@example.org", "b@else.example")
    assert "Mail for sales@example.org goes to the catch-all @example.org instead." in page()
    assert (
        "Mail for every address of example.org that is no mailbox and no alias goes to"
        " 1 mailbox and 1 external address." in page("@example.org")
    )
    set_domain_active(actor=None, domain=sales.domain, active=False)
    assert "example.org is off: mail for its addresses is refused." in page()


def test_a_catch_all_to_a_whole_domain_of_ours_is_refused_and_names_the_alias_domain(
    admin, other_net
):
    page = admin.post(
        reverse("alias-create"),
        {"domain": "example.org", "local_part": "*", "targets": "@other.net", "active": "on"},
    )

    assert (page.status_code, list(errors(page))) == (422, ["targets"])
    assert reverse("aliasdomain-create") in page.content.decode()


def test_an_alias_that_leads_to_nobody_says_what_happens_instead(admin, add_mailbox, add_alias):
    joe = add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe+sales@example.org")
    add_alias("both@example.org", "joe@example.org", "b@else.example")
    add_alias("lost@example.org", "gone@example.org")
    set_mailbox_active(actor=None, mailbox=joe, active=False)

    def page(key):
        return text(admin.get(reverse("alias", args=[key])))

    assert "Mail for sales@example.org is refused." in page("sales@example.org")
    assert "joe+sales@example.org off" in page("sales@example.org")
    assert "Mail for lost@example.org is refused." in page("lost@example.org")
    assert "goes to 1 external address and 1 undeliverable address." in page("both@example.org")
    assert "joe@example.org off b@else.example" in page("both@example.org")

    add_alias("@example.org", "b@else.example")
    assert "Mail for this address goes to joe+sales@example.org." in page("sales@example.org")
    assert "Mail for this address goes to gone@example.org." in page("lost@example.org")


def test_targets_in_a_domain_that_is_handed_on_are_not_judged(
    superadmin, other_net, add_mailbox, add_alias
):
    add_alias("sales@example.org", "ann@other.net", "gone@other.net")
    set_mailbox_active(actor=None, mailbox=add_mailbox("ann@other.net"), active=False)

    def page():
        return text(superadmin.get(reverse("alias", args=["sales@example.org"])))

    assert "Mail for sales@example.org is refused." in page()
    update_domain(actor=None, domain=other_net, transport="smtp:[192.0.2.7]:25")
    assert "Mail for sales@example.org is refused." not in page()
    assert "does not exist" not in page()
    set_domain_active(actor=None, domain=other_net, active=False)
    assert "Mail for sales@example.org is refused." in page()
    assert "does not exist" not in page().lower()
    assert "gone@other.net off" in page()


@pytest.mark.parametrize("target", ["there@other.net", "off@other.net", "not-there@other.net"])
def test_nothing_is_told_of_a_single_target_in_a_neighbours_domain(
    target, admin, add_mailbox, add_alias
):
    add_mailbox("there@other.net")
    set_mailbox_active(actor=None, mailbox=add_mailbox("off@other.net"), active=False)
    add_alias("sales@example.org", target)
    add_alias("@example.org", target)
    add_alias("asleep@example.org", "x@elsewhere.example", active=False)

    page = text(admin.get(reverse("alias", args=["sales@example.org"])))
    asleep = text(admin.get(reverse("alias", args=["asleep@example.org"])))

    assert f"Mail for this address goes to {target}." in page
    assert f"goes to the catch-all instead, so to {target}." in asleep


def test_a_target_in_a_neighbours_domain_is_outside_whether_it_exists_or_not(
    admin, add_mailbox, add_alias
):
    add_mailbox("there@other.net")
    add_alias("sales@example.org", "there@other.net", "not-there@other.net")

    page = admin.get(reverse("alias", args=["sales@example.org"]))

    assert "Mail for this address goes to 2 external addresses." in text(page)
    assert "Does not exist" not in text(page)
    assert b'href="/mailboxes/there@other.net/"' not in page.content


def test_targets_and_what_leads_here_are_links_to_their_own_pages(admin, add_mailbox, add_alias):
    ann = add_mailbox("ann@example.org")
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    set_forwarding(actor=None, mailbox=ann, targets="sales@example.org", keep_copy=True)

    page = admin.get(reverse("alias", args=["sales@example.org"])).content

    assert b'<a href="/mailboxes/joe@example.org/">joe@example.org</a>' in page
    assert b'<a href="/mailboxes/ann@example.org/">ann@example.org</a>' in page


def test_long_lists_of_targets_are_cut_and_say_so(admin, add_alias):
    add_alias("all@example.org", *(f"t{n}@else.example" for n in range(60)))

    page = admin.get(reverse("alias", args=["all@example.org"]))

    assert "and 10 more" in text(page)
    assert len(page.context["targets"]) == 50


def test_no_page_of_an_alias_needs_more_than_ten_statements_and_deletion_one_more(
    admin, twin, add_mailbox, add_alias, django_assert_max_num_queries
):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org", "gone@example.org", "x@else.example")
    add_alias("all@example.org", "sales@example.org")
    add_alias("tw@example.org", "sales@twin.example")
    add_alias("tw@other.net", "sales@twin.example")
    add_alias("@example.org", "joe@example.org")

    for active in (True, False):
        Alias.objects.filter(pk="sales@example.org").update(active=active)
        for name in ("", "-edit", "-state", "-delete"):
            with django_assert_max_num_queries(11 if name == "-delete" else 10):
                page = admin.get(reverse(f"alias{name}", args=["sales@example.org"]))
            assert page.status_code == 200


# --- Creating and editing


def test_a_new_alias_is_stored_with_its_targets(admin):
    page = admin.post(
        reverse("alias-create"),
        fields(local_part="Sales", targets="Joe@Elsewhere.example,\n ann@müller.example\n"),
    )

    alias = Alias.objects.get()
    assert (alias.pk, alias.goto) == (
        "sales@example.org",
        "joe@elsewhere.example,ann@xn--mller-kva.example",
    )
    assert page.url == "/aliases/sales@example.org/"
    assert told(page) == ["Alias sales@example.org created."]
    assert LogEntry.objects.get(action="create_alias").data == "sales@example.org"


def test_an_asterisk_makes_the_catch_all(admin):
    admin.post(reverse("alias-create"), fields(local_part="*"))

    assert Alias.objects.get().pk == "@example.org"


def test_the_form_begins_with_the_domain_and_target_it_was_opened_for(superadmin, add_domain):
    add_domain("müller.example")

    query = {"domain": "müller.example", "target": "a&b@müller.example"}
    page = superadmin.get(reverse("alias-create"), query)

    form = page.context["form"]
    assert form["domain"].value() == "müller.example"
    assert form.initial["targets"] == "a&b@müller.example"


def test_a_form_opened_for_a_foreign_domain_does_not_name_it(admin):
    page = admin.get(reverse("alias-create"), {"domain": "other.net"})

    assert "other.net" not in text(page)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"local_part": "joe"}, {"local_part": ["taken"]}),
        ({"local_part": "a b"}, {"local_part": ["invalid_local_part"]}),
        ({"local_part": "postmaster"}, {"local_part": ["role"]}),
        ({"targets": "nobody\n|/bin/sh"}, {"targets": ["invalid_address"] * 2}),
        ({"targets": ""}, {"targets": ["required"]}),
        ({"targets": "sales@example.org"}, {"targets": ["itself"]}),
        ({"local_part": "round", "targets": "back@example.org"}, {"targets": ["loop"]}),
        ({"domain": "other.net"}, {"domain": ["unknown"]}),
    ],
)
def test_a_wrong_field_is_named(wrong, expected, admin, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("back@example.org", "round@example.org")

    page = admin.post(reverse("alias-create"), fields(**wrong))

    assert page.status_code == 422
    assert error_codes(page) == expected
    assert Alias.objects.count() == 2


def test_a_full_domain_refuses_one_more_at_its_field(make_admin, sign_in, add_domain, add_alias):
    add_domain("small.example", aliases=2)
    for name in ("a", "b"):
        add_alias(f"{name}@small.example", "x@else.example")
    client = sign_in(make_admin(domains=["small.example"]))

    page = client.post(reverse("alias-create"), fields(domain="small.example"))

    message = (
        "small.example already has its 2 aliases."
        " Ask a superadmin to raise the limit, or delete one."
    )
    assert page.status_code == 422
    assert errors(page) == {"domain": [message]}
    assert message in text(page)


def test_a_twin_that_was_faster_is_told_at_the_name(admin, monkeypatch):
    def late(**kwargs):
        raise ValidationError({"address": ValidationError("Taken meanwhile.", "taken")})

    monkeypatch.setattr("aliases.services.create_alias", late)
    page = admin.post(reverse("alias-create"), fields())

    assert page.status_code == 422
    assert errors(page) == {"local_part": ["Taken meanwhile."]}
    assert "Taken meanwhile." in text(page)


def test_editing_writes_what_was_changed_and_keeps_what_others_stored(admin, add_alias):
    add_alias("sales@example.org", "x@else.example")
    Alias.objects.update(goto="root,x@else.example")
    address = reverse("alias-edit", args=["sales@example.org"])
    assert admin.get(address).context["form"].initial["targets"] == "root\nx@else.example"

    done = admin.post(
        address, {"targets": "root\ny@else.example", "description": "Shop", "active": "on"}
    )

    alias = Alias.objects.get()
    assert (alias.goto, alias.description, alias.active) == ("root,y@else.example", "Shop", True)
    assert told(done) == ["Alias sales@example.org saved."]
    assert LogEntry.objects.get(action="edit_alias").changes == {
        "goto": ["root,x@else.example", "root,y@else.example"],
        "description": ["", "Shop"],
    }


def test_an_edit_that_closes_a_loop_is_refused_with_its_path(admin, add_alias):
    add_alias("a@example.org", "x@else.example")
    add_alias("b@example.org", "a@example.org")

    page = admin.post(
        reverse("alias-edit", args=["a@example.org"]), {"targets": "b@example.org", "active": "on"}
    )

    assert page.status_code == 422
    assert errors(page) == {
        "targets": ["This would create a mail loop: a@example.org → b@example.org → a@example.org."]
    }


@pytest.fixture
def remove(admin, add_alias, add_mailbox):
    add_mailbox("joe@example.org")
    add_alias("team@example.org", "joe@example.org", "gone@example.org", description="Us")
    page = admin.get(reverse("alias", args=["team@example.org"]))
    assert "gone@example.org does not exist and gets no mail. Create it… Remove it" in text(page)
    return reverse("alias-edit", args=["team@example.org"]), sent(page)


def test_a_recipient_that_is_gone_is_removed_where_it_is_told(admin, remove):
    saved = admin.post(*remove)

    assert (saved.status_code, saved.url) == (302, "/aliases/team@example.org/")
    alias = Alias.objects.get(pk="team@example.org")
    assert (alias.goto, alias.description) == ("joe@example.org", "Us")


def test_it_is_not_removed_from_what_somebody_else_changed(admin, remove):
    Alias.objects.filter(pk="team@example.org").update(goto="joe@example.org,ann@elsewhere.example")

    refused = admin.post(*remove)

    assert error_codes(refused) == {"targets": ["edit_conflict"]}


def test_the_last_recipient_is_not_offered_to_be_removed(admin, add_alias):
    add_alias("team@example.org", "gone@example.org")

    assert "Remove it" not in text(admin.get(reverse("alias", args=["team@example.org"])))


# --- Who may write to it


def test_who_may_write_is_set_on_its_form_and_shown_on_page_and_lists(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("team@example.org", "joe@example.org")
    edit = reverse("alias-edit", args=["team@example.org"])
    opened = sent(admin.get(edit))

    closed = {"access": "closed", "access_text": "Gone fishing"}
    assert admin.post(edit, opened | closed).status_code == 302

    page = text(admin.get(reverse("alias", args=["team@example.org"])))
    assert "Mail is refused, and senders are told: “Gone fishing”." in page
    assert "has no effect yet: Postfix’s main.cf lacks recipient-access." in page
    for listed in (reverse("alias-list"), reverse("domain", args=["example.org"])):
        assert "closed" in text(admin.get(listed))
    main_cf.remember([main_cf.RECIPIENT_ACCESS])
    assert "has no effect yet" not in text(admin.get(reverse("alias", args=["team@example.org"])))


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ("internal", "It takes mail only from those who sign in here."),
        ("members", "It takes mail from its members only."),
    ],
)
def test_its_page_says_who_may_write(admin, add_mailbox, add_alias, access, said):
    add_mailbox("joe@example.org")
    add_alias("team@example.org", "joe@example.org", access=access)

    page = text(admin.get(reverse("alias", args=["team@example.org"])))

    assert f"Mail for this address goes to joe@example.org. {said}" in page
    assert f"{access} only" in text(admin.get(reverse("alias-list")))


def test_what_cannot_be_is_told_at_its_field_and_nothing_is_saved(admin, add_alias):
    add_alias("team@example.org", "joe@elsewhere.example")
    edit = reverse("alias-edit", args=["team@example.org"])
    opened = sent(admin.get(edit))

    refused = admin.post(edit, opened | {"access": "moved", "access_text": "", "description": "x"})

    assert error_codes(refused) == {"access_text": ["required"]}
    alias = Alias.objects.get(pk="team@example.org")
    assert (alias.access, alias.description) == ("", "")


def test_a_form_without_these_fields_leaves_them(admin, add_alias):
    add_alias("team@example.org", "joe@elsewhere.example", access="internal")
    edit = reverse("alias-edit", args=["team@example.org"])
    opened = sent(admin.get(edit))
    smaller = {name: opened[name] for name in opened if not name.startswith("access")}

    assert admin.post(edit, smaller | {"description": "x"}).status_code == 302
    alias = Alias.objects.get(pk="team@example.org")
    assert (alias.access, alias.description) == ("internal", "x")
