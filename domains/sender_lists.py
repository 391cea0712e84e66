"""The restriction classes of Postfix's main.cf by which lists of senders of single domains are asked. Without Django, as shipped.py needs it."""

LISTS = 200  # domains that may have one: classes are read when Postfix starts, rows at each look-up


def markers(maps):
    """What main.cf is filled in with: names and lines of the classes. ``maps`` is the directory of the maps."""
    names = [f"senders_{number}" for number in range(1, LISTS + 1)]
    lines = [
        f"{name} = check_sender_access pipemap:{{regexp:{{ {{/^(.*)$$/ {number} $$1}} }},"
        f" proxy:mysql:{maps}/domain_senders.cf}}"
        for number, name in enumerate(names, start=1)
    ]
    rows = [" ".join(names[start : start + 10]) for start in range(0, LISTS, 10)]
    return {"SENDER_CLASSES": "\n    ".join(rows), "SENDER_LISTS": "\n".join(lines)}
