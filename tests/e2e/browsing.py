import re

from playwright.sync_api import expect

SECONDS = 60  # for whatever a page is about to show, on a busy machine too
expect.set_options(timeout=SECONDS * 1000)
CHROMIUM = {
    "executable_path": "/usr/bin/chromium-headless-shell",
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
}
HARMLESS = (
    "Failed to load resource",  # a page's own status, such as 404 or 422, is for the tests to expect
    "htmx:sendError",  # a test took the connection away, and the page said so
    "htmx:sendAbort",  # a later search took the place of one under way
    "htmx:afterRequest",  # says so a second time
)
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


class Visitors:
    """Opens pages, each with cookies and storage of its own; at the end ``faults`` must be empty."""

    def __init__(self, browser, url):
        self.browser = browser
        self.url = url
        self.faults = []
        self._contexts = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for context in self._contexts:
            context.close()
        if self.faults and exception == (None, None, None):
            raise AssertionError("\n".join(self.faults))

    def open(self, **options):
        """Return a new person's page; ``options`` are those of Playwright's new_context()."""
        context = self.browser.new_context(base_url=self.url, **options)
        context.set_default_timeout(SECONDS * 1000)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("response", self._answered)
        self._contexts.append(context)
        return context.new_page()

    def sign_in(self, username, password, **options):
        page = self.open(**options)
        page.goto("/login/")
        fill(page, {"E-mail address": username, "Password": password})
        submit(page)
        assert "/login/" not in page.url
        return page

    def pages(self):
        return [page for context in self._contexts for page in context.pages]

    def _heard(self, message):
        if message.type in {"error", "warning"} and not message.text.startswith(HARMLESS):
            self.faults.append(f"{message.page.url}: {message.text}")

    def _answered(self, response):
        a_page = response.request.resource_type in {"document", "xhr", "fetch"}
        if response.status >= (500 if a_page else 400):
            self.faults.append(f"{response.status} {response.url}")


def fill(page, values):
    """Fill in fields by their labels; True and False are for tick boxes."""
    for label, value in values.items():
        field = page.get_by_label(re.compile(f"^{re.escape(label)}( optional)?$"))
        if isinstance(value, bool):
            field.set_checked(value)
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def submit(page, form="main form"):
    with page.expect_navigation():
        page.locator(f"{form} .form-actions [type=submit]").click()


def message(page):
    return page.locator(".messages").inner_text().strip()


def create_domain(page, name, **values):
    page.goto("/domains/new/")
    page.locator("main details.more summary").click()
    fill(page, {"Domain": name, "Send postmaster@, abuse@ … to": ""} | values)
    submit(page)
    assert name in message(page)


def create_mailbox(page, address, password, **values):
    """Return the login: (address, password)."""
    local_part, _at, domain = address.partition("@")
    page.goto("/mailboxes/new/")
    fill(
        page,
        {"Address": local_part, "Domain": domain, "Password": password, "Quota": "100"} | values,
    )
    submit(page)
    assert address in message(page)
    return address, password


def create_alias(page, local_part, domain, *targets):
    page.goto("/aliases/new/")
    fill(page, {"Address": local_part, "Domain": domain, "Mail goes to": ", ".join(targets)})
    submit(page)
    assert domain in message(page)


def create_alias_domain(page, name, target):
    page.goto("/alias-domains/new/")
    fill(page, {"Other name": name, "Target domain": target})
    submit(page)
    assert name in message(page)
