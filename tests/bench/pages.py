from dataclasses import dataclass
from urllib.parse import quote, urlencode

from tests.bench import data

NEW_PASSWORD = "seven green bicycles 8"
HTMX = {"HX-Request": "true"}


class Part(str):
    """The URL of a part of a page, which htmx asks for while one types: by POST if there are ``values``."""

    __slots__ = ("values",)

    def __new__(cls, url, **values):
        made = super().__new__(cls, url)
        made.values = values
        return made


@dataclass(frozen=True)
class Samples:
    average: str  # a domain
    mailbox: str  # of the average domain
    big_mailbox: str
    alias: str
    big_alias: str
    domain: str  # in the middle of all domains
    admin: str
    moment: str  # of a log entry in the middle, as pages write it
    log_id: int


def sample(connection, size):
    plan = data.Plan(size)

    def one(sql, *values):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()

    def middle(table, key, domain, more=""):
        count = f"SELECT COUNT(*) FROM {table} WHERE domain = %s {more}"
        rows = f"SELECT {key} FROM {table} WHERE domain = %s {more} ORDER BY {key} LIMIT 1 OFFSET"
        return one(f"{rows} {one(count, domain)[0] // 2}", domain)[0]

    average = f"d{max(min(2, plan.homes), plan.homes // 2 - 3):05d}.example"
    moment, log_id = one("SELECT timestamp, id FROM log WHERE id = %s", size)
    return Samples(
        average=average,
        mailbox=middle("mailbox", "username", average, "AND active"),
        big_mailbox=middle("mailbox", "username", data.BIG, "AND active"),
        alias=middle("alias", "address", average, "AND NOT is_self_alias"),
        big_alias=middle("alias", "address", data.BIG, "AND NOT is_self_alias"),
        domain=f"d{plan.domains // 2 + 3:05d}.example",
        admin="admin0100@panel.example",
        moment=f"{moment.isoformat()}+00:00",
        log_id=log_id,
    )


def _url(path, **query):
    return f"{path}?{urlencode(query, doseq=True)}" if query else path


