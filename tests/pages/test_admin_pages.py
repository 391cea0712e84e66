"""Pages about administrators, and an administrator's own account."""

import pytest
from django.urls import reverse

from accounts.models import Admin, LogEntry
from accounts.services import update_admin
from domains.models import Domain, DomainAdmin
from tests.pages.reading import links, rows, text, told

NEW_PASSWORD = "marmalade-3-window"
NEW_ADMIN = {
    "username": "new@example.org",
    "password": NEW_PASSWORD,
    "domains": "",
    "active": "on",
    "phone": "",
    "email_other": "",
}


@pytest.fixture
def root(make_admin):
    return make_admin("root@example.org", superadmin=True)


@pytest.fixture
def client_of_root(sign_in, root):
    return sign_in(root)


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


# --- List and page


def test_the_list_says_role_domains_and_state(client_of_root, make_admin, example_org, other_net):
    make_admin("two@example.org", domains=["example.org", "other.net"])
    make_admin("one@example.org", domains=["example.org"], active=False)

    said = text(page_of(client_of_root, "admin-list"))

    assert "one@example.org off example.org ⋯" in said
    assert "root@example.org Superadmin: all domains" in said
    assert "two@example.org example.org, other.net ⋯" in said


def test_of_many_domains_the_list_names_the_first(client_of_root, make_admin, add_domain):
    names = [add_domain(f"d{number}.example").pk for number in (3, 1, 5, 2, 4)]
    make_admin("many@example.org", domains=names)
    make_admin("none@example.org")

    said = text(page_of(client_of_root, "admin-list"))

    assert "many@example.org d1.example, d2.example, d3.example and 2 more ⋯" in said
    assert "none@example.org no domain ⋯" in said


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "R"}, ["root@example.org"]),
        ({"role": "domain"}, ["ann@example.org", "bob@example.org"]),
        ({"role": "superadmin"}, ["root@example.org"]),
        ({"state": "off"}, ["bob@example.org"]),
        ({"q": "zz"}, []),
    ],
)
def test_the_list_searches_and_filters(query, found, client_of_root, make_admin):
    make_admin("ann@example.org")
    make_admin("bob@example.org", active=False)

    assert rows(page_of(client_of_root, "admin-list", **query)) == found


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_asks_as_often_for_any_number_of_administrators(
    number, client_of_root, make_admin, example_org, django_assert_num_queries
):
    for n in range(number):
        make_admin(f"a{n}@example.org", domains=["example.org"])

    with django_assert_num_queries(5):  # session, account, keys, rows, count
        page = page_of(client_of_root, "admin-list")

    assert len(rows(page)) == number + 1


def test_the_page_says_what_the_administrator_may_do(client_of_root, make_admin, example_org):
    make_admin("ann@example.org", domains=["example.org"])
    make_admin("none@example.org")

    assert "May do everything, in every domain." in text(
        page_of(client_of_root, "admin", "root@example.org")
    )
    assert "Manages the mailboxes and aliases of these domains." in text(
        page_of(client_of_root, "admin", "ann@example.org")
    )
    assert "Manages no domain yet, and so sees nothing after signing in." in text(
        page_of(client_of_root, "admin", "none@example.org")
    )


def test_a_domain_that_another_program_assigned_twice_counts_once(
    client_of_root, make_admin, example_org
):
    ann = make_admin("ann@example.org", domains=["example.org"])
    DomainAdmin.objects.create(username=ann, domain=example_org)

    assert "ann@example.org example.org ⋯" in text(page_of(client_of_root, "admin-list"))
    assert page_of(client_of_root, "admin", ann.pk).context["domain_names"] == ["example.org"]
    assert page_of(client_of_root, "admin-edit", ann.pk).context["form"].initial["domains"] == (
        "example.org"
    )
    assert page_of(client_of_root, "domain-settings", "example.org").context["admins"] == [ann.pk]


def test_the_page_shows_what_was_changed_on_the_account(client_of_root, make_admin, root):
    ann = make_admin("ann@example.org")
    update_admin(actor=root, admin=ann, phone="112")

    said = text(page_of(client_of_root, "admin", "ann@example.org"))

    assert "root@example.org changed administrator ann@example.org just now · localhost" in said
    assert "Phone: 112" in said


