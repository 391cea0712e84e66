import gettext
import io
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.models import LogEntry
from domains.services import create_alias_domain
from mailboxes.welcome import send_welcome
from panel import formats
from tests.pages.test_access import OF_A_ROW, OF_NO_ROW, address_of

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]
SOURCES = [
    "accounts",
    "aliases",
    "domains",
    "locale",
    "mailadmin",
    "mailboxes",
    "panel",
    "parts",
    "templates",
]
PLACEHOLDERS = re.compile(r"%\(\w+\)[sd]|\{\w+\}|</?\w+>")
# Words of the panel that no sentence of another language has, but for those in OWN (and 1 Go).
ENGLISH = re.compile(
    r"\b(?<!e-)(the|this|that|and|or|of|to|is|are|not|with|by|at|from|here|has|may|again|none|more|yes"
    r"|mail|mailbox|mailboxes|aliases|domains|administrators?|superadmins?|dashboard|log|state"
    r"|search|save|delete|edit|create|cancel|activate|deactivate|active|inactive|password|address"
    r"|forward|forwarding|unlimited|allowed|optional|ago|just|unknown|created|changed|deleted"
    r"|(?<!\d )go|show|next|previous|required|enter|field|name|phone|allotted|storage)\b",
    re.IGNORECASE,
)
OWN = {"de": {"administrator", "domains", "name", "optional", "superadmin", "superadmins"}}
WRONG_TYPOGRAPHY = {
    "de": r"[\"”«»!]|[ ]…|\b([Dd]u|[Dd]ich|[Dd]ir|[Dd]ein\w*)\b",
    "fr": r"['“”!]|(^|[ \w])[:;?%»](?![\w.\[:])|«(?!\u00a0)",
}
SPOKEN = {"aria-label", "placeholder", "title", "data-label", "data-copied", "data-bulk-count"}


def catalogue(compiled):
    """English → the other language, without the header; a plural form's key is (English, form)."""
    found = gettext.GNUTranslations(io.BytesIO(compiled))._catalog
    return {english: text for english, text in found.items() if english}


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, check=False, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def entries(kind, file):
    return run("msgattrib", f"--{kind}", "--no-wrap", file).decode()


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


def file(language, kind, base=settings.BASE_DIR):
    return base / "locale" / translation.to_locale(language) / "LC_MESSAGES" / f"django.{kind}"


@pytest.fixture
def po(language):
    return file(language, "po")


@pytest.fixture
def mo(language):
    return file(language, "mo").read_bytes()


@pytest.fixture
def texts(mo):
    return [(key if isinstance(key, str) else key[0], text) for key, text in catalogue(mo).items()]


@pytest.fixture(autouse=True)
def _no_language_stays():
    """A request's language stays active in its thread until the next request."""
    yield
    translation.deactivate()


class Reader(HTMLParser):
    """Collects what a page says, attributes that are read out included; skips names and addresses."""

    def __init__(self, page):
        super().__init__()
        self.said, self.skipped = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if self.skipped or tag in {"script", "code"} or attrs.get("lang") == "en":
            self.skipped.append(tag)
        self.said += [value for name, value in attrs.items() if name in SPOKEN]

    def handle_endtag(self, tag):
        if self.skipped and tag == self.skipped[-1]:
            self.skipped.pop()

    def handle_data(self, data):
        if not self.skipped:
            self.said.append(data)

    def english(self, language):
        said = (re.sub(r"\S*[@./]\w\S*", "", " ".join(text.split())) for text in self.said)
        own = OWN.get(language, set())
        return [text for text in said if {word.lower() for word in ENGLISH.findall(text)} - own]


