import pytest
from django.urls import reverse

from accounts.models import Admin, LogEntry
from tests.pages.administrators import page_of
from tests.pages.reading import rows, text, told

# --- Deactivating and activating


def test_an_administrator_is_deactivated_and_activated_after_a_page_with_the_consequences(
    client_of_root, make_admin
):
    make_admin("ann@example.org")
    address = reverse("admin-state", args=["ann@example.org"])

    said = text(client_of_root.get(address))
    assert "Switch off administrator ann@example.org?" in said
    assert "The person is signed out at once" in said

    done = client_of_root.post(address)
    assert told(done) == ["ann@example.org is off."]
    assert Admin.objects.get(pk="ann@example.org").active is False
    assert "Switch on administrator ann@example.org?" in text(client_of_root.get(address))

    client_of_root.post(address, {"active": "1"})
    assert Admin.objects.get(pk="ann@example.org").active is True


def test_nobody_deactivates_oneself(client_of_root, make_admin, root):
    make_admin("other@example.org", superadmin=True)

    refused = client_of_root.post(reverse("admin-state", args=[root.pk]))

    assert refused.status_code == 422
    assert refused.context["errors"] == [
        "You cannot remove your own superadmin rights. Ask another superadmin."
    ]
    assert Admin.objects.get(pk=root.pk).active is True


# --- Deleting


def test_before_deleting_the_page_says_what_changes(client_of_root, make_admin, example_org):
    make_admin("ann@example.org", domains=["example.org"])

    said = text(page_of(client_of_root, "admin-delete", "ann@example.org"))

    assert "Delete administrator ann@example.org?" in said
    assert "No longer managed by this person: 1 domain." in said
    assert "A mailbox of the same address stays, with its own password." in said


def test_an_administrator_is_deleted_and_the_log_keeps_the_deeds(client_of_root, make_admin):
    make_admin("ann@example.org")

    response = client_of_root.post(reverse("admin-delete", args=["ann@example.org"]), follow=True)

    assert "Administrator ann@example.org deleted." in text(response)
    assert list(Admin.objects.values_list("pk", flat=True)) == ["root@example.org"]
    assert LogEntry.objects.filter(data="ann@example.org").count() == 2


def test_nobody_deletes_oneself(client_of_root, make_admin):
    make_admin("other@example.org", superadmin=True)

    response = client_of_root.post(reverse("admin-delete", args=["root@example.org"]))

    assert response.status_code == 422
    assert response.context["errors"] == [
        "You cannot remove your own superadmin rights. Ask another superadmin."
    ]
    assert Admin.objects.count() == 2


# --- Several at once


def test_several_administrators_are_deactivated_and_activated(
    client_of_root, make_admin, example_org, other_net
):
    make_admin("ann@example.org", domains=["example.org", "other.net"])
    make_admin("eve@example.org", superadmin=True)
    chosen = {"action": "deactivate", "selected": ["ann@example.org", "eve@example.org"]}

    page = text(client_of_root.post(reverse("admin-bulk"), chosen))
    assert "Switch off 2 administrators?" in page
    assert "ann@example.org: 2 domains eve@example.org: superadmin" in page
    assert Admin.objects.filter(active=False).count() == 0

    done = client_of_root.post(reverse("admin-bulk"), chosen | {"confirmed": "1"})
    assert told(done)[-1].startswith("2 administrators ")
    assert Admin.objects.filter(active=False).count() == 2

    client_of_root.post(reverse("admin-bulk"), chosen | {"action": "activate"})
    assert Admin.objects.filter(active=False).count() == 0
    assert LogEntry.objects.filter(action="edit_admin").count() == 4


@pytest.mark.parametrize("action", ["deactivate", "delete"])
def test_of_several_administrators_oneself_and_so_the_last_superadmin_stays(
    action, client_of_root, make_admin, root
):
    make_admin("ann@example.org")
    chosen = {"action": action, "selected": [root.pk, "ann@example.org"]}

    page = text(client_of_root.post(reverse("admin-bulk"), chosen))
    stays = "root@example.org: your own account, which is not changed"
    assert f"ann@example.org: 0 domains {stays}" in page

    done = client_of_root.post(reverse("admin-bulk"), chosen | {"confirmed": "1"}, follow=True)

    assert "You cannot remove your own superadmin rights." in text(done)
    assert list(Admin.objects.filter(active=True)) == [root]


def test_several_administrators_are_deleted_and_the_log_stays(client_of_root, make_admin, root):
    make_admin("ann@example.org")
    make_admin("eve@example.org")
    chosen = {"action": "delete", "selected": ["ann@example.org", "eve@example.org"]}

    page = text(client_of_root.post(reverse("admin-bulk"), chosen))
    assert "Delete 2 administrators?" in page
    assert "ann@example.org: 0 domains eve@example.org: 0 domains" in page

    client_of_root.post(reverse("admin-bulk"), chosen | {"confirmed": "1"})
    assert list(Admin.objects.all()) == [root]
    assert LogEntry.objects.filter(action="delete_admin").count() == 2


def test_the_list_offers_them_and_finds_those_of_a_domain(
    client_of_root, make_admin, example_org, other_net
):
    make_admin("ann@panel.example", domains=["example.org", "other.net"])
    make_admin("eve@panel.example", domains=["other.net"])

    page = page_of(client_of_root, "admin-list", domain="example.org")

    assert rows(page) == ["ann@panel.example"]
    assert b'name="selected" value="ann@panel.example"' in page.content
    assert rows(page_of(client_of_root, "admin-list", domain="none.example")) == []


def test_many_administrators_are_deleted_once_their_number_was_typed(client_of_root, make_admin):
    names = [make_admin(f"a{n:02}@example.org").pk for n in range(25)]
    chosen = {"action": "delete", "selected": names}
    assert "Type 25 to confirm" in text(client_of_root.post(reverse("admin-bulk"), chosen))

    refused = client_of_root.post(reverse("admin-bulk"), chosen | {"confirmed": "1"})
    assert (refused.status_code, Admin.objects.filter(pk__in=names).count()) == (422, 25)

    typed = {"confirmed": "1", "confirm": "25"}
    client_of_root.post(reverse("admin-bulk"), chosen | typed)
    assert Admin.objects.filter(pk__in=names).count() == 0
