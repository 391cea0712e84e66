import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from domains import services
from domains.models import AliasDomain, Domain, DomainUsage
from mailboxes.models import Mailbox
from tests.pages.reading import text, told

MB = 1_024_000


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


def test_before_a_domain_is_deactivated_the_page_says_the_consequences(
    as_superadmin, example_org, other_net, add_mailbox, add_alias, link
):
    add_mailbox("joe@example.org")
    add_mailbox("ann@other.net")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("joe@other.net", "joe@example.org", "ann@other.net")
    link("old.example", "example.org")

    said = text(page_of(as_superadmin, "domain-state", "example.org"))

    assert "1 mailbox: mail is refused" in said
    assert "1 alias: mail is refused." in said
    assert "Alias domains that lead here: their mail is refused. old.example" in said
    assert "joe@other.net → joe@example.org" in said


@pytest.mark.parametrize("page", ["domain-state", "domain-delete"])
def test_of_a_backup_mx_the_page_says_what_becomes_of_its_mail(page, as_superadmin, add_domain):
    add_domain("backup.example", backupmx=True)

    said = text(page_of(as_superadmin, page, "backup.example"))

    assert (
        "Mail for it is refused here, and no longer passed on to its primary mail server." in said
    )
    assert "0 mailboxes" not in said
    assert "0 aliases" not in said


def test_a_domain_is_deactivated_and_activated(as_superadmin, example_org):
    address = reverse("domain-state", args=["example.org"])

    off = as_superadmin.post(address, follow=True)
    assert "example.org is off." in text(off)
    assert Domain.objects.get().active is False

    page = as_superadmin.get(address)
    assert "Switch on example.org?" in text(page)
    assert '<input type="hidden" name="active" value="1">' in page.content.decode()

    on = as_superadmin.post(address, {"active": "1"}, follow=True)
    assert "example.org is on." in text(on)
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
    assert "it@example.org" in said
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
    assert response.context["errors"] == ["Type the domain’s name to delete it."]
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

    assert "Alias domains that lead here: old.example" in text(page)
    assert response.status_code == 422
    assert response.context["errors"] == [
        "Alias domains lead to example.org: old.example. Delete them first."
    ]
    assert Domain.objects.count() == 2

    done = as_superadmin.post(
        reverse("domain-delete", args=["example.org"]), {"confirm": "example.org", "links": "1"}
    )
    assert told(done) == ["Domain example.org deleted."]
    assert list(Domain.objects.values_list("pk", flat=True)) == ["old.example"]
    assert AliasDomain.objects.count() == 0
    actions = LogEntry.objects.order_by("pk").values_list("action", "data")
    assert list(actions)[-2:] == [
        ("delete_alias_domain", "old.example"),
        ("delete_domain", "example.org"),
    ]


