import csv
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_axe import OPTIONS, violations

DOMAIN = "files.example"
MAKE = f"""
from domains.services import create_domain
create_domain(actor=None, name="{DOMAIN}", aliases=0, mailboxes=0, maxquota=0, quota=0)
"""
COUNT = f"""
from mailboxes.models import Mailbox
print(Mailbox.objects.filter(domain="{DOMAIN}").count())
"""
GOOD = 280
ODD = [
    ["Jörg Müller", f"jörg.müller@{DOMAIN}", "2", "", ""],  # written as joerg.mueller
    ["Groß-Köhler, Anna Maria", "", "1,5", "", ""],  # an address is made of the name
    ["Zoë", f"Zoë <zoe@{DOMAIN}>", "500 MB", "tangerine-7-bicycle", "zoe@home.example"],
    ["Twice", f"p000@{DOMAIN}", "1", "", ""],
    ["Elsewhere", "x@elsewhere.example", "1", "", ""],
    ["Much", f"much@{DOMAIN}", "lots", "", ""],
    ["Short", f"short@{DOMAIN}", "1", "abc", ""],
    ["Nobody", "@", "", "", ""],  # made of the name, too
    ["=HYPERLINK(1)", f"=cmd@{DOMAIN}", "1", "", ""],  # written as cmd
    ["", "", "", "", "lonely@home.example"],
    ["Dots", f"a..b@{DOMAIN}", "1", "", ""],  # written as a.b
    ["Extension", f"a+b@{DOMAIN}", "1", "", ""],
]


def file_of(rows):
    lines = ["Name;E-Mail-Adresse;Größe (GB);Kennwort;Private Adresse"]
    lines += [";".join(row) for row in rows]
    return {
        "name": "Personen.csv",
        "mimeType": "text/csv",
        "buffer": "\r\n".join(lines).encode("cp1252"),
    }


@pytest.fixture
def page(panel, visitors, accounts):
    panel.manage("shell", "-c", MAKE)
    login, password = next(iter(accounts.items()))
    return visitors.sign_in(login, password, bypass_csp=True)  # for axe


def fits(page):
    assert violations(page, None, OPTIONS) == []
    page.set_viewport_size({"width": 390, "height": 844})
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert width <= 390


def test_a_file_of_odd_lines_is_checked_corrected_and_imported(panel, page):
    people = [[f"Person {n}", f"p{n:03}@{DOMAIN}", "1", "", ""] for n in range(GOOD)]
    page.goto("/mailboxes/new/")
    page.get_by_role("link", name="Import a file").click()
    fits(page)
    page.get_by_label("File").set_input_files(file_of(people[:100] + ODD + people[100:]))
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_label("Kennwort")).to_have_value("password")
    page.locator("[name=domain]").fill(DOMAIN)
    fits(page)
    page.get_by_role("button", name="Check the lines").click()

    expect(page.get_by_role("link", name="With errors")).to_be_visible()
    page.get_by_role("link", name="With errors").click()
    fits(page)
    errors = page.locator(".file-lines > li")
    wrong = {row.split(" ")[1] for row in errors.all_inner_texts()}
    assert wrong == {"105", "106", "107", "108", "111", "113"}

    much = page.locator("#line-107")
    expect(much).to_contain_text("Enter a size such as 2 GB or 500 MB.")
    much.locator("summary").click()
    fits(page)
    much.get_by_label("Quota").fill("3")
    much.get_by_role("button", name="Save").click()
    expect(page.locator("#line-107")).to_have_count(0)

    page.get_by_role("button", name=re.compile("^Import 287 mailboxes")).click()
    expect(page.locator("#task")).to_contain_text("287 mailboxes created.", timeout=300_000)
    assert int(panel.manage("shell", "-c", COUNT).split()[-1]) == 287

    page.get_by_role("link", name="To the result").click()
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the result").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = {row["Line"]: row for row in csv.DictReader(file)}
    assert rows["102"]["Address"] == f"joerg.mueller@{DOMAIN}"
    assert rows["103"]["Address"] == f"anna-maria.gross-koehler@{DOMAIN}"
    assert sum(bool(row["Password"]) for row in rows.values()) == 286  # one was given
    assert not any(cell.startswith("=") for row in rows.values() for cell in row.values())

    page.reload()
    expect(page.locator("main")).to_contain_text("erased ten minutes after")
