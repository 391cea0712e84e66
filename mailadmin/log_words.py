"""The log in words: an entry's action as a sentence, its old and new values as people read them."""

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from panel.addresses import display_address, display_domain
from panel.changes import LISTS

SENTENCES = {
    "create_domain": gettext_lazy("Created domain {object}"),
    "edit_domain": gettext_lazy("Changed domain {object}"),
    "delete_domain": gettext_lazy("Deleted domain {object}"),
    "create_mailbox": gettext_lazy("Created mailbox {object}"),
    "edit_mailbox": gettext_lazy("Changed mailbox {object}"),
    "delete_mailbox": gettext_lazy("Deleted mailbox {object}"),
    "create_alias": gettext_lazy("Created alias {object}"),
    "edit_alias": gettext_lazy("Changed alias {object}"),
    "delete_alias": gettext_lazy("Deleted alias {object}"),
    "create_alias_domain": gettext_lazy("Created alias domain {object}"),
    "edit_alias_domain": gettext_lazy("Changed alias domain {object}"),
    "delete_alias_domain": gettext_lazy("Deleted alias domain {object}"),
    "create_admin": gettext_lazy("Created administrator {object}"),
    "edit_admin": gettext_lazy("Changed administrator {object}"),
    "delete_admin": gettext_lazy("Deleted administrator {object}"),
    "edit_password": gettext_lazy("Set a new password for {object}"),
}
LIST_WIDTH = 160  # characters of a list of addresses: an alias may have a thousand targets

# Actions that only switch something: (on, off, not known, as in rows written by PostfixAdmin).
SWITCHES = {
    "edit_domain_state": (
        gettext_lazy("Activated domain {object}"),
        gettext_lazy("Deactivated domain {object}"),
        gettext_lazy("Changed the state of domain {object}"),
    ),
    "edit_mailbox_state": (
        gettext_lazy("Activated mailbox {object}"),
        gettext_lazy("Deactivated mailbox {object}"),
        gettext_lazy("Changed the state of mailbox {object}"),
    ),
    "edit_alias_state": (
        gettext_lazy("Activated alias {object}"),
        gettext_lazy("Deactivated alias {object}"),
        gettext_lazy("Changed the state of alias {object}"),
    ),
    "edit_alias_domain_state": (
        gettext_lazy("Activated alias domain {object}"),
        gettext_lazy("Deactivated alias domain {object}"),
        gettext_lazy("Changed the state of alias domain {object}"),
    ),
    "edit_admin_state": (
        gettext_lazy("Activated administrator {object}"),
        gettext_lazy("Deactivated administrator {object}"),
        gettext_lazy("Changed the state of administrator {object}"),
    ),
}
# In the order they are shown in: MySQL keeps the fields of an entry in one of its own.
FIELDS = {
    "superadmin": gettext_lazy("Superadmin"),
    "domains": gettext_lazy("Domains"),
    "mailbox_count": gettext_lazy("Mailboxes deleted"),
    "alias_count": gettext_lazy("Aliases deleted"),
    "target_domain": gettext_lazy("Target domain"),
    "goto": gettext_lazy("Targets"),
    "name": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "aliases": gettext_lazy("Aliases"),
    "mailboxes": gettext_lazy("Mailboxes"),
    "maxquota": gettext_lazy("Largest mailbox quota"),
    "quota": gettext_lazy("Quota"),
    "password_expiry": gettext_lazy("Password lifetime, days"),
    "transport": gettext_lazy("Transport"),
    "backupmx": gettext_lazy("Backup MX"),
    "phone": gettext_lazy("Phone"),
    "email_other": gettext_lazy("Other e-mail address"),
    "smtp_active": gettext_lazy("May send"),
    "active": gettext_lazy("Active"),
    "maildir": gettext_lazy("Maildir"),
    "admins": gettext_lazy("Administrators"),
}


def sentence(entry):
    """Return the entry as HTML: what was done, to what."""
    from mailadmin.templatetags import ui  # which imports this module

    shown = format_html("<b>{}</b>", ui.breakable(_shown(entry.data)))
    switch = _switch(entry)
    if switch:
        on, off, unknown = switch
        new = (entry.changes or {}).get("active", [None, None])[1]
        words = unknown if new is None else on if new else off
    elif entry.action in SENTENCES:
        words = SENTENCES[entry.action]
    else:  # PostfixAdmin's other words, such as edit_vacation
        done = entry.action.replace("_", " ").capitalize()
        return format_html(_("{action}: {object}"), action=done, object=shown)
    return format_html(str(words), object=shown)


def _switch(entry):
    """The words for an entry that only switches something: (on, off, not known); else None."""
    alone = set(entry.changes or ()) == {"active"}
    return SWITCHES.get(entry.action) or (SWITCHES.get(f"{entry.action}_state") if alone else None)


def label(action):
    """Return an action's name for a filter: "Created mailbox …"."""
    if action in SWITCHES:
        return str(SWITCHES[action][2]).format(object="…")
    return str(SENTENCES[action]).format(object="…") if action in SENTENCES else action


def changes(entry):
    """Return (field, old, new) in words for what changed; for new and deleted objects only what is set.

    Of lists too long to show as a whole, what left and what came.
    """
    rows, stored = [], entry.changes or {}
    if set(stored) == {"active"} and _switch(entry):  # the sentence says it
        return rows
    for field in FIELDS | stored:
        if field not in stored:
            continue
        pair = stored[field]
        old, new = pair if isinstance(pair, list) and len(pair) == 2 else (None, pair)
        if field in ("active", "smtp_active") and None in (old, new):
            if old or new:  # the usual state of what is new or gone
                continue
        elif old in (None, "", [], False) and new in (None, "", [], False):
            continue
        if field in LISTS:
            old, new = _differing(_items(old), _items(new))
        rows.append(
            (FIELDS.get(field, field), _value(entry, field, old), _value(entry, field, new))
        )
    return rows


def _items(value):
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    return value if isinstance(value, list) else []


def _differing(old, new):
    if all(len(", ".join(items)) <= LIST_WIDTH for items in (old, new)):
        return old, new
    before, after = set(old), set(new)
    gone = [item for item in old if item not in after]
    come = [item for item in new if item not in before]
    return (gone, come) if gone or come else (old, new)


def _listed(items):
    """Return as many of ``items`` as LIST_WIDTH holds, one at least, and how many more there are."""
    shown, width = [], 0
    for item in map(_shown, items):
        width += len(item)
        if shown and width > LIST_WIDTH:
            break
        shown.append(item)
    text, more = ", ".join(shown), len(items) - len(shown)
    if more:
        text = f"{text} {_('and %(n)s more') % {'n': number_format(more, force_grouping=True)}}"
    return text


def _value(entry, field, value):
    from mailadmin.templatetags import ui  # which imports this module

    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return _listed(value)
    if field == "quota" and entry.action.endswith("_mailbox"):
        return ui.size(value) if value else _("unlimited")
    if field in {"quota", "maxquota"}:
        return ui.mb_limit(value)
    if field in {"mailboxes", "aliases"}:
        return ui.limit(value)
    if isinstance(value, int):
        return number_format(value, force_grouping=True)
    return str(value)


def _shown(text):
    return display_address(text) if "@" in text else display_domain(text)