ONLY, BOTH = "joe@example.org,ann@example.org", "joe@example.org,x@else.example"


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({}, {"only@other.net": ONLY, "both@other.net": BOTH}),
        ({"drop": "1"}, {"only@other.net": ONLY, "both@other.net": "x@else.example"}),
        ({"emptied": "delete"}, {"both@other.net": BOTH}),
        ({"drop": "1", "emptied": "delete"}, {"both@other.net": "x@else.example"}),
        (
            {"emptied": "send", "emptied_to": "Box@other.net"},
            {"only@other.net": "box@other.net", "both@other.net": BOTH},
        ),
    ],
)
def test_deleting_treats_other_domains_aliases_as_was_chosen(
    chosen, left, superadmin, example_org, other_net, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_mailbox("ann@example.org")
    add_alias("only@other.net", "joe@example.org", "ann@example.org")
    add_alias("both@other.net", "joe@example.org", "x@else.example")
    address = reverse("domain-delete", args=["example.org"])
    page = superadmin.get(address)
    assert "only@other.net → joe@example.org" in text(page)
    assert (
        'name="drop" value="1">' in page.text
    )  # not ticked: a membership that is lost comes back from nowhere

    assert "1 alias would have no recipient only@other.net Keep" in text(page)

    superadmin.post(address, {"confirm": "example.org"} | chosen)

    assert dict(Alias.objects.values_list("pk", "goto")) == left


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "Enter the address that they lead to then."),
        ("ann@example.org", "ann@example.org itself is being deleted. Enter another address."),
        ("only@other.net", "only@other.net would itself have no recipient."),
        ("nonsense", "nonsense"),
    ],
)
def test_an_address_that_cannot_take_their_mail_is_refused_and_nothing_deleted(
    address, said, superadmin, example_org, other_net, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("only@other.net", "joe@example.org")

    sent = {"confirm": "example.org", "emptied": "send", "emptied_to": address}
    refused = superadmin.post(reverse("domain-delete", args=["example.org"]), sent)

    assert (refused.status_code, said in text(refused)) == (422, True)
    assert Domain.objects.count() == 2
    assert Alias.objects.get(pk="only@other.net").goto == "joe@example.org"


def test_an_alias_to_several_deleted_domains_is_emptied_by_all_together(
    superadmin, three_domains, add_alias
):
    add_alias("two@kept.example", "joe@example.org", "eve@other.net")
    assert "1 alias would have no recipient two@kept.example" in text(
        superadmin.post(reverse("domain-bulk"), three_domains)
    )

    confirmed = three_domains | {"confirmed": "1", "confirm": "3", "emptied": "delete"}
    superadmin.post(reverse("domain-bulk"), confirmed)

    assert list(Alias.objects.values_list("pk", flat=True)) == ["all@kept.example"]


def test_several_domains_are_deactivated_after_a_page_with_the_consequences(
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
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_mailbox("eve@other.net")
    add_domain("kept.example")
    add_alias("all@kept.example", "joe@example.org", "eve@other.net", "x@elsewhere.example")
    return {"action": "delete", "selected": ["example.org", "other.net"]}


def test_several_domains_are_deleted_once_the_number_of_addresses_was_typed(
    superadmin, three_domains
):
    asked = superadmin.post(reverse("domain-bulk"), three_domains)
    page = text(asked)
    assert 'name="drop" value="1">' in asked.text
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
    assert told(done)[-1].startswith("2 domains ")
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
    assert "Delete the alias-domain links that lead here too. Their domains stay." in page
    refused = as_superadmin.post(
        reverse("domain-bulk"), chosen | {"confirmed": "1", "confirm": "0"}
    )
    assert refused.status_code == 422
    assert "Alias domains lead here: a.example. Delete these links too, or first." in text(refused)
    assert Domain.objects.count() == 3

    everything = chosen | {"selected": ["a.example", "b.example", "z.example"]}
    as_superadmin.post(reverse("domain-bulk"), everything | {"confirmed": "1", "confirm": "0"})
    assert Domain.objects.count() == 0


def test_several_domains_go_with_the_links_that_lead_to_them(as_superadmin, link):
    link("a.example", "b.example")
    link("z.example", "b.example")
    chosen = {"action": "delete", "selected": ["b.example", "z.example"], "links": "1"}

    as_superadmin.post(reverse("domain-bulk"), chosen | {"confirmed": "1", "confirm": "0"})

    assert list(Domain.objects.values_list("pk", flat=True)) == ["a.example"]
    assert AliasDomain.objects.count() == 0


def test_a_second_click_on_delete_finds_nothing_and_a_failure_leaves_everything(
    superadmin, three_domains, monkeypatch
):
    chosen = three_domains | {"confirmed": "1", "confirm": "3"}

    delete = services._delete_domain

    def fail(actor, domain, **options):
        if domain.pk == "other.net":
            raise ValidationError("Not now.")
        delete(actor, domain, **options)

    monkeypatch.setattr(services, "_delete_domain", fail)
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
            services.delete_domain(actor=None, domain=Domain.objects.get(pk=name))

    monkeypatch.setattr("domains.views.RoutingLock.hold", other_admin_was_faster)
    chosen = three_domains | {"confirmed": "1", "confirm": "3"}

    assert superadmin.post(reverse("domain-bulk"), chosen).status_code == 404


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("action", ["deactivate", "delete"])
def test_the_confirming_page_asks_as_often_for_any_number_of_domains(
    number, action, superadmin, add_domain, django_assert_num_queries
):
    names = [add_domain(f"d{n}.example").pk for n in range(number)]

    # Session, account, rows, alias domains, what leads in, administrators, copies.
    with django_assert_num_queries(7):
        superadmin.post(reverse("domain-bulk"), {"action": action, "selected": names})
