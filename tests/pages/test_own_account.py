from django.urls import reverse

from accounts.models import Admin
from tests.pages.administrators import NEW_PASSWORD, page_of
from tests.pages.reading import links, text


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
