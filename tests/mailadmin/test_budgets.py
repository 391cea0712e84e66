"""What a page may cost, in the middle of large lists: statements, rows read, bytes. Times are the bench's."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin, LogEntry
from domains import words
from domains.models import Domain
from domains.words import GLANCE, SCAN
from mailboxes.models import Mailbox
from panel.paging import COUNT_BOUND, PAGE_SIZES
from tests.bench import data, pages
from tests.bench.cost import measured

SIZE = 100_000  # mailboxes: enough that a scan of them, of aliases or of the log breaks the budget
STATEMENTS = 10
TRACE = 11  # each thing that the mail server asks, and what changes of it with time
PREVIEW = 14  # of a form while one types: who answers for its address and for each recipient, and who had it
STATEMENTS_OF_FORMS = 30  # with the savepoints
BYTES = 100_000
ROWS_PER_ROW = (
    25  # with what is told of it from tables of one row: who is away, what ends, who was warned
)
DONE = {200, 302}  # a new password is shown by the answer itself
SHOWN = 50  # rows of a page, at least
RANGES = data.MANY  # rows looked at to begin with each of an administrator's domains
DAYS = 31  # of an administrator's domains, whose figures are added up
KINDS = 5  # that the search looks through, by the entries of words
ROWS_PER_ENTRY = 8  # read, kept in memory, read again, asked for the other words
ROWS_PER_COUNT = 2 * (COUNT_BOUND + 1) + RANGES

# All pages read the same rows, made once: one worker has them.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("budgets")]

NAMES = pages.pages(pages.Samples(*["x"] * 9))


@pytest.fixture(scope="module")
def samples(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        data.fill(connection, SIZE)
        yield pages.sample(connection, SIZE)
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def visit(samples):
    """``visit(account)`` gives a client that is signed in and has asked for a page before."""

    def sign_in(account):
        client = Client()
        backend = "accounts.backends.AdminBackend"
        client.force_login(Admin.objects.get(pk=account), backend=backend)
        client.get("/account/")
        return client

    return sign_in


@pytest.mark.parametrize(
    ("account", "name"), [(account, name) for account, named in NAMES.items() for name in named]
)
def test_a_page_costs_no_more_than_what_it_shows(account, name, visit, samples):
    client = visit(account)
    url = pages.pages(samples)[account][name]

    with CaptureQueriesContext(connection) as captured, measured() as cost:
        if isinstance(url, pages.Part) and url.values:
            response = client.post(url, url.values, headers=pages.HTMX)
        elif isinstance(url, pages.Part):
            response = client.get(url, headers=pages.HTMX)
        else:
            response = client.get(url)

    assert response.status_code == 200
    statements = [query["sql"] for query in captured if "SHOW SESSION STATUS" not in query["sql"]]
    most = TRACE if name.startswith("trace") else PREVIEW if "preview" in url else STATEMENTS
    assert len(statements) <= most, statements
    assert len(response.content) <= BYTES
    counts = sum(statement.count(f"LIMIT {COUNT_BOUND + 1}") for statement in statements)
    shown = max(SHOWN, len((response.context or {}).get("object_list") or ()))
    # The dashboard looks at the log, the use and the limits of each domain, too, and adds up its figures of 30 days, each read and added
    # to a sum; a search looks at where each word begins there.
    ranges = {"dashboard": (6 + 2 * DAYS) * RANGES}.get(
        name, 6 * RANGES if "two words" in name else RANGES
    )
    searched = "prefix" in name or "recipient" in name or "word, next" in name
    # A frequent word is looked for in the first of one's domains, and then in the rest.
    entries = SCAN if "two words" in name else 2 * SHOWN if searched else 0
    if name.startswith("search, "):
        entries, shown = KINDS * GLANCE if entries else 0, shown + RANGES
    most = ROWS_PER_ROW * shown + ranges + ROWS_PER_COUNT * counts + ROWS_PER_ENTRY * entries
    assert cost.rows <= most, statements


@pytest.mark.parametrize("path", ["/domains/", "/mailboxes/", "/aliases/", "/log/"])
def test_a_page_of_the_largest_size_stays_small(path, visit, samples):
    response = visit(data.SUPERADMIN).get(path, {"size": max(PAGE_SIZES)})

    assert len(response.context["object_list"]) == max(PAGE_SIZES)
    assert len(response.content) <= BYTES


def test_each_entry_of_a_common_word_is_asked_for_another_common_one_alone(samples):
    """Whether a row was shown at an earlier word is asked of rows that fit, and of the one after them."""
    lead = words.lead_of(["mailbox"], ("anna", "becker"), ())
    assert lead.entries == SCAN + 1

    before = _looked_up()
    rows, rest = words.page(["mailbox"], lead, (), SHOWN)
    found = _looked_up() - before

    assert rest is not None
    assert found <= SCAN + 2 * (len(rows) + 1)


def _looked_up():
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read_key'")
        return int(cursor.fetchone()[1])


@pytest.mark.parametrize("query", [{}, {"kind": "alias"}, {"person": "CLI"}])
def test_the_log_of_one_address_reads_its_entries_alone(query, visit, samples):
    """Beside as many as 200,000 of others."""
    for _change in range(3):
        LogEntry.objects.record(None, "edit_alias", domain=samples.average, target="x@one.example")
    client = visit(data.SUPERADMIN)

    with measured() as cost:
        page = client.get("/log/", {"domain": samples.average, "about": "x@one.example"} | query)

    assert len(page.context["object_list"]) == 3
    assert cost.rows <= 30


def test_the_days_of_a_kind_are_counted_up_to_a_bound(visit, samples):
    client = visit(data.SUPERADMIN)

    with measured() as cost:
        response = client.get("/log/days/?kind=mailbox")

    assert response.status_code == 200
    assert cost.statements <= STATEMENTS
    assert cost.rows <= DAYS * 2 * (COUNT_BOUND + 1) + RANGES


def test_rows_of_the_longest_names_are_all_shown(visit, samples, add_domain, add_mailbox):
    domain = add_domain(".".join(["d" * 60] * 3) + ".example").pk
    for number in range(SHOWN):
        add_mailbox(f"{number:02}{'m' * 60}@{domain}")
    response = visit(data.SUPERADMIN).get("/mailboxes/", {"domain": domain})

    assert len(response.context["object_list"]) == SHOWN
    assert len(response.content) <= 2.2 * BYTES


@pytest.mark.parametrize("path", ["/mailboxes/", "/aliases/", "/log/", "/domains/{}/"])
def test_as_many_statements_for_any_number_of_rows(
    path, visit, samples, add_domain, add_mailbox, add_alias
):
    client = visit(data.SUPERADMIN)
    costs = {}
    for rows in (1, 3):
        domain = add_domain(f"with{rows}.example").pk
        for number in range(rows):
            add_mailbox(f"m{number}@{domain}")
            add_alias(f"a{number}@{domain}", f"m{number}@{domain}", "b@elsewhere.test")
        query = {} if "{" in path else {"domain": domain}
        with measured() as cost:
            response = client.get(path.format(domain), query)
        assert response.status_code == 200
        costs[rows] = cost.statements

    assert costs[1] == costs[3]


@pytest.mark.parametrize("name", list(pages.forms(pages.Samples(*["x"] * 9), 0)))
def test_a_form_costs_the_same_in_a_large_domain(name, visit, samples):
    client = Client() if name.startswith("sign in") else visit(data.SUPERADMIN)
    for before in ("create mailbox, average domain", "create alias, average domain"):
        if name == f"delete {before.split()[1].rstrip(',')}":
            url, values, _hashes = pages.forms(samples, 1)[before]
            assert client.post(url, values).status_code in DONE
    if name == "catch-all of big domain, delete":
        url, values, _hashes = pages.forms(samples, 1)["catch-all of big domain, create"]
        assert client.post(url, values).status_code in DONE
    url, values, _hashes = pages.forms(samples, 1)[name]

    with measured() as cost:
        response = client.post(url, values)

    assert response.status_code in DONE
    assert cost.statements <= STATEMENTS_OF_FORMS
    assert cost.rows <= ROWS_PER_ROW * SHOWN


def test_the_data_is_large_enough_to_tell(samples):
    assert Mailbox.objects.count() == SIZE
    assert Mailbox.objects.filter(domain=data.BIG).count() == SIZE // 10
    assert Domain.objects.count() > 2 * SHOWN
