"""The Jinja2 templates in parts/: the shell of every page, forms, pages that ask, lists, and what a page shows ten or fifty times.

All other templates are Django's, whose engine takes five to ten times as long.
"""

from urllib.parse import quote

from django.conf import settings
from django.forms import Textarea
from django.forms.renderers import BaseRenderer
from django.template import engines
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext, pgettext
from django_htmx.jinja import htmx_script
from markupsafe import Markup, escape

from accounts import challenges
from aliases.answers import because
from mailadmin import log_words
from mailadmin.address_rows import address_rows
from mailadmin.compiled import Environment
from mailadmin.deliveries import words as delivery_words
from mailadmin.filling import (
    AT_DOMAIN,
    IN_URL,
    KEY,
    LOCAL,
    NAME,
    PLAIN,
    TEXT,
    cell,
    fill,
    filled,
)
from mailadmin.page_rights import in_role, offered
from mailadmin.templatetags import ui
from mailboxes.figures import PERIODS
from panel import formats
from panel.addresses import display_address, display_domain, split_targets
from panel.rights import READ, ROLES
from panel.scoping import may_broadcast

# Django's templates for these only include the one for all inputs.
FLAT = {
    f"django/forms/widgets/{kind}.html": "django/forms/widgets/input.html"
    for kind in ("checkbox", "date", "email", "hidden", "number", "password", "search", "text")
}
# Bootstrap's, of an <input> or a <select>.
CLASSES = {"checkbox": "form-check-input", "radio": "form-check-input", "select": "form-select"}
# What Django tells of a widget that is but an <input> or a <textarea>.
SIMPLE = {"name", "is_hidden", "required", "value", "attrs", "template_name", "type"}
MOST_DRAWN = 1_000
_drawn = {}
# What returns the same for the same arguments, in one language and under one path prefix.
CONSTANT = {"_", "cell", "htmx_script", "icon", "kept", "pgettext", "place", "static", "url"}
IN_TWO = {"url": ("place", "in_place")}


class FieldRenderer(BaseRenderer):
    def get_template(self, template_name):
        return engines["jinja2"].get_template(FLAT.get(template_name, template_name))


def role_words(role):
    return ROLES.get(role, ROLES[READ])


def environment(**options):
    made = Environment(**options, trim_blocks=True, lstrip_blocks=True)
    made.constant, made.in_two = CONSTANT, IN_TWO
    made.globals |= {
        "_": gettext,
        "address_rows": address_rows,
        "ago": ago,
        "day_of": day_of,
        "deleted_days": deleted_days,
        "attributes": attributes,
        "IN_URL": IN_URL,
        "KEY": KEY,
        "NAME": NAME,
        "TEXT": TEXT,
        "LOCAL": LOCAL,
        "AT_DOMAIN": AT_DOMAIN,
        "recipients": ui.recipients,
        "storage_bars": ui.storage_bars,
        "storage_sentence": ui.storage_sentence,
        "shares": ui.share.now,
        "quota_multiplier": settings.QUOTA_MULTIPLIER,
        "cell": cell,
        "count_bar": ui.count_bar,
        "count_bars": ui.count_bar.now,
        "counted": ui.counted,
        "counts": ui.counted.now,
        "counts_of_limit": ui.counted_of.now,
        "domains_named": ui.domains_named,
        "draw": draw,
        "follows_deliveries": follows_deliveries,
        "found_in_words": found_in_words,
        "htmx_script": htmx_script,
        "hidden_query": ui.hidden_query,
        "icon": ui.icon,
        "in_place": in_place,
        "is_filtered": ui.is_filtered,
        "is_paged": ui.is_paged,
        "kept": kept,
        "language": get_language,
        "languages": languages,
        "list_url": list_url,
        "may_broadcast": may_broadcast,
        "part": ui.part,
        "panel_origin": challenges.origin,
        "periods": PERIODS,
        "ngettext": ngettext,
        "pgettext": pgettext,
        "place": place,
        "quota_bar": ui.quota_bar,
        "quota_bars": ui.quota_bars,
        "role_words": role_words,
        "sort_header": ui.sort_header,
        "sort_links": ui.sort_links,
        "state": ui.state,
        "static": static,
        "url": url,
    }
    made.filters |= {
        "address": display_address,
        "because": because,
        "bounded": formats.bounded,
        "bounded_briefly": formats.bounded_briefly,
        "breakable": formats.breakable,
        "breaking": ui.breaking,
        "date_words": formats.date_words,
        "date": date_format,
        "day": formats.day,
        "days": formats.days,
        "domain_name": display_domain,
        "target_summary": ui.target_summary,
        "targets": split_targets,
        "fill": fill,
        "filled": filled,
        "delivery_days": delivery_words.days,
        "in_role": in_role,
        "offered": offered,
        "log_days": log_words.days,
        "log_lines": log_words.lines,
        "mb_limit": formats.mb_limit,
        "moment": formats.moment,
        "number": formats.number,
        "of_whole": of_whole,
        "seconds": formats.seconds,
        "size": formats.size,
        "short": ui.short,
        "only_wrong_field": only_wrong_field,
        "widget": widget,
    }
    return made


