"""Takes the README's screenshots: a panel with the sample data, in a real browser.

``python -m tests.screenshots`` writes docs/screenshots/ and the animated walk there, which ``--walk`` takes alone;
with ``--all DIR`` every page and every state of one that axe-core looks at is taken in both colours, wide and on a phone, to
look through.
"""

import argparse
import contextlib
import os
import re
import tempfile
from pathlib import Path

import django
from playwright.sync_api import sync_playwright

from tests.e2e import states
from tests.e2e.browsing import CHROMIUM, Visitors
from tests.e2e.panel import Panel
from tests.servers.processes import ROOT
from tests.walk import film

WIDE = {"width": 1440, "height": 780}
PHONE = {"width": 390, "height": 844}
# What a visitor's system-ui would be; DejaVu Sans is wider than what any of them sees.
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include>/etc/fonts/fonts.conf</include>
<match><test name="family"><string>system-ui</string></test><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
<match><test name="family"><string>sans-serif</string></test><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
</fontconfig>"""
HOST = "panel.example.org"  # which the pages name where they say how to reach them
SUPERADMIN, DOMAIN_ADMIN, MAILBOX_USER = 0, 1, 3  # place among the sample data's accounts
README = [
    # name, whose, path, sizes
    ("dashboard", SUPERADMIN, "/", [WIDE, PHONE]),
    ("domain", SUPERADMIN, "/domains/brightwater.example/", [WIDE]),
    ("mailboxes", SUPERADMIN, "/mailboxes/?domain=brightwater.example", [WIDE, PHONE]),
    ("mailbox-form", DOMAIN_ADMIN, "/mailboxes/new/?domain=brightwater.example", [WIDE]),
    ("own", MAILBOX_USER, "/account/", [WIDE, PHONE]),
]


@contextlib.contextmanager
def sample_panel():
    with tempfile.TemporaryDirectory(prefix="mailadmin-screenshots-") as directory:
        has = {"ALLOWED_HOSTS": HOST, "SIGN_INS": "127.0.0.1:8011"}  # where nobody listens
        panel = Panel(f"sqlite:///{directory}/panel.sqlite3", directory, **has)
        try:
            panel.start()
            yield panel, list(panel.fill_with_demo().items())
        finally:
            panel.stop()


def photograph(visitors, accounts, jobs, directory, *, full_page=False, language="en"):
    """Take ``jobs``, (name, whose, path, sizes), in both colours; a fifth value does something on the page first."""
    directory.mkdir(parents=True, exist_ok=True)
    pages = {}
    for name, whose, path, sizes, *act in jobs:
        if whose not in pages:
            nobody = whose is None
            pages[whose] = visitors.open() if nobody else visitors.sign_in(*accounts[whose])
        page = pages[whose]
        page.context.set_extra_http_headers({"Accept-Language": language})
        if page.goto(path).status == 404 and path != "/nothing/":
            continue  # it is not for everybody
        for size in sizes:
            page.set_viewport_size(size)
            for do in act:
                page.goto(path)
                do(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                kind = "-phone" if size is PHONE else ""
                file = directory / f"{name}{kind}-{scheme}.png"
                page.screenshot(path=file, full_page=full_page)
                print(f"{file}  {file.stat().st_size // 1000} kB")


def every_page():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.e2e.acts import STATES
    from tests.e2e.test_pages import every_path

    pages = ("", "forwarding/", "password/", "address/", "room/", "setup/")
    factor = ("factor/", "factor/setup/", "passkeys/new/", "sessions/", "tokens/", "tokens/new/")
    apps = ("app-passwords/", "app-passwords/new/", "app-passwords/only/")
    mail = ("away/", "addresses/", "addresses/sails@brightwater.example/", "send-as/", "sign-ins/")
    own = [f"/account/{page}" for page in (*pages, *factor, *apps, *mail, "time-zone/")]
    yield "login", None, "/login/", [WIDE, PHONE]
    for whose in (SUPERADMIN, DOMAIN_ADMIN, MAILBOX_USER):
        paths = own if whose == MAILBOX_USER else every_path()
        for path in (*paths, "/nothing/"):
            name = re.sub(r"[^\w.@]+", "-", path).strip("-") or "dashboard"
            yield f"{whose}-{name}", whose, path, [WIDE, PHONE]
    for whose, acts in STATES.items():
        for number, (path, act) in enumerate(acts):
            if act:
                yield f"state-{whose}-{number:02}", whose, path, [WIDE, PHONE], act


def last_pages():
    """Of something that takes its time. They need rows that the other pages do not show."""
    for path, act in (*states.TASK, *states.FILE):
        yield f"state-{act.__name__}", SUPERADMIN, path, [WIDE, PHONE], act


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--all", metavar="DIR", type=Path, help="take every page into DIR")
    parser.add_argument("--walk", action="store_true", help="take the animated walk alone")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="with --all: paths that contain TEXT"
    )
    parser.add_argument("--language", default="en", help="what the browser asks for, such as fr")
    options = parser.parse_args()
    with (
        sample_panel() as (panel, accounts),
        sync_playwright() as playwright,
        tempfile.NamedTemporaryFile("w", suffix=".conf") as fonts,
    ):
        fonts.write(FONTS)
        fonts.flush()
        with_fonts = os.environ | {"FONTCONFIG_FILE": fonts.name}
        arguments = [
            *CHROMIUM["args"],
            f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{panel.port}",
            f"--unsafely-treat-insecure-origin-as-secure=http://{HOST}",
        ]
        browser = playwright.chromium.launch(**CHROMIUM | {"args": arguments}, env=with_fonts)
        with Visitors(browser, f"http://{HOST}") as visitors:
            if options.all:
                jobs, last = (
                    [job for job in pages if options.only in job[2]]
                    for pages in (every_page(), last_pages())
                )
                look = {"full_page": True, "language": options.language}
                photograph(visitors, accounts, jobs, options.all, **look)
                if last:
                    panel.manage("domain", "add", states.MANY)
                    states.fill(panel, 120)
                    photograph(visitors, accounts, last, options.all, **look)
            else:
                directory = ROOT / "docs" / "screenshots"
                if not options.walk:
                    photograph(visitors, accounts, README, directory)
                film(visitors, accounts[SUPERADMIN], directory / "walk.webp")
        browser.close()


if __name__ == "__main__":
    main()
