import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains import main_cf, sender_services
from domains.models import DomainSenderRule
from domains.sender_services import set_domain_sender_rule
from domains.services import delete_domain
from tests.pages.reading import text

PAGE, REMOVE = "/domains/example.org/flow/sender/", "/domains/example.org/flow/sender/remove/"


def save(client, **values):
    return client.post(PAGE, {"sender": "bad.example", "action": "REJECT", "text": ""} | values)


def flow(client):
    return text(client.get("/domains/example.org/flow/"))


def stored():
    rows = DomainSenderRule.objects.order_by("pk")
    return list(rows.values_list("domain", "list_number", "sender", "action", "text"))


def refuse(domain, sender):
    return set_domain_sender_rule(actor=None, domain=domain, sender=sender, action="REJECT")


def test_a_domain_admin_saves_a_rule_and_the_domains_log_names_it(admin):
    assert reverse("domain-sender", args=["example.org"]) == PAGE
    done = save(admin, sender="Joe@Bad.example", action="DEFER", text=" Later ")

    assert done.url == "/domains/example.org/flow/"
    assert stored() == [("example.org", 1, "joe@bad.example", "DEFER", "Later")]
    assert "joe@bad.example: Refuse for now; the other server tries again Later" in flow(admin)
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.domain, entry.data, entry.changes) == (
        "edit_domain_senders",
        "example.org",
        "example.org",
        {"sender_rule": [None, "joe@bad.example: DEFER Later"]},
    )


def test_a_rule_replaces_the_one_that_is_there_and_is_removed(admin):
    save(admin, text="Go away")
    save(admin, action="OK", text="unused")

    assert stored() == [("example.org", 1, "bad.example", "OK", "")]
    changes = LogEntry.objects.latest("pk").changes
    assert changes == {"sender_rule": ["bad.example: REJECT Go away", "bad.example: OK"]}

    assert admin.post(REMOVE, {"rule": "bad.example"}).url == "/domains/example.org/flow/"
    assert stored() == []
    assert LogEntry.objects.latest("pk").changes == {"sender_rule": ["bad.example: OK", None]}


@pytest.mark.parametrize("name", ["", "other.example", "%", "bad.example\0"])
def test_what_has_no_rule_is_not_removed(name, admin, other_net):
    save(admin)
    refuse(other_net, "other.example")

    admin.post(REMOVE, {"rule": name})

    assert len(stored()) == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"sender": "no domain"}, "sender"),
        ({"sender": "@bad.example"}, "sender"),
        ({"action": "PREPEND"}, "action"),
        ({"action": "permit"}, "action"),
        ({"text": "für immer"}, "text"),
        ({"text": "x" * 201}, "text"),
    ],
)
def test_what_postfix_would_not_take_is_refused_at_its_field(values, field, admin):
    page = save(admin, **values)

    assert page.status_code == 422
    assert [*page.context["form"].errors] == [field]
    assert stored() == []


def test_each_domain_has_a_list_and_a_number_of_its_own(example_org, other_net, add_domain):
    third = add_domain("third.example")
    for domain, sender in [
        (example_org, "a.example"),
        (other_net, "a.example"),
        (example_org, "b.example"),
    ]:
        refuse(domain, sender)
    assert [row[:2] for row in stored()] == [
        ("example.org", 1),
        ("other.net", 2),
        ("example.org", 1),
    ]

    delete_domain(actor=None, domain=example_org)
    refuse(third, "c.example")

    assert [row[:3] for row in stored()] == [
        ("other.net", 2, "a.example"),
        ("third.example", 1, "c.example"),
    ]


def test_lists_and_rules_have_an_end_which_is_told(admin, other_net, monkeypatch):
    monkeypatch.setattr(sender_services, "LISTS", 1)
    monkeypatch.setattr(sender_services, "MOST_OF_DOMAIN", 1)
    other = refuse(other_net, "a.example")

    page = save(admin)
    assert page.status_code == 422
    assert "1 domains of this server have rules about senders of their own" in text(page)

    other.delete()
    assert save(admin).status_code == 302
    assert "A domain has at most 1 rules." in text(save(admin, sender="other.example"))
    assert save(admin, action="DEFER").status_code == 302


def test_of_another_domain_nothing_is_seen_or_changed(admin, other_net):
    refuse(other_net, "bad.example")

    assert "bad.example" not in flow(admin)
    for path in ("sender", "sender/remove"):
        page = f"/domains/other.net/flow/{path}/"
        assert admin.post(page, {"rule": "bad.example", "sender": "x.example"}).status_code == 404
    assert len(stored()) == 1


def test_a_rule_needs_its_part_of_main_cf(superadmin):
    assert "no effect" not in flow(superadmin)
    save(superadmin)
    assert "no effect: domain-senders." in flow(superadmin)

    main_cf.remember({"domain-senders"})
    assert "no effect" not in flow(superadmin)
