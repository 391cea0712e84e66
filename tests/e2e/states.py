"""What pages look like while something takes its time, is stopped or has no connection: acts for the STATES of acts.py.

Those of a task are for MANY, a domain with more mailboxes than are done at once.
"""

import re
from itertools import count

from playwright.sync_api import expect

STEPS = "**/tasks/*/"
MANY = "many.example"
LIST = f"/mailboxes/?domain={MANY}"
IMPORTS = "/imports/"
# To a domain with fewer mailboxes than those for which a number is typed.
BROADCAST = "/broadcasts/new/?domain=harbour-books.example"
_numbers = count()
FILL = """
from django.conf import settings
from domains.models import UNLIMITED, Domain
from domains.services import update_domain
from mailboxes.services import create_mailboxes
domain = Domain.objects.get(pk="{domain}")
domain = update_domain(actor=None, domain=domain, mailboxes=UNLIMITED, quota=UNLIMITED)
row = dict(password_hash="{{{{PLAIN}}}}x", quota=settings.QUOTA_MULTIPLIER)
rows = [row | dict(local_part="m%04d" % n) for n in range({number})]
create_mailboxes(actor=None, domain=domain, mailboxes=rows)
"""


def fill(panel, number):
    """Create that many mailboxes in MANY, which is there."""
    panel.manage("shell", "-c", FILL.format(domain=MANY, number=number))


def leave(page, path):
    """Leave what an earlier act has begun, and open ``path``."""
    page.unroute(STEPS)
    if page.get_by_role("link", name="Look at it").count():
        page.get_by_role("link", name="Look at it").click()
        page.get_by_role("button", name="Leave it so").click()
        expect(page.get_by_role("button", name="Leave it so")).to_have_count(0)
        page.goto(path)


def all_that_match(page):
    """Tick every row of the list that is open, those of its other pages too."""
    leave(page, page.url)
    if page.locator("[data-select]").is_visible():
        page.locator("[data-select]").click()
    page.locator("[name=selected]:enabled").first.check()
    page.locator("[data-all-rows]").check()


def task_asks(page):
    all_that_match(page)
    with page.expect_navigation():
        page.locator(".bulk-bar [value=deactivate]").click()
    expect(page.get_by_label(re.compile("Type [0-9]+ to confirm"))).to_be_visible()


def task_runs(page):
    """Without an answer to its first step, so that no row is changed."""
    task_asks(page)
    page.route(STEPS, _without_steps)
    number = page.get_by_label(re.compile("Type [0-9]+ to confirm"))
    number.fill(re.search("[0-9]+", number.evaluate("field => field.labels[0].textContent"))[0])
    with page.expect_request(_is_step):
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def task_is_stopped(page):
    task_runs(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#task")).to_contain_text("Stopped.")


def task_waits(page):
    """Any page, while an act on many rows is not finished."""
    task_is_stopped(page)
    page.goto("/domains/")
    expect(page.get_by_role("link", name="Look at it")).to_be_visible()


def file_columns(page):
    leave(page, IMPORTS)
    for link in [link.get_attribute("href") for link in page.locator(".exceptions a").all()]:
        page.goto(link)  # of an account few files are kept
        if page.get_by_role("button", name="Delete the file").count():
            with page.expect_navigation():
                page.get_by_role("button", name="Delete the file").click()
    page.goto(IMPORTS)
    number = next(_numbers)
    people = [f"Person {n},person{number}-{n}@{MANY},1" for n in range(8)]
    wrong = ["Dr. Amalia Groß-Köhler,x@elsewhere.example,1", f"Much,much@{MANY},lots"]
    rows = ["Name,Address,Quota (GB)", *people[:2], *wrong, *people[2:]]
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": "\r\n".join(rows).encode()}
    page.locator("[name=file]").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/columns/")


def file_checked(page):
    file_columns(page)
    page.get_by_role("button", name="Check the lines").click()
    expect(page.get_by_role("link", name="With errors")).to_be_visible()
    page.locator("#line-4 summary").click()


def file_runs(page):
    """Without an answer to its first step, so that nothing is made."""
    file_checked(page)
    page.route(STEPS, _without_steps)
    with page.expect_request(_is_step):
        page.get_by_role("button", name=re.compile("^Import 8 mailboxes")).click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def file_waits(page):
    file_runs(page)
    page.goto(IMPORTS)
    page.get_by_role("link", name="people.csv").first.click()
    expect(page.get_by_role("link", name="See how far it is")).to_be_visible()


def file_is_imported(page):
    file_checked(page)
    page.get_by_role("button", name=re.compile("^Import 8 mailboxes")).click()
    expect(page.locator("#task")).to_contain_text("8 mailboxes created.")


def file_result(page):
    file_is_imported(page)
    page.get_by_role("link", name="To the result").click()
    expect(page.get_by_role("button", name="Download the result")).to_be_visible()


# (path, act), of a panel that has MANY.
TASK = [(LIST, act) for act in (task_asks, task_runs, task_is_stopped, task_waits)]
FILE = [
    (IMPORTS, act)
    for act in (file_columns, file_checked, file_runs, file_waits, file_is_imported, file_result)
]


def broadcast_shown(page):
    """Before it is sent."""
    page.locator("[name=everywhere]").check()
    _show_broadcast(page)


def broadcast_runs(page):
    """Without an answer to its first step, so that nothing is sent."""
    leave(page, BROADCAST)
    _show_broadcast(page)
    page.route(STEPS, _without_steps)
    with page.expect_request(_is_step):
        page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def broadcast_is_stopped(page):
    broadcast_runs(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#task")).to_contain_text("Stopped.")


def broadcast_is_done(page):
    """With a mail server that takes it."""
    leave(page, BROADCAST)
    _show_broadcast(page)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#task")).to_contain_text("handed to the mail server.")


def _show_broadcast(page):
    page.locator("[name=from_name]").fill("The postmaster")
    page.locator("[name=subject]").fill("Maintenance on Sunday")
    page.locator("[name=body]").fill("No mail from six to eight.\n\nThank you for your patience.")
    page.locator("main .form-actions [type=submit]").click()
    expect(page.get_by_role("button", name="Send a test")).to_be_visible()


def search_without_connection(page):
    page.route("**/mailboxes/?q=*", lambda route: route.abort(), times=1)
    page.locator("#q").fill("castellanos")
    expect(page.locator("[data-no-connection]")).to_be_visible()


def save_without_connection(page):
    page.locator("main form [name=name]").fill("new.example")
    page.context.set_offline(True)
    try:
        page.locator("main .form-actions [type=submit]").click()
        expect(page.locator(".alert.offline")).to_be_visible()
    finally:
        page.context.set_offline(False)


def filters_open(page):
    """On a phone they are behind a button."""
    if page.locator("[data-filters]").is_visible():
        page.locator("[data-filters]").click()


def _is_step(request):
    return "hx-request" in request.headers and request.method == "POST"


def _without_steps(route):
    if not _is_step(route.request):
        route.continue_()
