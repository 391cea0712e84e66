"""A mail root, and `purge` in it."""

from datetime import timedelta

import pytest
from django.core.management.base import CommandError

from mailboxes import restoring
from mailboxes.models import Deleted, RetiredMaildir


@pytest.fixture
def root(tmp_path):
    """A mail root with the mail of joe and of ann."""
    root = tmp_path / "vmail"
    for name in ("joe", "ann"):
        (root / f"example.org/{name}/Maildir/cur").mkdir(parents=True)
        (root / f"example.org/{name}/Maildir/cur/1.eml").write_text("From: x\n")
    return root


@pytest.fixture
def mailboxes(example_org, add_mailbox):
    return add_mailbox("joe@example.org"), add_mailbox("ann@example.org")


@pytest.fixture
def purge(run, root):
    """``purge("--remove")``: what it prints; ``purge.refused``, the end of it, where something stays."""

    def call(*options):
        call.refused = ""
        try:
            return run("purge", "--mail-root", str(root), *options)
        except CommandError as error:
            call.refused = str(error)
            return run.screen

    return call


def over(days=30):
    """Let everything have been deleted so long ago, and be forgotten if its time is over."""
    for row in Deleted.objects.all():
        until = row.until - timedelta(days=days)
        Deleted.objects.filter(pk=row.pk).update(until=until)
    for row in RetiredMaildir.objects.all():
        retired = row.retired - timedelta(days=days)
        RetiredMaildir.objects.filter(pk=row.pk).update(retired=retired)
    restoring.forget_over()
