"""What a person typed as targets of an alias or a forwarding, checked and in stored form."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from panel.addresses import normalise_address, normalise_domain

MAX_TARGETS = 1_000  # Postfix: virtual_alias_expansion_limit
MAX_BYTES = 65_000  # the goto column holds 65,535
MAX_ERRORS = 20


def parse_targets(text, *, catch_all=False, keep=()):
    """Return the targets of ``text`` (one a line, or separated by commas) without duplicates.

    A catch-all may lead to ``@otherdomain``. Anything that Postfix would read as a command, a
    file or a list is refused; what is in ``keep``, the targets stored so far, stays as it is
    (PostfixAdmin allows ``root``). Raises ValidationError with one message per wrong line.
    """
    targets, errors = [], []
    keep = {target.lower() for target in keep}
    for item in re.split(r"[,\n\r]+", text if isinstance(text, str) else "\n".join(text)):
        if len(errors) == MAX_ERRORS:
            break
        item = item.strip()
        if not item:
            continue
        try:
            targets.append(_parse(item, catch_all, keep))
        except ValidationError as error:
            errors.append(error)
    targets = list(dict.fromkeys(targets))
    if not targets and not errors:
        errors.append(
            ValidationError(_("Name at least one address that mail goes to."), "required")
        )
    if len(targets) > MAX_TARGETS or len(",".join(targets).encode()) > MAX_BYTES:
        errors.append(
            ValidationError(
                ngettext(
                    "At most %(n)d target: use a mailing list for more.",
                    "At most %(n)d targets: use a mailing list for more.",
                    MAX_TARGETS,
                ),
                "too_many",
                {"n": MAX_TARGETS},
            )
        )
    if errors:
        raise ValidationError(errors[:MAX_ERRORS])
    return targets


def _parse(item, catch_all, keep):
    if item.lower() in keep:
        return item.lower()
    if item.startswith("@") and catch_all:
        return "@" + normalise_domain(item[1:])
    if item.startswith(("*@", "@")):
        raise ValidationError(
            _("“%(target)s”: only a catch-all may lead to a whole domain."),
            "whole_domain",
            {"target": item[:80]},
        )
    return normalise_address(item)
