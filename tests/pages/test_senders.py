import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains import main_cf, sender_services
from domains.models import SenderRule
from domains.sender_services import set_sender_rule
from tests.pages.reading import text

PAGE = "/server/senders/"


def save(client, **values):
    return client.post(PAGE, {"sender": "bad.example", "action": "REJECT", "text": ""} | values)


@pytest.mark.parametrize(
    ("values", "stored", "logged"),
    [
        ({}, ("bad.example", "REJECT", ""), "REJECT"),
        (
            {"sender": "Joe@Bad.example", "action": "DEFER", "text": " Later "},
            ("joe@bad.example", "DEFER", "Later"),
            "DEFER Later",
        ),
        (
            {"sender": "müller.example", "action": "OK", "text": "unused"},
            ("xn--mller-kva.example", "OK", ""),
            "OK",
        ),
    ],
)
def test_a_rule_is_saved_and_logged(values, stored, logged, superadmin):
    assert reverse("server-senders") == PAGE
    assert save(superadmin, **values).url == PAGE

    [rule] = SenderRule.objects.all()
    assert (rule.sender, rule.action, rule.text) == stored
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.domain, entry.changes) == (
        "edit_sender_rule",
        "",
        {"sender_rule": [None, logged]},
    )
    assert rule.sender in text(superadmin.get(PAGE))


def test_a_rule_replaces_the_one_that_is_there_and_is_removed(superadmin):
    save(superadmin)
    save(superadmin, action="DEFER", text="Later")

    assert SenderRule.objects.get().action == "DEFER"
    assert LogEntry.objects.latest("pk").changes == {"sender_rule": ["REJECT", "DEFER Later"]}

    assert superadmin.post(PAGE, {"remove": "bad.example"}).url == PAGE
    assert not SenderRule.objects.exists()
    assert LogEntry.objects.latest("pk").changes == {"sender_rule": ["DEFER Later", None]}


@pytest.mark.parametrize("name", ["", "other.example", "%", "bad.example\0"])
def test_what_has_no_rule_is_not_removed(name, superadmin):
    save(superadmin)

    superadmin.post(PAGE, {"remove": name})

    assert SenderRule.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"sender": "no domain"}, "sender"),
        ({"sender": "@bad.example"}, "sender"),
        ({"sender": "<>"}, "sender"),
        ({"action": "PREPEND"}, "action"),
        ({"action": ""}, "action"),
        ({"text": "a\tb"}, "text"),
        ({"text": "für immer"}, "text"),
        ({"text": "x" * 201}, "text"),
    ],
)
def test_what_postfix_would_not_take_is_refused_at_its_field(values, field, superadmin):
    page = save(superadmin, **values)

    assert page.status_code == 422
    assert [*page.context["form"].errors] == [field]
    assert not SenderRule.objects.exists()


def test_a_page_shows_all_rules_there_may_be(superadmin, monkeypatch):
    monkeypatch.setattr(sender_services, "MOST", 1)
    save(superadmin)

    assert save(superadmin, action="OK").status_code == 302
    page = save(superadmin, sender="other.example")

    assert page.status_code == 422
    assert "There are at most 1 rules." in text(page)


def test_a_domain_admin_has_no_such_page(admin):
    set_sender_rule(actor=None, sender="bad.example", action="REJECT")

    assert admin.get(PAGE).status_code == 404
    assert admin.post(PAGE, {"remove": "bad.example"}).status_code == 404
    assert SenderRule.objects.count() == 1


def test_a_rule_needs_its_part_of_main_cf(superadmin):
    assert "no effect" not in text(superadmin.get(PAGE))
    save(superadmin)
    assert "no effect: sender-access." in text(superadmin.get(PAGE))

    main_cf.remember({"sender-access"})
    assert "no effect" not in text(superadmin.get(PAGE))