def test_a_domain_admin_finds_no_administrators_anywhere(sign_in, make_admin, example_org):
    client = sign_in(make_admin(domains=["example.org"]))

    page = page_of(client, "dashboard")

    assert reverse("admin-list") not in page.content.decode()
    assert page_of(client, "admin-list").status_code == 404


# --- Creating and editing


def test_an_administrator_is_created_with_domains(client_of_root, add_domain, example_org):
    add_domain("müller.example")

    response = client_of_root.post(
        reverse("admin-create"),
        NEW_ADMIN | {"username": "New@Example.org", "domains": "Müller.example\r\nexample.org"},
        follow=True,
    )

    admin = Admin.objects.get(pk="new@example.org")
    assert admin.domain_names == ("example.org", "xn--mller-kva.example")
    assert (admin.superadmin, admin.active) == (False, True)
    assert admin.check_password(NEW_PASSWORD) is True
    assert "Administrator new@example.org created." in text(response)


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        (
            {"username": "root@example.org"},
            {"username": ["root@example.org exists already."]},
        ),
        ({"username": "root"}, {"username": ["Write the login name like an e-mail address."]}),
        ({"password": "kayak-7"}, {"password": ["Use at least 10 characters."]}),
        (
            {"domains": "example.org nowhere.example"},
            {"domains": ["No such domain: nowhere.example. Create it first, or correct the name."]},
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes, errors, client_of_root, example_org):
    response = client_of_root.post(reverse("admin-create"), NEW_ADMIN | changes)

    assert response.status_code == 422
    assert response.context["form"].errors == errors
    assert list(Admin.objects.values_list("pk", flat=True)) == ["root@example.org"]


def test_a_refused_password_is_not_sent_back(client_of_root):
    response = client_of_root.post(reverse("admin-create"), NEW_ADMIN | {"username": "root"})

    assert NEW_PASSWORD not in response.content.decode()


def test_editing_changes_rights_at_once(client_of_root, make_admin, example_org, other_net):
    make_admin("ann@example.org", domains=["example.org"])
    changed = {"domains": "other.net", "active": "on", "phone": "112", "email_other": ""}

    client_of_root.post(reverse("admin-edit", args=["ann@example.org"]), changed)

    ann = Admin.objects.get(pk="ann@example.org")
    assert (ann.domain_names, ann.phone) == (("other.net",), "112")


@pytest.mark.parametrize("others", [0, 1], ids=["the last one", "one of two"])
def test_no_superadmin_takes_the_right_from_oneself(others, client_of_root, make_admin):
    for n in range(others):
        make_admin(f"other{n}@example.org", superadmin=True)
    address = reverse("admin-edit", args=["root@example.org"])

    demoted = client_of_root.post(address, {"phone": "112"})

    assert demoted.status_code == 422
    assert demoted.context["form"].non_field_errors() == [
        "You cannot remove your own superadmin rights. Ask another superadmin."
    ]
    root = Admin.objects.get(pk="root@example.org")
    assert (root.superadmin, root.active) == (True, True)


def test_a_superadmin_demotes_another(client_of_root, make_admin):
    make_admin("other@example.org", superadmin=True)

    client_of_root.post(reverse("admin-edit", args=["other@example.org"]), {"phone": "112"})

    assert Admin.objects.get(pk="other@example.org").superadmin is False


def test_a_new_password_signs_the_person_out_and_is_shown_once(client_of_root, make_admin, client):
    ann = make_admin("ann@example.org")
    other = type(client)()
    other.force_login(ann, backend="accounts.backends.AdminBackend")

    response = client_of_root.post(
        reverse("admin-password", args=["ann@example.org"]), {"password": NEW_PASSWORD}
    )

    assert "New password of ann@example.org saved. Its sessions are signed out." in text(response)
    assert NEW_PASSWORD in text(response)
    assert NEW_PASSWORD not in client_of_root.get(response.context["next"]).text
    assert other.get(reverse("account")).status_code == 302


def test_ones_own_new_password_is_set_on_the_own_page_alone(client_of_root, root, password):
    address = reverse("admin-password", args=[root.pk])

    shown = client_of_root.get(address)
    refused = client_of_root.post(address, {"password": NEW_PASSWORD})

    assert (shown.status_code, shown.url) == (302, reverse("account"))
    assert refused.status_code == 422
    assert refused.context["form"].non_field_errors() == [
        "Change your own password on the page of your account, with the current one."
    ]
    root.refresh_from_db()
    assert root.check_password(password) is True


