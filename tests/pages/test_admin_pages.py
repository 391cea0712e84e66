import pytest
from django.urls import reverse

from accounts.models import Admin
from accounts.services import update_admin
from domains.models import DomainAdmin
from tests.pages.administrators import NEW_ADMIN, NEW_PASSWORD, page_of
from tests.pages.reading import rows, text

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
