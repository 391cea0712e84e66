import pytest

from accounts.models import LogEntry
from aliases.models import Alias
from mailboxes.forwarding import forwarding_of, self_alias, set_forwarding
from mailboxes.models import Mailbox
from mailboxes.services import (
    set_mailbox_active,
)
from tests.mailboxes.test_services import last_log, own_row
from tests.refusals import refused


class TestForwarding:
    def test_with_and_without_a_copy_and_back(self, add_mailbox, example_org):
        joe = add_mailbox("joe@example.org")
        assert forwarding_of(self_alias(joe)) == ([], True)

        set_forwarding(actor=None, mailbox=joe, targets="A@Other.net", keep_copy=True)
        assert own_row(joe).goto == "joe@example.org,a@other.net"
        assert forwarding_of(self_alias(joe)) == (["a@other.net"], True)
        assert last_log() == (
            "edit_forwarding",
            "example.org",
            "joe@example.org",
            {"goto": ["joe@example.org", "joe@example.org,a@other.net"]},
        )

        set_forwarding(actor=None, mailbox=joe, targets=["a@other.net"], keep_copy=False)
        assert forwarding_of(self_alias(joe)) == (["a@other.net"], False)

        set_forwarding(actor=None, mailbox=joe, targets="", keep_copy=False)
        assert own_row(joe).goto == "joe@example.org"
        assert own_row(joe).is_self_alias is True

    @pytest.mark.parametrize("keep_copy", [True, False])
    def test_new_targets_alone_leave_the_copy_as_it_is_stored(
        self, keep_copy, add_mailbox, example_org
    ):
        joe = add_mailbox("joe@example.org")
        set_forwarding(actor=None, mailbox=joe, targets="a@other.net", keep_copy=keep_copy)

        set_forwarding(actor=None, mailbox=joe, targets="b@other.net")

        assert forwarding_of(own_row(joe)) == (["b@other.net"], keep_copy)

    def test_the_copy_alone_leaves_the_targets_as_they_are_stored(self, add_mailbox, example_org):
        joe = add_mailbox("joe@example.org")
        set_forwarding(actor=None, mailbox=joe, targets="a@other.net", keep_copy=True)
        # Read before another program changes them.
        early = Mailbox.objects.with_self_alias().get()
        Alias.objects.update(goto="joe@example.org,B@Other.net,root")

        set_forwarding(actor=None, mailbox=early, keep_copy=False)
        assert forwarding_of(own_row(joe)) == (["b@other.net", "root"], False)
        set_forwarding(actor=None, mailbox=early, keep_copy=True)
        assert forwarding_of(own_row(joe)) == (["b@other.net", "root"], True)

    def test_the_copy_alone_changes_nothing_where_nothing_is_forwarded(
        self, add_mailbox, example_org
    ):
        joe = add_mailbox("joe@example.org")
        before = LogEntry.objects.count()

        set_forwarding(actor=None, mailbox=joe, keep_copy=False)

        assert own_row(joe).goto == "joe@example.org"
        assert LogEntry.objects.count() == before

    def test_the_own_address_is_no_forwarding(self, add_mailbox, example_org):
        joe = add_mailbox("joe@example.org")

        set_forwarding(
            actor=None, mailbox=joe, targets="joe@example.org\na@other.net", keep_copy=False
        )

        assert own_row(joe).goto == "a@other.net"

    def test_wrong_targets_are_refused_at_their_field(self, add_mailbox, example_org):
        joe = add_mailbox("joe@example.org")

        with refused("invalid_address", field="targets"):
            set_forwarding(actor=None, mailbox=joe, targets="|/bin/sh", keep_copy=True)
        with refused("whole_domain", field="targets"):
            set_forwarding(actor=None, mailbox=joe, targets="@other.net", keep_copy=True)

        assert own_row(joe).goto == "joe@example.org"

    def test_a_missing_own_row_is_made_again(self, add_mailbox, example_org):
        joe = add_mailbox("joe@example.org")
        Alias.objects.all().delete()

        set_forwarding(actor=None, mailbox=joe, targets="a@other.net", keep_copy=True)

        row = own_row(joe)
        assert (row.goto, row.is_self_alias, row.active) == (
            "joe@example.org,a@other.net",
            True,
            True,
        )

    def test_the_own_row_that_another_program_left_out_is_made_and_logged(
        self, example_org, add_mailbox
    ):
        mailbox = add_mailbox("joe@example.org")
        Alias.objects.all().delete()

        set_forwarding(actor=None, mailbox=mailbox, targets="", keep_copy=True)

        row = own_row(mailbox)
        assert (row.goto, row.active, row.is_self_alias) == ("joe@example.org", True, True)
        assert last_log() == (
            *("edit_forwarding", "example.org", "joe@example.org"),
            {"goto": [None, "joe@example.org"], "active": [None, True]},
        )

    def test_what_another_program_deactivated_goes_with_the_mailbox_again(
        self, add_mailbox, example_org
    ):
        joe = add_mailbox("joe@example.org")
        set_forwarding(actor=None, mailbox=joe, targets="a@other.net", keep_copy=False)
        Alias.objects.filter(pk=joe.pk).update(active=False)

        set_forwarding(actor=None, mailbox=joe, targets="a@other.net", keep_copy=False)

        assert own_row(joe).active is True
        assert (last_log()[0], last_log()[3]) == ("edit_forwarding", {"active": [False, True]})

        set_mailbox_active(actor=None, mailbox=joe, active=False)
        Alias.objects.filter(pk=joe.pk).update(active=True)
        set_forwarding(actor=None, mailbox=joe, targets="b@other.net", keep_copy=False)

        assert own_row(joe).active is True  # mail that goes on does not stop by the way
