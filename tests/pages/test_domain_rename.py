import pytest
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from domains.dkim_keys import DKIMKey
from domains.models import AliasDomain, Domain, DomainUsage
from domains.sender_services import set_sender_rule
from domains.services import create_alias_domain, delete_domain
from mailboxes.models import Mailbox
from tests.pages.reading import hidden_inputs, links, text, told

RENAME = reverse("domain-rename", args=["example.org"])
PREVIEW = {"preview": "1"}


@pytest.fixture
def customer(example_org, other_net, add_domain, add_mailbox, add_alias, make_admin):
    add_mailbox("joe@example.org")
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("all@other.net", "joe@example.org", "ann@new.example")
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    make_admin("boss@example.org", domains=["example.org"])
    DKIMKey.objects.create(domain_name=example_org, selector="s1", public_key="x")
    return example_org


def test_what_changes_is_shown_first_and_nothing_is_done(as_superadmin, customer):
    page = as_superadmin.post(RENAME, {"name": "new.example"} | PREVIEW)

    said = text(page)
    for sentence in (
        "example.org becomes new.example",
        "2 mailboxes: their users sign in with their addresses in new.example from then on, here and in mail programs. Tell them first. Sessions that are open end.",
        "Mail and filters stay in their directories. No file is moved.",
        "1 alias has its name in new.example then, with its recipients.",
        "Alias domains that lead to new.example then: twin.example",
        "Administrators who manage new.example then: boss@example.org",
        "example.org becomes an alias domain of new.example: mail to each old address goes on arriving, and its user may go on sending under it.",
        "Have MX, SPF and DMARC records of new.example lead here: its page “DNS” lists them, and says what is missing.",
        "with the values that those of example.org have: s1._domainkey.new.example",
        "1 alias or forwarding of another domain leads to new.example then: all@other.net",
        "Aliases and forwardings that lead there today: all@other.net",
        "Administrators with an address in example.org, such as boss@example.org, super@example.org, are other accounts and keep their names.",
        "What was logged and delivered so far is found under example.org.",
    ):
        assert sentence in said
    assert Mailbox.objects.filter(domain="example.org").count() == 2
    assert not Domain.objects.filter(pk="new.example").exists()


def test_it_is_done_by_the_second_button(as_superadmin, customer):
    done = as_superadmin.post(RENAME, {"name": "New.Example"})

    assert done.url == reverse("domain", args=["new.example"])
    assert told(done) == ["example.org is now new.example, and an alias domain that leads there."]
    assert [*Mailbox.objects.order_by("pk").values_list("pk", flat=True)] == [
        "ann@new.example",
        "joe@new.example",
    ]
    assert AliasDomain.objects.get(pk="example.org").target_domain_id == "new.example"
    entry = LogEntry.objects.filter(action="rename_domain").latest("pk")
    assert (entry.domain, entry.changes) == (
        "new.example",
        {"name": ["example.org", "new.example"]},
    )


def test_the_old_name_is_given_up_if_that_is_wanted(as_superadmin, customer):
    sent = {"name": "new.example", "give_up": "on"}
    said = text(as_superadmin.post(RENAME, sent | PREVIEW))
    assert "example.org is given up: it is no domain of this server any more" in said
    assert "the figures of what it sent and got, are deleted" in said
    assert "are deleted" not in text(as_superadmin.post(RENAME, {"name": "new.example"} | PREVIEW))

    done = as_superadmin.post(RENAME, sent)

    assert told(done) == ["example.org is now new.example."]
    assert not Domain.objects.filter(pk="example.org").exists()
    assert as_superadmin.get(RENAME).status_code == 404


def test_the_activity_says_the_old_name_and_the_new_one(as_superadmin, customer):
    as_superadmin.post(RENAME, {"name": "new.example"})

    page = as_superadmin.get(reverse("log"), {"domain": "new.example"})
    said = text(page)

    assert reverse("domain", args=["new.example"]) in links(page)
    assert "gave domain new.example another name" in said
    assert "example.org → new.example" in said


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "Enter the domain’s name."),
        ("nodots", "“nodots” is not a domain name. Write it like example.org."),
        ("example.org", "This is its name already."),
        ("other.net", "other.net exists already."),
    ],
)
@pytest.mark.parametrize("button", [{}, PREVIEW])
def test_a_name_that_cannot_be_is_refused_at_its_field(
    as_superadmin, customer, typed, error, button
):
    page = as_superadmin.post(RENAME, {"name": typed} | button)

    assert page.status_code == 422
    assert page.context["form"].errors["name"][0].startswith(error)
    assert Domain.objects.filter(pk="example.org").exists()


