import os
import platform
import re
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import django
import gunicorn

from tests.bench import cpu, data
from tests.servers.processes import find

WHO = {
    data.SUPERADMIN: "Superadmin",
    data.MANY_ADMIN: f"Domain admin of {data.MANY} domains",
    data.BIG_ADMIN: "Domain admin of the big domain",
}


@dataclass
class Page:
    one: float  # p50 with one client, seconds
    rate: float  # answers/s with many
    p50: float
    p95: float
    kilobytes: float
    statements: int
    rows: int
    cpu: tuple = (0.0, 0.0)  # seconds a page: program and web server, database


@dataclass
class Results:
    fill: dict
    hash_seconds: float
    pages: dict = field(default_factory=dict)  # account → name → size → Page
    forms: dict = field(default_factory=dict)  # name → size → Page
    peer: str = ""
    peers: dict = field(default_factory=dict)  # as pages
    bulk: dict = field(default_factory=dict)  # size → what Site.measure_bulk tells
    memory: dict = field(default_factory=dict)  # size → {side: MB of each worker}
    lookups: dict = field(default_factory=dict)  # size → {(map, asked): (hits/s, misses/s)}

    def add_page(self, account, name, size, peer, tried, rate, answer):
        """``peer`` is the name of the other side, empty for ours; its pages count no statements."""
        cost = _cost(answer) if answer else (0, 0, 0)
        many = tried.many
        page = Page(median(tried.one), rate, median(many), p95(many), *cost, tuple(tried.cpu))
        found = self.peers if peer else self.pages
        found.setdefault(account, {}).setdefault(name, {})[size] = page
        self.peer = peer or self.peer

    def add_form(self, name, size, answer):
        self.forms.setdefault(name, {})[size] = Page(0, 0, 0, 0, *_cost(answer))

    def time_form(self, name, times, hashes):
        """``times`` of the sizes, less the ``hashes`` in each."""
        for size, page in self.forms[name].items():
            net = [max(0.0, seconds - hashes * self.hash_seconds) for seconds in times[size]]
            page.one = page.p50 = median(net)
            page.p95 = p95(net)

    def line(self, account, name):
        sizes = self.pages[account][name]
        parts = [
            f"{size:>9,}: {1000 * page.one:6.1f} ms, {page.rate:6.0f}/s"
            f" {1000 * page.p50:5.1f}/{1000 * page.p95:5.1f} ms"
            f" {page.statements:3} st. {page.rows:6} rows {page.kilobytes:5.1f} kB {cpu_ms(page)} CPU"
            f"{self._beside(account, name, size, page)}"
            for size, page in sizes.items()
        ]
        return f"{WHO[account][:12]:12} {name:32} {' | '.join(parts)} {flatness(sizes)}"

    def _beside(self, account, name, size, page):
        other = self.peers.get(account, {}).get(name, {}).get(size)
        return f" ({self.peer}: {cpu_ms(other)}, {ratio(page, other)})" if other else ""

    def memory_lines(self, sites):
        for size, site in sites.items():
            self.memory[size] = {
                side.name if number else "": [cpu.megabytes(pid) for pid in side.programs()[1:]]
                for number, side in enumerate(site.sides)
            }
            for name, workers in self.memory[size].items():
                yield f"{size:>9,} memory {name or 'panel'}: {', '.join(f'{mb:.0f}' for mb in workers)} MB PSS a worker"

    def form_line(self, name):
        sizes = self.forms[name]
        parts = [
            f"{size:>9,}: {1000 * page.p50:6.1f}/{1000 * page.p95:6.1f} ms {page.statements:3} st. {page.rows:6} rows"
            for size, page in sizes.items()
        ]
        return f"POST {name:40} {' | '.join(parts)} {flatness(sizes)}"

    def bulk_line(self, size):
        bulk = self.bulk[size]
        return (
            f"{size:>9,} mailboxes created together: {bulk['service']:,.0f}/s by the service,"
            f" {bulk['import']:,.0f}/s of a file, {bulk['sql']:,.0f}/s by SQL alone; recount {bulk['recount']:.1f} s"
        )

    def lookup_lines(self, size):
        for (table, asked), (hits, misses) in self.lookups[size].items():
            yield f"{size:>9,} {table:26} {asked:28} {hits:8,.0f}/s found {misses:8,.0f}/s not found"


def _cost(answer):
    statements, rows, _milliseconds = answer.header("X-Cost").split()
    return len(answer.body) / 1000, int(statements), int(rows)


