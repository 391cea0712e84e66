"""The cells of a list's rows, which are put together once and filled in for each row."""

import re

from django.template import Context, Template
from django.urls import resolve
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
        '<a href="/mailboxes/anna@xn--mller-kva.example/">anna@müller.example</a>'
    )
    link = AliasDomain(alias_domain_id="example.net")
    assert draw('{% row_link row "domain" %}', link) == (
        '<a href="/domains/example.net/">example.net</a>'
    )


def test_an_unusual_key_stays_itself_in_every_path_and_query():
    key = "a?b#c&d+e%41/f;g='h\"<i>\x01\x02@example.org"
    html = draw('{% row_menu row "edit" "state" "delete" "log of person" %}', Admin(username=key))
    paths, query = hrefs(html)[:3], hrefs(html)[3]
    assert [resolve(path.replace("%", "%25")).url_name for path in paths] == [
        "admin-edit",
        "admin-state",
        "admin-delete",
    ]
    assert {path.split("/", 2)[2].rsplit("/", 2)[0] for path in paths} == {
        "a%3Fb%23c%26d%2Be%2541/f%3Bg%3D%27h%22%3Ci%3E%01%02@example.org"
    }
    assert query == ("/log/?person=a%3Fb%23c%26d%2Be%2541/f%3Bg%3D%27h%22%3Ci%3E%01%02@example.org")


def test_names_and_keys_are_escaped_wherever_they_stand():
    key = "\"><script>'&@example.org"
    alias = Alias(address=key)
    assert f'value="{escape(key)}"' in draw("{% row_select row %}", alias)
    assert f'aria-label="Select {escape(key)}"' in draw("{% row_select row %}", alias)
    assert f'aria-label="Actions for {escape(key)}"' in draw('{% row_menu row "edit" %}', alias)
    assert f">{escape(key)}</a>" in draw("{% row_link row %}", alias)


def test_the_menu_offers_the_switch_that_is_left_to_do():
    for active, word in ((True, "Deactivate"), (False, "Activate"), (True, "Deactivate")):
        domain = Domain(name="example.org", active=active)
        html = draw('{% row_menu row "mailboxes" "state" %}', domain)
        assert re.findall(r">(\w+)</a>", html) == ["Mailboxes", word]
        assert hrefs(html) == ["/mailboxes/?domain=example.org", "/domains/example.org/state/"]


def test_what_is_kept_for_the_next_row_is_kept_for_each_language():
    texts = ("{% row_select row %}", '{% row_menu row "edit" %}', "{% state row.active %}")
    english = [draw(text, MAILBOX) for text in texts]
    with override("fr"):
        french = [draw(text, MAILBOX) for text in texts]
    assert ["Sélectionner anna" in french[0], "Modifier" in french[1], "Actif" in french[2]] == [
        True,
        True,
        True,
    ]
    assert [draw(text, MAILBOX) for text in texts] == english