@pytest.mark.parametrize(("addresses", "status"), [(5_001, 422), (5_000, 200)])
def test_one_with_too_many_addresses_for_a_page_is_the_commands(
    as_superadmin, customer, addresses, status
):
    DomainUsage.objects.filter(pk="example.org").update(alias_rows=addresses)

    page = as_superadmin.post(RENAME, {"name": "new.example"} | PREVIEW)

    assert page.status_code == status
    said = "It has more than 5,000 addresses, which takes minutes: use the command “domain rename”."
    assert (said in text(page)) == (status == 422)


def test_a_domain_that_is_handed_on_says_so_at_the_tick(as_superadmin, add_domain):
    add_domain("backup.example", backupmx=True)

    page = as_superadmin.post(
        reverse("domain-rename", args=["backup.example"]), {"name": "new.example"} | PREVIEW
    )

    assert "as an alias domain it would refuse them" in page.context["form"].errors["give_up"][0]


def test_a_second_click_is_answered_as_the_first(as_superadmin, customer):
    [token] = set(hidden_inputs(as_superadmin.get(RENAME))["csrfmiddlewaretoken"])
    form = {"csrfmiddlewaretoken": token, "name": "new.example"}
    first, second = (as_superadmin.post(RENAME, form) for _click in range(2))

    assert first.url == second.url == reverse("domain", args=["new.example"])
    assert LogEntry.objects.filter(action="rename_domain").count() == 2


def test_what_else_there_is_of_either_name_is_said(as_superadmin, customer, add_domain, settings):
    settings.DEFAULT_FROM_EMAIL = "Mail <postmaster@example.org>"
    set_sender_rule(actor=None, sender="x@example.org", action="REJECT")
    delete_domain(actor=None, domain=add_domain("new.example"))

    said = text(as_superadmin.post(RENAME, {"name": "new.example"} | PREVIEW))

    assert "Rules about mail from example.org stay as they are" in said
    assert "have addresses in example.org until somebody changes them: FROM_EMAIL." in said
    assert "A deleted domain of this name can be restored until" in said


def test_an_alias_domain_of_it_is_said_to_change_places(as_superadmin, customer, add_alias):
    said = text(as_superadmin.post(RENAME, {"name": "twin.example"} | PREVIEW))

    assert "twin.example is an alias domain of it now, and changes places with it." in said
    assert "stays here from then on" not in said
    assert "Alias domains that lead to" not in said

    add_alias("info@twin.example", "joe@example.org")
    refused = text(as_superadmin.post(RENAME, {"name": "twin.example"} | PREVIEW))
    assert "twin.example has addresses of its own, such as info@twin.example." in refused


def test_the_way_there_is_on_the_settings_and_not_for_an_alias_domain(as_superadmin, customer):
    def offered(name):
        page = as_superadmin.get(reverse("domain-settings", args=[name]))
        return reverse("domain-rename", args=[name]) in links(page)

    assert (offered("example.org"), offered("twin.example")) == (True, False)
    refused = as_superadmin.post(
        reverse("domain-rename", args=["twin.example"]), {"name": "new.example"} | PREVIEW
    )
    assert "Make the other name an alias domain of example.org, too" in text(refused)


def test_a_domain_admin_finds_no_such_page(client, make_admin, customer, password):
    client.post(reverse("login"), {"username": "boss@example.org", "password": password})

    assert client.get(RENAME).status_code == 404
    assert client.post(RENAME, {"name": "new.example"}).status_code == 404
    settings = client.get(reverse("domain-settings", args=["example.org"]))
    assert RENAME not in links(settings)
    assert Alias.objects.filter(domain="example.org").count() == 3