def pages(samples):
    """Return ``{account: {name of the page: URL}}``."""
    of, big = samples, data.BIG
    lists = {
        "dashboard": "/",
        "domains": "/domains/",
        "domains, next": _url("/domains/", after=of.domain),
        "domains, most mailboxes": _url("/domains/", sort="-mailboxes"),
        "domains, by storage, next": _url("/domains/", sort="storage", after=[1, of.domain]),
        "mailboxes": "/mailboxes/",
        "mailboxes, next": _url("/mailboxes/", after=[of.average, of.mailbox]),
        "mailboxes, previous": _url("/mailboxes/", before=[of.average, of.mailbox]),
        "mailboxes, jump": _url("/mailboxes/", jump=of.mailbox),
        "mailboxes, inactive, next": _url(
            "/mailboxes/", state="off", after=[of.average, of.mailbox]
        ),
        "mailboxes, prefix": _url("/mailboxes/", q="m"),
        "mailboxes, word, next": _url("/mailboxes/", q="anna", after=["anna", "m"]),
        "mailboxes, two words": _url("/mailboxes/", q="anna becker"),
        "aliases": "/aliases/",
        "aliases, next": _url("/aliases/", after=[of.average, of.alias]),
        "aliases, jump": _url("/aliases/", jump=of.alias),
        "aliases, prefix": _url("/aliases/", q="team1"),
        "aliases, recipient": _url("/aliases/", q="partner1"),
        "alias domains": "/alias-domains/",
        "log": "/log/",
        "log, next": _url("/log/", after=[of.moment, of.log_id]),
        "search, few": _url("/search/", q=of.mailbox.partition("@")[0]),
        "search, many": _url("/search/", q="m"),
        "search, in all rows": _url("/search/", q="example"),
        "search, two words": _url("/search/", q="anna becker"),
        "search, none": _url("/search/", q="zzzz"),
        "search, address begun": _url("/search/", q=f"{of.mailbox.partition('@')[0]}@d"),
        "search, mailbox": _url("/search/", q=of.mailbox),
        "search, alias": _url("/search/", q=of.alias),
        "search, no such address": _url("/search/", q=f"nobody@{of.average}"),
        "trace, mailbox": _url("/trace/", address=of.mailbox),
        "trace, no such address": _url("/trace/", address=f"nobody@{of.average}"),
    }
    in_big = {
        "domain, big": f"/domains/{big}/",
        "domain, big, letter": _url(f"/domains/{big}/", jump="p"),
        "domain, big, off": _url(f"/domains/{big}/", state="off"),
        "domain, big, dead ends": _url(f"/domains/{big}/", state="dead"),
        "domain, big, prefix": _url(f"/domains/{big}/", q=data.OFFICE),
        "mailboxes of big": _url("/mailboxes/", domain=big),
        "mailboxes of big, next": _url("/mailboxes/", domain=big, after=[big, of.big_mailbox]),
        "mailboxes of big, previous": _url("/mailboxes/", domain=big, before=[big, of.big_mailbox]),
        "mailboxes of big, jump": _url("/mailboxes/", domain=big, jump=of.big_mailbox),
        "mailboxes of big, active, next": _url(
            "/mailboxes/", domain=big, state="on", after=[big, of.big_mailbox]
        ),
        "mailboxes of big, last changed": _url("/mailboxes/", domain=big, sort="-changed"),
        "mailboxes of big, warned": _url("/mailboxes/", domain=big, state="warned"),
        "mailboxes of big, nearly full": _url("/mailboxes/", domain=big, state="full"),
        "mailboxes of big, prefix": _url("/mailboxes/", domain=big, q=data.OFFICE),
        "aliases of big": _url("/aliases/", domain=big),
        "aliases of big, next": _url("/aliases/", domain=big, after=[big, of.big_alias]),
        "log of big": _url("/log/", domain=big),
        "mailbox of big": f"/mailboxes/{quote(of.big_mailbox)}/",
        "mailbox of big, delete": f"/mailboxes/{quote(of.big_mailbox)}/delete/",
        "domain, big, create mailbox": _url("/mailboxes/new/", domain=big),
    }
    in_average = {
        "domain, average": f"/domains/{of.average}/",
        "domain, average, DKIM": f"/domains/{of.average}/dkim/",
        "mailboxes of average": _url("/mailboxes/", domain=of.average),
        "mailboxes of average, fullest": _url("/mailboxes/", domain=of.average, sort="-storage"),
        "mailboxes of average, last sign-in": _url(
            "/mailboxes/", domain=of.average, sort="-signed_in"
        ),
        "aliases of average": _url("/aliases/", domain=of.average),
        "log of average": _url("/log/", domain=of.average),
        "log of alias": _url("/log/", domain=of.average, about=of.alias),
        "mailbox": f"/mailboxes/{quote(of.mailbox)}/",
        "mailbox, edit": f"/mailboxes/{quote(of.mailbox)}/edit/",
        "mailbox, forwarding": f"/mailboxes/{quote(of.mailbox)}/forwarding/",
        "mailbox, password": f"/mailboxes/{quote(of.mailbox)}/password/",
        "mailbox, delete": f"/mailboxes/{quote(of.mailbox)}/delete/",
        "mailbox, create": "/mailboxes/new/",
        "alias": f"/aliases/{quote(of.alias)}/",
        "alias, edit": f"/aliases/{quote(of.alias)}/edit/",
        "alias, delete": f"/aliases/{quote(of.alias)}/delete/",
        "alias, create": "/aliases/new/",
        "account": "/account/",
    }
    preview, recipients = "/addresses/preview/", f"{of.mailbox}, somebody@elsewhere.test"
    while_typing = {
        "typing two words in the search": Part(_url("/search/", q="anna b")),
        "typing in the switcher": Part(_url("/domains/places/", q="d")),
        "typing a domain": Part(_url("/domains/suggestions/", domain="d")),
        "typing a recipient": Part(_url("/addresses/suggestions/", q="anna", domain=of.average)),
        "typing a mailbox": Part(preview, kind="mailbox", domain=of.average, local_part="bench"),
        "typing an alias": Part(
            preview, kind="alias", domain=big, local_part="bench", targets=recipients
        ),
        "typing into an alias": Part(
            preview, kind="alias-edit", address=of.alias, targets=recipients
        ),
    }
    superadmins = {
        "mailboxes, last changed": _url("/mailboxes/", sort="-changed"),
        "mailboxes, warned": _url("/mailboxes/", state="warned"),
        "mailboxes, nearly full": _url("/mailboxes/", state="full"),
        "domain, create": "/domains/new/",
        "domain, edit": f"/domains/{of.average}/edit/",
        "domain, delete": f"/domains/{of.average}/delete/",
        "domain, big, delete": f"/domains/{big}/delete/",
        "alias domain, create": "/alias-domains/new/",
        "findings": "/findings/",
        "administrators": "/administrators/",
        "administrators, next": _url("/administrators/", after=of.admin),
        "administrator": f"/administrators/{of.admin}/",
        "administrator, edit": f"/administrators/{of.admin}/edit/",
        "administrator, create": "/administrators/new/",
    }
    return {
        data.SUPERADMIN: lists | in_average | in_big | superadmins | while_typing,
        data.MANY_ADMIN: lists,
        data.BIG_ADMIN: {"mailboxes": "/mailboxes/", "log": "/log/"} | in_big,
    }


