"""The cells of a list's rows, which are put together once and filled in for each row."""

import re
from datetime import UTC, datetime
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

from django.template import Context, Template
from django.urls import resolve, set_script_prefix
from django.utils.html import escape
from django.utils.translation import override

from accounts.models import Admin
from aliases.models import Alias
from domains.models import AliasDomain, Domain
from mailboxes.models import Mailbox

MAILBOX = Mailbox(username="anna@xn--mller-kva.example")


def draw(text, row):
    return Template(text).render(Context({"row": row}))


def hrefs(html):
    return re.findall(r'href="([^"]*)"', html)


def test_a_row_s_link_leads_to_its_page_and_shows_its_name():
    assert draw("{% row_link row %}", MAILBOX) == (
        '<a href="/mailboxes/anna@xn--mller-kva.example/">anna@<wbr>müller.example</a>'
    )
    link = AliasDomain(alias_domain_id="example.net")
    assert draw('{% row_link row "domain" %}', link) == (
        '<a href="/domains/example.net/">example.net</a>'
    )


def test_an_unusual_key_stays_itself_in_every_path_and_query():
    key = "a?b#c&d+e%41/f;g='h\"<i>\x01\x02@example.org"
    html = draw('{% row_menu row "edit" "state" "delete" "log of person" %}', Admin(username=key))
    *paths, query = hrefs(html)
    found = [resolve(unquote(unescape(path))) for path in paths]
    assert [(match.url_name, match.kwargs) for match in found] == [
        ("admin-edit", {"pk": key}),
        ("admin-state", {"pk": key}),
        ("admin-delete", {"pk": key}),
    ]
    assert parse_qs(urlsplit(unescape(query)).query) == {"person": [key]}
    html = draw("{% row_select row %}", Admin(username=key))
    assert re.findall(r'value="([^"]*)"', html) == [escape(key)]


def test_names_and_keys_are_escaped_wherever_they_stand():
    key = "\"><script>'&@example.org"
    alias = Alias(address=key)
    assert f'value="{escape(key)}"' in draw("{% row_select row %}", alias)
    assert f'aria-label="Select {escape(key)}"' in draw("{% row_select row %}", alias)
    assert f'aria-label="Actions for {escape(key)}"' in draw('{% row_menu row "edit" %}', alias)
    text = draw("{% row_link row %}", alias).replace("<wbr>", "")
    assert f">{escape(key)}</a>" in text


def test_the_menu_offers_the_switch_that_is_left_to_do():
    for active, word in ((True, "Deactivate"), (False, "Activate"), (True, "Deactivate")):
        domain = Domain(name="example.org", active=active)
        html = draw('{% row_menu row "mailboxes" "state" %}', domain)
        assert re.findall(r">(\w+)</a>", html) == ["Mailboxes", word]
        assert hrefs(html) == ["/mailboxes/?domain=example.org", "/domains/example.org/state/"]


def test_what_is_kept_for_the_next_row_is_kept_for_each_language():
    texts = (
        "{% row_select row %}",
        '{% row_menu row "edit" %}',
        "{% state row.active %}",
        "{{ 1536|mb }}",
        "{{ row.created|ago }}",
    )
    mailbox = Mailbox(username="anna@example.org", created=datetime(2024, 3, 1, 12, tzinfo=UTC))
    english = [draw(text, mailbox) for text in texts]
    with override("fr"):
        french = [draw(text, mailbox) for text in texts]
    words = ("Sélectionner anna", "Modifier", "Actif", "Go", "1 mars 2024")
    assert [word for word, html in zip(words, french, strict=True) if word not in html] == []
    assert [word for word, html in zip(words, english, strict=True) if word in html] == []
    assert [draw(text, mailbox) for text in texts] == english


def test_what_is_kept_for_the_next_row_is_kept_for_each_place_the_panel_is_served_at():
    before = draw("{% row_link row %}", MAILBOX)
    set_script_prefix("/KEY/panel/")
    try:
        assert hrefs(draw("{% row_link row %}", MAILBOX)) == [
            "/KEY/panel/mailboxes/anna@xn--mller-kva.example/"
        ]
    finally:
        set_script_prefix("/")
    assert draw("{% row_link row %}", MAILBOX) == before
