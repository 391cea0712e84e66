from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(["ann", "bob", "eve", "info", "sales"])
DOMAINS = ["a.example", "b.example"]
TARGETS = st.lists(
    st.sampled_from(["x@elsewhere.example", "y@elsewhere.example", "z@elsewhere.example"]),
    min_size=1,
    max_size=2,
    unique=True,
)
HASH = "{SHA512-CRYPT}$6$rounds=5000$saltstring$ofYu4x1i6BXj9g8JD5JL1BXMzmyHFiDz7bZXWNyoVQVQ8x6o3MQ1pNkkfsLBWdw.1yDM3tzAmwnPsBLGfG7fA0"
FORWARDINGS = [{"targets": [], "keep_copy": True}]
FORWARDINGS += [{"targets": ["q@elsewhere.example"], "keep_copy": keeps} for keeps in (True, False)]
AWAY = {"first_day": None, "every_days": 0, "subject": "Away", "text": "Until then."}
AWAY_MESSAGES = [None, AWAY | {"last_day": None}, AWAY | {"last_day": "2036-08-14"}]
LAST_DAYS = [None, *({"last_day": "2036-05-05", "then": then} for then in ("off", "delete"))]
LIMITS = [{"most": most} for most in (None, 0, 7)]
RELAY = {"server": "[smtp.example.net]:587", "login": "shop", "spf_include": ""}
RELAY_HOSTS = [None, RELAY | {"password": "one"}, RELAY | {"password": "two"}]
FETCH = {"keep": True, "folder": "", "login": "a"}
RULES = [{"sender": "x.example", "action": action, "text": ""} for action in ("reject", "ok")]
RULES += [{"sender": "joe@x.example", "action": "defer", "text": "Later"}]


def some(draw, items, key):
    """Some of ``items``, none of which has the same ``key`` as another."""
    if not items:
        return []
    return draw(st.lists(st.sampled_from(items), unique_by=key, max_size=4))


@st.composite
def domain(draw, name):
    names = draw(st.lists(NAMES, unique=True))
    cut = draw(st.integers(0, len(names)))
    return {
        "domain": name,
        "description": draw(st.sampled_from(["", "Customer"])),
        "active": draw(st.booleans()),
        "relay_host": draw(st.sampled_from(RELAY_HOSTS)),
        "own_addresses_limit": draw(st.sampled_from(LIMITS)),
        "mailboxes": [
            {
                "address": f"{local_part}@{name}",
                "name": draw(st.sampled_from(["", "Ännä", "=1+1"])),
                "quota_bytes": draw(st.sampled_from([None, 1_024_000, 10_240_000])),
                "may_send": draw(st.booleans()),
                "password_hash": HASH,
                "forwarding": draw(st.sampled_from(FORWARDINGS)),
                "away_message": draw(st.sampled_from(AWAY_MESSAGES)),
                "last_day": draw(st.sampled_from(LAST_DAYS))
                and {"last_day": "2036-05-05", "then": "off", "forward_to": "", "forward_days": 0},
                "own_addresses_limit": draw(st.sampled_from(LIMITS)),
            }
            for local_part in sorted(names[:cut])
        ],
        "aliases": [
            {
                "address": f"{local_part}@{name}",
                "targets": draw(TARGETS),
                "active": draw(st.booleans()),
                "access": draw(st.sampled_from(["everybody", "internal", "members"])),
                "last_day": draw(st.sampled_from(LAST_DAYS)),
            }
            for local_part in sorted(names[cut:])
        ],
        "sender_rules": some(draw, RULES, lambda rule: rule["sender"]),
    }


@st.composite
def state(draw):
    domains = [draw(domain(name)) for name in DOMAINS]
    mailboxes = [row["address"] for one in domains for row in one["mailboxes"]]
    addresses = mailboxes + [row["address"] for one in domains for row in one["aliases"]]
    for one in domains:
        own = [row["address"] for row in one["mailboxes"]]
        pairs = [(mine, other) for mine in own for other in mailboxes if mine != other]
        one["shares"] = [
            {"mailbox": mine, "person": other}
            | {"may_write": draw(st.booleans()), "send_as": draw(st.booleans())}
            for mine, other in some(draw, pairs, lambda pair: pair)
        ]
        one["fetches"] = [
            FETCH | {"mailbox": mine, "server": server, "password": draw(st.sampled_from("pq"))}
            for mine, server in some(
                draw,
                [(mine, server) for mine in own for server in ("imap.x.example", "imap.y.example")],
                lambda pair: pair,
            )
        ]
        copied = [f"@{one['domain']}", *own]
        one["copies"] = [
            {"address": address, "direction": direction, "copy_to": draw(st.sampled_from(TO))}
            for address, direction in some(
                draw,
                [(address, way) for address in copied for way in ("from", "to")],
                lambda pair: pair,
            )
        ]
    shared = {(row["person"], row["mailbox"]) for one in domains for row in one["shares"]}
    for one in domains:
        own = [row["address"] for row in one["mailboxes"]]
        senders = [*addresses, *(f"@{name}" for name in DOMAINS)]
        pairs = [(mine, other) for mine in own for other in senders if mine != other]
        one["send_as"] = [
            {"mailbox": mine, "sender": sender}
            for mine, sender in some(
                draw, [pair for pair in pairs if pair not in shared], lambda pair: pair
            )
        ]
    return {
        "mailadmin": 1,
        "domains": domains,
        "sender_rules": some(draw, RULES, lambda rule: rule["sender"]),
    }


TO = ["archive@elsewhere.example", "second@elsewhere.example"]


def named(wanted, told):
    """Of an export, what ``wanted`` names, in its order; of lists all rows."""
    if isinstance(wanted, dict) and isinstance(told, dict):
        return {name: named(wanted[name], told.get(name, none(name))) for name in wanted}
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        found = {key_of(row): row for row in told}
        assert found.keys() == {key_of(row) for row in wanted}
        return [named(row, found[key_of(row)]) for row in wanted]
    return told


KEYS = ("domain", "address", "mailbox", "person", "sender", "direction", "server")


def key_of(row):
    return tuple(row.get(name) for name in KEYS)


def none(name):
    """What an export leaves out."""
    return {"forwarding": FORWARDINGS[0], "own_addresses_limit": LIMITS[0]}.get(name)


@settings(max_examples=25)
@given(first=state(), second=state())
def test_any_state_is_reached_from_any_other(db, offered, apply, exported, first, second):
    apply(first, "--prune")

    planned = apply(second, "--prune", "--dry-run")[1]
    status, said = apply(second, "--prune")

    assert (status, said) == (0, [*planned[:-1], said[-1]])
    assert planned[-1] in (said[-1], said[-1].removesuffix(".") + ", if this were no dry run.")
    assert apply(second, "--prune") == (0, ["Nothing to do."])
    told = exported("--passwords", "--secrets")
    assert named(second, told) == second
    assert apply(told, "--prune") == (0, ["Nothing to do."])