def cpu_ms(page):
    return " + ".join(f"{1000 * part:.1f}" for part in page.cpu)


def ratio(page, other):
    return f"×{sum(other.cpu) / sum(page.cpu):.2f}"


def p95(times):
    return quantiles(times, n=20, method="inclusive")[18] if len(times) > 1 else times[0]


def flatness(sizes):
    """How much longer the largest size takes than the smallest; empty for one size.

    In brackets where the smallest shows a shorter list, hence much less HTML.
    """
    if len(sizes) < 2:
        return ""
    small, large = sizes[min(sizes)], sizes[max(sizes)]
    ratio = f"{large.one / small.one:.2f}"
    return f"({ratio})" if small.kilobytes < 0.85 * large.kilobytes else ratio


def document(results):
    sizes = sorted(results.fill)
    parts = [
        "# Performance",
        "",
        f'Written by `make bench SIZE="{" ".join(map(str, sizes))}"` on {datetime.now(UTC):%Y-%m-%d}:'
        " change the bench (tests/bench), not this file. [Moving in](#moving-in), the last part, is measured by itself and kept.",
        "",
        *_machine(),
        *_data(results, sizes),
        *_memory(results, sizes),
        *_pages(results, sizes),
        *_peers(results, sizes),
        *_forms(results, sizes),
        *_lookups(results, sizes),
        *_bulk(results, sizes),
    ]
    return "\n".join(parts).rstrip() + "\n"


def measured_apart(text):
    """The last part of docs/performance.md as it stands there: other programs measure it."""
    _before, heading, rest = text.partition("\n## Moving in\n")
    return heading + rest


def _machine():
    with Path("/proc/meminfo").open() as file:
        memory = int(re.search(r"MemTotal: +(\d+)", file.read())[1]) / 2**20
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    versions = [
        f"Python {platform.python_version()}",
        f"Django {django.__version__}",
        f"gunicorn {gunicorn.__version__}",
        f"MariaDB {_first(r'[0-9]+[.][0-9.]+', find('mariadbd'), '--version')}",
        f"Postfix {_first(r'[0-9]+[.][0-9.]+', find('postconf'), '-d', 'mail_version')}",
    ]
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return [
        "## The machine and the method",
        "",
        f"{cpu[1] if cpu else platform.machine()}, {len(os.sched_getaffinity(0))} cores,"
        f" {memory:.0f} GiB of memory, {system}. {', '.join(versions)}."
        f" Load of the machine at the end: {os.getloadavg()[1]:.1f}.",
        "",
        "Everything runs on this machine, the clients too: a private MariaDB with safe settings and a"
        " buffer pool that holds the data, gunicorn and nginx as shipped (`deploy/gunicorn.conf.py`,"
        " `deploy/nginx`) but for the encryption, one session for each connection. The sizes are measured"
        " in turn, page by page.",
        "",
    ]


def _first(pattern, *command):
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.search(pattern, output)[0]


def _data(results, sizes):
    lines = [
        "| mailboxes | domains | in big.example | aliases | administrators | log entries | filled in |"
    ]
    lines += ["|--:|--:|--:|--:|--:|--:|--:|"]
    for size in sizes:
        rows, seconds = results.fill[size]["rows"], results.fill[size]["seconds"]
        lines.append(
            f"| {rows['mailbox']:,} | {rows['domain'] - 1:,} | {data.Plan(size).in_big:,}"
            f" | {rows['alias'] - rows['mailbox']:,} | {rows['admin']:,} | {rows['log']:,}"
            f" | {f'{seconds:.0f} s' if results.fill[size]['steps'] else 'kept'} |"
        )
    return [*lines, ""]


def _memory(results, sizes):
    parts = [
        f"{name or 'panel'} with {size:,} mailboxes: {', '.join(f'{mb:.0f}' for mb in workers)}"
        for size in sizes
        for name, workers in results.memory[size].items()
    ]
    return [f"Memory of each worker after all that, in MB (PSS): {'; '.join(parts)}.", ""]


