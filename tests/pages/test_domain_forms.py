import re

import pytest
from django.urls import reverse

from aliases.models import Alias
from domains.models import AliasDomain, Domain
from domains.services import update_domain
from tests.pages.reading import links, text, told

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


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


def test_a_superadmin_creates_a_domain_and_is_shown_the_next_step(as_superadmin):
    response = as_superadmin.post(reverse("domain-create"), NEW_DOMAIN, follow=True)

    domain = Domain.objects.get(pk="new.example")
    assert response.redirect_chain == [(reverse("domain", args=["new.example"]), 302)]
    assert (domain.mailboxes, domain.aliases, domain.maxquota, domain.quota) == (5, 0, 1024, -1)
    assert (domain.active, domain.backupmx, domain.password_expiry) == (True, False, 0)
    assert "Domain new.example created. Add its first mailbox" in text(response)
    assert "/domains/new.example/new/" in links(response)


def test_another_name_is_offered_for_the_domain_where_one_was_last(as_superadmin, add_domain, link):
    def offered():
        return page_of(as_superadmin, "domain-create").context["form"]["alias_of"].value()

    assert offered() == ""
    add_domain("one.example")
    assert offered() == "one.example"
    add_domain("two.example")
    assert offered() == ""

    page_of(as_superadmin, "domain", "one.example")
    page_of(as_superadmin, "domain", "two.example")
    assert offered() == "two.example"
    link("two.example", "one.example")
    assert offered() == "one.example"


def test_a_unicode_name_is_stored_for_dns_and_shown_as_written(as_superadmin):
    page = as_superadmin.post(
        reverse("domain-create"), NEW_DOMAIN | {"name": " Müller.Example "}, follow=True
    )

    assert list(Domain.objects.values_list("pk", flat=True)) == ["xn--mller-kva.example"]
    assert "Domain müller.example created." in text(page)