def draw(field):
    """Draw a field. A simple one is drawn once, with a place for its value, for all that its HTML depends on besides."""
    form, drawn = field.form, field.field.widget
    found = drawn.get_context(field.html_name, field.value(), None)["widget"]
    if field.name in form.errors or found.keys() - SIMPLE:
        return _fields().draw(field, widget(field))
    key = (
        *(_language_of(form), type(form), field.html_name, field.auto_id),
        *(str(field.label), str(field.help_text), field.field.required, field.field.disabled),
        *(field.name == first_to_fill_in(form), found["value"] is None, *found["attrs"].items()),
    )
    html = _drawn.get(key)
    if html is None:
        if len(_drawn) >= MOST_DRAWN:
            _drawn.clear()
        empty = widget(field) | {"value": None if found["value"] is None else cell("value")}
        html = _drawn[key] = _fields().draw(field, empty)
    return filled(html, value=found["value"])


def _language_of(form):
    return form.language if hasattr(form, "language") else get_language()


@formats.cached_per_language_and_path
def _fields():
    return engines["jinja2"].env.get_template("fields.html").module


def found_in_words(number):
    return ngettext("%(n)d result", "%(n)d results", number) % {"n": number}


def attributes(attrs):
    """Return HTML attributes, of names that are ours, as Django's ``flatatt`` does."""
    named = [(name, value) for name, value in attrs.items() if value is not False]
    html = [f" {name}" if value is True else f' {name}="{escape(value)}"' for name, value in named]
    return Markup("".join(html))  # noqa: S704 -- escaped


def widget(field):
    """Return what Django's widget templates know as ``widget`` of a bound field, with Bootstrap's class.

    ``suffix`` and ``prefix`` of its attrs are no attributes of the HTML: they stand beside the input,
    with its id and their name, and describe it.
    """
    drawn, errors = field.field.widget, field.errors  # which Django makes anew each time
    css = CLASSES.get(getattr(drawn, "input_type", ""), "form-control")
    classes = [css, drawn.attrs.get("class"), "is-invalid" if errors else ""]
    attrs = field.build_widget_attrs(
        {"class": " ".join(filter(None, classes)), "id": field.auto_id}
    )
    if errors and "aria-describedby" in attrs:  # what is wrong stands in place of the help
        attrs["aria-describedby"] = f"{field.auto_id}_error"
    if field.name == first_to_fill_in(field.form):
        attrs["autofocus"] = True
    found = drawn.get_context(field.html_name, field.value(), attrs)["widget"]
    for name in ("prefix", "suffix"):
        found[name] = found["attrs"].pop(name, "")
    if beside := [f"{field.auto_id}_{name}" for name in ("prefix", "suffix") if found[name]]:
        below = found["attrs"].get("aria-describedby", "")
        found["attrs"]["aria-describedby"] = " ".join([*beside, below]).strip()
    found["is_textarea"] = isinstance(drawn, Textarea)
    return found


def only_wrong_field(form):
    [*names] = form.errors
    if len(names) != 1 or names[0] not in form.fields or form[names[0]].is_hidden:
        return None
    return names[0]


def first_to_fill_in(form):
    if form.errors:
        return only_wrong_field(form)
    if form.prefix:  # one of several on its page
        return None
    # As visible_fields(), which makes all of them, for each of them.
    return next((name for name, field in form.fields.items() if not field.widget.is_hidden), None)


def deleted_days():
    return settings.DELETED_DAYS


def follows_deliveries():
    return bool(settings.DELIVERY_LOGS)


def ago():
    return formats.ago_by(timezone.get_current_timezone(), timezone.now())


def day_of():
    return formats.day_by(timezone.get_current_timezone(), timezone.localdate())


@formats.cached_per_language_and_path
def kept(template, /, **values):
    """Return the ``template``, drawn once for ``values`` in each language.

    Inside, there is nothing of the page but ``values``, not even a CSRF token, so that one visitor's page never
    shows another's.
    """
    return ui.part(template, **values)


def of_whole(used, limit_mb):
    return formats.of_whole(used / settings.QUOTA_MULTIPLIER, limit_mb)


def languages():
    return [(code, name) for code, name in settings.LANGUAGES if code != get_language()]


def url(page, *key):
    return in_place(place(page), *key) if key else _url(page)


def in_place(path, key):
    return path.replace(IN_URL, _quoted(key))


@formats.cached_per_language_and_path
def _url(page):
    return reverse(page)


def list_url(path, domain):
    return f"{path}?domain={quote(domain.pk)}" if domain else path


def _quoted(key):  # as reverse() does
    return key if PLAIN.fullmatch(key) else quote(key, safe="!$&'()*+,;=/~:@")


@formats.cached_per_language_and_path
def place(page, parameter=""):
    if parameter:
        return f"{reverse(page)}?{parameter}={IN_URL}"
    return reverse(page, args=[IN_URL]).replace(quote(IN_URL), IN_URL)
