import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from html import unescape
from itertools import groupby
from typing import NamedTuple

from django.template import engines
from django.template.defaultfilters import truncatechars
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from markupsafe import escape

from mailadmin.log_links import url_of
from mailboxes.models import SWITCHES
from panel import formats
from panel.addresses import display_address, display_domain
from panel.changes import LISTS
from panel.log_actions import (
    ACTIONS,
    BEGUN,
    ENDED,
    SIGN_INS,
    SWITCHED,
    kind_of,
    name_and_client,
)

FAILED = {"login_failed", "login_unknown", "code_failed"}
MANY = 3  # in a row are told as one
BRIEF = 48  # characters of the addresses in a line
LIST_WIDTH = (
    160  # characters of a text, or of a list of addresses: an alias may have a thousand targets
)

# In the order they are shown in: MySQL keeps the fields of an entry in one of its own.
FIELDS = {
    "failures": gettext_lazy("Wrong passwords"),
    "sent": gettext_lazy("Messages sent"),
    "refused": gettext_lazy("Refused"),
    "later": gettext_lazy("Put off"),
    "unknown": gettext_lazy("Not known"),
    "superadmin": gettext_lazy("Superadmin"),
    "mailbox": gettext_lazy("Signs in with the mailbox"),
    "domains": gettext_lazy("Domains"),
    "roles": gettext_lazy("Less than everything"),
    "mailbox_count": gettext_lazy("Mailboxes deleted"),
    "alias_count": gettext_lazy("Aliases deleted"),
    "target_domain": gettext_lazy("Target domain"),
    "goto": gettext_lazy("Recipients"),
    "name": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "aliases": gettext_lazy("Aliases"),
    "mailboxes": gettext_lazy("Mailboxes"),
    "maxquota": gettext_lazy("Largest mailbox quota"),
    "quota": gettext_lazy("Quota"),
    "password_expiry": gettext_lazy("Password lifetime, days"),
    "transport": gettext_lazy("Transport"),
    "backupmx": gettext_lazy("Backup MX"),
    "username": gettext_lazy("Address"),
    "address": gettext_lazy("Address"),
    "alias": gettext_lazy("Alias"),
    "copy": gettext_lazy("Copy to"),
    "sender_rule": gettext_lazy("Rule"),
    "next_hop": gettext_lazy("Relay host"),
    "login": gettext_lazy("Login there"),
    "relay_password": gettext_lazy("New password there"),
    "src_server": gettext_lazy("Fetched from"),
    "port": gettext_lazy("Port"),
    "protocol": gettext_lazy("Kind"),
    "tls": gettext_lazy("Encryption"),
    "src_user": gettext_lazy("Login there"),
    "remote_password": gettext_lazy("New password there"),
    "src_folder": gettext_lazy("Folder"),
    "keep": gettext_lazy("It stays there, too"),
    "fetchall": gettext_lazy("Mail that was read there, too"),
    "poll_time": gettext_lazy("Minutes between two runs"),
    "spf_include": gettext_lazy("Included in SPF"),
    "verify_recipients": gettext_lazy("Asks the primary server"),
    "must_change": gettext_lazy("Must change the password"),
    "phone": gettext_lazy("Phone"),
    "email_other": gettext_lazy("Other e-mail address"),
    "smtp_active": gettext_lazy("May send"),
    "receives": gettext_lazy("Receives mail"),
    "access": gettext_lazy("Who may write to it"),
    "access_text": gettext_lazy("Text, or new address"),
    "sign_in_active": gettext_lazy("People sign in"),
    "imap_active": gettext_lazy("By IMAP"),
    "pop3_active": gettext_lazy("By POP3"),
    "sieve_active": gettext_lazy("By ManageSieve"),
    "app_only": gettext_lazy("App passwords only"),
    "sender": gettext_lazy("Sends as"),
    "share": gettext_lazy("Shared with"),
    "app_password": gettext_lazy("App password"),
    "token": gettext_lazy("API token"),
    "webhook": gettext_lazy("Webhook"),
    "events": gettext_lazy("Events"),
    "secret": gettext_lazy("New secret"),
    "rights": gettext_lazy("Rights"),
    "protocols": gettext_lazy("For"),
    "networks": gettext_lazy("Network addresses"),
    "until": gettext_lazy("Until"),
    "subject": gettext_lazy("Subject"),
    "body": gettext_lazy("Text"),
    "first_day": gettext_lazy("First day"),
    "last_day": gettext_lazy("Last day"),
    "own_aliases": gettext_lazy("Aliases that a user may make"),
    "at_end": gettext_lazy("After the last day"),
    "days": gettext_lazy("Days"),
    "interval": gettext_lazy("Answered once in, seconds"),
    "sending_limit": gettext_lazy("Recipients an hour"),
    "active": gettext_lazy("On"),
    "maildir": gettext_lazy("Maildir"),
    "admins": gettext_lazy("Administrators"),
    "reseller": gettext_lazy("Reseller"),
    "max_domains": gettext_lazy("Budget: domains"),
    "max_mailboxes": gettext_lazy("Budget: mailboxes"),
    "max_storage": gettext_lazy("Budget: storage"),
    "resold": gettext_lazy("Domains that count"),
    "selector": gettext_lazy("Selector"),
    "ip": gettext_lazy("Network address"),
    "dkim_unseen": gettext_lazy("Although not seen in the DNS"),
}
WITH_RESULT = {name for name, action in ACTIONS.items() if action.by_result}
USUALLY_ON = {"active", *SWITCHES}
PLACES = {field: place for place, field in enumerate(FIELDS)}


