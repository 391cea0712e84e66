from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from mailboxes.models import Mailbox, RetiredMaildir
from panel.scoping import starts_with


def free_maildir(local_part, domain):
    """A maildir that no mailbox has or had: the new owner of an old name must not see the old mail.

    Other programs name maildirs freely, so it is neither inside another's nor around one.
    """
    parts = _path(local_part, domain).split("/")
    for depth, name in enumerate(parts, start=1):
        number = 1
        while _is_occupied("/".join(parts[:depth]), within=depth == len(parts)):
            number += 1
            # No name of ours has a ~, so this directory is no other mailbox's.
            parts[depth - 1] = f"{name}~{number}"
    return "/".join(parts) + "/"


def _path(local_part, domain):
    return settings.MAILDIR_LAYOUT.format(
        local_part=local_part, domain=domain, username=f"{local_part}@{domain}"
    ).rstrip("/")


def free_maildirs(mailboxes, domain):
    paths = {mailbox.pk: _path(mailbox.local_part, domain) for mailbox in mailboxes}
    above = {path.rpartition("/")[0] for path in paths.values()} - {""}
    occupied = set(paths.values()) if any(map(_is_within_one, above)) else _occupied(paths.values())
    return {
        mailbox.pk: f"{paths[mailbox.pk]}/"
        if paths[mailbox.pk] not in occupied
        else free_maildir(mailbox.local_part, domain)
        for mailbox in mailboxes
    }


def occupied_of(maildirs):
    found, paths = set(), list(maildirs)
    for model in (Mailbox, RetiredMaildir):
        found |= set(model.objects.filter(maildir__in=paths).values_list("maildir", flat=True))
    return found


def has_its_maildir(local_part, domain):
    """Whether a mailbox has, or had, the directory of this name: by another name perhaps, for a new name keeps it."""
    return bool(occupied_of([f"{_path(local_part, domain)}/"]))


def is_outside(maildir):
    parts = maildir.split("/")
    return parts.pop() != "" or not parts or any(part in {"", ".", ".."} for part in parts)


def not_its_own(maildir):
    return ValidationError(
        _("The directory %(maildir)s cannot be that of this mailbox alone."),
        "maildir",
        {"maildir": maildir},
    )


def _is_within_one(path):
    parts = path.split("/")
    return any(
        _is_occupied("/".join(parts[:depth]), within=False) for depth in range(1, len(parts) + 1)
    )


def _occupied(paths):
    paths = set(paths)
    first, last = min(paths, default=""), max(paths, default="")
    deeper = "%/" * (first.count("/") + 1) + "_%"
    found = set()
    for model in (Mailbox, RetiredMaildir):
        exact = model.objects.filter(maildir__in=[*paths, *(f"{path}/" for path in paths)])
        # One range from the first to the last path: a condition for each would take much longer.
        between = model.objects.filter(maildir__gte=first, maildir__lt=f"{last}/\U0010ffff")
        inside = between.extra(where=["maildir LIKE %s"], params=[deeper])
        for maildir in exact.values_list("maildir", flat=True).union(
            inside.values_list("maildir", flat=True)
        ):
            parts = maildir.split("/")
            found |= {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)} & paths
    return found


def _is_occupied(path, *, within):
    for model in (Mailbox, RetiredMaildir):
        maildirs = Q(maildir__in=[path, f"{path}/"])
        if within:
            maildirs |= starts_with("maildir", f"{path}/")
        if model.objects.filter(maildirs).exists():
            return True
    return False
