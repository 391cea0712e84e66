import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.browsing import Visitors, create_domain, fill, message, submit
from tests.e2e.test_axe import OPTIONS

pytestmark = pytest.mark.xdist_group("mail")

NEW = "/domains/brightwater.example/new/"
MARIA = "maria.castellanos@brightwater.example"


@pytest.fixture
def page(visitors, accounts):
    return visitors.sign_in(*next(iter(accounts.items())))


@pytest.fixture(scope="module")
def chips_domain(browser, panel, accounts):
    with Visitors(browser, panel.url) as visitors:
        create_domain(visitors.sign_in(*next(iter(accounts.items()))), "chips.example")
    return "/domains/chips.example/"


def chips(page):
    """{address: its kind}, once every chip has one."""
    expect(page.locator(".recipients li[data-kind=''] ")).to_have_count(0)
    items = page.locator(".recipients li[data-kind]")
    return dict(
        items.evaluate_all(
            "items => items.map(({children: [name, kind]}) => [name.textContent, kind.textContent])"
        )
    )


def test_an_address_is_said_to_be_free_or_taken_while_one_types(page):
    page.goto(NEW)

    fill(page, {"Address": "maria.castellanos"})
    expect(page.locator("#address-said")).to_contain_text(f"{MARIA} exists already")
    fill(page, {"Address": "nobody.yet"})
    expect(page.locator("#address-said")).to_have_text("nobody.yet@brightwater.example is free.")
    expect(page.locator("#effects")).to_contain_text("will be delivered here.")


def test_a_pasted_address_finds_its_domain(page):
    page.goto("/mailboxes/new/")

    fill(page, {"Address": "joe@brightwater.example"})
    page.locator("[name=name]").focus()

    expect(page.get_by_label("Address", exact=True)).to_have_value("joe")
    expect(page.get_by_label("Domain", exact=True)).to_have_value("brightwater.example")
    expect(page.locator("#quota-left")).to_contain_text("left in this domain")


def test_an_alias_is_made_with_the_keyboard_alone(page, chips_domain):
    page.goto(f"{chips_domain}new/?kind=alias")
    keys = page.keyboard
    expect(page.locator("input:focus")).to_have_count(1)

    keys.type("keyboard")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("castell")
    expect(page.locator(".suggestions[data-q=castell]")).to_be_visible()  # no later answer comes
    options = page.get_by_role("option")
    expect(options.first).to_contain_text(MARIA)
    keys.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    field = page.get_by_role("combobox", name="Mail goes to")
    expect(field).to_have_attribute("aria-activedescendant", "suggestions-1-0")
    keys.press("Enter")
    keys.type("x@elsewhere.example,piet")
    keys.press("Enter")
    assert chips(page) == {
        MARIA: "mailbox",
        "x@elsewhere.example": "outside",
        "piet@chips.example": "gone",
    }
    expect(page.locator("#effects")).to_contain_text("1 mailbox and 1 external address.")
    expect(page.locator("#effects")).to_contain_text("piet@chips.example does not exist.")

    keys.press("Backspace")
    expect(page.get_by_role("status").filter(has_text="taken out")).to_have_text(
        "piet@chips.example taken out."
    )
    keys.press("ArrowLeft")
    expect(page.get_by_role("button", name="Take x@elsewhere.example out")).to_be_focused()
    keys.press("Delete")
    assert chips(page) == {MARIA: "mailbox"}
    field.focus()
    with page.expect_navigation():
        keys.press("Enter")

    assert message(page) == "Alias keyboard@chips.example created."
    expect(page.locator("main")).to_contain_text(MARIA)


def test_a_pasted_list_becomes_chips(page):
    page.goto(f"{NEW}?kind=alias")
    field = page.get_by_role("combobox", name="Mail goes to")

    field.evaluate("""field => {
      const data = new DataTransfer();
      data.setData("text", '"Lee, Ann" <ann@b.example>, Bob <bob@b.example>\\ncarl@b.example; dora@b.example');
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, cancelable: true, bubbles: true }));
    }""")

    assert list(chips(page)) == [
        "ann@b.example",
        "bob@b.example",
        "carl@b.example",
        "dora@b.example",
    ]
    expect(page.locator("textarea[name=targets]")).to_have_value(
        "ann@b.example\nbob@b.example\ncarl@b.example\ndora@b.example"
    )


def test_what_is_half_typed_as_recipient_is_sent_too(page, chips_domain):
    page.goto(f"{chips_domain}new/?kind=alias")
    fill(page, {"Address": "half", "Mail goes to": "x@elsewhere.example"})

    submit(page)

    assert message(page) == "Alias half@chips.example created."


