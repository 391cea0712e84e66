"""What is done on a page before test_axe.py looks at it: acts, and in STATES those of each account."""

from tests.e2e import states

SUPERADMIN, DOMAIN_ADMIN, MAILBOX_USER = 0, 1, 3  # place among the sample data's accounts
DOMAIN = "brightwater.example"
MARIA = f"maria.castellanos@{DOMAIN}"


def click(selector):
    return lambda page: page.locator(selector).locator("visible=true").first.click()


def column(page):
    if page.locator(".side-button").is_visible():
        page.locator(".side-button").click()


def in_column(selector):
    def act(page):
        column(page)
        click(selector)(page)

    return act


def ticked(count):
    def tick(page):
        if page.locator("[data-select]").is_visible():
            page.locator("[data-select]").click()
        boxes = page.locator("[name=selected]:enabled")
        for place in range(count):
            boxes.nth(place).check()

    return tick


def asked(count, action):
    def ask(page):
        ticked(count)(page)
        page.locator(f".bulk-bar [value={action}]").click()
        page.locator("dialog.ask").wait_for()

    return ask


def asked_about(action):
    def ask(page):
        page.locator(f"main [data-ask][href$='/{action}/']").click()
        page.locator("dialog.ask").wait_for()

    return ask


def sent(values):
    def send(page):
        for name, value in values.items():
            # Of recipients chips are made, from a field with the id.
            page.locator(f"main form :is([name={name}], #id_{name}):visible").first.fill(value)
        with page.expect_navigation():
            page.locator("main .form-actions [type=submit]").first.click()

    return send


def switched(*actions):
    def do(page):
        for action in actions:
            ticked(2)(page)
            with page.expect_navigation():
                page.locator(f".bulk-bar [value={action}]").click()
        page.locator(".messages .alert").wait_for()

    return do


def looked(page):
    with page.expect_navigation():
        page.locator("main .actions button").first.click()
    page.locator("main section.panel").first.wait_for()


def saved(values):
    def save(page):
        for name, value in values.items():
            page.locator(f"main form [name={name}]").first.fill(value)
        with page.expect_navigation():
            page.locator("main .form-actions [type=submit]").first.click()
        assert not page.locator(".field-errors").count()

    return save


def previewed(values):
    def preview(page):
        for name, value in values.items():
            page.locator(f"main form [name={name}]").first.fill(value)
        with page.expect_navigation():
            page.locator("main [name=preview]").click()
        page.locator("main .answer-text").wait_for()

    return preview


def foreseen(**values):
    """What would change, or what has to be answered before."""

    def show(page):
        for name, value in values.items():
            page.locator(f"main form [name={name}]").fill(value)
        with page.expect_navigation():
            page.locator("main [name=preview]").click()
        page.locator("main .consequences, main .alert-danger").first.wait_for()

    return show


def asked_on_the_page(text):
    def ask(page):
        page.locator(".address-box input").fill(text)
        page.locator(f"#answered [data-q='{text}']").wait_for(state="attached")

    return ask


def searched(text):
    def search(page):
        page.keyboard.press("Control+k")
        page.locator("#palette input").fill(text)
        page.locator(f"#palette-found [data-q='{text}']").wait_for(state="attached")

    return search


