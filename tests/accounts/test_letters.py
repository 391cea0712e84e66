"""The mails that the panel writes to people: two parts of the same words, and texts of a superadmin in their place."""

import pytest
from django.core import mail
from django.db import OperationalError

from accounts import letter_texts, letters
from accounts.letter_rows import LetterTextQuerySet
from accounts.letter_texts import KINDS, remove_text, set_text
from accounts.models import LetterText, LogEntry
from domains.services import delete_domain
from mailboxes.welcome import send_welcome
from tests.refusals import refused


@pytest.fixture
def joe(add_domain, add_mailbox):
    add_domain("example.org")
    return add_mailbox("joe@example.org", name="Joe")


def own(text="Own words", *, kind="welcome", language="en", domain="", subject="Own subject"):
    return set_text(
        actor=None, kind=kind, language=language, domain=domain, subject=subject, body=text
    )


def sent_to(account, kind="welcome", **context):
    mail.outbox.clear()
    assert letters.send(kind, account, [account.pk], **context) is True
    [message] = mail.outbox
    [(html, of_type)] = message.alternatives
    assert of_type == "text/html"
    return message.subject, message.body, html


def test_a_mail_has_the_same_words_as_plain_text_and_as_html(joe):
    _subject, text, html = sent_to(joe)

    assert len(text.splitlines()) > 3
    assert [line for line in text.splitlines() if line not in html] == []
    assert "<a " not in html


def test_what_a_name_holds_is_text_in_html_and_one_line_of_the_subject(joe):
    joe.name = "<b>Joe</b>\r\nBcc: eve@elsewhere.test {text}"
    own("Hello {name}", subject="{name}")

    subject, text, html = sent_to(joe)

    assert subject == "<b>Joe</b> Bcc: eve@elsewhere.test {text}"
    assert "{text}" in text
    assert "<b>" not in html


def test_the_text_of_a_domain_comes_before_that_of_all_and_only_in_its_language(
    joe, add_domain, add_mailbox
):
    add_domain("other.net")
    ann = add_mailbox("ann@other.net")
    own("To all")
    own("To example.org", domain="example.org")

    assert [sent_to(each)[1] for each in (joe, ann)] == ["To example.org\n", "To all\n"]

    joe.language = "de"
    assert "example.org" in sent_to(joe)[1]
    assert sent_to(joe)[0] != "Own subject"


def test_what_stands_for_the_panels_text_and_for_the_link_is_filled_in(joe):
    builtin = letter_texts.preview("invitation", "en").text

    own("{text}\n\nCall 112.\n\n{link}", kind="invitation")

    text = sent_to(joe, "invitation", link="https://panel.example.org/login/link/abc")[1]
    assert text.endswith("Call 112.\n\nhttps://panel.example.org/login/link/abc\n")
    assert text.splitlines()[0] == builtin.splitlines()[0]
    assert 'href="https://panel.example.org/login/link/abc"' in mail.outbox[0].alternatives[0][0]


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"subject": " "}, "subject", "required"),
        ({"text": "\r\n"}, "body", "required"),
        ({"subject": "x" * 201}, "subject", "too_long"),
        ({"text": "x" * 10_001}, "body", "too_long"),
        ({"text": "{password}"}, "body", "placeholder"),
        ({"text": "{link}"}, "body", "placeholder"),
        ({"subject": "{text}"}, "subject", "placeholder"),
        ({"kind": "reset", "text": "Hello {name}"}, "body", "needed"),
        ({"kind": "factor", "text": "Hello {name}"}, "body", "needed"),
        ({"domain": "unknown.example"}, "domain", "unknown_domain"),
        ({"domain": "no domain"}, "domain", "invalid_domain"),
        ({"kind": "nothing"}, None, "no_such_mail"),
        ({"language": "xx"}, None, "no_such_mail"),
    ],
)
def test_a_text_that_would_not_do_is_refused_and_nothing_is_stored(values, field, code, joe):
    with refused(code, field=field):
        own(**values)

    assert not LetterText.objects.exists()


def test_a_text_is_logged_and_one_that_is_removed_gives_way_to_the_panels(joe):
    before = sent_to(joe)
    own()
    own("Other words")
    own("Other words")

    remove_text(actor=None, kind="welcome", language="en")
    remove_text(actor=None, kind="welcome", language="en")

    assert sent_to(joe) == before
    entries = LogEntry.objects.filter(action="edit_letter").order_by("pk")
    assert [entry.changes["body"] for entry in entries] == [
        [None, "Own words"],
        ["Own words", "Other words"],
        ["Other words", None],
    ]


def test_texts_go_with_their_domain(joe):
    own(domain="example.org")
    own()

    delete_domain(actor=None, domain=joe.domain)

    assert [*LetterText.objects.values_list("domain", flat=True)] == [""]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_each_mail_can_be_looked_at_in_each_language(kind, language, db):
    letter = letter_texts.preview(kind, language)

    assert letter.subject
    assert len(letter.paragraphs) > 1


def test_the_welcome_mail_speaks_the_language_of_the_mailbox(joe):
    joe.language = "fr"

    assert send_welcome(joe) is True
    assert mail.outbox[0].subject == letter_texts.preview("welcome", "fr").subject


@pytest.fixture
def database_away(monkeypatch):
    """From right after COMMIT on, when the mail is written."""

    def away(*_args):
        raise OperationalError(2013, "Lost connection to MySQL server during query")

    monkeypatch.setattr(LetterTextQuerySet, "for_person", away)


def test_while_the_database_is_away_the_panels_own_text_is_sent(joe, database_away, caplog):
    own()
    own_words = letter_texts.preview("welcome", "en").text

    assert sent_to(joe)[1].splitlines()[0] == own_words.splitlines()[0]
    assert "Lost connection" in caplog.text
