"""An animated walk through the main job, for the README: a domain, a mailbox, an alias, where mail goes, and its user.

``python -m tests.screenshots --walk`` writes docs/screenshots/walk.webp.
"""

import base64
import subprocess
import tempfile
from html import escape
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browsing import fill
from tests.servers.processes import find

SIZE = {"width": 1120, "height": 700}
SECONDS = 2.4
DOMAIN = "lighthouse.example"
CAPTION_HEIGHT = 52
FRAME = """<!doctype html><style>
body { margin: 0; font: 500 19px/52px system-ui; color: #10312f; background: #fff }
img { display: block; border-bottom: 1px solid #cdd9d8 }
p { margin: 0; padding: 0 24px }
</style><img src="data:image/png;base64,%s" alt=""><p>%s</p>"""


def film(visitors, account, file):
    with tempfile.TemporaryDirectory(prefix="mailadmin-walk-") as directory:
        pictures = Pictures(visitors, account, Path(directory))
        walk(pictures)
        durations = [f"-d {int(seconds * 1000)}".split() for _file, seconds in pictures.taken]
        frames = [
            argument
            for (picture, _seconds), duration in zip(pictures.taken, durations, strict=True)
            for argument in (*duration, "-lossy", "-q", "80", "-m", "6", picture)
        ]
        subprocess.run(
            [find("img2webp"), "-loop", "0", "-kmax", "1", *frames, "-o", file], check=True
        )
    print(f"{file}  {file.stat().st_size // 1000} kB")


class Pictures:
    def __init__(self, visitors, account, directory):
        self.visitors = visitors
        self.page = self.sign_in(*account)
        self.easel = visitors.open(viewport=SIZE | {"height": SIZE["height"] + CAPTION_HEIGHT + 1})
        self.directory = directory
        self.taken = []

    def sign_in(self, *account):
        return self.visitors.sign_in(*account, viewport=SIZE, reduced_motion="reduce")

    def take(self, caption, seconds=SECONDS, page=None):
        picture = base64.b64encode((page or self.page).screenshot()).decode()
        self.easel.set_content(FRAME % (picture, escape(caption)))
        file = self.directory / f"{len(self.taken):02}.png"
        self.easel.screenshot(path=file)
        self.taken.append((file, seconds))


def walk(pictures):
    page, take = pictures.page, pictures.take
    page.goto("/")
    take("Home: what needs somebody, and what happened")

    page.keyboard.press("Control+k")
    new_domain = page.get_by_role("link", name="New domain", exact=True)
    new_domain.hover()
    take("Ctrl K, from anywhere: a new domain")
    new_domain.click()
    typed(page, "**/domains/new/", DOMAIN)
    take("Its name is enough; all the rest has defaults")
    page.get_by_role("button", name="Create domain").click()
    page.wait_for_url(f"**/domains/{DOMAIN}/")
    take("The domain is a place: all its addresses are here")

    page.get_by_role("link", name="New address").first.click()
    typed(page, "**/new/**", "ann")
    fill(page, {"Name": "Ann Berg"})
    take("A mailbox; its password is made, in groups that can be read out")
    page.get_by_role("button", name="Create mailbox").click()
    expect(page.locator("#secret")).to_be_visible()
    take("Login, password and servers to hand over, once", 2 * SECONDS)
    password = page.locator("#secret").inner_text()
    page.get_by_role("link", name="Done").click()

    page.goto(f"/domains/{DOMAIN}/new/?kind=alias&target=ann@{DOMAIN}")
    typed(page, "**/new/**", "info")
    expect(page.locator("main")).to_contain_text("Mail for")
    take("An alias: the page says beforehand what will happen", 1.5 * SECONDS)
    page.get_by_role("button", name="Create alias").click()
    page.goto(f"/domains/{DOMAIN}/")
    take("Both are live: Postfix and Dovecot read the same tables")

    page.keyboard.press("Control+k")
    typed(page, "**", f"info+spring@{DOMAIN}")
    expect(page.locator("#palette .answer")).to_contain_text(f"ann@{DOMAIN}")
    take("And who gets mail for this one? The answer, as Postfix decides it", 2.5 * SECONDS)

    own = pictures.sign_in(f"ann@{DOMAIN}", password)
    take("What Ann sees: her own mailbox, a row for each thing she may want", 1.5 * SECONDS, own)
    own.locator(".own-rows a").filter(has_text="Forwarding").click()
    own.locator("#id_targets").fill("ann@home.example")
    take("She forwards her mail by herself, and keeps a copy if she likes", page=own)
    own.get_by_role("button", name="Save forwarding").click()
    expect(own.locator(".saved")).to_be_visible()
    take("Saved, and said where she looks", 1.5 * SECONDS, own)


def typed(page, address, text):
    page.wait_for_url(address)
    expect(page.locator("input:focus")).to_have_count(1)
    page.keyboard.type(text)
