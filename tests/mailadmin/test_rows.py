import re
from collections import namedtuple
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

from django.template import Context, Template, engines
from django.urls import resolve, set_script_prefix
from django.utils.translation import override
from jinja2 import DictLoader

from accounts.views import AdminList
from aliases.views import AliasList
from domains.alias_domain_views import AliasDomainList
from domains.views import DomainList
from mailboxes.views import MailboxList


def row(view, **values):
    columns = [name for name in view.shown if name != "pk"]
    return namedtuple("Row", ["pk", *columns])(**dict.fromkeys(columns) | values)


MAILBOX = row(MailboxList, pk="anna@xn--mller-kva.example", name="", smtp_active=True)


def draw(part, *rows, **context):
    values = {"rows": rows, "manageable": [row.pk for row in rows], "superadmin": True}
    values |= {"in_domain": False, "ticks": True, "roles": {}} | context
    named = " ".join(f"{name}={name}" for name in values)
    return Template(f'{{% part "{part}" {named} %}}').render(Context(values))


def hrefs(html):
    return [unescape(url) for url in re.findall(r'href="([^"]*)"', html)]


def admin(key):
    return row(AdminList, pk=key, active=True, domain_count=0)


def domain(name, active=True):
    counts = {"usage__mailboxes": 0, "usage__alias_rows": 0, "usage__used": 0}
    limits = dict.fromkeys(("mailboxes", "aliases", "quota"), 0)
    return row(DomainList, pk=name, active=active, **counts, **limits)


def test_a_row_s_link_leads_to_its_page_and_shows_its_name():
    assert (
        '<a href="/mailboxes/anna@xn--mller-kva.example/">anna<span>@müller.example</span></a>'
    ) in draw("mailboxes/rows.html", MAILBOX, in_domain=False)
    link = row(AliasDomainList, pk="example.net", target_domain_id="example.org", active=True)
    html = draw("domains/alias_domain_rows.html", link)
    assert '<a href="/domains/example.net/">example.net</a>' in html


def test_an_unusual_key_stays_itself_in_every_path_and_query():
    key = "a?b#c&d+e%41/f;g='h\"<i>\x01\x02@example.org"
    html = draw("accounts/rows.html", admin(key))
    page, edit, password, query, state, delete = hrefs(html)
    found = [resolve(unquote(path)) for path in (page, edit, password, state, delete)]
    assert [(match.url_name, match.kwargs) for match in found] == [
        ("admin", {"pk": key}),
        ("admin-edit", {"pk": key}),
        ("admin-password", {"pk": key}),
        ("admin-state", {"pk": key}),
        ("admin-delete", {"pk": key}),
    ]
    assert parse_qs(urlsplit(query).query) == {"person": [key]}
    assert unescape(re.search(r'value="([^"]*)"', html)[1]) == key


def test_names_and_keys_are_escaped_wherever_they_stand():
    key = "\"><script>'&@example.org"
    alias = row(AliasList, pk=key, goto=key, description=key, active=True)
    html = draw("aliases/rows.html", alias, in_domain=False, gone={})
    assert "<script" not in html
    shown = unescape(html.replace("<span>@", "@").replace("</span></a>", "</a>"))
    for text in (f'value="{key}"', f'"Select {key}"', f'"Actions for {key}"', f">{key}</a>"):
        assert text in shown


def test_the_menu_offers_to_switch_on_or_off():
    rows = [domain("on.example"), domain("off.example", active=False)]
    html = draw("domains/rows.html", *rows)
    assert re.findall(r">(Switch o\w+)…</a>", html) == ["Switch off", "Switch on"]
    html = draw("domains/rows.html", rows[0], superadmin=False)
    assert hrefs(html) == [
        "/domains/on.example/",
        "/alias-domains/?domain=on.example",
        "/log/?domain=on.example",
        "/domains/on.example/settings/",
    ]


def test_a_page_s_rows_are_in_the_language_of_the_request():
    mailbox = row(
        MailboxList,
        pk="anna@example.org",
        name="Anna",
        active=True,
        quota=1536 * 1_024_000,
    )
    english = draw("mailboxes/rows.html", mailbox)
    with override("fr"):
        french = draw("mailboxes/rows.html", mailbox)
    words = ("Sélectionner anna", "Modifier", "Go")
    assert [word for word in words if word not in french] == []
    assert [word for word in words if word in english] == []
    assert draw("mailboxes/rows.html", mailbox) == english


def test_rows_lead_to_the_place_the_panel_is_served_at():
    before = draw("mailboxes/rows.html", MAILBOX)
    set_script_prefix("/KEY/panel/")
    try:
        assert hrefs(draw("mailboxes/rows.html", MAILBOX))[0] == (
            "/KEY/panel/mailboxes/anna@xn--mller-kva.example/"
        )
    finally:
        set_script_prefix("/")
    assert draw("mailboxes/rows.html", MAILBOX) == before


PIECE = "<p>{{ name }}{{ secret }}{{ csrf_input }}{{ _('Password') }}</p>"


def test_what_is_kept_is_drawn_for_each_value_and_language_and_knows_nothing_else(monkeypatch):
    templates = {"page.html": "{{ kept('piece.html', name=name) }}", "piece.html": PIECE}
    loader = engines["jinja2"].env.loader
    monkeypatch.setattr(loader, "get_source", DictLoader(templates).get_source)

    def drawn(name):
        page = engines["jinja2"].get_template("page.html")
        return page.render({"name": name, "secret": "s", "csrf_input": "token"})

    assert [drawn("a"), drawn("<b>"), drawn("a")] == [
        "<p>aPassword</p>",
        "<p>&lt;b&gt;Password</p>",
        "<p>aPassword</p>",
    ]
    with override("fr"):
        assert drawn("a") == "<p>aMot de passe</p>"