class Entry(NamedTuple):
    timestamp: datetime
    username: str
    domain: str
    action: str
    data: str
    changes: dict | None


def _entry(timestamp, username, domain, action, data, stored):
    return Entry(timestamp, username, domain, action, data, json.loads(stored or "null"))


def lines(entries, linked=False):
    """Yield for each entry, which has ``stored``: its domain, when, from which address, the
    sentence, ``changes``.

    ``linked``: the sentence links to what it is about, as it need not on the page of that.
    """
    when = formats.ago_by(timezone.get_current_timezone(), timezone.now())
    told_of = _told.now()
    for entry in entries:
        values = entry.username, entry.domain, entry.action, entry.data, entry.stored
        yield entry.domain, when(entry.timestamp), *told_of(linked, *values)


@formats.cached_per_language_and_path
def _told(linked, *values):
    entry = _entry(None, *values)
    name, client = name_and_client(entry.username)
    url = url_of(entry) if linked else ""
    said = _sentence(entry, _meaning(entry), _words.now(), _person(name, entry.domain), url)
    return client, said, changes(entry)


def days(entries):
    """Yield (heading, lines) of each day. ``entries`` are as ``LogQuerySet.stored()`` has them,
    newest or oldest first."""
    zone = timezone.get_current_timezone()
    today = timezone.localdate()
    named = {today: _("Today"), today - timedelta(days=1): _("Yesterday")}
    line_of = _line.now()
    lines = (line_of(zone, *values) for _pk, *values in entries)
    for day, of_day in groupby(lines, lambda line: line.day):
        yield named.get(day) or formats.date_words(day), [*_folded(of_day)]


@dataclass
class Line:
    day: date
    key: tuple  # of those that are one thing done to several
    moment: dict  # of the day and the time, and what kind of act it was
    sentence: str
    person: str
    place: str  # from where somebody signed in
    client: str  # from where the person did anything else
    changes: list

    @cached_property
    def alone(self):
        return SafeString(_drawing().alone(self))

    @cached_property
    def among_others(self):
        return SafeString(_drawing().among_others(self))


def _drawing():
    return engines["jinja2"].env.get_template("log.html").module


@formats.cached_per_language_and_path
def _line(zone, *values):
    # entries never change, so a line and its HTML are made once
    entry = _entry(*values)
    moment = entry.timestamp.astimezone(zone)
    name, client = name_and_client(entry.username)
    kind, meaning, told = kind_of(entry.action, entry.domain), _meaning(entry), changes(entry)
    iso, signs_in, words = moment.isoformat("T", "seconds"), kind == SIGN_INS, _words.now()
    said = _sentence(entry, meaning, words, _person(name, entry.domain), url_of(entry))
    return Line(
        moment.date(),
        (entry.username, *meaning),
        {
            "moment": SafeString(iso),
            "exact": SafeString(f"{formats.date_words(moment.date())}, {iso[11:19]}"),
            "at": SafeString(iso[11:16]),
            "kind": SafeString("login_failed" if entry.action in FAILED else kind or "other"),
        },
        said if signs_in else SafeString(said + _brief(entry, told)),
        _person(name, entry.domain),
        *((client, "") if signs_in else ("", client)),
        told,
    )


def _folded(lines):
    """Yield (sentence about several or None, lines): MANY and more of one person and one kind are one."""
    for key, run in groupby(lines, lambda line: line.key):
        together = list(run)
        many = _many(*key[1:]) if len(together) >= MANY else ""
        if many:
            person = max((line.person for line in together), key=len)  # complete if one of them is
            yield many % {"n": len(together), "person": person}, together
        else:
            yield from ((None, [line]) for line in together)


def _many(action, result):
    known = ACTIONS.get(action)
    return SWITCHED.get((action, result)) or (known.many if known else "")


