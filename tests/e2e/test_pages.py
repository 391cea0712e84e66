import pytest
from django.urls import URLPattern, get_resolver, reverse

from mailadmin import api

pytestmark = pytest.mark.xdist_group("mail")

# One row of the sample data for each kind of page, by the first word of its name.
ROWS = {
    "domain": ["brightwater.example", "lakeside-archive.example", "xn--mller-kva.example"],
    "mailbox": ["maria.castellanos@brightwater.example", "sam.whitlock@brightwater.example"],
    "alias": ["instructors@brightwater.example", "@harbour-books.example"],
    "aliasdomain": ["brightwater-sailing.example"],
    "admin": ["office@brightwater.example"],
    "letter": ["welcome", "factor"],
    "deleted": ["1"],  # what the sample data deleted
}
LISTS = ["domain-list", "mailbox-list", "alias-list", "aliasdomain-list", "admin-list", "log"]
LISTS += ["deleted-list"]
QUERIES = [
    "?q=nothing-begins-like-this",
    "?state=off",
    "?domain=brightwater.example",
    "?domain=nowhere.example",
    "?size=25&jump=m",
    "?person=it&kind=mailbox&from=2001-01-01",
]
# Of a mailbox's user alone.
OWN = ["own-address", "own-forwarding", "own-password", "own-room", "own-setup"]
OWN += [
    "own-sign-ins",
    "own-app-passwords",
    "own-app-password-new",
    "own-app-only",
    "own-away",
    "own-addresses",
    "own-send-as",
    "own-fetching",  # off unless FETCHMAIL_FOR_USERS is set
    "own-fetching-form",
]
TOKENS = ["own-tokens", "own-token-new", "api-docs"]
FACTOR = ["/account/factor/", "/account/factor/setup/"]
NO_PAGES = {
    "domain-copy-remove",
    "domain-sender-remove",
    "mailbox-send-as-end",
    "alias-senders-end",
    "mailbox-sharing-end",
    "task",
    "task-undo",
    "broadcast-refused",
    "import",  # of a file that was uploaded: tests/e2e/test_file_import.py
    "import-columns",
    "import-result",
    "address-preview",
    "address-suggestions",
    "healthz",
    "metrics",
    "logout",
    "set_language",
    "domain-suggestions",
    "domain-places",
    "domain-options",
    "domain-checklist",
    "mailbox-away-end",
    "own-away-end",
    "own-manage",  # tests/e2e/test_managing.py
    "own-manage-code",
    "own-mailbox",
    "session-left",
    "second-step",
    "to-provider",
    "provider-return",
    "own-factor-codes",
    "own-factor-off",
    "password-forgotten",  # off unless there is a PANEL_URL: tests/e2e/test_password_links.py
    "password-link",
    "password-link-token",
    "password-due",
    "preferences",
    "sign-in-link",
    "sign-in-link-token",
    *(entry.name for entry in api.urls),
    *OWN,
    "own-addresses-edit",
    "own-passkey",
    "own-passkey-remove",
    *(f"simplelogin-{name}" for name in ("user", "options", "random", "named")),
    "own-webhook",
    "own-webhook-edit",
    "scim-service",
    "scim-resource-types",
    "scim-resource-type",
    "scim-schemas",
    "scim-schema",
    "scim-users",
    "scim-user",
    "passkey-options",
    "own-deliveries",  # off unless DELIVERIES_FOR_USERS is set: tests/deliveries
    "log-days",
    "log-table",
    "domain-dns-zone",
    "mta-sts",
    "autoconfig",
    "autodiscover",
    "user-agent-configuration",
    "apple-profile",
    "webmail-identities",
    "webmail-password",
}