@pytest.fixture
def world(example_org, add_domain, add_mailbox, add_alias, make_admin):
    source = add_domain("alias.example.org")
    create_alias_domain(actor=None, alias_domain=source, target_domain=example_org)
    add_domain("full.example", mailboxes=1, aliases=-1, quota=10)
    add_mailbox("only@full.example", quota=1_000_000)
    joe = add_mailbox("joe@example.org", quota=50_000_000, name="Joseph")
    add_alias("sales@example.org", "joe@example.org", "gone@example.org", "x@elsewhere.example")
    add_alias("@example.org", "joe@example.org", active=False)
    make_admin("theirs@example.org", domains=["example.org"])
    LogEntry.objects.create(username="CLI (localhost)", action="edit_domain", data="example.org")
    return {"superadmin": make_admin("root@example.org", superadmin=True), "user": joe}


@pytest.fixture
def visitor(client, language):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = f"{language}-CA,{language};q=0.9,en;q=0.5"
    return client


def test_a_catalogue_is_all_that_a_language_costs():
    assert {"de", "fr"} <= set(LANGUAGES)
    assert set(LANGUAGES) == set(WRONG_TYPOGRAPHY)


@pytest.mark.parametrize("kind", ["untranslated", "only-fuzzy", "only-obsolete"])
def test_no_entry_is_left_to_do(kind, po):
    assert entries(kind, po) == ""


def test_placeholders_and_tags_agree(po, texts):
    run("msgfmt", "--check-format", "--output-file=/dev/null", po)
    differ = [
        (english, text)
        for english, text in texts
        if sorted(PLACEHOLDERS.findall(english)) != sorted(PLACEHOLDERS.findall(text))
    ]
    assert differ == []


def test_quotes_and_spaces_are_those_of_the_language(language, texts):
    no_placeholder = ((english, re.sub(r"%(?=\()", "", text)) for english, text in texts)
    wrong = [
        text
        for english, text in no_placeholder
        if re.search(WRONG_TYPOGRAPHY[language], text) and text != english
    ]
    assert wrong == []


def test_what_is_compiled_is_what_is_written(po, mo):
    assert catalogue(mo) == catalogue(run("msgfmt", "--output-file=-", po))


def test_every_marked_text_is_in_the_catalogues_and_nothing_else(tmp_path):
    for name in SOURCES:
        left_out = shutil.ignore_patterns("__pycache__", "*.mo")
        shutil.copytree(settings.BASE_DIR / name, tmp_path / name, ignore=left_out)
    command = [sys.executable, settings.BASE_DIR / "manage.py", "makemessages", "--all"]
    run(*command, "--no-obsolete", "--add-location=file", cwd=tmp_path)

    for language in LANGUAGES:
        collected = file(language, "po", base=tmp_path)
        assert entries("untranslated", collected) + entries("only-fuzzy", collected) == ""
        collected_texts = catalogue(run("msgfmt", "--output-file=-", collected))
        assert collected_texts == catalogue(file(language, "mo").read_bytes())


def test_a_text_in_the_middle_of_an_expression_of_a_part_is_found(tmp_path):
    (tmp_path / "locale" / "fr").mkdir(parents=True)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "x.html").write_text(
        """{{ draw(a, b ~ _('it’s')) if a else _("two") }}"""
    )
    run(sys.executable, settings.BASE_DIR / "manage.py", "makemessages", "--all", cwd=tmp_path)

    found = run("msgattrib", "--no-location", file("fr", "po", base=tmp_path)).decode()
    assert re.findall('^msgid "(.+)"', found, re.MULTILINE) == ["it’s", "two"]


def test_block_texts_are_trimmed():
    untrimmed = [
        (path.name, tag)
        for path in (settings.BASE_DIR / "templates").rglob("*.*")
        for tag in re.findall(r"{% blocktranslate.*?%}", path.read_text())
        if "trimmed" not in tag
    ]
    assert untrimmed == []


def test_the_browser_chooses_the_language(visitor, language, db):
    page = visitor.get("/login/").text

    assert f'<html lang="{language}">' in page
    assert {"de": "Anmelden", "fr": "Se connecter"}[language] in page
    assert '<html lang="en">' in visitor.get("/login/", headers={"accept-language": "eo"}).text


