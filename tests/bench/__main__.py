"""``make bench SIZE="1000 1000000"``: measure, print, and write docs/performance.md.

SIZE are numbers of mailboxes. KEEP=DIRECTORY (one that every user can enter) keeps the filled
databases for the next time, as long as the schema stays the same; SECONDS is how long each page is
asked for with one client and again with CLIENTS (4); BULK how many mailboxes are created together (20,000). PEER=postfixadmin measures PostfixAdmin's pages
in turn with ours, PEER=DIRECTORY those of another checkout. ONLY is a regular expression: measure the
pages that it matches, print, and write nothing.
"""

import contextlib
import os
import re
import signal
import sys

from passlib.hash import sha512_crypt
from rich.console import Console

from tests.bench import cpu, data, maps, pages, report
from tests.bench.browser import Browser, load
from tests.bench.site import Site
from tests.servers.processes import ROOT

CLIENTS = int(os.environ.get("CLIENTS") or 4)
ONLY = os.environ.get("ONLY") or ""
TURNS = 5
POSTS = 30
BULK = int(os.environ.get("BULK") or 20_000)  # mailboxes created together
console = Console(soft_wrap=True)


def main():
    sizes = sorted({int(size) for size in (os.environ.get("SIZE") or "1000").split()})
    seconds = float(os.environ.get("SECONDS") or 2)
    with contextlib.ExitStack() as stack:
        sites = {}
        for size in sizes:
            console.print(f"Filling {size:,} mailboxes …")
            sites[size] = stack.enter_context(
                Site(size, os.environ.get("KEEP"), os.environ.get("PEER"))
            )
        results = report.Results(
            {size: site.filled for size, site in sites.items()}, hash_seconds()
        )
        for account in pages.pages(sites[sizes[0]].samples):
            measure_pages(results, sites, account, seconds)
        for line in results.memory_lines(sites):
            console.print(line)
        if ONLY:
            return
        measure_forms(results, sites)
        for size, site in sites.items():
            results.lookups[size] = maps.measure(site)
            for line in results.lookup_lines(size):
                console.print(line)
    for size, site in sites.items():
        results.bulk[size] = site.measure_bulk(BULK)
        console.print(results.bulk_line(size))
    path = ROOT / "docs" / "performance.md"
    path.write_text(report.document(results) + report.measured_apart(path.read_text()))
    console.print(f"Written: {path.relative_to(ROOT)}")


def measure_pages(results, sites, account, seconds):
    """The sizes and sides take turns, so that a busy moment of the machine hits them alike."""
    browsers, counters = {}, {}
    urls = {size: pages.pages(site.samples)[account] for size, site in sites.items()}
    for name in filter(re.compile(ONLY).search, urls[min(sites)]):
        tries = {}
        for size, site in sites.items():
            if size not in counters:
                counters[size] = sign_in(site.counting_port, account)
            for side in site.sides:
                url = side.url(account, name, site.samples, urls[size][name])
                if url and (size, side) not in browsers:
                    browsers[size, side] = [side.sign_in(account) for _ in range(CLIENTS)]
                if url:
                    tries[size, side] = Try(url, browsers[size, side], site)
        for turn in range(TURNS + 1):
            for (_size, side), each in tries.items():
                each.run(side, 1, seconds / TURNS, counted=turn > 0)  # the first one warms up
        for (_size, side), each in tries.items():
            each.run(side, CLIENTS, seconds)
        for (size, side), each in tries.items():
            site, answer = sites[size], None
            if side is site.sides[0]:
                counters[size].ask(each.url)
                answer = counters[size].ask(each.url)
            rate = len(each.many) / seconds
            results.add_page(
                account, name, size, side.name if answer is None else "", each, rate, answer
            )
        console.print(results.line(account, name))


class Try:
    def __init__(self, url, browsers, site):
        self.url, self.browsers, self.database = url, browsers, cpu.tree(site.database.process.pid)
        self.one, self.many, self.spent = [], [], [0.0, 0.0]

    def run(self, side, clients, seconds, counted=True):
        groups = [*side.programs(), *cpu.tree(side.nginx.pid)], self.database
        before = [cpu.seconds(*pids) for pids in groups]
        times = load(self.browsers[:clients], self.url, seconds)
        if counted:
            (self.one if clients == 1 else self.many).extend(times)
            for number, pids in enumerate(groups):
                self.spent[number] += cpu.seconds(*pids) - before[number]

    @property
    def cpu(self):
        """Seconds that one page costs: (the web server and the program, the database)."""
        return [spent / len(self.one + self.many) for spent in self.spent]


def measure_forms(results, sites):
    account = data.SUPERADMIN
    browsers = {size: site.sides[0].sign_in(account) for size, site in sites.items()}
    counters = {size: sign_in(site.counting_port, account) for size, site in sites.items()}
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


def sign_in(port, account):
    return Browser(port).sign_in(account, data.PASSWORD)


def hash_seconds():
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
    if answer.status not in {200, 302}:  # a new password is shown once, by the answer itself
        raise RuntimeError(f"{url}: {answer.status} {answer.body[-3000:].decode()}")
    return answer


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
