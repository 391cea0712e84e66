"""The restriction classes of Postfix's main.cf by which lists are asked for a sender: lists of senders of single domains, and aliases for members only.
Without Django, as shipped.py needs it.
"""

LISTS = (
    200  # domains that may have a list: classes are read when Postfix starts, rows at each look-up
)
MEMBER_LISTS = 200  # aliases that may be for members only


def markers(maps):
    """What main.cf is filled in with: names and lines of the classes. ``maps`` is the directory of the maps."""
    senders, sender_lists = _classes("senders", LISTS, f"{maps}/domain_senders.cf")
    members, member_lists = _classes("members", MEMBER_LISTS, f"{maps}/members.cf")
    return {
        "SENDER_CLASSES": senders,
        "SENDER_LISTS": sender_lists,
        "MEMBER_CLASSES": members,
        "MEMBER_LISTS": member_lists,
    }


def _classes(name, most, file):
    names = [f"{name}_{number}" for number in range(1, most + 1)]
    lines = [
        f"{name} = check_sender_access pipemap:{{regexp:{{ {{/^(.*)$$/ {number} $$1}} }},"
        f" proxy:mysql:{file}}}"
        for number, name in enumerate(names, start=1)
    ]
    rows = [" ".join(names[start : start + 10]) for start in range(0, most, 10)]
    return "\n    ".join(rows), "\n".join(lines)