FAULTS = """() => {
  const found = [];
  const say = (what, elements) => elements.forEach((element) => found.push(`${what}: ${element.outerHTML.slice(0, 160)}`));
  const all = (selector) => [...document.querySelectorAll(selector)];
  const named = (element) => element.getAttribute("aria-label") || element.textContent.trim();
  if (all("h1").length !== 1) found.push(`${all("h1").length} h1`);
  if (!document.title.trim() || document.title.trim().startsWith("·")) found.push("no title");
  say("no label", all("input:not([type=hidden]), select, textarea:not([hidden])").filter(
    (field) => !field.getAttribute("aria-label") && ![...field.labels].some((label) => label.textContent.trim())));
  say("no name", all("a[href], button, summary").filter((element) => !named(element)));
  say("picture neither hidden nor named", all("svg, img").filter(
    (picture) => !picture.closest("[aria-hidden=true]") && !picture.alt && !picture.getAttribute("aria-label")));
  say("column without scope", all("th:not([scope])"));
  say("no such id", all("[aria-describedby], [aria-labelledby], label[for]").filter((element) =>
    ["aria-describedby", "aria-labelledby", "for"].some((name) =>
      (element.getAttribute(name) || "").split(" ").some((id) => id && !document.getElementById(id)))));
  const ids = all("[id]").map((element) => element.id);
  new Set(ids.filter((id, place) => ids.indexOf(id) !== place)).forEach((id) => found.push(`id twice: ${id}`));
  return found;
}"""
TOO_WIDE = """() => {
  const ends = (element) => Math.round(element.getBoundingClientRect().right);
  // For screen readers only: clipped to nothing.
  const clipped = (element) => element && ((element.offsetWidth <= 1 && getComputedStyle(element).overflow === "hidden") || clipped(element.parentElement));
  // Cut off at the end of its line, by intention.
  const cut = (element) => element && (getComputedStyle(element).textOverflow === "ellipsis" || cut(element.parentElement));
  const inside = [...document.querySelectorAll(".panel *")].filter(
    (element) => element.offsetParent && ends(element) > ends(element.closest(".panel")) && !clipped(element) && !cut(element));
  const outside = [...document.querySelectorAll("body *")].filter(
    (element) => ends(element) > innerWidth && !element.parentElement.closest(".chips") && !clipped(element));  // chips scroll by themselves
  const scrolls = document.documentElement.scrollWidth > innerWidth;
  const found = (scrolls ? outside : inside).map((element) => element.outerHTML.slice(0, 120)).slice(0, 2);
  return scrolls ? ["the page scrolls", ...found] : found;
}"""


# Of a catch-all nobody changes the name.
NOT_THERE = {"/no-such-page/", "/aliases/@harbour-books.example/rename/"}


def every_path():
    """Yield the address of every page, of each row that it may be about, and of lists' filters."""
    for page in sorted(pages(get_resolver().url_patterns), key=lambda page: page.name):
        if page.name.endswith("-bulk") or page.name in NO_PAGES:
            continue
        if "pk" in page.pattern.converters:
            rows = ROWS[page.name.partition("-")[0]]
            yield from (reverse(page.name, args=[row]) for row in rows)
        else:
            yield reverse(page.name)
    for name in LISTS:
        yield from (reverse(name) + query for query in QUERIES)
    yield "/trace/?address=instructors%2Bnews@brightwater.example&sender=maria.castellanos@brightwater.example"
    yield from ("/search/?q=m", "/search/?q=nothing-begins-like-this", "/no-such-page/")


def pages(patterns):
    for entry in patterns:
        if isinstance(entry, URLPattern):
            yield entry
        else:
            yield from pages(entry.url_patterns)


