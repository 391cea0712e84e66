"""``make bench SIZE="1000 1000000"``: measure, print, and write docs/performance.md.

SIZE are numbers of mailboxes. KEEP=DIRECTORY (one that every user can enter) keeps the filled
databases for the next time, as long as the schema stays the same; SECONDS is how long each page is asked for with one client and again with four (2).
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
TURNS = 5
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
            {size: site.filled for size, site in sites.items()}, hash_seconds()
        )
        for account in pages.pages(sites[sizes[0]].samples):
            measure_pages(results, sites, account, seconds)
        measure_forms(results, sites)
        for size, site in sites.items():
            results.lookups[size] = maps.measure(site)
            for line in results.lookup_lines(size):
                console.print(line)
    path = ROOT / "docs" / "performance.md"
    path.write_text(report.document(results))
    console.print(f"Written: {path.relative_to(ROOT)}")


def measure_pages(results, sites, account, seconds):
    """The sizes take turns, so that a busy moment of the machine hits them alike."""
    browsers = {size: clients(site.port, account) for size, site in sites.items()}
    counters = {size: clients(site.counting_port, account, 1)[0] for size, site in sites.items()}
    urls = {size: pages.pages(site.samples)[account] for size, site in sites.items()}
    for name in urls[min(sites)]:
        one = {size: [] for size in sites}
        for turn in range(TURNS + 1):
            for size in sites:
                times = load(browsers[size][:1], urls[size][name], seconds / TURNS)
                one[size] += times if turn else []  # the first one warms up
        for size in sites:
            four = load(browsers[size], urls[size][name], seconds)
            counters[size].get(urls[size][name])
            answer = counters[size].get(urls[size][name])
            rate = len(four) / seconds
            results.add_page(account, name, size, one[size], four, rate, answer)
        console.print(results.line(account, name))


def measure_forms(results, sites):
    account = data.SUPERADMIN
    browsers = {size: clients(site.port, account, 1)[0] for size, site in sites.items()}
    counters = {size: clients(site.counting_port, account, 1)[0] for size, site in sites.items()}
    forms = list(pages.forms(sites[min(sites)].samples, 0))
    # There is but one catch-all: it is created and deleted in turns.
    together = [name for name in forms if name.startswith("catch-all")]
    for group in [[name] for name in forms if name not in together] + [together]:
        times = {name: {size: [] for size in sites} for name in group}
        for number in range(
            POSTS // len(group) + 2
        ):  # the first one warms up, the second is counted
            for name in group:
                for size, site in sites.items():
                    url, values, _ = pages.forms(site.samples, number)[name]
                    answer = post((counters if number == 1 else browsers)[size], url, values)
                    if number == 1:
                        results.add_form(name, size, answer)
                    elif number > 1:
                        times[name][size].append(answer.seconds)
        for name in group:
            results.time_form(name, times[name], pages.forms(site.samples, 0)[name][2])
            console.print(results.form_line(name))


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


def post(browser, url, values):
    if url == "/login/":  # as somebody new
        browser = Browser(browser.port)
        browser.get(url)
    answer = browser.post(url, values)
    if answer.status != 302:
        raise RuntimeError(f"{url}: {answer.status} {answer.body[-3000:].decode()}")
    return answer


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
