"""Whether a domain has room for what joins it."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from domains.models import UNLIMITED
from mailboxes.models import quota_error

NAMED = 10  # mailboxes, in an error


def errors_of_limits(target, *, mailboxes, aliases, over):
    """Of ``mailboxes``, which are rows, and so many aliases; ``over`` is how many aliases there become addresses of mailboxes. ``target`` comes with its counters."""
    errors = []
    for kind, limit, there, more in (
        ("mailboxes", target.mailboxes, target.usage.mailboxes, len(mailboxes)),
        ("aliases", target.aliases, target.alias_count - over, aliases),
    ):
        if limit == UNLIMITED or not more or there + more <= limit:
            continue
        if kind == "mailboxes":
            text = ngettext(
                "%(n)d mailbox moves there, and %(domain)s has room for %(rest)d more. Raise its limit of mailboxes first.",
                "%(n)d mailboxes move there, and %(domain)s has room for %(rest)d more. Raise its limit of mailboxes first.",
                more,
            )
        else:
            text = ngettext(
                "%(n)d alias moves there, and %(domain)s has room for %(rest)d more. Raise its limit of aliases first.",
                "%(n)d aliases move there, and %(domain)s has room for %(rest)d more. Raise its limit of aliases first.",
                more,
            )
        params = {"n": more, "domain": target, "rest": max(0, limit - there)}
        errors.append(ValidationError(text, "limit_reached", params))
    return errors + _quota_errors(target, mailboxes)


def _quota_errors(target, mailboxes):
    allotted, errors = target.usage.allotted, []
    for row in mailboxes:
        if error := quota_error(target, row.quota, others=allotted):
            text = _("%(mailbox)s: %(reason)s")
            params = {"mailbox": row, "reason": error.messages[0]}
            errors.append(ValidationError(text, error.code, params))
        allotted += max(0, row.quota)
    return errors[:NAMED]
