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


@st.composite
def domain(draw, name):
    names = draw(st.lists(NAMES, unique=True))
    cut = draw(st.integers(0, len(names)))
    return {
        "domain": name,
        "description": draw(st.sampled_from(["", "Customer"])),
        "active": draw(st.booleans()),
        "mailboxes": [
            {
                "address": f"{local_part}@{name}",
                "name": draw(st.sampled_from(["", "Ännä", "=1+1"])),
                "quota_bytes": draw(st.sampled_from([None, 1_024_000, 10_240_000])),
                "may_send": draw(st.booleans()),
                "password_hash": HASH,
            }
            | draw(
                st.sampled_from(
                    [{}, {"forwarding": {"targets": ["q@elsewhere.example"], "keep_copy": False}}]
                )
            )
            for local_part in sorted(names[:cut])
        ],
        "aliases": [
            {
                "address": f"{local_part}@{name}",
                "targets": draw(TARGETS),
                "active": draw(st.booleans()),
            }
            for local_part in sorted(names[cut:])
        ],
    }


STATES = st.tuples(*(domain(name) for name in DOMAINS)).map(
    lambda told: {"mailadmin": 1, "domains": list(told)}
)


def named(state, told):
    """Of an export, what ``state`` names."""
    found = {item["domain"]: item for item in told["domains"]}
    return {
        "mailadmin": 1,
        "domains": [
            {
                **{
                    member: found[item["domain"]][member]
                    for member in ("domain", "description", "active")
                },
                **{
                    kind: [
                        {member: row[member] for member in wanted}
                        for row, wanted in zip(found[item["domain"]][kind], item[kind], strict=True)
                    ]
                    for kind in ("mailboxes", "aliases")
                },
            }
            for item in state["domains"]
        ],
    }


@settings(max_examples=25)
@given(first=STATES, second=STATES)
def test_any_state_is_reached_from_any_other(db, apply, exported, first, second):
    apply(first, "--prune")
    for state in (first, second):
        for item in state["domains"]:
            for row in item["mailboxes"]:
                row.setdefault("forwarding", {"targets": [], "keep_copy": True})

    planned = apply(second, "--prune", "--dry-run")[1]
    status, said = apply(second, "--prune")

    assert status == 0
    assert [line.removesuffix(", if this were no dry run.") for line in planned[:-1]] == said[:-1]
    assert apply(second, "--prune") == (0, ["Nothing to do."])
    told = exported("--passwords")
    for item in told["domains"]:
        for row in item["mailboxes"]:
            row.setdefault("forwarding", {"targets": [], "keep_copy": True})
    assert named(second, told) == second
