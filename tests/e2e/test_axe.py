import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from tests.e2e.acts import STATES, SUPERADMIN
from tests.e2e.browsing import Visitors
from tests.e2e.panel import Panel
from tests.e2e.test_pages import LISTS, every_path

pytestmark = pytest.mark.xdist_group("axe")  # beside the other journeys: nothing here needs mail

SIZES = [{"width": 1440, "height": 900}, {"width": 390, "height": 844}]
NARROW = {"width": 320, "height": 844}  # what WCAG's 1.4.10 asks for: a page at four times its size
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"label-content-name-mismatch": {"enabled": True}},
    "resultTypes": ["violations"],
}
MENU = "details.menu[open]"
WITHOUT_SIZES = OPTIONS | {"rules": OPTIONS["rules"] | {"target-size": {"enabled": False}}}
SIZES_ALONE = {"runOnly": {"type": "rule", "values": ["target-size"]}}
# Nothing else depends on the colours.
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
IN_ITS_COLOURS = "scheme => document.documentElement.dataset.bsTheme === scheme"
WITH_AXE = {"bypass_csp": True}  # axe puts a style of its own into some pages
PARTS = 4  # of all pages, a test each

AXE = Axe().axe_script
RUN = "async ([where, what]) => (await axe.run(where ?? document, what)).violations"


def violations(page, where, what):
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return page.evaluate(RUN, [where, what])


WITHOUT_A_DOMAIN = ["/", *map(reverse, LISTS), "/mailboxes/new/", "/aliases/new/"]


def broken_rules(page, path, act=None):
    """What axe says of a page in each size and colour, a line for each element, and whether it fits."""
    found = set()
    for size in SIZES:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        if act or size is SIZES[0]:
            page.goto(path)
        if act:
            act(page)
        found |= scrolling(page, path, size)
        for scheme, options in (("light", OPTIONS), ("dark", OF_COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_function(IN_ITS_COLOURS, arg=scheme)
            # What an open menu lies over is no target.
            menu = scheme == "light" and page.locator(MENU).count()
            checks = [(None, WITHOUT_SIZES), (MENU, SIZES_ALONE)] if menu else [(None, options)]
            for rule in [rule for check in checks for rule in violations(page, *check)]:
                found |= {
                    f"{rule['id']} on {path} at {size['width']}, {scheme}: {node['html'][:120]}"
                    for node in rule["nodes"]
                }
    page.set_viewport_size(NARROW)
    return sorted(found | scrolling(page, path, NARROW))


def scrolling(page, path, size):
    scrolls = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return {f"scrolls sideways: {path} at {size['width']}"} if scrolls else set()


@pytest.mark.parametrize("part", range(PARTS))
def test_axe_finds_nothing_on_any_page(part, visitors, accounts):
    page = visitors.sign_in(*list(accounts.items())[SUPERADMIN], **WITH_AXE)
    paths = [path for path in every_path() if "?" not in path]

    found = [line for path in paths[part::PARTS] for line in broken_rules(page, path)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("whose", STATES)
def test_axe_finds_nothing_after_what_was_done(whose, visitors, accounts):
    person = list(accounts.items())[whose or 0]
    page = visitors.open(**WITH_AXE) if whose is None else visitors.sign_in(*person, **WITH_AXE)

    found = [line for state in STATES[whose] for line in broken_rules(page, *state)]

    assert not found, "\n".join(found)


def test_axe_finds_nothing_in_a_panel_without_a_domain(browser, tmp_path):
    panel = Panel(f"sqlite:///{tmp_path}/panel.sqlite3", tmp_path)
    try:
        panel.start()
        account = re.search(r"as (\S+) with the password (\S+)", panel.manage("firstrun")).groups()
        with Visitors(browser, panel.url) as visitors:
            page = visitors.sign_in(*account, bypass_csp=True)
            found = [line for path in WITHOUT_A_DOMAIN for line in broken_rules(page, path)]
    finally:
        panel.stop()

    assert not found, "\n".join(found)


def test_axe_finds_nothing_for_a_reseller(browser, tmp_path):
    own = "brightwater.example"
    budget = ("--reseller-domains", "1", "--reseller-mailboxes", "5", "--resold", own)
    paths = ["/domains/", "/domains/new/", "/account/"]
    paths += [f"/domains/{own}/{page}/" for page in ("settings", "edit", "state", "delete")]
    panel = Panel(f"sqlite:///{tmp_path}/panel.sqlite3", tmp_path, RESELLERS_PROVE_DOMAINS="False")
    try:
        panel.start()
        reseller = list(panel.fill_with_demo().items())[1]
        panel.manage("admin", "edit", reseller[0], "--reseller", *budget)
        with Visitors(browser, panel.url) as visitors:
            page = visitors.sign_in(*reseller, bypass_csp=True)
            found = [line for path in paths for line in broken_rules(page, path)]
            found += broken_rules(page, "/domains/new/", domain_beyond_the_budget)
    finally:
        panel.stop()

    assert not found, "\n".join(found)


def domain_beyond_the_budget(page):
    page.get_by_label("Domain", exact=True).fill("firm.example")
    page.get_by_role("button", name="Create domain").click()
    page.get_by_text("Your budget is 1 domain").first.wait_for()


def test_axe_finds_nothing_where_the_database_is_away(browser, tmp_path):
    panel = Panel("mysql://nobody:nothing@127.0.0.1:1/nothing", tmp_path)
    try:
        panel.start(migrate=False)
        with Visitors(browser, panel.url) as visitors:
            page = visitors.open(bypass_csp=True)
            page.context.add_cookies(
                [{"name": "mailadmin_session", "value": "x" * 32, "url": panel.url}]
            )
            found = broken_rules(page, "/")
            said = page.locator("main").inner_text()
            answers = {fault.partition(" ")[0] for fault in visitors.faults}
            visitors.faults.clear()
    finally:
        panel.stop()

    assert not found, "\n".join(found)
    assert "The database is unavailable" in said
    assert answers == {"503"}


def test_axe_finds_what_is_wrong(visitors):
    page = visitors.open()
    page.goto("/login/")
    page.locator("main").evaluate(
        "main => main.innerHTML = '<h1>A</h1><img src=\"/static/img/favicon.svg\">'"
    )

    rules = Axe().run(page, options=OPTIONS).response["violations"]

    assert [rule["id"] for rule in rules] == ["image-alt"]
