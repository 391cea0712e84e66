from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mailadmin.doctor import host
from panel.models import HostLook
from tests.pages.reading import links, text

PAGE = "/server/"


@pytest.fixture
def not_root(monkeypatch):
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)


def test_before_the_first_look_it_says_so(superadmin):
    assert "This mail server was not looked at yet." in text(superadmin.get(PAGE))


def test_what_was_found_is_shown_with_its_cure_and_page(superadmin):
    finding = [
        "own-domain-in-mydestination",
        {"domains": "example.org", "rest": "mail.example.com"},
        "",
    ]
    HostLook.objects.create(
        pk="mail", findings=[finding], unseen=[[["clock-not-kept"], "no clock"]]
    )

    page = superadmin.get(PAGE)
    said = text(page)

    assert "mydestination in main.cf names domains of the panel: example.org. wrong" in said
    assert "postconf -e 'mydestination = mail.example.com' && postfix reload" in said
    assert "Not looked at no clock whether the clock is kept right" in said
    assert reverse("domain-list") in links(page)


def test_a_look_from_the_page_finds_what_the_panel_sees_and_names_the_rest(
    superadmin, not_root, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    assert superadmin.post(PAGE, {"check": "1"}).url == PAGE

    row = HostLook.objects.get()
    assert row.findings == []
    assert "only root sees it" in text(superadmin.get(PAGE))


def test_a_finding_of_a_check_that_is_gone_is_left_out(superadmin):
    HostLook.objects.create(pk="mail", findings=[["of-an-earlier-release", {}, ""]])

    assert "All is well" in text(superadmin.get(PAGE))


def test_a_finding_of_an_earlier_release_is_shown_without_what_it_did_not_store(superadmin):
    stored = ["rows", {"title": "Odd rows", "count": "1", "examples": "x"}, ""]
    HostLook.objects.create(pk="mail.example.com", looked=timezone.now(), findings=[stored])

    assert "Odd rows: 1, such as x." in text(superadmin.get(PAGE))


def test_two_machines_are_told_apart(superadmin):
    for name in ("mx1", "mx2"):
        HostLook.objects.create(pk=name)

    said = text(superadmin.get(PAGE))
    assert said.index("mx1: Last looked") < said.index("mx2: Last looked")


def test_a_machine_that_is_gone_is_forgotten(superadmin, not_root):
    HostLook.objects.create(pk="old", looked=timezone.now() - timedelta(days=31))
    HostLook.objects.create(pk="other", looked=timezone.now() - timedelta(days=29))

    superadmin.post(PAGE, {"check": "1"})

    names = HostLook.objects.values_list("pk", flat=True)
    assert "old" not in names
    assert "other" in names


def test_it_is_the_superadmins_alone(as_admin, add_domain):
    add_domain("example.org")
    client = as_admin("example.org")

    assert [client.get(PAGE).status_code, client.post(PAGE).status_code] == [404, 404]
    assert not HostLook.objects.exists()
