from urllib.parse import urlencode

from panel.log_actions import ACTIONS, SIGN_INS, kind_of

# Pages of the whole server, which list what such an entry is about.
PAGES = {
    "create_exception": "factor-exceptions",
    "edit_sender_rule": "server-senders",
    "let_in_network": "server-networks",
}
OF_ANY_ADDRESS = {"send_test", "set_ending", "remove_ending"}  # of which the entry tells no kind


def url_of(entry):
    """The page of what an entry is about, or "": it exists while that does, and all who read the entry may open it."""
    from mailadmin.parts import url  # which draws with these words

    action, name = entry.action, entry.data
    if action.startswith("delete_") or action == "remove_deleted":
        return ""
    if not name or action not in ACTIONS:
        return ""
    if action in PAGES:
        return url(PAGES[action])
    if action == "edit_letter":  # of one domain, whose administrators read it too
        return "" if entry.domain else url("server-letters")
    if action in OF_ANY_ADDRESS:
        return f"{url('trace')}?{urlencode({'address': name})}"
    # To several domains or to oneself, and an action whose sentence names nothing.
    if (action.endswith("_broadcast") and not entry.domain) or action == "reload_postfix":
        return ""
    if action.startswith("rename_") and _has_left(entry):
        return ""
    if action.startswith("edit_copies_"):  # of an address, or of all of the domain
        return url("domain-flow", entry.domain)
    if "alias_domain" in action:
        return url("domain", name)
    if action == "edit_own_aliases" and "@" in name:
        return url("mailbox", name)
    kind = kind_of(action, entry.domain)
    if kind == SIGN_INS:
        return url("mailbox" if entry.domain else "admin", name)
    return url(kind, name)


def _has_left(entry):
    """Whether it has its new name in another domain, where another entry is about it."""
    pairs = [(entry.changes or {}).get(field) for field in ("username", "address", "name")]
    return any(isinstance(pair, list) and entry.data not in pair[1:] for pair in pairs)