def test_another_kind_keeps_what_was_typed(page):
    page.goto(NEW)
    fill(page, {"Address": "reception"})

    page.get_by_role("link", name="Alias", exact=True).click()

    expect(page.get_by_role("link", name="Alias", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    expect(page.get_by_label("Address", exact=True)).to_have_value("reception")


def test_a_size_is_one_click(page):
    page.goto(NEW)
    page.get_by_role("button", name="2 GB", exact=True).click()
    expect(page.get_by_label("Quota")).to_have_value("2 GB")
    sizes = page.get_by_role("group", name="Common sizes").get_by_role("button")
    expect(sizes).to_have_text(["1 GB", "2 GB"])  # of at most 4 GB

    page.goto("/domains/brightwater.example/edit/")
    group = page.locator(".field", has_text="Largest mailbox")
    group.get_by_role("button", name="no limit").click()
    expect(group.get_by_label("Kind of limit")).to_have_value("unlimited")
    group.get_by_role("button", name="5 GB", exact=True).click()
    expect(group.get_by_label("Kind of limit")).to_have_value("limited")
    expect(group.get_by_label("Limit", exact=True)).to_have_value("5 GB")


def test_the_sizes_are_those_that_the_chosen_domain_allows(page):
    page.goto("/mailboxes/new/")
    sizes = page.get_by_role("group", name="Common sizes").get_by_role("button")
    expect(sizes).to_have_text(["1 GB", "2 GB", "5 GB", "10 GB", "no limit"])

    for address, offered in (
        ("joe@brightwater.example", ["1 GB", "2 GB"]),
        ("joe@xn--mller-kva.example", ["1 GB", "2 GB", "5 GB", "10 GB", "no limit"]),
    ):
        fill(page, {"Address": address})
        page.locator("[name=name]").focus()
        expect(sizes).to_have_text(offered)


def test_a_catch_all_is_set_where_one_reads_that_there_is_none(page, chips_domain):
    page.goto(chips_domain)
    page.locator("summary", has_text="Set a catch-all").click()
    expect(page.get_by_role("combobox", name="Mail for every other name goes to")).to_be_focused()
    page.keyboard.type("x@elsewhere.example")
    page.get_by_role("button", name="Set catch-all").click()

    page.wait_for_url(f"**{chips_domain}")
    expect(page.locator(".messages")).to_contain_text("Catch-all of chips.example set.")
    expect(page.locator(".catch-all-row")).to_contain_text("x@elsewhere.example")


@pytest.mark.parametrize("kind", ["mailbox", "alias", "catch-all"])
def test_each_kind_is_made_without_javascript(kind, page, visitors, accounts):
    domain = f"plain-{kind}.example"
    create_domain(page, domain)
    page = visitors.sign_in(*next(iter(accounts.items())), java_script_enabled=False)
    page.goto(f"/domains/{domain}/new/")
    page.get_by_role("navigation", name="Kind of address").get_by_role("link").nth(
        ["mailbox", "alias", "catch-all"].index(kind)
    ).click()

    values = {} if kind == "catch-all" else {"Address": "joe"}
    if kind != "mailbox":
        values["Mail goes to"] = "a@elsewhere.example\nb@elsewhere.example"
    expect(page.locator(".effects")).to_be_hidden()
    fill(page, values)
    submit(page)

    assert {
        "mailbox": f"Mailbox joe@{domain} created.",
        "alias": f"Alias joe@{domain} created.",
        "catch-all": f"Catch-all of {domain} set.",
    }[kind] in message(page)


@pytest.mark.parametrize("width", [390, 1440])
def test_axe_has_nothing_to_say_about_chips_and_suggestions(width, visitors, accounts):
    person = next(iter(accounts.items()))
    size = {"width": width, "height": 900}
    page = visitors.sign_in(*person, bypass_csp=True, viewport=size)
    page.goto(f"{NEW}?kind=alias")
    fill(page, {"Address": "axe"})
    page.get_by_role("combobox", name="Mail goes to").press_sequentially(
        f"{MARIA},piet.de.vries,luc@,cast"
    )
    expect(page.get_by_role("option").first).to_be_visible()
    chips(page)

    found = broken_rules(page)
    page.goto("/domains/brightwater.example/")
    page.locator("summary", has_text="Set a catch-all").click()
    found += broken_rules(page, ".catch-all-row")

    assert not found, "\n".join(found)


def broken_rules(page, within=None):
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for rule in Axe().run(page, within, OPTIONS).response["violations"]:
            found += [f"{rule['id']}, {scheme}: {node['html'][:150]}" for node in rule["nodes"]]
    return found