def test_the_field_of_a_new_password_says_its_rules(client_of_root, root, settings):
    settings.PASSWORD_MIN_LENGTH, settings.PASSWORD_MIN_DIGITS, settings.PASSWORD_MIN_LETTERS = (
        24,
        6,
        9,
    )

    page = page_of(client_of_root, "admin-create").content.decode()

    assert 'minlength="24" data-digits="6" data-letters="9"' in page


# --- International names


def test_an_international_name_is_stored_in_ascii_and_shown_in_unicode(client_of_root):
    response = client_of_root.post(
        reverse("admin-create"), NEW_ADMIN | {"username": "Ann@Müller.example"}
    )

    assert Admin.objects.filter(pk="ann@xn--mller-kva.example").exists()
    assert response.context["next"] == "/administrators/ann@xn--mller-kva.example/"
    assert "Administrator ann@müller.example created." in text(response)
    assert "xn--" not in text(response)


@pytest.mark.parametrize("parameter", ["q", "jump"])
def test_a_typed_unicode_name_is_found_in_the_list(parameter, client_of_root, make_admin):
    make_admin("ann@other.example")  # between the two forms
    make_admin("ann@müller.example")

    page = page_of(client_of_root, "admin-list", **{parameter: "Ann@Müller.example"})

    assert rows(page)[0] == "ann@xn--mller-kva.example"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Ann@Müller.example", ["ann@müller.example"]),
        ("ann@mu\u0308ller.example", ["ann@müller.example"]),
        ("ann@mül", ["ann@müller.example"]),
        ("ann@xn--mller-kva.example", ["ann@müller.example"]),
        ("ann@", ["ann@example.org", "ann@müller.example"]),
    ],
)
def test_a_name_that_another_program_stored_in_unicode_is_found_in_the_list(
    typed, found, client_of_root, make_admin
):
    make_admin("ann@example.org")
    Admin.objects.create(username="ann@müller.example", password="x")

    assert rows(page_of(client_of_root, "admin-list", q=typed)) == found


# --- More domains than a page can show

MANY = [f"department-{n:04}.customer.example" for n in range(5_000)]


@pytest.fixture
def of_many(make_admin, other_net):
    """An administrator of 5,000 domains; other.net is nobody's."""
    Domain.objects.bulk_create(Domain(name=name) for name in MANY)
    return make_admin("ann@example.org", domains=MANY)


def posted(**values):
    return {"added": "", "removed": "", "active": "on", "phone": "", "email_other": ""} | values


@pytest.mark.parametrize("name", ["admin", "admin-edit", "admin-delete", "admin-state", "log"])
def test_a_page_about_5000_domains_stays_below_100_kb(
    name, client_of_root, of_many, root, django_assert_max_num_queries
):
    update_admin(actor=root, admin=of_many, domains=MANY[1:])
    args = [] if name == "log" else [of_many.pk]

    with django_assert_max_num_queries(10):
        page = page_of(client_of_root, name, *args)

    assert len(page.content) < 100_000


def test_the_form_of_many_domains_says_how_many_and_asks_for_what_changes(client_of_root, of_many):
    page = page_of(client_of_root, "admin-edit", of_many.pk)

    said = text(page)
    assert "Domains to add optional One name a line. Assigned now: 5,000." in said
    assert "Domains to take away optional One name a line." in said
    assert "domains" not in page.context["form"].fields


def test_the_form_of_a_thousand_domains_lists_them(client_of_root, make_admin):
    names = [f"department-{n:04}.example" for n in range(1_000)]
    Domain.objects.bulk_create(Domain(name=name) for name in names)
    ann = make_admin("ann@example.org", domains=names)

    page = page_of(client_of_root, "admin-edit", ann.pk)

    assert page.context["form"].initial["domains"].splitlines() == names
    assert {"added", "removed"} & page.context["form"].fields.keys() == set()
    assert len(page.content) < 100_000


def test_domains_are_added_to_many_and_taken_away(client_of_root, of_many):
    values = posted(added="Other.net", removed=f"{MANY[0]}\r\n{MANY[1].upper()}", phone="112")

    response = client_of_root.post(reverse("admin-edit", args=[of_many.pk]), values, follow=True)

    ann = Admin.objects.get(pk=of_many.pk)
    assert (ann.domain_names, ann.phone) == ((*MANY[2:], "other.net"), "112")
    assert "Administrator ann@example.org saved." in text(response)
    assert f"Domains: {MANY[0]}, {MANY[1]} → other.net" in text(response)