def forms(samples, number):
    """Return ``{name: (URL, values, hashes computed)}`` of POSTs that succeed once for each ``number``."""
    of, big = samples, data.BIG
    mailbox = {"name": "Bench", "quota_mb": "100", "active": "on", "smtp_active": "on"}
    alias = {"targets": "somebody@elsewhere.test", "description": "", "active": "on"}

    def new(domain, **values):
        return {"local_part": f"bench{number}", "domain": domain} | values

    return {
        "sign in, superadmin": (
            "/login/",
            {"username": data.SUPERADMIN, "password": data.PASSWORD},
            1,
        ),
        "sign in, mailbox user": (
            "/login/",
            {"username": of.big_mailbox, "password": data.PASSWORD},
            1,
        ),
        "create mailbox, average domain": (
            "/mailboxes/new/",
            new(of.average, password=NEW_PASSWORD, **mailbox),
            1,
        ),
        "create mailbox, big domain": (
            "/mailboxes/new/",
            new(big, password=NEW_PASSWORD, **mailbox),
            1,
        ),
        "edit mailbox": (
            f"/mailboxes/{quote(of.mailbox)}/edit/",
            mailbox | {"name": f"Bench {number}", "quota_mb": "0"},
            0,
        ),
        "mailbox off and on": (
            f"/mailboxes/{quote(of.mailbox)}/state/",
            {"active": str(number % 2)},
            0,
        ),
        "delete mailbox": (f"/mailboxes/bench{number}@{of.average}/delete/", {}, 0),
        "create alias, average domain": (
            "/aliases/new/",
            alias | new(of.average) | {"local_part": f"benchalias{number}"},
            0,
        ),
        "create alias, big domain": (
            "/aliases/new/",
            alias | new(big) | {"local_part": f"benchalias{number}"},
            0,
        ),
        "edit alias": (
            f"/aliases/{quote(of.alias)}/edit/",
            alias | {"description": f"Bench {number}"},
            0,
        ),
        "delete alias": (f"/aliases/benchalias{number}@{of.average}/delete/", {}, 0),
        "catch-all of big domain, create": (
            "/aliases/new/",
            alias | {"local_part": "*", "domain": big},
            0,
        ),
        "catch-all of big domain, delete": (f"/aliases/{quote('@' + big)}/delete/", {}, 0),
        "create domain": (
            "/domains/new/",
            {
                "name": f"bench{number}.example",
                **{
                    f"{limit}_0": "unlimited"
                    for limit in ("mailboxes", "aliases", "maxquota", "quota")
                },
                "transport": "virtual",
                "active": "on",
            },
            0,
        ),
    }
