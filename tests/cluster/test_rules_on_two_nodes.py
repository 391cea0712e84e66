from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.cluster.site import NAME

DONE, REFUSED = 302, 422
SHOWN = 200  # done, and here is the password
ROUNDS = 30


def together(*actions):
    start = Barrier(len(actions))

    def run(action):
        start.wait(timeout=120)
        return action().status

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))


def new_mailbox(person, name, domain):
    values = {"local_part": name, "domain": domain, "password": "tangerine-7-bicycle"}
    rest = {"name": "", "quota_mb": "0", "active": "on", "smtp_active": "on"}
    return lambda: person.post("/mailboxes/new/", values | rest)


def new_alias(person, name, domain, target):
    values = {"local_part": name, "domain": domain, "targets": target, "active": "on"}
    return lambda: person.post("/aliases/new/", values)


def test_two_panels_save_on_different_nodes(site, people):
    """The other tests here rely on it."""

    def connections(node):
        rows = node.execute(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = %s", [NAME]
        )
        return rows[0][0]

    assert [connections(node) > 0 for node in site.nodes[:2]] == [True, True]


def test_a_mailbox_limit_is_not_exceeded(site, people):
    site.execute("INSERT INTO domain (domain, mailboxes) VALUES ('limit.test', 5)")
    crowd = [site.sign_in(panel) for panel in site.panels * 2]

    outcome = []
    for turn in range(4):
        outcome += together(
            *[new_mailbox(person, f"m{turn}{n}", "limit.test") for n, person in enumerate(crowd)]
        )

    assert sorted(outcome) == [SHOWN] * 5 + [REFUSED] * 11
    count = "SELECT COUNT(*) FROM mailbox WHERE domain = 'limit.test'"
    assert site.everywhere(count) == ((5,),)
    kept = "SELECT mailboxes, alias_rows FROM domain_usage WHERE domain = 'limit.test'"
    assert site.everywhere(kept) == ((5, 5),)


def test_two_aliases_close_no_loop_together(site, people):
    site.execute("INSERT INTO domain (domain) VALUES ('loop.test'), ('pool.test')")
    one, two = people

    outcomes = [
        together(
            new_alias(one, f"a{n}", "loop.test", f"b{n}@pool.test"),
            new_alias(two, f"b{n}", "pool.test", f"a{n}@loop.test"),
        )
        for n in range(ROUNDS)
    ]

    assert [sorted(outcome) for outcome in outcomes] == [[DONE, REFUSED]] * ROUNDS
    rows = "SELECT COUNT(*) FROM alias WHERE domain IN ('loop.test', 'pool.test')"
    assert site.everywhere(rows) == ((ROUNDS,),)


def test_one_address_is_not_given_twice(site, people):
    site.execute("INSERT INTO domain (domain) VALUES ('twice.test')")
    one, two = people

    outcomes = [
        together(
            new_mailbox(one, f"joe{n}", "twice.test"),
            new_alias(two, f"joe{n}", "twice.test", "x@other.test"),
        )
        for n in range(ROUNDS)
    ]

    assert {tuple(sorted(outcome)) for outcome in outcomes} <= {(SHOWN, REFUSED), (DONE, REFUSED)}
    logged = "SELECT COUNT(*), COUNT(DISTINCT data) FROM log WHERE domain = 'twice.test'"
    assert site.everywhere(logged) == ((ROUNDS, ROUNDS),)


def test_the_last_superadmins_cannot_take_the_right_from_each_other(site, people):
    site.execute(
        "UPDATE admin SET superadmin = 0, active = 0 WHERE username <> %s", [site.superadmin[0]]
    )
    [(digest,)] = site.execute(
        "SELECT password FROM admin WHERE username = %s", [site.superadmin[0]]
    )
    me, password = site.superadmin
    for turn in range(6):
        names = [f"{side}{turn}@admins.test" for side in ("one", "two")]
        for name in names:
            site.execute(
                "INSERT INTO admin (username, password, superadmin) VALUES (%s, %s, 1)",
                [name, digest],
            )
        site.everywhere("SELECT COUNT(*) FROM admin")
        pair = [
            site.sign_in(panel, name, password)
            for panel, name in zip(site.panels, names, strict=True)
        ]
        site.execute("UPDATE admin SET superadmin = 0 WHERE username = %s", [me])
        site.everywhere("SELECT COUNT(*) FROM admin WHERE superadmin = 1")

        outcome = together(
            *[
                lambda person=person, other=other: person.post(
                    f"/administrators/{other}/edit/", {"active": "on", "superadmin": ""}
                )
                for person, other in zip(pair, reversed(names), strict=True)
            ]
        )

        assert outcome.count(DONE) == 1
        left = site.everywhere("SELECT COUNT(*) FROM admin WHERE superadmin = 1 AND active = 1")
        site.execute("UPDATE admin SET superadmin = 1 WHERE username = %s", [me])
        site.execute("UPDATE admin SET superadmin = 0 WHERE username <> %s", [me])
        assert left == ((1,),)