def test_the_footer_changes_the_language_and_it_stays(client, db):
    english = client.get("/login/").content.decode()
    assert '<button name="language" value="fr" lang="fr">Français</button>' in english

    changed = client.post(reverse("set_language"), {"language": "fr", "next": "/login/"})

    assert (changed.status_code, changed.url) == (302, "/login/")
    cookie = changed.cookies["django_language"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    page = client.get("/login/").content.decode()
    assert '<html lang="fr">' in page
    assert '<button name="language" value="en" lang="en">English</button>' in page


def is_page(answer):
    return answer.status_code != 405 and answer.headers["Content-Type"].startswith("text/html")


def test_no_page_of_an_administrator_has_a_word_of_english(visitor, language, sign_in, world):
    client = sign_in(world["superadmin"])
    addresses = [
        address_of(name) for name in OF_A_ROW + OF_NO_ROW if not name.endswith(("-bulk", "-table"))
    ]
    addresses += [f"{reverse(f'{kind}-list')}?q=nul&state=active" for kind in ("mailbox", "alias")]
    addresses += ["/", "/account/", "/search/", "/search/?q=j", "/search/?q=nul", "/nul/"]
    addresses += ["/log/?domain=nul", "/domains/full.example/", "/aliases/@example.org/"]
    answers = {address: client.get(address) for address in addresses}
    # Without those that only take a form, and the files.
    pages = {at: page for at, page in answers.items() if is_page(page)}
    selected = {"action": "delete", "selected": ["joe@example.org"]}
    pages["bulk"] = client.post(reverse("mailbox-bulk"), selected)
    for name in OF_NO_ROW:
        if name.endswith("-create"):
            pages[name] = client.post(reverse(name), {"local_part": "x y", "domain": "nul"})

    left = {
        at: found for at, page in pages.items() if (found := Reader(page.text).english(language))
    }

    assert left == {}
    fragments = {reverse("log-days")}
    in_it = {at for at, page in pages.items() if f'<html lang="{language}"' in page.text}
    assert pages.keys() - in_it == fragments


def test_no_page_of_a_mailbox_user_has_a_word_of_english(visitor, language, sign_in, world):
    login = visitor.post("/login/", {"username": "joe@example.org", "password": "nul"}).text
    client = sign_in(world["user"])
    own = client.get("/account/").text
    refused = client.post("/account/", {"form": "password", "password-password": "x"}).text

    assert Reader(login + own + refused).english(language) == []


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500", "503"])
def test_no_error_page_has_a_word_of_english(name, language):
    with translation.override(language):
        page = render_to_string(f"{name}.html")

    assert f'<html lang="{language}">' in page
    assert Reader(page).english(language) == []


def test_the_welcome_mail_speaks_the_language_of_the_installation(settings, world):
    settings.LANGUAGE_CODE = "fr"
    send_welcome(world["user"])

    assert mail.outbox[0].subject == "Bienvenue dans votre boîte aux lettres joe@example.org"
    assert mail.outbox[0].body.startswith("Bonjour Joseph,\n")
    assert Reader(mail.outbox[0].body).english("fr") == []


@pytest.mark.parametrize(
    ("language", "days", "hour"),
    [("en", "3 days ago", "1 hour ago"), ("de", "vor 3 Tagen", "vor 1 Stunde")],
)
def test_how_long_ago_is_one_phrase_because_of_its_cases(language, days, hour):
    with translation.override(language):
        told = formats.ago_by(UTC, datetime(2026, 3, 5, 12, 0, tzinfo=UTC))

        assert f">{days}<" in told(datetime(2026, 3, 2, 11, 0, tzinfo=UTC))
        assert f">{hour}<" in told(datetime(2026, 3, 5, 10, 1, tzinfo=UTC))


def test_commands_speak_english_whatever_the_installation_speaks(world):
    with translation.override("fr"), pytest.raises(CommandError, match="exists already"):
        call_command("alias", "add", "sales@example.org", "joe@example.org")


def test_the_reader_finds_english():
    page = '<p title="Close this">Oui</p><code>the code</code><b>Save <i lang="en">it</i></b>'

    assert Reader(page).english("fr") == ["Close this", "Save"]