def _pages(results, sizes):
    lines = [
        "## Pages",
        "",
        "One client: the median in ms. Four clients: answers per second, then median and 95th percentile"
        " in ms. *Flat*: the median with one client at the largest size divided by that at the smallest;"
        " in brackets where the smallest has fewer rows to show."
        " *CPU* is what a page costs in ms of processor time: the panel's processes and nginx, then the database."
        " Statements, rows the database looked at, and HTML in kB are those of the largest size."
        " *Average* is a domain of 90 mailboxes (where there are more domains than can have as many,"
        " the others are empty),"
        " *big* holds a tenth of all mailboxes; *next* and *jump* lead into the middle of a list;"
        " *typing* is what htmx asks for while somebody types.",
        "",
    ]
    for account, named in results.pages.items():
        lines += [f"### {WHO[account]}", ""]
        lines.append(
            "| page | "
            + " | ".join(f"{size:,}" for size in sizes)
            + " | flat | "
            + " | ".join(f"4 clients, {size:,}" for size in sizes)
            + " | CPU | statements | rows | kB |"
        )
        lines.append("|---|" + "--:|" * (2 * len(sizes) + 5))
        for name, found in named.items():
            last = found[sizes[-1]]
            lines.append(
                f"| {name} | "
                + " | ".join(f"{1000 * found[size].one:.1f}" for size in sizes)
                + f" | {flatness(found)} | "
                + " | ".join(
                    f"{page.rate:.0f}/s {1000 * page.p50:.0f}/{1000 * page.p95:.0f}"
                    for page in (found[size] for size in sizes)
                )
                + f" | {cpu_ms(last)} | {last.statements} | {last.rows:,} | {last.kilobytes:.0f} |"
            )
        lines.append("")
    return lines


def _peers(results, sizes):
    if not results.peers:
        return []
    lines = [
        f"## Beside {results.peer}",
        "",
        "The same rows in the same database server, the pages in turn. CPU in ms a page, ours and"
        " theirs: program and web server + database; then how many times ours theirs is.",
        "",
        "| page | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---|" + "--:|" * len(sizes),
    ]
    for account, named in results.peers.items():
        for name, theirs in named.items():
            ours = results.pages[account][name]
            cells = [
                f"{cpu_ms(ours[size])}, {cpu_ms(theirs[size])}, {ratio(ours[size], theirs[size])}"
                for size in sizes
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _forms(results, sizes):
    lines = [
        "## Forms",
        "",
        "The POST alone, one client, without the password hash"
        f" ({1000 * results.hash_seconds:.1f} ms with 5,000 rounds): median and 95th percentile in ms."
        " Statements include savepoints.",
        "",
        "| form | " + " | ".join(f"{size:,}" for size in sizes) + " | flat | statements | rows |",
        "|---|" + "--:|" * (len(sizes) + 3),
    ]
    for name, found in results.forms.items():
        last = found[sizes[-1]]
        lines.append(
            f"| {name} | "
            + " | ".join(
                f"{1000 * page.p50:.1f} / {1000 * page.p95:.1f}"
                for page in (found[size] for size in sizes)
            )
            + f" | {flatness(found)} | {last.statements} | {last.rows:,} |"
        )
    return [*lines, ""]


def _bulk(results, sizes):
    lines = [
        "## Many at once",
        "",
        "Mailboxes created per second, a thousand to a transaction: by the service, with all rules and the"
        " log, and by INSERT … SELECT of the same rows. The triggers are the same. Then the lines of a file with hashes that are"
        " checked and imported per second, and the seconds that"
        " `manage.py recount` takes; that is also what a migration costs that computes the tables anew.",
        "",
        "| | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---|" + "--:|" * len(sizes),
    ]
    kinds = {"service": "service, per second", "sql": "SQL alone, per second"}
    kinds |= {"check": "lines of a file checked, per second", "import": "imported, per second"}
    for kind, words in (kinds | {"recount": "recount, seconds"}).items():
        values = (f"{results.bulk[size][kind]:,.1f}" for size in sizes)
        lines.append(f"| {words} | {' | '.join(values)} |")
    return [*lines, ""]


def _lookups(results, sizes):
    lines = [
        "## Look-ups of Postfix",
        "",
        "Look-ups per second of each shipped map (`deploy/postfix`) through real `postmap`, one connection,"
        " 20,000 keys: those that find something / those that do not. The floor is"
        " `SELECT goto FROM alias WHERE address = '…'` by the same tool, and from Python (mysqlclient).",
        "",
        "| map | asked for | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---|---|" + "--:|" * len(sizes),
    ]
    for table, asked in results.lookups.get(sizes[-1], {}):
        rates = [
            " / ".join(f"{rate:,.0f}" for rate in results.lookups[size][table, asked])
            for size in sizes
        ]
        lines.append(f"| {table} | {asked} | {' | '.join(rates)} |")
    return [*lines, ""]
