import contextlib

from playwright.sync_api import sync_playwright

from tests.e2e.browsing import CHROMIUM, Visitors


@contextlib.contextmanager
def visitors_of(machine, url, directory):
    """Visitors of the machine's sites, under their names; ``directory`` is for a script."""
    program = directory / "chromium"
    program.write_text(
        f'#!/bin/sh\nexec nsenter --target {machine.inside} --net {CHROMIUM["executable_path"]} "$@"\n'
    )
    program.chmod(0o755)
    names = "--host-resolver-rules=MAP *.example.org 192.0.2.25"
    options = {"executable_path": program, "args": [*CHROMIUM["args"], names]}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM | options)
        try:
            with Visitors(browser, url) as visitors:
                yield visitors
        finally:
            browser.close()
