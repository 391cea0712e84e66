"""Pages about domains and alias domains: what they say, what they refuse, and to whom."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from aliases.models import Alias
from domains.models import AliasDomain, Domain, DomainUsage
from domains.services import (
    create_alias_domain,
    delete_domain,
    set_domain_active,
    update_alias_domain,
    update_domain,
)
from mailboxes.models import Mailbox, QuotaUsage
from tests.pages.reading import links, rows, text, told

MB = 1_024_000
NEW_DOMAIN = {
    "name": "new.example",
    "description": "",
    "role_target": "",
    "mailboxes_0": "limited",
    "mailboxes_1": "5",
    "aliases_0": "unlimited",
    "aliases_1": "",
    "maxquota_0": "limited",
    "maxquota_1": "1024",
    "quota_0": "none",
    "quota_1": "",
    "password_expiry": "",
    "transport": "virtual",
    "active": "on",
}


@pytest.fixture
def as_superadmin(sign_in, make_admin):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def as_admin(sign_in, make_admin):
    """Sign in as the admin of the named domains."""

    def sign(*names):
        return sign_in(make_admin(domains=names))

    return sign


@pytest.fixture
def link(add_domain):
    """``link("a.example", "b.example")``: both are created where they are missing."""

    def make(source, target, **fields):
        ends = [
            Domain.objects.filter(pk=name).first() or add_domain(name) for name in (source, target)
        ]
        return create_alias_domain(
            actor=None, alias_domain=ends[0], target_domain=ends[1], **fields
        )

    return make


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


# --- The list


def test_the_list_shows_limits_in_words(as_superadmin, add_domain, add_mailbox, add_alias):
    add_domain("a.example", mailboxes=4, aliases=-1, quota=2000, maxquota=1000)
    add_mailbox("one@a.example", quota=1000 * MB)

    said = text(page_of(as_superadmin, "domain-list"))

    assert "a.example 1 of 4, 25 % 0, none allowed 0.98 GB of 2 GB, 50 % Active" in said


def test_the_list_says_unlimited_where_nothing_limits(as_superadmin, example_org):
    said = text(page_of(as_superadmin, "domain-list"))

    assert "example.org 0, no limit 0, no limit 0 MB, no limit Active" in said


def test_a_domain_admin_sees_only_the_own_domains_and_no_buttons_to_change_them(
    as_admin, example_org, other_net
):
    client = as_admin("example.org")

    page = page_of(client, "domain-list")

    assert rows(page) == ["example.org"]
    assert reverse("domain-create") not in links(page)
    assert reverse("domain-edit", args=["example.org"]) not in links(page)


def test_the_list_finds_domains_by_their_beginning(as_superadmin, add_domain):
    for name in ("alpha.example", "alps.example", "beta.example"):
        add_domain(name)

    assert rows(page_of(as_superadmin, "domain-list", q=" AL ")) == [
        "alpha.example",
        "alps.example",
    ]


def test_the_list_finds_a_domain_by_its_unicode_name(as_superadmin, add_domain):
    add_domain("müller.example")
    add_domain("other.example")

    assert rows(page_of(as_superadmin, "domain-list", q="müller.example")) == [
        "xn--mller-kva.example"
    ]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("", ["backup.example", "off.example", "on.example"]),
        ("active", ["backup.example", "on.example"]),
        ("inactive", ["off.example"]),
        ("backupmx", ["backup.example"]),
        ("nonsense", ["backup.example", "off.example", "on.example"]),
    ],
)
def test_the_list_filters_by_state(state, found, as_superadmin, add_domain):
    add_domain("on.example")
    add_domain("off.example", active=False)
    add_domain("backup.example", backupmx=True)

    assert rows(page_of(as_superadmin, "domain-list", state=state)) == found


def test_nothing_found_says_what_was_searched_and_offers_to_clear_it(as_superadmin, example_org):
    page = page_of(as_superadmin, "domain-list", q="zzz")

    assert "Nothing begins with “zzz”" in text(page)
    assert reverse("domain-list") in links(page)


def test_the_empty_list_offers_to_create_the_first_domain(as_superadmin):
    page = page_of(as_superadmin, "domain-list")

    assert "No domains yet" in text(page)
    assert reverse("domain-create") in links(page)


def test_the_empty_list_of_a_domain_admin_says_whom_to_ask(as_admin):
    page = page_of(as_admin(), "domain-list")

    assert "You manage no domain so far. A superadmin can give you one." in text(page)
    assert reverse("domain-create") not in links(page)


@pytest.mark.parametrize("kind", ["mailbox", "alias", "aliasdomain"])
def test_who_manages_no_domain_is_offered_nothing_to_put_into_one(kind, as_admin):
    client = as_admin()

    for query in ({}, {"q": "a"}):
        assert reverse(f"{kind}-create") not in links(page_of(client, f"{kind}-list", **query))
    assert "You manage no domain so far. A superadmin can give you one." in text(
        page_of(client, f"{kind}-list")
    )


@pytest.mark.parametrize("names", [[], ["example.org"]])
@pytest.mark.parametrize("kind", ["mailbox", "alias", "aliasdomain"])
def test_who_manages_no_domain_gets_no_form_for_something_in_one(
    kind, names, as_admin, example_org
):
    client, address = as_admin(*names), reverse(f"{kind}-create")

    for page in (client.get(address), client.post(address)):
        told_whom_to_ask = "A superadmin can give you one." in text(page)
        assert (told_whom_to_ask, "Create " in text(page)) == (not names, bool(names))


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_asks_as_often_for_any_number_of_domains(
    number, as_superadmin, add_domain, django_assert_num_queries
):
    for n in range(number):
        add_domain(f"d{n}.example")

    with django_assert_num_queries(5):  # session, account, keys, rows, count
        page = page_of(as_superadmin, "domain-list")

    assert len(rows(page)) == number


def test_hostile_text_is_only_text(as_superadmin, example_org):
    hostile = "<script>alert(1)</script>"
    update_domain(actor=None, domain=example_org, description=hostile)

    for page in (
        page_of(as_superadmin, "domain", "example.org"),
        page_of(as_superadmin, "domain-edit", "example.org"),
        page_of(as_superadmin, "domain-list", q=hostile),
        page_of(as_superadmin, "aliasdomain-list", q=hostile, domain=hostile),
    ):
        assert hostile not in page.content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.content.decode()


# --- The page of a domain


def test_the_page_says_what_is_used_allotted_and_allowed(as_superadmin, add_domain, add_mailbox):
    add_domain("a.example", mailboxes=50, aliases=0, quota=4000, maxquota=2000)
    mailbox = add_mailbox("one@a.example", quota=1000 * MB)
    QuotaUsage.objects.create(username=mailbox, bytes=300 * MB, messages=3)

    said = text(page_of(as_superadmin, "domain", "a.example"))

    assert (
        "Mailboxes 1 of 50, 2 % Aliases 0, no limit Storage allotted 0.98 GB of 3.9 GB, 25 %"
        " Storage used 300 MB Largest mailbox 2 GB"
    ) in said


def test_the_page_shows_a_unicode_name_and_its_form_in_dns(as_superadmin, add_domain):
    add_domain("müller.example")

    said = text(page_of(as_superadmin, "domain", "xn--mller-kva.example"))

    assert "müller.example Active" in said
    assert "Name in DNS xn--mller-kva.example" in said


def test_the_tabs_are_links_to_the_lists_of_the_domain(as_superadmin, example_org):
    found = links(page_of(as_superadmin, "domain", "example.org"))

    assert [link for link in found if link.endswith("?domain=example.org")] == [
        "/mailboxes/?domain=example.org",
        "/aliases/?domain=example.org",
        "/alias-domains/?domain=example.org",
        "/log/?domain=example.org",
    ]


def test_a_domain_admin_sees_the_limits_and_no_way_to_change_them(as_admin, example_org):
    page = page_of(as_admin("example.org"), "domain", "example.org")

    assert "Limits and use" in text(page)
    for name in ("domain-edit", "domain-state", "domain-delete"):
        assert reverse(name, args=["example.org"]) not in links(page)


def test_the_page_says_where_unknown_names_go(
    as_superadmin, example_org, other_net, add_mailbox, add_alias, link
):
    def lead():
        return text(page_of(as_superadmin, "domain", "example.org")).partition("Log ")[2]

    assert lead().startswith(
        "Mail for its mailboxes and aliases is delivered. Everything else is refused."
    )

    add_mailbox("joe@other.net")
    add_alias("@example.org", "joe@other.net")
    assert "Everything else goes to the catch-all." in lead()

    link("example.org", "other.net")
    assert "goes to the same name in other.net." in lead()

    set_domain_active(actor=None, domain=other_net, active=False)
    assert "That domain is inactive, so this mail is refused." in lead()

    set_domain_active(actor=None, domain=example_org, active=False)
    assert lead().startswith("Inactive. Mail from outside for it and through it is refused")


def test_a_foreign_domain_is_named_to_a_domain_admin_but_not_linked(as_admin, link):
    link("own.example", "foreign.example")

    page = page_of(as_admin("own.example"), "domain", "own.example")

    assert "Leads to foreign.example" in text(page)
    assert reverse("domain", args=["foreign.example"]) not in links(page)


def test_the_page_of_a_domain_stays_within_ten_statements(
    as_admin, link, add_alias, add_mailbox, django_assert_max_num_queries
):
    link("other.example", "own.example")
    link("more.example", "own.example")
    for n in range(3):
        add_mailbox(f"m{n}@own.example")
    client = as_admin("own.example")

    with django_assert_max_num_queries(10):
        page_of(client, "domain", "own.example")


# --- Creating and editing


def test_a_superadmin_creates_a_domain_and_is_shown_the_next_step(as_superadmin):
    response = as_superadmin.post(reverse("domain-create"), NEW_DOMAIN, follow=True)

    domain = Domain.objects.get(pk="new.example")
    assert response.redirect_chain == [(reverse("domain", args=["new.example"]), 302)]
    assert (domain.mailboxes, domain.aliases, domain.maxquota, domain.quota) == (5, 0, 1024, -1)
    assert (domain.active, domain.backupmx, domain.password_expiry) == (True, False, 0)
    assert "Domain new.example created. Add its first mailbox" in text(response)
    assert "/mailboxes/new/?domain=new.example" in links(response)


def test_a_unicode_name_is_stored_for_dns_and_shown_as_written(as_superadmin):
    page = as_superadmin.post(
        reverse("domain-create"), NEW_DOMAIN | {"name": " Müller.Example "}, follow=True
    )

    assert list(Domain.objects.values_list("pk", flat=True)) == ["xn--mller-kva.example"]
    assert "Domain müller.example created." in text(page)


def test_a_new_domain_gets_its_role_addresses(as_superadmin):
    as_superadmin.post(reverse("domain-create"), NEW_DOMAIN | {"role_target": "joe"})

    assert list(Alias.objects.order_by("pk").values_list("pk", "goto")) == [
        (f"{role}@new.example", "joe@new.example")
        for role in ("abuse", "hostmaster", "postmaster", "webmaster")
    ]


def test_the_form_names_the_role_addresses_of_the_settings(as_superadmin, settings):
    settings.ROLE_ADDRESSES = ["abuse", "noc"]

    said = text(page_of(as_superadmin, "domain-create"))

    assert "Creates these as aliases: abuse, noc. An address, or a name in this domain." in said


def test_without_role_addresses_the_form_asks_for_no_target(as_superadmin, settings):
    settings.ROLE_ADDRESSES = []

    page = page_of(as_superadmin, "domain-create")
    as_superadmin.post(reverse("domain-create"), NEW_DOMAIN)

    assert b"role_target" not in page.content
    assert Domain.objects.filter(pk="new.example").exists()


def test_the_error_of_a_limit_leads_to_its_control(as_superadmin):
    page = as_superadmin.post(reverse("domain-create"), NEW_DOMAIN | {"mailboxes_1": ""})

    [target] = [link for link in links(page) if link.startswith("#id_mailboxes")]
    assert f'id="{target[1:]}"' in page.content.decode()


def test_the_form_offers_no_role_target_that_it_would_refuse(sign_in, make_admin):
    client = sign_in(make_admin("admin@localhost", superadmin=True))

    page = page_of(client, "domain-create")

    assert page.context["form"]["role_target"].value() == ""


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"name": "example.org"}, {"name": ["example.org exists already."]}),
        ({"name": "EXAMPLE.org"}, {"name": ["example.org exists already."]}),
        (
            {"name": "nodot"},
            {"name": ["“nodot” is not a domain name. Write it like example.org."]},
        ),
        ({"name": ""}, {"name": ["This field is required."]}),
        (
            {"mailboxes_1": ""},
            {"mailboxes": ["Write a number of 1 or more, or choose “Unlimited”."]},
        ),
        (
            {"quota_0": "limited", "quota_1": "-5"},
            {"quota": ["Ensure this value is greater than or equal to 1."]},
        ),
        (
            {"role_target": "no address@"},
            {
                "role_target": [
                    "“no address@” is not an e-mail address. Write it like name@example.org."
                ]
            },
        ),
        (
            {"maxquota_0": "none", "quota_0": "limited", "quota_1": "1000"},
            {
                "maxquota": [
                    "A domain quota adds up the mailboxes' quotas, so they are needed. Choose"
                    " “Unlimited” or a number here, or give the domain no quota."
                ]
            },
        ),
        (
            {"transport": "a, b"},
            {
                "transport": [
                    "Write a Postfix transport such as virtual, smtp:[mx.example.org]:25 or relay:."
                ]
            },
        ),
        (
            {"password_expiry": "-1"},
            {"password_expiry": ["Ensure this value is greater than or equal to 0."]},
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes, errors, as_superadmin, example_org):
    response = as_superadmin.post(reverse("domain-create"), NEW_DOMAIN | changes)

    assert response.status_code == 422
    assert response.context["form"].errors == errors
    assert list(Domain.objects.values_list("pk", flat=True)) == ["example.org"]


def test_the_servers_own_host_name_is_refused_at_its_field(as_superadmin, settings):
    settings.MAIL_HOSTNAME = "new.example"

    response = as_superadmin.post(reverse("domain-create"), NEW_DOMAIN)

    assert response.context["form"].errors == {
        "name": [
            "new.example is this mail server's own host name; Postfix delivers its mail locally."
        ]
    }


def test_the_edit_form_shows_limits_in_words(as_superadmin, add_domain):
    add_domain("a.example", mailboxes=-1, aliases=0, maxquota=7)

    form = page_of(as_superadmin, "domain-edit", "a.example").context["form"]

    kinds = {
        name: form[name].subwidgets[0].data["subwidgets"][0]["value"]
        for name in ("mailboxes", "aliases", "maxquota")
    }
    assert kinds == {"mailboxes": ["none"], "aliases": ["unlimited"], "maxquota": ["limited"]}
    assert 'value="-1"' not in str(form)


def test_editing_changes_what_was_touched_and_says_so(as_superadmin, example_org):
    changed = NEW_DOMAIN | {"description": "Ours", "transport": "smtp:[mx.example.org]:25"}

    response = as_superadmin.post(
        reverse("domain-edit", args=["example.org"]), changed, follow=True
    )

    example_org.refresh_from_db()
    assert (example_org.description, example_org.mailboxes) == ("Ours", 5)
    assert example_org.transport == "smtp:[mx.example.org]:25"
    assert "Domain example.org saved." in text(response)


# --- Switching and deleting


def test_before_a_domain_is_switched_off_the_page_says_what_stops(
    as_superadmin, example_org, other_net, add_mailbox, add_alias, link
):
    add_mailbox("joe@example.org")
    add_mailbox("ann@other.net")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("joe@other.net", "joe@example.org", "ann@other.net")
    link("old.example", "example.org")

    said = text(page_of(as_superadmin, "domain-state", "example.org"))

    assert "1 mailbox: mail is refused, and nobody of them signs in, reads or sends." in said
    assert "1 alias: mail is refused." in said
    assert "Alias domains that lead here: their mail is refused. old.example" in said
    assert "joe@other.net → joe@example.org" in said


def test_a_domain_is_switched_off_and_on(as_superadmin, example_org):
    address = reverse("domain-state", args=["example.org"])

    off = as_superadmin.post(address, follow=True)
    assert "example.org is inactive." in text(off)
    assert Domain.objects.get().active is False

    page = as_superadmin.get(address)
    assert "Activate example.org?" in text(page)
    assert '<input type="hidden" name="active" value="1">' in page.content.decode()

    on = as_superadmin.post(address, {"active": "1"}, follow=True)
    assert "example.org is active." in text(on)
    assert Domain.objects.get().active is True


def test_before_a_domain_is_deleted_the_page_says_what_goes(
    as_superadmin, example_org, other_net, add_mailbox, add_alias, make_admin
):
    make_admin("it@example.org", domains=["example.org", "other.net"])
    for n in range(3):
        add_mailbox(f"m{n}@example.org")
    add_alias("sales@example.org", "m1@example.org")
    add_alias("joe@other.net", "m1@example.org")

    said = text(page_of(as_superadmin, "domain-delete", "example.org"))

    assert "3 mailboxes, with their passwords and settings." in said
    assert "1 alias. Mail for every address of the domain is refused." in said
    assert "joe@other.net → m1@example.org" in said
    assert "lose what they may do here; their accounts stay: it@example.org" in said
    assert "Type example.org to confirm" in said


def test_before_a_domain_is_deleted_the_page_says_exactly_how_much_goes(as_superadmin, example_org):
    DomainUsage.objects.update(mailboxes=1_500, alias_rows=3_200)
    chosen = {"action": "delete", "selected": ["example.org"]}

    alone = text(page_of(as_superadmin, "domain-delete", "example.org"))
    together = text(as_superadmin.post(reverse("domain-bulk"), chosen))

    assert ("1,500 mailboxes, with" in alone, "1,700 aliases. Mail" in alone) == (True, True)
    assert "example.org: 1,500 mailboxes, 1,700 aliases" in together
    assert "Type 3200, the number" in together


@pytest.mark.parametrize("typed", ["", "example", "other.net", "example.org.", "yes"])
def test_a_domain_is_not_deleted_without_its_name(typed, as_superadmin, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    response = as_superadmin.post(
        reverse("domain-delete", args=["example.org"]), {"confirm": typed}
    )

    assert response.status_code == 422
    assert response.context["errors"] == ["Type the domain's name to delete it."]
    assert Mailbox.objects.count() == 1


@pytest.mark.parametrize("typed", ["müller.example", " Müller.Example", "xn--mller-kva.example"])
def test_a_domain_is_deleted_by_its_name_in_either_form(typed, as_superadmin, add_domain):
    add_domain("müller.example")

    response = as_superadmin.post(
        reverse("domain-delete", args=["xn--mller-kva.example"]), {"confirm": typed}, follow=True
    )

    assert "Domain müller.example deleted." in text(response)
    assert Domain.objects.count() == 0


def test_a_domain_that_alias_domains_lead_to_is_not_deleted(as_superadmin, link):
    link("old.example", "example.org")

    page = page_of(as_superadmin, "domain-delete", "example.org")
    response = as_superadmin.post(
        reverse("domain-delete", args=["example.org"]), {"confirm": "example.org"}
    )

    assert "Alias domains lead here. Delete these links first, then the domain." in text(page)
    assert "/alias-domains/?domain=example.org" in links(page)
    assert response.status_code == 422
    assert response.context["errors"] == [
        "Alias domains lead to example.org: old.example. Delete them first."
    ]
    assert Domain.objects.count() == 2


# --- Alias domains


def test_the_list_shows_both_ends_and_warns_of_inactive_ones(as_superadmin, link, other_net):
    link("old.example", "example.org", description="The old name")
    set_domain_active(actor=None, domain=Domain.objects.get(pk="example.org"), active=False)

    page = page_of(as_superadmin, "aliasdomain-list")

    assert "old.example example.org Domain inactive The old name Active" in text(page)


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
            "unknown.example",
            "free.example",
            {"alias_domain": ["You manage no domain of this name. Check the spelling."]},
        ),
    ],
    ids=["itself", "chain at the target", "chain at the source", "exists already", "unknown"],
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


def test_an_alias_domain_is_changed_switched_and_deleted(as_superadmin, link, add_domain):
    link("old.example", "example.org")
    add_domain("other.example")

    changed = {"target_domain": "other.example", "description": "Moved", "active": "on"}
    as_superadmin.post(reverse("aliasdomain-edit", args=["old.example"]), changed)
    stored = AliasDomain.objects.get()
    assert (stored.target_domain_id, stored.description) == ("other.example", "Moved")

    off = as_superadmin.post(reverse("aliasdomain-state", args=["old.example"]), follow=True)
    assert "old.example is inactive." in text(off)
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
        return [
            text(page)
            for page in [*single, as_superadmin.post(reverse("aliasdomain-bulk"), chosen)]
        ]

    for said in pages():
        assert "these targets get nothing. sales@example.org → joe@old.example" in said
        assert "kept@old.example" not in said

    update_alias_domain(actor=None, link=cut, active=False)  # nothing is left to stop
    assert ["these targets get nothing" in said for said in pages()] == [False] * 3
    update_alias_domain(actor=None, link=cut, active=True)
    add_alias("@old.example", "joe@example.org")
    assert ["these targets get nothing" in said for said in pages()] == [False] * 3


# --- Suggestions


def test_suggestions_are_the_own_domains_that_begin_so(as_admin, add_domain):
    for name in ("alpha.example", "alps.example", "beta.example", "alien.example"):
        add_domain(name)
    client = as_admin("alpha.example", "alps.example", "beta.example")

    page = client.get(reverse("domain-suggestions"), {"domain": "al"})

    assert page.content.decode() == (
        '<option value="alpha.example">alpha.example</option>'
        '<option value="alps.example">alps.example</option>'
    )


@pytest.mark.parametrize(("ticked", "left"), [({"drop": "1"}, []), ({}, ["only@other.net"])])
def test_deleting_takes_the_domain_out_of_other_domains_aliases_when_ticked(
    ticked, left, superadmin, example_org, other_net, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("only@other.net", "joe@example.org")
    address = reverse("domain-delete", args=["example.org"])
    assert "only@other.net → joe@example.org" in text(superadmin.get(address))

    superadmin.post(address, {"confirm": "example.org"} | ticked)

    assert list(Alias.objects.filter(of_mailbox=False).values_list("pk", flat=True)) == left


def test_several_domains_are_switched_off_after_a_page_that_says_what_stops(
    superadmin, example_org, other_net, add_mailbox
):
    add_mailbox("joe@example.org")
    both = {"action": "deactivate", "selected": ["example.org", "other.net"]}

    page = superadmin.post(reverse("domain-bulk"), both)

    assert "example.org: 1 mailbox, 0 aliases" in text(page)
    assert Domain.objects.filter(active=True).count() == 2
    superadmin.post(reverse("domain-bulk"), both | {"confirmed": "1"})
    assert Domain.objects.filter(active=True).count() == 0
    superadmin.post(reverse("domain-bulk"), both | {"action": "activate"})
    assert Domain.objects.filter(active=True).count() == 2


@pytest.fixture
def three_domains(example_org, other_net, add_domain, add_mailbox, add_alias):
    """example.org with two addresses, other.net with one, and kept.example with an alias to both."""
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_mailbox("eve@other.net")
    add_domain("kept.example")
    add_alias("all@kept.example", "joe@example.org", "eve@other.net", "x@elsewhere.example")
    return {"action": "delete", "selected": ["example.org", "other.net"]}


def test_several_domains_are_deleted_once_the_number_of_addresses_was_typed(
    superadmin, three_domains
):
    page = text(superadmin.post(reverse("domain-bulk"), three_domains))
    assert "Delete 2 domains?" in page
    assert "example.org: 1 mailbox, 1 alias other.net: 1 mailbox, 0 aliases" in page
    assert "all@kept.example → joe@example.org all@kept.example → eve@other.net" in page
    assert "Type 3, the number of mailboxes and aliases that are deleted, to confirm" in page

    confirmed = three_domains | {"confirmed": "1"}
    for wrong in ({}, {"confirm": "2"}, {"confirm": "three"}):
        refused = superadmin.post(reverse("domain-bulk"), confirmed | wrong)
        assert refused.status_code == 422
        assert "Type how many addresses are deleted: 3." in text(refused)
    assert Domain.objects.count() == 3

    done = superadmin.post(reverse("domain-bulk"), confirmed | {"confirm": " 3 ", "drop": "1"})
    assert told(done) == ["2 deleted."]
    assert list(Domain.objects.values_list("pk", flat=True)) == ["kept.example"]
    assert Alias.objects.get().goto == "x@elsewhere.example"


def test_without_the_tick_other_domains_aliases_keep_their_targets(superadmin, three_domains):
    chosen = three_domains | {"confirmed": "1", "confirm": "3"}

    superadmin.post(reverse("domain-bulk"), chosen)

    assert Alias.objects.get().goto == "joe@example.org,eve@other.net,x@elsewhere.example"


def test_domains_that_others_lead_to_are_deleted_only_together_with_these(as_superadmin, link):
    link("a.example", "b.example")
    link("z.example", "b.example")
    chosen = {"action": "delete", "selected": ["b.example", "z.example"]}

    page = text(as_superadmin.post(reverse("domain-bulk"), chosen))
    assert "Alias domains that lead here: a.example" in page
    assert "Delete these links first, or choose their domains too." in page
    refused = as_superadmin.post(
        reverse("domain-bulk"), chosen | {"confirmed": "1", "confirm": "0"}
    )
    assert refused.status_code == 422
    assert "Alias domains lead here: a.example. Delete these links first." in text(refused)
    assert Domain.objects.count() == 3

    everything = chosen | {"selected": ["a.example", "b.example", "z.example"]}
    as_superadmin.post(reverse("domain-bulk"), everything | {"confirmed": "1", "confirm": "0"})
    assert Domain.objects.count() == 0


def test_a_second_click_on_delete_finds_nothing_and_a_failure_leaves_everything(
    superadmin, three_domains, monkeypatch
):
    chosen = three_domains | {"confirmed": "1", "confirm": "3"}

    def fail(*, actor, domain, **options):
        if domain.pk == "other.net":
            raise ValidationError("Not now.")
        delete_domain(actor=actor, domain=domain, **options)

    monkeypatch.setattr("domains.views.services.delete_domain", fail)
    refused = superadmin.post(reverse("domain-bulk"), chosen)
    assert (refused.status_code, "Not now." in text(refused)) == (422, True)
    assert Domain.objects.count() == 3

    monkeypatch.undo()
    monkeypatch.setattr("domains.views.DELETED_TOGETHER", 2)
    refused = superadmin.post(reverse("domain-bulk"), chosen)
    assert "At most 2 addresses are deleted at once." in text(refused)

    monkeypatch.undo()
    assert superadmin.post(reverse("domain-bulk"), chosen).status_code == 302
    assert superadmin.post(reverse("domain-bulk"), chosen).status_code == 404


def test_domains_that_vanish_while_the_lock_is_waited_for_are_not_found(
    superadmin, three_domains, monkeypatch
):
    def other_admin_was_faster():
        monkeypatch.undo()
        for name in ("example.org", "other.net"):
            delete_domain(actor=None, domain=Domain.objects.get(pk=name))

    monkeypatch.setattr("domains.views.RoutingLock.hold", other_admin_was_faster)
    chosen = three_domains | {"confirmed": "1", "confirm": "3"}

    assert superadmin.post(reverse("domain-bulk"), chosen).status_code == 404


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("action", ["deactivate", "delete"])
def test_the_confirming_page_asks_as_often_for_any_number_of_domains(
    number, action, superadmin, add_domain, django_assert_num_queries
):
    names = [add_domain(f"d{n}.example").pk for n in range(number)]

    # Session, account, rows, alias domains, what leads in, administrators.
    with django_assert_num_queries(6):
        superadmin.post(reverse("domain-bulk"), {"action": action, "selected": names})


@pytest.mark.parametrize(("action", "left"), [("deactivate", [False]), ("delete", [])])
def test_several_alias_domains_are_switched_off_or_deleted(
    action, left, superadmin, example_org, other_net
):
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
    chosen = {"action": action, "selected": ["other.net"]}

    page = superadmin.post(reverse("aliasdomain-bulk"), chosen)

    assert "other.net → example.org" in text(page)
    superadmin.post(reverse("aliasdomain-bulk"), chosen | {"confirmed": "1"})
    assert list(AliasDomain.objects.values_list("active", flat=True)) == left