# What somebody has done on a page: (path, what).
STATES = {
    None: [
        ("/login/", None),
        ("/login/?next=/mailboxes/", None),
        ("/login/", sent({"username": "nobody@nowhere.example", "password": "wrong-password"})),
        ("/login/", sent({})),
    ],
    SUPERADMIN: [
        ("/", in_column(".account-menu summary")),
        ("/", in_column(".switcher summary")),
        ("/", column),
        ("/", click(".new-menu summary")),
        ("/", asked_on_the_page("info@harbour-books.example")),
        ("/", asked_on_the_page("mar")),
        ("/domains/", click(".row-menu summary")),
        ("/domains/", ticked(2)),
        ("/domains/", asked(2, "deactivate")),
        (f"/domains/{DOMAIN}/settings/", asked_about("state")),
        (f"/domains/{DOMAIN}/settings/", asked_about("delete")),
        ("/domains/", asked(2, "delete")),
        ("/domains/new/", sent({"name": "not a domain"})),
        ("/mailboxes/", ticked(3)),
        ("/mailboxes/", click(".row-menu summary")),
        ("/mailboxes/?state=full", None),
        ("/mailboxes/?state=idle", None),
        ("/mailboxes/?state=warned", None),
        ("/mailboxes/?q=nothing-begins-like-this", None),
        (f"/mailboxes/?domain={DOMAIN}", None),
        (f"/domains/{DOMAIN}/", click(".row-menu summary")),
        (f"/domains/{DOMAIN}/?state=off", None),
        (f"/aliases/?domain={DOMAIN}", None),
        (f"/log/?domain={DOMAIN}", None),
        ("/log/", click(".activity summary")),
        ("/log/?kind=sign-in", None),
        ("/?figure=changes&days=365", None),
        ("/?figure=mailboxes&days=90", None),
        (f"/mailboxes/?domain={DOMAIN}", asked(10, "quota")),
        (f"/mailboxes/?domain={DOMAIN}", asked(10, "delete")),
        (f"/domains/{DOMAIN}/new/", click("details.more summary")),
        (f"/domains/{DOMAIN}/new/?kind=alias", None),
        (f"/domains/{DOMAIN}/new/?kind=catch-all", None),
        (
            f"/mailboxes/new/?domain={DOMAIN}",
            sent({"local_part": "maria.castellanos", "password": "short"}),
        ),
        (f"/mailboxes/luc.moreau@{DOMAIN}/", None),
        (f"/mailboxes/luc.moreau@{DOMAIN}/forwarding/", None),
        (f"/mailboxes/newsletter@{DOMAIN}/password/", click("[data-generate]")),
        (f"/mailboxes/newsletter@{DOMAIN}/password/", saved({})),
        (f"/mailboxes/{MARIA}/edit/", sent({"quota_mb": "much"})),
        (f"/mailboxes/luc.moreau@{DOMAIN}/forwarding/", sent({"targets": "not an address, luc@"})),
        (f"/aliases/postmaster@{DOMAIN}/", None),
        ("/aliases/", ticked(2)),
        ("/aliases/", switched("activate", "deactivate")),
        ("/aliases/", switched("activate")),
        ("/aliases/", asked(3, "delete")),
        (
            f"/aliases/new/?domain={DOMAIN}",
            sent({"local_part": "info", "targets": "no address"}),
        ),
        ("/alias-domains/new/", sent({})),
        ("/alias-domains/brightwater-sailing.example/own/", foreseen()),
        ("/domains/harbour-books.example/join/", foreseen(target_domain=DOMAIN)),
        ("/domains/lakeside-archive.example/join/", foreseen(target_domain=DOMAIN)),
        ("/broadcasts/new/", sent({})),
        ("/broadcasts/new/", states.broadcast_shown),
        (states.BROADCAST, states.broadcast_runs),
        (states.BROADCAST, states.broadcast_is_stopped),
        (f"/mailboxes/{MARIA}/message/", sent({})),
        ("/administrators/admin@localhost/", None),
        ("/administrators/new/", sent({"username": "x", "password": "x"})),
        ("/log/?from=2001-01-01&to=2001-01-01", None),
        ("/search/?q=m", None),
        ("/search/?q=info@", None),
        ("/search/?q=info@harbour-books.example", None),
        (f"/search/?q=instructors@{DOMAIN}", None),
        (f"/search/?q=piet.de.vries@{DOMAIN}", None),
        (f"/trace/?address=instructors%2Bnews@{DOMAIN}&sender=x@elsewhere.example", None),
        (f"/trace/?address=zoe@{DOMAIN}&sender=%3C%3E", None),
        ("/trace/?address=zoe&sender=y", None),
        ("/mailboxes/", searched("mar")),
        ("/domains/", searched("info@harbour-books.example")),
        ("/", searched("zzz")),
        ("/search/?q=nothing-begins-like-this", None),
        (f"/mailboxes/{MARIA}/", click(".person .pencil")),
        (f"/mailboxes/{MARIA}/", click("#place-quota_mb .pencil")),
        (f"/mailboxes/{MARIA}/", click(".more-menu summary")),
        (f"/mailboxes/yuki.tanaka@{DOMAIN}/", None),
        (f"/mailboxes/bookings@{DOMAIN}/", None),
        (f"/mailboxes/bookings@{DOMAIN}/sharing/", sent({"person": "nobody"})),
        (f"/aliases/m.castellanos@{DOMAIN}/", None),
        ("/account/", sent({})),
        ("/account/factor/setup/", sent({"code": "123456"})),
        ("/exceptions/", sent({"network": "office"})),
        ("/findings/", None),
        ("/findings/", looked),
        ("/server/", looked),
        ("/deliveries/", click(".deliveries summary")),
        (f"/deliveries/?domain={DOMAIN}&result=refused", None),
        (f"/deliveries/?address=nobody@{DOMAIN}", None),
        (f"/domains/{DOMAIN}/reports/?show=failed", None),
        (f"/mailboxes/{MARIA}/factor/", None),
        (f"/domains/{DOMAIN}/", click(".list-menu summary")),
        ("/log/?kind=mailbox", states.filters_open),
        ("/administrators/?state=on", states.filters_open),
        ("/mailboxes/", states.search_without_connection),
        ("/domains/new/", states.save_without_connection),
        ("/mailboxes/?size=25", states.all_that_match),
    ],
    DOMAIN_ADMIN: [
        ("/", None),
        ("/?figure=changes&days=365", None),
        ("/domains/", None),
        (f"/domains/{DOMAIN}/", None),
        ("/mailboxes/", None),
        ("/mailboxes/new/", None),
        (f"/mailboxes/{MARIA}/", None),
        ("/aliases/", None),
        ("/aliases/new/", None),
        (f"/aliases/postmaster@{DOMAIN}/", None),
        ("/alias-domains/", None),
        ("/alias-domains/new/", None),
        ("/log/", None),
        ("/deliveries/", None),
        (f"/domains/{DOMAIN}/reports/", None),
        (f"/domains/{DOMAIN}/dns/", None),
        (f"/domains/{DOMAIN}/flow/", None),
        (f"/mailboxes/{MARIA}/factor/", None),
        ("/exceptions/", None),
        ("/trace/", None),
        ("/account/factor/setup/", None),
        ("/account/", None),
        ("/administrators/", None),
    ],
    MAILBOX_USER: [
        ("/account/", None),
        ("/account/", click(".more-rows summary")),
        ("/account/room/", click(".account-menu summary")),
        ("/account/forwarding/", None),
        ("/account/forwarding/", sent({"targets": "not an address"})),
        ("/account/forwarding/", saved({"targets": "maria@elsewhere.example"})),
        ("/account/forwarding/", saved({"targets": ""})),
        ("/account/password/", None),
        ("/account/password/", sent({})),
        ("/account/room/", None),
        ("/account/setup/", None),
        ("/account/setup/?app=outlook", None),
        ("/account/away/", None),
        ("/account/away/", previewed({"subject": "Back on Monday", "body": "I read it then."})),
        ("/account/addresses/", None),
        ("/account/addresses/", sent({"local_part": "admin"})),
        (f"/account/addresses/sails@{DOMAIN}/", None),
        ("/account/send-as/", None),
        ("/account/sign-ins/", None),
        ("/account/factor/", None),
        ("/account/factor/setup/", None),
        ("/account/factor/setup/", sent({"code": "123456"})),
        ("/mailboxes/", None),
    ],
}