def test_other_changes_leave_many_domains_as_they_are(client_of_root, of_many):
    client_of_root.post(reverse("admin-edit", args=[of_many.pk]), posted(phone="112"))

    ann = Admin.objects.get(pk=of_many.pk)
    assert (ann.domain_names, ann.phone) == (tuple(MANY), "112")
    assert LogEntry.objects.latest("pk").changes == {"phone": ["", "112"]}


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        (
            {"added": "nowhere.example other.net"},
            {"added": ["No such domain: nowhere.example. Create it first, or correct the name."]},
        ),
        (
            {"removed": "nowhere.example"},
            {"removed": ["No such domain: nowhere.example. Create it first, or correct the name."]},
        ),
        (
            {"removed": f"other.net {MANY[0]}"},
            {"removed": ["Not assigned: other.net. Correct the name, or leave it out."]},
        ),
    ],
)
def test_what_is_wrong_with_domains_to_add_or_take_away_is_said_there(
    values, errors, client_of_root, of_many
):
    response = client_of_root.post(reverse("admin-edit", args=[of_many.pk]), posted(**values))

    assert response.status_code == 422
    assert response.context["form"].errors == errors
    assert len(response.content) < 100_000
    assert Admin.objects.get(pk=of_many.pk).domain_names == tuple(MANY)


def test_what_is_posted_is_read_as_its_page_was_drawn(client_of_root, of_many, make_admin):
    few = make_admin("eve@example.org", domains=MANY[:2])

    client_of_root.post(reverse("admin-edit", args=[few.pk]), posted(added="other.net"))
    client_of_root.post(
        reverse("admin-edit", args=[of_many.pk]), {"domains": "other.net", "active": "on"}
    )

    assert Admin.objects.get(pk=few.pk).domain_names == (*MANY[:2], "other.net")
    assert Admin.objects.get(pk=of_many.pk).domain_names == ("other.net",)


def test_a_new_administrator_has_no_domains_to_take_away(client_of_root, other_net):
    values = NEW_ADMIN | {"domains": "other.net", "added": "", "removed": "other.net"}

    client_of_root.post(reverse("admin-create"), values)

    assert Admin.objects.get(pk="new@example.org").domain_names == ("other.net",)


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


# --- One's own account


def test_an_administrator_changes_the_own_password_and_stays_signed_in(
    sign_in, make_admin, password
):
    admin = make_admin()
    client = sign_in(admin)

    response = client.post(
        reverse("account"), {"old_password": password, "password": NEW_PASSWORD}, follow=True
    )

    assert response.status_code == 200
    assert "Password changed. Other sessions are signed out." in text(response)
    admin.refresh_from_db()
    assert admin.check_password(NEW_PASSWORD) is True


def test_the_own_password_needs_the_old_one(sign_in, make_admin, password):
    admin = make_admin()

    response = sign_in(admin).post(
        reverse("account"), {"old_password": "wrong", "password": NEW_PASSWORD}
    )

    assert response.status_code == 422
    assert response.context["form"].errors == {
        "old_password": ["This is not your current password."]
    }
    admin.refresh_from_db()
    assert admin.check_password(password) is True


def test_the_own_password_may_not_be_guessed_without_limit(sign_in, make_admin, password, settings):
    settings.LOGIN_FAILURES = 2
    client = sign_in(make_admin())

    answers = [
        client.post(reverse("account"), {"old_password": guess, "password": NEW_PASSWORD})
        for guess in ("wrong", "wrong", password)
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert Admin.objects.get().check_password(password) is True


def test_the_own_page_says_which_domains_are_yours(sign_in, make_admin, add_domain):
    add_domain("müller.example")

    page = page_of(sign_in(make_admin(domains=["xn--mller-kva.example"])), "account")

    assert "Role Domain admin Domains müller.example" in text(page)
    assert reverse("domain", args=["xn--mller-kva.example"]) in links(page)


def test_the_own_page_of_a_superadmin_says_so(client_of_root):
    assert "Superadmin: everything, in every domain" in text(page_of(client_of_root, "account"))


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
