"""The rows of a domain's addresses: parts/domains/address_row.html, filled in for each."""

from functools import partial

from django.template import engines
from django.utils import timezone
from django.utils.safestring import SafeString

from mailadmin.filling import fill
from mailadmin.templatetags import ui
from panel import formats
from panel.addresses import display_address

NOTHING = SafeString("")


def address_rows(rows, domain, signed_in, *, role, ticks):
    """``rows`` are Address of domains/page.py, ``domain`` is its name; ``signed_in``: there is a column for the last sign-in.

    ``role`` is one's own in the domain; ``ticks``: rows can be ticked.
    """
    html_of, bar = (
        partial(_html.now(), signed_in=signed_in, role=role, ticks=ticks),
        ui.storage_bars(),
    )
    day = formats.day_by(timezone.get_current_timezone(), timezone.localdate())
    mailbox_on = html_of("mailbox", "on")
    drawn = []
    for row in rows:
        box, html, words, tags = row.mailbox, mailbox_on, row.name, NOTHING
        if not row.plain:
            html = html_of("mailbox" if box else "alias", state_of(row))
            words, tags = words_of(row, domain), tags_of(row, domain)
        drawn.append(
            fill(
                html,
                row.pk,
                display_address(row.pk),
                words=words,
                tags=tags,
                storage=bar(row.bytes, row.quota) if box else NOTHING,
                signed_in=day(row.last_sign_in) if box else NOTHING,
            )
        )
    return SafeString("".join(drawn))


@formats.cached_per_language_and_path
def _html(page, state, **told):
    return ui.part("domains/address_row.html", page=page, state=state, **told)


@formats.cached_per_language
def _tags(template):
    return engines["jinja2"].env.get_template(template).module


def state_of(row):
    if row.locked and not row.mailbox:
        return "locked"
    return "on" if row.on else "off"


def words_of(row, domain):
    """The person, or where mail goes. Targets that are gone are among the tags instead."""
    others = [target for target in row.targets if target not in row.gone[:3]]
    if row.mailbox is None:
        leads_to = ui.recipients(others, domain)
        return f"{leads_to} · {ui.short(row.description, 80)}" if row.description else leads_to
    if not row.active or not others or row.targets == [row.pk]:
        return row.name
    return f"{row.name} → {ui.recipients(others, domain)}"


def tags_of(row, domain):
    tags, box = _tags("domains/address_tags.html"), row.mailbox
    said = [] if row.on else [tags.off]
    if box is None:
        said.append(tags.limits.get(row.access, NOTHING))
    else:
        if not box.receives:
            said.append(tags.only_sends)
        if not box.sign_in_active:
            said.append(tags.no_sign_in)
        elif not box.smtp_active:
            said.append(tags.may_not)
    if row.last_day:
        said.append(tags.until(row.last_day))
    if row.away:
        said.append(tags.away)
    if row.gone:
        said.append(_tags("rows.html").dead_ends(row.gone, domain))
    return SafeString("".join(said))
