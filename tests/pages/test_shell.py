"""The shell of every page keeps what it drew: nobody may see another's, and a lost right shows at once."""

from django.test import Client
from django.urls import reverse

from accounts.models import Admin

FORM, LIST = reverse("mailbox-create"), reverse("log")
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
