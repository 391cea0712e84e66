import pytest
from django.core.management.base import CommandError

from aliases.models import Alias
from mailboxes.models import Mailbox


def test_a_mailbox_is_renamed_and_keeps_its_old_address(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    said = run("mailbox", "rename", "joe@example.org", "jo@example.org")

    assert said == "Renamed mailbox joe@example.org to jo@example.org.\n"
    assert Mailbox.objects.get().pk == "jo@example.org"
    assert Alias.objects.get(pk="joe@example.org").goto == "jo@example.org"


def test_a_name_that_is_taken_is_refused(run, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("jo@example.org", "joe@example.org")

    with pytest.raises(CommandError, match=r"jo@example\.org exists already: it is an alias"):
        run("mailbox", "rename", "joe@example.org", "jo")
    assert Mailbox.objects.get().pk == "joe@example.org"
