import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Admin

FORM, LIST = reverse("mailbox-create"), reverse("alias-list")
BACKEND = "accounts.backends.AdminBackend"


def text(response):
    return response.content.decode()


def client_of(account):
    client = Client()
    client.force_login(account, backend=BACKEND)
    return client


def test_each_account_sees_its_own_name_and_pages(make_admin, example_org):
    root = make_admin("root@example.org", superadmin=True)
    ann = make_admin("ann@example.org", domains=["example.org"])

    for _time in range(2):
        for path in (FORM, LIST):
            of_root, of_ann = text(client_of(root).get(path)), text(client_of(ann).get(path))
            assert ("root@example.org" in of_root, "ann@example.org" in of_root) == (True, False)
            assert ("root@example.org" in of_ann, "ann@example.org" in of_ann) == (False, True)
            assert ("Administrators" in of_root, "Administrators" in of_ann) == (True, False)
            assert ("Superadmin" in of_root, "Superadmin" in of_ann) == (True, False)


def test_who_is_no_superadmin_any_more_sees_so_on_the_next_page(make_admin, example_org):
    client = client_of(make_admin("root@example.org", superadmin=True))
    assert "Administrators" in text(client.get(FORM))

    Admin.objects.update(superadmin=False)

    assert "Administrators" not in text(client.get(FORM))
    assert "Superadmin" not in text(client.get(FORM))


def test_each_page_has_a_token_of_its_own(make_admin, example_org):
    root = make_admin("root@example.org", superadmin=True)
    tokens = set()
    for client in (client_of(root), client_of(root)):
        for path in (FORM, LIST):
            tokens.add(
                client.get(path).content.partition(b'name="csrfmiddlewaretoken" value="')[2][:64]
            )

    assert len(tokens) == 4
    assert all(len(token) == 64 for token in tokens)


def test_the_shell_is_in_the_visitors_language(make_admin, example_org):
    root = make_admin("root@example.org", superadmin=True)
    said = {
        language: text(client_of(root).get(path, headers={"accept-language": language}))
        for path in (FORM, LIST)
        for language in ("fr", "en")
    }

    assert ("Sign out" in said["en"], "Sign out" in said["fr"]) == (True, False)
    assert ("Se déconnecter" in said["en"], "Se déconnecter" in said["fr"]) == (False, True)


def trail(client, path):
    html = text(client.get(path))
    crumbs = html.partition('<nav class="crumbs"')[2].partition("</nav>")[0]
    return re.findall(r'<a href="([^"]*)">([^<]*)</a>', crumbs)


def test_the_way_here_is_one_trail(make_admin, example_org, other_net, add_mailbox):
    add_mailbox("joe@example.org")
    root = client_of(make_admin("root@example.org", superadmin=True))
    ann = client_of(make_admin("ann@example.org", domains=["example.org"]))
    domains, domain = ("/domains/", "Domains"), ("/domains/example.org/", "example.org")
    joe = ("/mailboxes/joe@example.org/", "joe")  # of the domain before it

    assert trail(root, joe[0]) == [domains, domain]
    assert trail(root, f"{joe[0]}edit/") == [domains, domain, joe]
    assert trail(root, f"{joe[0]}delete/") == [domains, domain, joe]
    assert trail(root, "/domains/example.org/new/") == [domains, domain]
    assert trail(root, "/domains/example.org/settings/") == [domains, domain]
    assert trail(ann, f"{joe[0]}edit/") == [domain, joe]
    for path in ("/", "/domains/example.org/", "/mailboxes/?domain=example.org", "/log/"):
        assert trail(root, path) == []


def test_the_left_column_is_that_of_the_domain_and_marks_one_link(
    make_admin, example_org, add_mailbox
):
    add_mailbox("joe@example.org")
    root = client_of(make_admin("root@example.org", superadmin=True))

    def marked(path):
        return re.findall(r'<a href="([^"]*)" aria-current="page">', text(root.get(path)))

    assert marked("/") == ["/"]
    assert marked("/mailboxes/") == ["/mailboxes/"]
    assert marked("/mailboxes/joe@example.org/edit/") == ["/domains/example.org/"]
    assert marked("/aliases/?domain=example.org") == ["/domains/example.org/"]
    assert marked("/domains/example.org/edit/") == ["/domains/example.org/settings/"]
    assert marked("/log/?domain=example.org") == ["/log/?domain=example.org"]


def test_the_pages_of_the_mail_server_are_two_clicks_away_at_most(make_admin, example_org):
    root = client_of(make_admin("root@example.org", superadmin=True))
    ann = client_of(make_admin("ann@example.org", domains=["example.org"]))
    own = ["/server/", "/dns/", "/server/senders/", "/server/disk/"]

    def column(client):
        return text(client.get("/")).partition("<main")[0]

    for path in own:
        page = text(root.get(path))
        marked = re.findall(r'<a (?:class="chip" )?href="([^"]*)" aria-current="page">', page)
        assert marked == ["/server/", path]  # in the left column, and among the pages beside it
        assert all(f'<a class="chip" href="{other}"' in page for other in own)
    assert 'href="/server/"' in column(root)
    assert "/server/" not in column(ann)


def test_a_foreign_domain_in_the_address_is_not_told_to_exist(make_admin, example_org, other_net):
    ann = client_of(make_admin("ann@example.org", domains=["example.org"]))

    assert "other.net" not in text(ann.get("/log/?domain=other.net")).partition("<main")[0]


@pytest.mark.parametrize("page", ["mailbox-list", "alias-list", "aliasdomain-list", "log"])
def test_a_list_of_a_domain_that_is_not_there_stands_between_the_columns_of_all(
    page, make_admin, example_org
):
    client = client_of(make_admin("root@example.org", superadmin=True))

    def column(domain):
        return text(client.get(reverse(page), {"domain": domain})).partition("<main")[0]

    assert "/domains/nowhere.example/" not in column("nowhere.example")
    assert 'href="/administrators/"' in column("nowhere.example")
    assert "/domains/example.org/settings/" in column("example.org")