def _brief(entry, told):
    stored = entry.changes or {}
    pair = stored.get("goto")
    if isinstance(pair, list) and len(pair) == 2:
        gone, come = _differing(_items(pair[0]), _items(pair[1]))
        others = ([item for item in items if item != entry.data] for items in (gone, come))
        marked = zip(("del", "ins"), others, strict=True)
        return "".join(
            f" <{tag}>{formats.breakable(_listed(items, BRIEF))}</{tag}>"
            for tag, items in marked
            if items
        )
    if len(told) == 1 and not entry.action.startswith(("create_", "delete_")):
        field, old, new = told[0]
        words = f"{_named(field)} {old or '—'} → {new or '—'}"
        return f' <span class="muted">{escape(words)}</span>'
    return ""


def _meaning(entry):
    changed = entry.changes
    if changed and entry.action == "edit_forwarding" and "goto" in changed:
        return entry.action, _forwarding(entry.data, changed["goto"])
    action = _state_action(entry) or entry.action
    new = changed.get("active", (None, None))[1] if changed and action in WITH_RESULT else None
    return action, None if new is None else bool(new)


def sentence(entry):
    person = _person(name_and_client(entry.username)[0])
    said = _sentence(entry, _meaning(entry), _words.now(), person)
    return unescape(strip_tags(said))


def _forwarding(mailbox, pair):
    if not isinstance(pair, list) or len(pair) != 2:
        return None
    before, after = (bool({*_items(goto)} - {mailbox}) for goto in pair)
    return None if before == after else BEGUN if after else ENDED


def _sentence(entry, meaning, words, person, url=""):
    shown = formats.breakable(_shown(entry.data)) if entry.data else ""
    if shown:
        shown = f'<a href="{escape(url)}">{shown}</a>' if url else f"<b>{shown}</b>"
    return SafeString(words(*meaning).format(person=escape(person), object=shown))


def _person(name, domain=None):
    # somebody of the same domain by the local part alone, as a colleague would say it
    return display_address(name.removesuffix(f"@{domain}")) if name else "—"


@formats.cached_per_language
def _words(name, result):
    action = ACTIONS.get(name)
    if action:
        return str(escape(action.by_result.get(result) or action.words))
    # PostfixAdmin's other words, such as edit_vacation
    done = name.replace("_", " ").capitalize().replace("{", "{{").replace("}", "}}")
    return str(escape(_("{action} by {person}: {object}").replace("{action}", done)))


def _state_action(entry):
    name = entry.action
    if not name.endswith("_state"):
        name = f"{name}_state" if entry.changes and entry.changes.keys() == {"active"} else None
    return name if name in ACTIONS else None


def changes(entry):
    """(field, old, new) in words for all that changed; of new and deleted objects only what is set.

    Of lists, what was removed and what was added.
    """
    rows, stored = [], entry.changes
    if not stored:
        return rows
    if stored.keys() == {"active"} and _state_action(entry):  # the sentence says it
        return rows
    for field in sorted(stored, key=lambda field: PLACES.get(field, len(PLACES))):
        pair = stored[field]
        old, new = pair if isinstance(pair, list) and len(pair) == 2 else (None, pair)
        if field in USUALLY_ON and None in (old, new):
            if old or new:  # the usual state of a new or deleted object, is not told
                continue
        elif old in (None, "", [], False) and new in (None, "", [], False):
            continue
        if field in LISTS:
            old, new = _differing(_items(old), _items(new))
        rows.append((_field(field), _value(entry, field, old), _value(entry, field, new)))
    return rows


@formats.cached_per_language
def _field(name):
    return str(FIELDS.get(name, name))


@formats.cached_per_language
def _named(field):
    return _("%(field)s:") % {"field": field}


def _items(value):
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    return value if isinstance(value, list) else []


def _differing(old, new):
    before, after = set(old), set(new)
    gone = [item for item in old if item not in after]
    come = [item for item in new if item not in before]
    return (gone, come) if gone or come else (old, new)


def _listed(items, most=LIST_WIDTH):
    shown, width = [], 0
    for item in map(_shown, items):
        width += len(item)
        if shown and width > most:
            break
        shown.append(item)
    text, more = ", ".join(shown), len(items) - len(shown)
    if more:
        text = f"{text} {_('and %(n)s more') % {'n': formats.number(more)}}"
    return text


def _value(entry, field, value):
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return _listed(value)
    if field == "quota" and entry.action.endswith("_mailbox"):
        return formats.size(value) if value else _("unlimited")
    if field == "max_storage":
        return formats.mb(value) if value else "0"
    if field in {"quota", "maxquota"}:
        return formats.mb_limit(value)
    if field in {"mailboxes", "aliases"}:
        return formats.limit(value)
    if isinstance(value, int):
        return formats.number(value)
    text = str(value)
    return text if len(text) <= LIST_WIDTH else truncatechars(text, LIST_WIDTH)


def _shown(text):
    return display_address(text) if "@" in text else display_domain(text)
