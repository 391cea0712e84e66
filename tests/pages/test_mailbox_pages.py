"""The pages about mailboxes, as administrators use them."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from domains.services import set_domain_active
from mailboxes.forwarding import forwarding_of, self_alias, set_forwarding
from mailboxes.models import Mailbox, QuotaUsage
from mailboxes.services import set_mailbox_active
from tests.pages.reading import errors, links, rows, sent, text, told

MB = 1_024_000


def fields(**changes):
    """What a filled in form for a new mailbox sends."""
    return {
        "local_part": "joe",
        "domain": "example.org",
        "password": "tangerine-7-bicycle",
        "quota_mb": "100",
        "active": "on",
        "smtp_active": "on",
    } | changes


# --- Lists


def test_a_domain_admin_sees_the_own_mailboxes_and_not_the_neighbours(admin, add_mailbox):
    for address in ("b@example.org", "a@example.org", "z@other.net"):
        add_mailbox(address)

    page = admin.get(reverse("mailbox-list"))

    assert rows(page) == ["a@example.org", "b@example.org"]
    assert page.context["count"] == 2
    assert rows(admin.get(reverse("mailbox-list"), {"domain": "other.net"})) == []
    assert rows(admin.get(reverse("mailbox-list"), {"q": "z"})) == []


def test_search_and_state_narrow_the_list(admin, add_mailbox):
    for address in ("anna@example.org", "andy@example.org", "bob@example.org"):
        add_mailbox(address)
    add_mailbox("ann@example.org", active=False)
    add_mailbox("full@example.org", quota=100)
    QuotaUsage.objects.create(pk="full@example.org", bytes=95, messages=1)

    def found(**query):
        return rows(admin.get(reverse("mailbox-list"), query))

    assert found(q="AN") == ["andy@example.org", "ann@example.org", "anna@example.org"]
    assert found(q="an", state="on") == ["andy@example.org", "anna@example.org"]
    assert found(state="off") == ["ann@example.org"]
    assert found(state="full") == ["full@example.org"]


def test_a_typed_unicode_domain_finds_its_mailboxes(superadmin, add_domain, add_mailbox):
    add_domain("müller.example")
    add_mailbox("joe@xn--mller-kva.example")

    page = superadmin.get(reverse("mailbox-list"), {"domain": "Müller.example"})

    assert rows(page) == ["joe@xn--mller-kva.example"]
    assert "joe@müller.example" in text(page)


def test_pages_lead_forwards_and_back_by_key(admin, add_mailbox):
    names = [f"m{number:02}@example.org" for number in range(60)]
    for name in names:
        add_mailbox(name)
    address = reverse("mailbox-list")

    first = admin.get(address, {"size": 25})
    second = admin.get(address + first.context["next_url"])
    third = admin.get(address + second.context["next_url"])
    again = admin.get(address + third.context["previous_url"])

    assert [rows(first), rows(second), rows(third)] == [names[:25], names[25:50], names[50:]]
    assert third.context["next_url"] is None
    assert first.context["previous_url"] is None
    assert rows(again) == names[25:50]
    assert len(rows(admin.get(address))) == 50
    assert len(rows(admin.get(address, {"size": "7"}))) == 50
    for jump in ("m58@example.org", "m58"):
        assert rows(admin.get(address, {"jump": jump})) == names[58:]
        assert rows(admin.get(address, {"jump": jump, "sort": "-address"}))[0] == names[58]
    assert rows(admin.get(address, {"sort": "-address", "size": 25})) == names[:-26:-1]
    assert len(admin.get(address).content) < 100_000


def test_the_page_after_a_form_costs_what_it_always_does(admin, add_mailbox):
    address = reverse("mailbox", args=[add_mailbox("joe@example.org").pk])
    admin.get(address)
    saved = admin.post(
        reverse("mailbox-edit", args=["joe@example.org"]),
        {"name": "Joe", "quota_mb": "0", "active": "on", "smtp_active": "on"},
    )

    with CaptureQueriesContext(connection) as first:
        page = admin.get(saved.url)
    with CaptureQueriesContext(connection) as second:
        admin.get(saved.url)

    assert "Mailbox joe@example.org saved." in text(page)
    assert (saved.url, len(first)) == (address, len(second))


def test_of_many_domains_one_jumps_to_a_domain_or_to_an_address(
    superadmin, example_org, other_net, add_mailbox
):
    for name in ("a@example.org", "b@example.org", "a@other.net", "b@other.net"):
        add_mailbox(name)
    address = reverse("mailbox-list")

    assert [
        rows(superadmin.get(address, {"jump": jump, "sort": sort}))[0]
        for jump, sort in [
            ("other.net", "address"),
            ("example.org", "-address"),
            ("exam", "-address"),
            ("b@example.org", "address"),
            ("b@example.org", "-address"),
        ]
    ] == ["a@other.net", *["b@example.org"] * 4]


def test_the_jump_is_offered_where_addresses_are_in_order(admin, add_mailbox):
    for number in range(26):
        add_mailbox(f"m{number}@example.org")

    assert [
        'name="jump"' in admin.get(reverse("mailbox-list"), {"sort": sort}).content.decode()
        for sort in ("address", "-address", "changed", "-changed")
    ] == [True, True, False, False]


def test_a_page_of_long_addresses_shows_all_rows_and_the_next_goes_on(
    superadmin, add_domain, add_mailbox
):
    domain = add_domain(f"{'d' * 63}.{'e' * 63}.{'f' * 40}.example")
    names = [f"{'m' * 60}{number:02}@{domain.pk}" for number in range(60)]
    Mailbox.objects.bulk_create(
        Mailbox(username=name, domain=domain, local_part="m", maildir=f"{name}/", password="x")
        for name in names
    )
    address = reverse("mailbox-list")

    first = superadmin.get(address, {"size": 50})
    second = superadmin.get(address + first.context["next_url"])
    again = superadmin.get(address + second.context["previous_url"])

    assert (rows(first), rows(second)) == (names[:50], names[50:])
    assert second.context["next_url"] is None
    assert rows(again) == rows(first)
    assert len(first.content) <= 180_000


@pytest.mark.parametrize("number", [1, 3])
def test_more_rows_cost_no_more_statements(
    number, admin, add_mailbox, django_assert_max_num_queries
):
    for index in range(number):
        add_mailbox(f"m{index}@example.org", quota=100)
        QuotaUsage.objects.create(pk=f"m{index}@example.org", bytes=95, messages=1)

    with django_assert_max_num_queries(6):
        page = admin.get(reverse("mailbox-list"))

    assert len(rows(page)) == number


def test_an_empty_list_says_what_it_is_for_and_an_empty_search_what_was_searched(
    admin, add_mailbox
):
    assert "No mailboxes yet" in text(admin.get(reverse("mailbox-list")))

    add_mailbox("joe@example.org")

    page = admin.get(reverse("mailbox-list"), {"q": "zz"})
    assert "Nothing found for “zz”" in text(page)
    assert "Clear search and filters" in text(page)


@pytest.mark.parametrize("parameter", ["after", "before"])
def test_a_cursor_before_all_time_starts_at_the_beginning(parameter, superadmin, add_mailbox):
    add_mailbox("joe@example.org")
    cursor = {parameter: ["0001-01-01T00:00:00+14:00", "x"], "sort": "changed"}

    page = superadmin.get(reverse("mailbox-list"), cursor)

    assert page.status_code == 200
    assert rows(page) == ["joe@example.org"]


def test_rows_of_other_programs_show_and_open_whatever_they_hold(superadmin, example_org):
    hostile = '"><script>alert(1)</script>'
    Mailbox.objects.create(
        pk="a/b@example.org", local_part="a/b", domain=example_org, name=hostile, maildir=hostile
    )
    Mailbox.objects.create(pk="<script>@example.org", local_part="<script>", domain=example_org)

    page = superadmin.get(reverse("mailbox-list"))
    of_one = superadmin.get(reverse("mailbox", args=["a/b@example.org"]))
    deleting = superadmin.get(reverse("mailbox-delete", args=["a/b@example.org"]))

    assert rows(page) == ["<script>@example.org", "a/b@example.org"]
    for response in (page, of_one, deleting):
        assert response.status_code == 200
        assert b"<script>alert" not in response.content
        assert b"<script>@" not in response.content
    assert hostile in text(page)


# --- One mailbox


def test_its_page_says_what_happens_to_its_mail(admin, add_mailbox, add_alias):
    mailbox = add_mailbox("joe@example.org")
    add_mailbox("ann@example.org")

    def lead():
        return text(admin.get(reverse("mailbox", args=["joe@example.org"])))

    assert "Mail for this address is delivered here." in lead()
    set_forwarding(actor=None, mailbox=mailbox, targets="joe@elsewhere.example", keep_copy=True)
    assert (
        "Mail for this address is delivered here, and a copy goes to joe@elsewhere.example."
        in lead()
    )
    set_forwarding(
        actor=None,
        mailbox=mailbox,
        targets="joe@elsewhere.example, ann@example.org",
        keep_copy=False,
    )
    assert (
        "Mail for this address goes to 1 mailbox and 1 external address. Nothing is kept here."
        in lead()
    )
    set_mailbox_active(actor=None, mailbox=mailbox, active=False)
    assert "Mail for joe@example.org is refused." in lead()
    assert "ann@example.org Nothing is forwarded while the mailbox is off." in lead()
    add_alias("@example.org", "ann@example.org")
    assert (
        "Mail for joe@example.org goes to the catch-all instead, so to ann@example.org." in lead()
    )
    set_domain_active(actor=None, domain=mailbox.domain, active=False)
    assert "example.org is off: mail for its addresses is refused" in lead()


def test_its_page_names_what_leads_here_but_nothing_of_the_neighbours(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("secret@other.net", "joe@example.org")

    page = admin.get(reverse("mailbox", args=["joe@example.org"]))

    assert [row.pk for row in page.context["referrers"]] == ["sales@example.org"]
    assert "sales@example.org" in text(page)
    assert "secret@other.net" not in text(page)


def test_its_page_names_what_leads_here_through_an_alias_domain(
    admin, twin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_mailbox("own@example.org")
    add_mailbox("own@twin.example")
    add_alias("sales@example.org", "joe+list@twin.example")
    add_alias("shop@example.org", "own@twin.example")
    add_alias("secret@other.net", "joe@twin.example")

    page = admin.get(reverse("mailbox", args=["joe@example.org"]))
    assert [row.pk for row in page.context["referrers"]] == ["sales@example.org"]
    assert "secret@other.net" not in text(page)
    own = admin.get(reverse("mailbox", args=["own@example.org"]))
    assert own.context["referrers"] == []


@pytest.mark.parametrize("name", ["", "-state", "-delete"])
def test_its_pages_need_as_many_statements_for_one_that_leads_here_as_for_three(
    name, admin, twin, add_mailbox, add_alias
):
    costs = {}
    for number in (1, 3):
        key = add_mailbox(f"to{number}@example.org").pk
        for n in range(number):
            add_alias(f"a{n}-{number}@example.org", f"to{number}@twin.example")
            add_alias(f"a{n}-{number}@other.net", f"to{number}@twin.example")
        with CaptureQueriesContext(connection) as captured:
            page = admin.get(reverse(f"mailbox{name}", args=[key]))
        assert f"a{number - 1}-{number}@example.org" in text(page)
        costs[number] = len(captured)

    assert costs[1] == costs[3]


def test_no_page_of_a_mailbox_needs_more_than_ten_statements(
    admin, twin, add_mailbox, add_alias, django_assert_max_num_queries
):
    mailbox = add_mailbox("joe@example.org", quota=MB)
    add_alias("@example.org", "joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("tw@example.org", "joe@twin.example")
    add_alias("tw@other.net", "joe@twin.example")
    targets = "ann@elsewhere.example, sam@example.org, sales+x@example.org"
    set_forwarding(actor=None, mailbox=add_mailbox("sam@example.org"), targets="", keep_copy=True)
    Alias.objects.filter(pk="joe@example.org").update(goto=targets)

    names = ("", "-edit", "-forwarding", "-password", "-state", "-delete")
    for active in (True, False):
        Mailbox.objects.filter(pk=mailbox.pk).update(active=active)
        for name in names:
            with django_assert_max_num_queries(10):
                page = admin.get(reverse(f"mailbox{name}", args=[mailbox.pk]))
            assert page.status_code == 200


def test_its_page_says_when_another_program_deactivated_the_forwarding(admin, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets="joe@elsewhere.example", keep_copy=False)
    Alias.objects.filter(pk=mailbox.pk).update(active=False)
    address = reverse("mailbox-forwarding", args=[mailbox.pk])

    page = admin.get(reverse("mailbox", args=[mailbox.pk]))
    assert page.context["forwarding_off"] is True
    assert "Mail for this address is delivered here" in text(page)
    assert "joe@elsewhere.example Off: all mail stays in this mailbox." in text(page)

    admin.post(address, {"targets": admin.get(address).context["form"].initial["targets"]})
    page = text(admin.get(reverse("mailbox", args=[mailbox.pk])))
    assert "Mail for this address goes to joe@elsewhere.example. Nothing is kept here." in page


# --- Creating


def test_a_new_mailbox_is_stored_and_the_next_step_offered(admin):
    page = admin.post(reverse("mailbox-create"), fields(local_part="J&oe", name="Joe"))

    mailbox = Mailbox.objects.get()
    assert (mailbox.pk, mailbox.name, mailbox.quota) == ("j&oe@example.org", "Joe", 100 * MB)
    assert page.context["next"] == "/mailboxes/j&oe@example.org/"
    assert told(page) == [
        'Mailbox j&amp;oe@example.org created. <a href="/domains/example.org/new/'
        '?kind=alias&amp;target=j%26oe%40example.org">Add an alias for it</a>'
    ]
    assert (
        LogEntry.objects.get(action="create_mailbox").username == "theirs@example.org (127.0.0.1)"
    )


def test_the_form_knows_the_domain_of_the_list_it_was_opened_from(superadmin, add_domain):
    add_domain("small.example", maxquota=500, quota=300)

    page = superadmin.get(reverse("mailbox-create"), {"domain": "small.example"})

    assert page.context["form"]["domain"].value() == "small.example"
    assert page.context["form"].initial["quota_mb"] == 300
    assert "At most 500 MB. 300 MB left in this domain" in text(page)


def test_a_form_for_any_domain_suggests_instead_of_listing_thousands(superadmin):
    page = superadmin.get(reverse("mailbox-create")).content.decode()

    assert '<datalist id="domain-suggestions">' in page
    assert 'list="domain-suggestions"' in page


def test_a_domain_admin_of_one_domain_need_not_name_it(admin):
    assert "@ example.org" in text(admin.get(reverse("mailbox-create")))


def test_everything_wrong_is_said_at_once_and_at_its_field(
    make_admin, sign_in, add_domain, add_mailbox
):
    add_domain("small.example", mailboxes=1, maxquota=500)
    add_mailbox("joe@small.example", quota=MB)
    client = sign_in(make_admin(domains=["small.example"]))

    page = client.post(
        reverse("mailbox-create"),
        fields(domain="small.example", password="short", quota_mb="501"),
    )

    assert page.status_code == 422
    assert errors(page) == {
        "domain": [
            "small.example already has its 1 mailbox."
            " Ask a superadmin to raise the limit, or delete one."
        ],
        "local_part": ["joe@small.example exists already: it is a mailbox. Choose another name."],
        "password": ["Use at least 10 characters."],
        "quota_mb": ["A mailbox of small.example needs a limit of at most 500\u00a0MB."],
    }
    assert "small.example already has its 1 mailbox." in text(page)
    assert Mailbox.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        (
            {"local_part": "joe@other.net"},
            "local_part",
            "Write the part before the @ only; the domain has its own field.",
        ),
        (
            {"local_part": "joe+tag"},
            "local_part",
            "A mailbox name has no “+”: mail for it would go to the name before it.",
        ),
        (
            {"domain": "other.net"},
            "domain",
            "You manage no domain of this name. Check the spelling.",
        ),
        ({"quota_mb": "-1"}, "quota_mb", "Enter a size such as 2 GB or 500 MB."),
    ],
)
def test_a_wrong_field_is_named(wrong, field, message, admin):
    page = admin.post(reverse("mailbox-create"), fields(**wrong))

    assert page.status_code == 422
    assert errors(page) == {field: [message]}
    assert Mailbox.objects.count() == 0


def test_a_twin_that_was_faster_is_told_on_the_form(admin, monkeypatch):
    error = ValidationError({"local_part": ValidationError("Taken meanwhile.", "taken")})

    def late(**kwargs):
        raise error

    monkeypatch.setattr("mailboxes.services.create_mailbox", late)
    page = admin.post(reverse("mailbox-create"), fields())

    assert page.status_code == 422
    assert errors(page) == {"local_part": ["Taken meanwhile."]}
    assert "Taken meanwhile." in text(page)


# --- Editing


def test_only_what_was_changed_is_written(admin, add_mailbox):
    add_mailbox("joe@example.org", name="Joe", quota=1_234_567, smtp_active=False)
    address = reverse("mailbox-edit", args=["joe@example.org"])
    shown = admin.get(address).context["form"].initial

    values = {"name": "Joseph", "quota_mb": shown["quota_mb"], "active": "on"}
    page = admin.post(address, values)

    mailbox = Mailbox.objects.get()
    assert (mailbox.name, mailbox.quota, mailbox.smtp_active) == ("Joseph", 1_234_567, False)
    assert told(page) == ["Mailbox joe@example.org saved."]
    assert LogEntry.objects.get(action="edit_mailbox").changes == {"name": ["Joe", "Joseph"]}


def test_a_quota_above_the_domains_limit_is_refused_at_its_field(
    make_admin, sign_in, add_domain, add_mailbox
):
    add_domain("small.example", maxquota=500)
    add_mailbox("joe@small.example", quota=MB)
    client = sign_in(make_admin(domains=["small.example"]))

    page = client.post(
        reverse("mailbox-edit", args=["joe@small.example"]), {"quota_mb": "501", "active": "on"}
    )

    assert page.status_code == 422
    assert errors(page) == {
        "quota_mb": ["A mailbox of small.example needs a limit of at most 500\u00a0MB."]
    }


@pytest.mark.parametrize("stored", [-1, -5_000_000])  # PostfixAdmin writes -1
def test_saving_what_the_form_shows_ends_a_quota_that_dovecot_refuses(stored, admin, add_mailbox):
    add_mailbox("joe@example.org")
    Mailbox.objects.update(quota=stored)
    address = reverse("mailbox-edit", args=["joe@example.org"])
    shown = admin.get(address).context["form"].initial

    admin.post(address, {"quota_mb": shown["quota_mb"], "smtp_active": "on", "active": "on"})

    assert (shown["quota_mb"], Mailbox.objects.get().quota) == (0, 0)
    assert LogEntry.objects.get(action="edit_mailbox").changes == {"quota": [stored, 0]}


def test_a_new_password_opens_the_mailbox_and_a_weak_one_is_refused(admin, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    address = reverse("mailbox-password", args=["joe@example.org"])

    refused = admin.post(address, {"password": "short"})
    done = admin.post(address, {"password": "another-9-bicycle"})

    assert refused.status_code == 422
    assert errors(refused) == {"password": ["Use at least 10 characters."]}
    assert told(done) == ["New password of joe@example.org saved."]
    mailbox.refresh_from_db()
    assert mailbox.check_password("another-9-bicycle")
    assert LogEntry.objects.filter(action="edit_password").count() == 1


def test_forwarding_is_shown_changed_and_ended(admin, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    address = reverse("mailbox-forwarding", args=["joe@example.org"])

    admin.post(address, {"targets": "a@elsewhere.example\nb@elsewhere.example"})
    assert forwarding_of(self_alias(mailbox)) == (
        ["a@elsewhere.example", "b@elsewhere.example"],
        False,
    )
    shown = admin.get(address).context["form"].initial
    assert shown == {"targets": "a@elsewhere.example\nb@elsewhere.example", "keep_copy": False}

    done = admin.post(address, {"targets": "", "keep_copy": "on"})
    assert told(done)[-1] == "Forwarding of joe@example.org saved."
    assert forwarding_of(self_alias(mailbox)) == ([], True)


def test_mail_stays_here_while_nobody_takes_what_is_forwarded(admin, add_mailbox):
    joe = add_mailbox("joe@example.org")
    ann = add_mailbox("ann@example.org")
    set_forwarding(actor=None, mailbox=joe, targets="ann@example.org", keep_copy=False)
    address = reverse("mailbox", args=["joe@example.org"])

    assert "Mail for this address goes to ann@example.org. Nothing is kept" in text(
        admin.get(address)
    )
    set_mailbox_active(actor=None, mailbox=ann, active=False)
    page = text(admin.get(address))
    assert "Mail for this address is delivered here" in page
    assert "ann@example.org off A copy stays in this mailbox." in page


def test_a_forwarding_that_leads_back_is_refused_with_its_path(admin, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")

    page = admin.post(
        reverse("mailbox-forwarding", args=["joe@example.org"]), {"targets": "sales@example.org"}
    )

    assert page.status_code == 422
    assert errors(page) == {
        "targets": [
            "This would create a mail loop: joe@example.org → sales@example.org → joe@example.org."
        ]
    }


def test_several_domains_are_sorted_by_address_only_and_one_also_by_change(
    example_org, other_net, make_admin, sign_in, add_mailbox
):
    add_mailbox("joe@example.org")
    client = sign_in(make_admin("both@example.org", domains=["example.org", "other.net"]))

    both = client.get(reverse("mailbox-list"), {"sort": "-changed"})
    one = client.get(reverse("mailbox-list"), {"sort": "-changed", "domain": "example.org"})

    assert (both.context["sort"], one.context["sort"]) == ("address", "-changed")


def test_the_page_of_a_mailbox_that_forwards_to_a_thousand_stays_small(superadmin, add_mailbox):
    ann = add_mailbox("ann@example.org")
    targets = [f"{number:03}{'a' * 40}@long.elsewhere.test" for number in range(999)]
    set_forwarding(actor=None, mailbox=ann, targets=targets, keep_copy=True)

    page = superadmin.get("/mailboxes/ann@example.org/")

    assert len(page.content) <= 25_000
    assert f"{targets[49]} and 949 more A copy stays in this mailbox." in text(page)


def test_its_page_says_where_mail_of_a_leaver_goes(admin, add_mailbox):
    add_mailbox("gone@example.org")
    Mailbox.objects.filter(pk="gone@example.org").update(active=False)
    Alias.objects.filter(pk="gone@example.org").update(goto="boss@elsewhere.example")

    page = text(admin.get(reverse("mailbox", args=["gone@example.org"])))

    assert "Its user cannot sign in; mail goes to boss@elsewhere.example." in page
    assert "refused" not in page
    assert "Nothing is forwarded" not in page


def test_its_page_says_that_mail_is_handed_on(superadmin, add_domain, add_mailbox):
    add_domain("moved.example", transport="smtp:[192.0.2.9]")
    add_mailbox("m1@moved.example")
    sentence = (
        "Mail is handed on to smtp:[192.0.2.9]; names that exist only there are refused here."
    )

    assert sentence in text(superadmin.get(reverse("mailbox", args=["m1@moved.example"])))
    assert "Mail for its mailboxes is handed on to smtp:[192.0.2.9]" in text(
        superadmin.get(reverse("domain", args=["moved.example"]))
    )


def test_its_page_says_that_a_row_with_a_blank_in_front_is_found_by_nobody(admin, add_mailbox):
    add_mailbox("caps@example.org")
    Mailbox.objects.filter(pk="caps@example.org").update(username=" caps@example.org")

    page = text(admin.get(reverse("mailbox", args=[" caps@example.org"])))

    assert "No look-up finds this row: it is spelled with capitals or blanks" in page
    assert "Make caps@example.org instead." in page


def test_an_address_that_exists_is_said_to_be_which_of_the_two_and_linked(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org")

    page = admin.post(reverse("mailbox-create"), fields(local_part="info"))
    assert "it is an alias. Delete it first; its targets can become" in text(page)
    assert "/aliases/info@example.org/" in links(page)
    page = admin.post(
        reverse("alias-create"),
        {"local_part": "joe", "domain": "example.org", "targets": "x@elsewhere.example"},
    )
    assert "it is a mailbox. To send its mail on, use its forwarding, with a copy" in text(page)
    assert "/mailboxes/joe@example.org/" in links(page)


@pytest.mark.parametrize(("stored", "shown"), [(2048, "0.002 MB"), (1, "0.000001 MB")])
def test_a_quota_of_some_bytes_is_no_zero_and_stays_unless_it_is_changed(
    stored, shown, admin, add_mailbox
):
    add_mailbox("moved@example.org", quota=stored)
    address = reverse("mailbox-edit", args=["moved@example.org"])

    form = sent(admin.get(address))
    assert form["quota_mb"] == shown
    assert admin.post(address, form | {"name": "Moved"}).status_code == 302
    assert Mailbox.objects.values_list("name", "quota").get() == ("Moved", stored)


def test_its_page_names_its_names_in_alias_domains_and_which_one_signs_in(
    superadmin, twin, add_mailbox
):
    add_mailbox("mia@example.org")
    add_mailbox("own@example.org")
    add_mailbox("own@twin.example")

    page = text(superadmin.get(reverse("mailbox", args=["mia@example.org"])))
    assert "Also receives Add alias mia@twin.example alias domain" in page
    assert "Sign in as mia@example.org: the names in alias domains only receive." in page
    page = text(superadmin.get(reverse("mailbox", args=["own@example.org"])))
    assert "No alias or mailbox forwards here." in page
    assert "Sign in as" not in page
