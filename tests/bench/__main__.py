"""``make bench SIZE="1000 1000000"``: measure, print, and write docs/performance.md.

SIZE are numbers of mailboxes. KEEP=DIRECTORY keeps the filled databases for the next time;
SECONDS is how long each page is asked for with one client and again with four (2).
"""

import contextlib
import os
import signal
import sys

from passlib.hash import sha512_crypt
from rich.console import Console

from tests.bench import data, maps, pages, report
from tests.bench.browser import Browser, load
from tests.bench.site import Site
from tests.servers.processes import ROOT

CLIENTS = 4
POSTS = 30
console = Console(soft_wrap=True)


def main():
    sizes = sorted({int(size) for size in os.environ.get("SIZE", "1000").split()})
    seconds = float(os.environ.get("SECONDS", 2))
    with contextlib.ExitStack() as stack:
        sites = {}
        for size in sizes:
            console.print(f"Filling {size:,} mailboxes …")
            sites[size] = stack.enter_context(Site(size, os.environ.get("KEEP")))
        results = report.Results(
            fill={size: site.filled for size, site in sites.items()}, hash_seconds=hash_seconds()
        )
        for account, named in pages.pages(next(iter(sites.values())).samples).items():
            browsers = {size: clients(site.port, account) for size, site in sites.items()}
            counters = {
                size: clients(site.counting_port, account, 1) for size, site in sites.items()
            }
            for name in named:
                for size, site in sites.items():  # in turn, so that a busy moment hits all alike
                    url = pages.pages(site.samples)[account][name]
                    load(browsers[size][:1], [url], 0.2)
                    one = load(browsers[size][:1], [url], seconds)
                    four = load(browsers[size], [url], seconds)
                    counters[size][0].get(url)
                    answer = counters[size][0].get(url)
                    results.add_page(account, name, size, one, four, len(four) / seconds, answer)
                console.print(results.line(account, name))
        for name in pages.forms(site.samples, 0):
            for size, site in sites.items():
                results.add_form(name, size, *post(site, name))
            console.print(results.form_line(name))
        for size, site in sites.items():
            results.lookups[size] = maps.measure(site)
            for line in results.lookup_lines(size):
                console.print(line)
    path = ROOT / "docs" / "performance.md"
    path.write_text(report.document(results))
    console.print(f"Written: {path.relative_to(ROOT)}")


def clients(port, account, number=CLIENTS):
    return [Browser(port).sign_in(account, data.PASSWORD) for _ in range(number)]


def hash_seconds():
    """What one password hash costs, as the panel is set up here."""
    from time import perf_counter

    times = []
    for _ in range(20):
        start = perf_counter()
        sha512_crypt.using(rounds=5_000).hash(data.PASSWORD)
        times.append(perf_counter() - start)
    return sorted(times)[10]


def post(site, name):
    """Send the form POSTS times; return (seconds of each, hashes in one, the counted answer)."""
    if not hasattr(site, "browser"):
        [site.browser] = clients(site.port, data.SUPERADMIN, 1)
        [site.counter] = clients(site.counting_port, data.SUPERADMIN, 1)
    times = []
    # There is but one catch-all: it is created once, and deleted once.
    numbers = [1] if name.startswith("catch-all") else range(POSTS + 2)
    for number in numbers:
        browser = site.counter if number == 1 else site.browser
        url, values, hashes = pages.forms(site.samples, number)[name]
        if url == "/login/":
            browser = Browser(browser.port)
            browser.get(url)
        answer = browser.post(url, values)
        if answer.status != 302:
            raise RuntimeError(f"{name}: {answer.status} {answer.body[-3000:].decode()}")
        if number == 1:
            counted = answer
        if number != 0 or len(numbers) == 1:  # the first one warms up
            times.append(answer.seconds)
    return times, hashes, counted


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