@pytest.mark.parametrize(("target", "named"), [("joe", "joe@new.example"), ("x@else.example", "")])
def test_role_addresses_that_lead_to_nobody_are_named_at_once(as_superadmin, target, named):
    page = as_superadmin.post(
        reverse("domain-create"), NEW_DOMAIN | {"role_target": target}, follow=True
    )

    warnings = [str(m) for m in page.context["messages"] if m.level_tag == "warning"]
    assert [named in warning for warning in warnings] == ([True] if named else [])


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
    page = as_superadmin.post(
        reverse("domain-create"), NEW_DOMAIN | {"mailboxes_1": "", "name": ""}
    )

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
        ({"name": ""}, {"name": ["Enter the domain’s name."]}),
        (
            {"mailboxes_1": ""},
            {"mailboxes": ["Write a number of 1 or more, or choose “Unlimited”."]},
        ),
        (
            {"quota_0": "limited", "quota_1": "-5"},
            {"quota": ["Enter a size such as 2 GB or 500 MB."]},
        ),
        (
            {"role_target": "no address@"},
            {
                "role_target": [
                    "“no address@” has nothing after the @. Write it like name@example.org."
                ]
            },
        ),
        (
            {"maxquota_0": "none", "quota_0": "limited", "quota_1": "1000"},
            {
                "maxquota": [
                    "A domain quota adds up the mailboxes’ quotas, so they are needed. Choose"
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
            "new.example is this mail server’s own host name; Postfix delivers its mail locally."
        ]
    }


def test_the_edit_form_shows_limits_in_words(as_superadmin, add_domain):
    add_domain("a.example", mailboxes=-1, aliases=0, maxquota=7)

    page = page_of(as_superadmin, "domain-edit", "a.example").content.decode()

    kinds = {
        name: re.search(rf'name="{name}_0".*? value="(\w+)" selected', page)[1]
        for name in ("mailboxes", "aliases", "maxquota")
    }
    assert kinds == {"mailboxes": "none", "aliases": "unlimited", "maxquota": "limited"}
    assert 'value="-1"' not in page


def test_editing_changes_what_was_touched_and_says_so(as_superadmin, example_org):
    changed = NEW_DOMAIN | {"description": "Ours"}

    response = as_superadmin.post(
        reverse("domain-edit", args=["example.org"]), changed, follow=True
    )

    example_org.refresh_from_db()
    assert (example_org.description, example_org.mailboxes) == ("Ours", 5)
    assert "Domain example.org saved." in text(response)


# --- One field, and what it is for


def test_a_new_domain_needs_its_name_and_says_what_it_may_hold(as_superadmin):
    page = page_of(as_superadmin, "domain-create")

    assert "10 mailboxes, 10 aliases, 1 GB each, 10 GB together" in text(page)
    assert '<details class="more">' in page.text
    places = [page.text.index(part) for part in ('name="name"', 'class="more"', "mailboxes_0")]
    assert places == sorted(places)


def test_what_is_wrong_among_the_folded_fields_unfolds_them(as_superadmin):
    page = as_superadmin.post(reverse("domain-create"), NEW_DOMAIN | {"transport": "a, b"})
    assert '<details class="more" open>' in page.text

    page = as_superadmin.post(reverse("domain-create"), NEW_DOMAIN | {"name": "nodot"})
    assert '<details class="more">' in page.text


def test_another_name_for_a_domain_is_made_in_one_step(as_superadmin, example_org, add_alias):
    add_alias("sales@example.org", "x@elsewhere.example")
    values = NEW_DOMAIN | {"use_as": "alias", "alias_of": "example.org", "role_target": "joe"}

    done = as_superadmin.post(reverse("domain-create"), values)

    assert told(done) == [
        "Domain new.example created. Mail for each name in it goes to the same name in example.org."
    ]
    link = AliasDomain.objects.get()
    assert (link.pk, link.target_domain_id, link.active) == ("new.example", "example.org", True)
    assert not Alias.objects.filter(domain="new.example").exists()


@pytest.mark.parametrize(
    ("alias_of", "message"),
    [
        ("", "Choose a domain."),
        ("nowhere.example", "You manage no domain of this name. Check the spelling."),
    ],
)
def test_another_name_needs_the_domain_that_gets_its_mail(
    alias_of, message, as_superadmin, example_org
):
    values = NEW_DOMAIN | {"use_as": "alias", "alias_of": alias_of}

    page = as_superadmin.post(reverse("domain-create"), values)

    assert page.context["form"].errors == {"alias_of": [message]}
    assert list(Domain.objects.values_list("pk", flat=True)) == ["example.org"]


def test_a_domain_of_its_own_ignores_a_domain_that_was_chosen_before(as_superadmin, example_org):
    as_superadmin.post(
        reverse("domain-create"), NEW_DOMAIN | {"use_as": "own", "alias_of": "example.org"}
    )

    assert Domain.objects.filter(pk="new.example").exists()
    assert AliasDomain.objects.count() == 0


def test_where_mail_would_go_round_no_domain_is_left(as_superadmin, example_org, add_alias):
    add_alias("sales@example.org", "sales@new.example")
    values = NEW_DOMAIN | {"use_as": "alias", "alias_of": "example.org"}

    page = as_superadmin.post(reverse("domain-create"), values)

    assert page.status_code == 422
    assert "This would create a mail loop" in text(page)
    assert not Domain.objects.filter(pk="new.example").exists()


def test_a_backup_mx_has_no_limits_to_set(superadmin, example_org):
    update_domain(actor=None, domain=example_org, backupmx=True, mailboxes=7)
    address = reverse("domain-edit", args=["example.org"])
    page = superadmin.get(address)
    shown = page.context["form"].fields.keys()
    assert shown == {"description"}
    assert "Limits" not in text(page)
    settings = text(superadmin.get(reverse("domain-settings", args=["example.org"])))
    assert "Limits and use" not in settings
    assert "Password lifetime" not in settings

    delivery = reverse("domain-delivery", args=["example.org"])
    superadmin.post(delivery, {"transport": "relay:", "backupmx": ""})

    example_org.refresh_from_db()
    assert (example_org.backupmx, example_org.mailboxes) == (False, 7)
    assert "mailboxes" in superadmin.get(address).context["form"].fields
