import pytest
from django.urls import reverse

from accounts import letters
from accounts.models import LetterText
from mailboxes.models import Mailbox
from tests.pages.reading import error_codes, errors, text

PAGE = "/server/letters/welcome/"
WORDS = {"subject": "Own subject", "body": "Own words for {name}"}


def test_a_superadmin_looks_at_a_text_changes_it_and_takes_it_back(superadmin, example_org):
    assert reverse("server-letters") == "/server/letters/"

    looked = superadmin.post(f"{PAGE}?language=de", WORDS | {"preview": "1"})

    assert (looked.status_code, "Own words for Joe" in text(looked)) == (200, True)
    assert not LetterText.objects.exists()

    for domain in ("", "example.org"):
        assert (
            superadmin.post(f"{PAGE}?language=de&domain={domain}", WORDS).url == "/server/letters/"
        )
    assert [*LetterText.objects.values_list("kind", "language", "domain", "subject", "body")] == [
        ("welcome", "de", "", *WORDS.values()),
        ("welcome", "de", "example.org", *WORDS.values()),
    ]
    overview = text(superadmin.get("/server/letters/"))
    assert "All domains, Deutsch" in overview
    assert "example.org, Deutsch" in overview
    assert "Own words for Joe" in text(superadmin.get(f"{PAGE}?language=de"))

    assert superadmin.post(f"{PAGE}?language=de", {"remove": "1"}).url == "/server/letters/"
    assert [*LetterText.objects.values_list("domain", flat=True)] == ["example.org"]


def test_a_text_that_would_not_do_is_refused_at_its_field_and_not_shown_as_a_preview(superadmin):
    for more in ({}, {"preview": "1"}):
        answer = superadmin.post(PAGE, WORDS | {"body": "{password}"} | more)

        assert answer.status_code == 422
        assert error_codes(answer) == {"body": ["placeholder"]}
    assert not LetterText.objects.exists()


def test_what_a_text_holds_is_no_html_of_the_page(superadmin):
    page = superadmin.post(PAGE, WORDS | {"body": "<b>Own</b>", "preview": "1"})

    assert "<b>Own" not in page.text


@pytest.mark.parametrize(
    "address",
    [
        "/server/letters/nothing/",
        f"{PAGE}?language=xx",
        f"{PAGE}?domain=unknown.example",
        f"{PAGE}?domain=%00",
    ],
)
def test_there_is_no_page_of_a_mail_a_language_or_a_domain_that_is_not_here(address, superadmin):
    assert superadmin.get(address).status_code == 404
    assert superadmin.post(address, WORDS).status_code == 404
    assert not LetterText.objects.exists()


@pytest.mark.parametrize("page", ["/server/letters/", PAGE])
def test_nobody_but_superadmins_has_these_pages(
    page, add_mailbox, make_admin, sign_in, example_org
):
    others = [make_admin(domains=["example.org"]), add_mailbox("joe@example.org")]
    for client in map(sign_in, others):
        assert client.get(page).status_code == 404
        assert client.post(page, WORDS).status_code == 404
    assert not LetterText.objects.exists()


def test_a_stored_text_that_somebody_else_changed_meanwhile_is_not_overwritten(superadmin):
    superadmin.post(PAGE, WORDS)
    page = superadmin.get(PAGE)
    digests = page.context_data["form"].initial_digests_input().split('value="')[1].rstrip('">')
    LetterText.objects.update(body="Theirs")

    answer = superadmin.post(PAGE, WORDS | {"body": "Mine", "initial_digests": digests})

    assert error_codes(answer) == {"body": ["edit_conflict"]}
    assert LetterText.objects.get().body == "Theirs"
    assert errors(answer)


def test_a_welcome_mail_that_cannot_be_written_does_not_hide_the_new_mailbox(
    admin, password, monkeypatch, django_capture_on_commit_callbacks
):
    """The password that was made is shown once."""

    def broken(*_args, **_kwargs):
        raise RuntimeError("the mail cannot be written")

    monkeypatch.setattr(letters, "draw", broken)
    form = {"local_part": "new", "domain": "example.org", "password": password, "quota_mb": "1"}

    with django_capture_on_commit_callbacks(execute=True) as run:
        page = admin.post(reverse("mailbox-create"), form | {"active": "on", "welcome": "on"})

    assert (len(run), page.status_code) == (1, 200)
    assert "new@example.org" in text(page)
    assert Mailbox.objects.filter(pk="new@example.org").exists()