def faults_of(page, path):
    answer = page.goto(path)
    found = page.evaluate(FAULTS)
    for width in (320, 360, 768, 1000, 1200, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        if too_wide := page.evaluate(TOO_WIDE):
            found.append(f"too wide at {width}: {too_wide}")
    return answer.status, found


def test_every_page_is_well_formed_and_fits(visitors, accounts):
    page = visitors.sign_in(*next(iter(accounts.items())))

    answers = {path: faults_of(page, path) for path in every_path()}

    faults = [f"{path}: {fault}" for path, (_status, found) in answers.items() for fault in found]
    assert not faults, "\n".join(faults)
    assert {path for path, (status, _found) in answers.items() if status != 200} == {
        "/no-such-page/",
        reverse("alias-rename", args=["@harbour-books.example"]),  # has no name of its own
    }


@pytest.mark.parametrize(
    ("kind", "name", "given_up"),
    [
        ("mailbox", "somebody.else", "address"),
        ("alias", "somebody.else", "address"),
        ("domain", "somebody-else.example", "name"),
    ],
)
def test_what_a_rename_would_change_is_well_formed_and_fits(
    kind, name, given_up, visitors, accounts
):
    page = visitors.sign_in(*next(iter(accounts.items())))
    path = reverse(f"{kind}-rename", args=[ROWS[kind][0]])
    found = faults_of(page, path)[1]
    page.get_by_label("New name").fill(name)
    page.get_by_text(f"Give up the old {given_up}").click()
    page.get_by_role("button", name="Show what changes").click()
    page.get_by_role("button", name=f"Rename {kind}").wait_for()

    found += page.evaluate(FAULTS)
    for width in (320, 360, 768, 1000, 1200, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        found += page.evaluate(TOO_WIDE)

    assert found == []


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        (None, ["/login/?next=/mailboxes/"]),
        (
            1,
            ["/", "/domains/", "/domains/brightwater.example/", "/mailboxes/new/", "/aliases/new/"],
        ),
        (1, ["/aliases/postmaster@brightwater.example/", "/account/", "/log/", "/administrators/"]),
        (3, ["/account/", "/mailboxes/", *FACTOR, *map(reverse, OWN), *map(reverse, TOKENS)]),
    ],
)
def test_what_others_see_is_well_formed_and_fits(role, paths, visitors, accounts):
    page = visitors.open() if role is None else visitors.sign_in(*list(accounts.items())[role])

    faults = [f"{path}: {fault}" for path in paths for fault in faults_of(page, path)[1]]

    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["de", "fr"])
def test_the_longer_words_of_other_languages_fit_too(language, visitors, accounts):
    page = visitors.sign_in(*next(iter(accounts.items())))
    page.context.set_extra_http_headers({"Accept-Language": language})
    rows = ["/domains/brightwater.example/", "/mailboxes/maria.castellanos@brightwater.example/"]
    lists = [reverse(name) for name in LISTS]
    paths = ["/", *lists, *rows, *(f"{row}delete/" for row in rows)]
    paths += [
        "/domains/new/",
        "/mailboxes/new/",
        "/aliases/new/",
        "/alias-domains/new/",
        "/account/",
    ]

    faults = [f"{path}: {fault}" for path in paths for fault in faults_of(page, path)[1]]

    assert page.locator("html").get_attribute("lang") == language
    assert not faults, "\n".join(faults)


def test_the_checks_find_what_they_look_for(visitors):
    page = visitors.open(viewport={"width": 360, "height": 800})
    page.goto("/login/")
    with page.expect_response("**/static/nothing"):
        page.locator("main").evaluate("""main => main.innerHTML = `
      <h1>A</h1><h1>B</h1><label>Word <input></label><label for="gone"></label><input id="a">
      <a href="/"><svg></svg></a><img src="/static/nothing"><p id="a" aria-describedby="gone"></p>
      <div class="panel"><table><tr><th></th></tr></table></div>
      <div class="panel"><div>${"wide".repeat(99)}</div></div>`""")

    found = [fault.partition(":")[0] for fault in page.evaluate(FAULTS)]

    assert found == [
        "2 h1",
        "no label",
        "no name",
        "picture neither hidden nor named",
        "picture neither hidden nor named",
        "column without scope",
        "no such id",
        "no such id",
        "id twice",
    ]
    assert page.evaluate(TOO_WIDE)
    assert [fault.partition(" ")[0] for fault in visitors.faults] == ["404"]
    visitors.faults.clear()


def test_a_broken_policy_or_script_is_heard(visitors):
    page = visitors.open()
    page.goto("/login/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">')")
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('broken') })")

    words = "\n".join(visitors.faults)
    assert "policy: style-src-attr" in words
    assert "broken" in words
    visitors.faults.clear()
