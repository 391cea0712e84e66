import pytest
from django.db import connection

from aliases.models import Alias
from domains.models import DomainUsage
from mailboxes.forwarding import set_forwarding
from mailboxes.models import FullMailbox, Mailbox, QuotaUsage, RetiredMaildir
from mailboxes.services import (
    delete_mailbox,
)
from tests.mailboxes.test_services import last_log
from tests.refusals import refused


class TestDelete:
    def test_a_mailbox_whose_own_row_another_program_left_out_goes_too(
        self, add_mailbox, example_org
    ):
        joe = add_mailbox("joe@example.org")
        Alias.objects.all().delete()

        delete_mailbox(actor=None, mailbox=joe)

        assert Mailbox.objects.count() == 0

    def test_mail_that_would_go_round_without_it_keeps_a_mailbox(
        self, add_mailbox, add_alias, example_org
    ):
        joe = add_mailbox("joe@example.org")
        add_alias("list@example.org", "joe@example.org")
        add_alias("@example.org", "list@example.org")

        with refused("loop"):
            delete_mailbox(actor=None, mailbox=joe)

        assert Mailbox.objects.count() == 1

    def test_mailbox_own_row_and_use_go_and_the_maildir_is_remembered(
        self, add_mailbox, example_org, settings
    ):
        joe = add_mailbox("joe@example.org", quota=100, name="Joe")
        QuotaUsage.objects.create(username_id=joe.pk, bytes=95)
        assert FullMailbox.objects.count() == 1

        delete_mailbox(actor=None, mailbox=joe)

        for model in (Mailbox, Alias, QuotaUsage, FullMailbox):
            assert model.objects.count() == 0
        assert DomainUsage.objects.values_list("mailboxes", "alias_rows", "allotted").get() == (
            0,
            0,
            0,
        )
        assert list(RetiredMaildir.objects.values_list("pk", "username")) == [
            ("example.org/joe/", "joe@example.org")
        ]
        assert last_log() == (
            "delete_mailbox",
            "example.org",
            "joe@example.org",
            {
                "name": ["Joe", None],
                "quota": [100, None],
                "smtp_active": [True, None],
                "active": [True, None],
                "maildir": ["example.org/joe/", None],
            },
        )

    def test_the_log_keeps_where_it_forwarded_to(self, add_mailbox, example_org):
        joe = add_mailbox("joe@example.org")
        set_forwarding(actor=None, mailbox=joe, targets="a@other.net", keep_copy=True)

        delete_mailbox(actor=None, mailbox=joe)

        assert last_log()[3]["goto"] == ["joe@example.org,a@other.net", None]

    def test_a_mailbox_is_taken_out_of_every_alias_even_if_they_are_many(
        self, add_mailbox, add_alias, example_org, other_net, monkeypatch
    ):
        monkeypatch.setattr("aliases.cleaning.BATCH", 2)
        joe = add_mailbox("joe@example.org")
        for number in range(5):
            add_alias(f"a{number}@other.net", "joe@example.org", "x@elsewhere.example")

        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())

        assert set(Alias.objects.values_list("goto", flat=True)) == {"x@elsewhere.example"}

    def test_aliases_elsewhere_dangle_unless_it_is_taken_out_of_them(
        self, add_mailbox, add_alias, example_org, other_net
    ):
        joe = add_mailbox("joe@example.org")
        add_alias("a@other.net", "joe@example.org", "x@elsewhere.example")
        add_alias("b@other.net", "joe@example.org")

        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.filter(pk="a@other.net"))

        with connection.cursor() as cursor:
            cursor.execute("SELECT alias, target, unmatched FROM alias_target ORDER BY alias")
            assert [tuple(row) for row in cursor.fetchall()] == [
                ("a@other.net", "x@elsewhere.example", 0),
                ("b@other.net", "joe@example.org", 1),
            ]

    def test_a_new_owner_of_an_old_name_never_sees_the_old_mail(self, add_mailbox, example_org):
        seen = set()
        for _time in range(3):
            mailbox = add_mailbox("joe@example.org")
            seen.add(mailbox.maildir)
            delete_mailbox(actor=None, mailbox=mailbox)

        assert len(seen) == 3
        assert RetiredMaildir.objects.count() == 3

    @pytest.mark.parametrize("delimiter", ["+", "-", "="])
    def test_a_new_owner_of_an_old_name_never_gets_anothers_directory(
        self, delimiter, add_mailbox, example_org, settings
    ):
        """Whatever is put behind the name is no mailbox name itself."""
        settings.RECIPIENT_DELIMITER = delimiter
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))

        name = add_mailbox("joe@example.org").maildir.split("/")[1]

        with refused("invalid_local_part", field="local_part"):
            add_mailbox(f"{name}@example.org")

    @pytest.mark.parametrize(
        ("theirs", "given"),
        [
            ("example.org/joe/", "example.org/joe~2/"),
            ("example.org/joe", "example.org/joe~2/"),
            ("example.org/joe/Maildir/", "example.org/joe~2/"),
            ("example.org/", "example.org~2/joe/"),
            ("example.org/joel/", "example.org/joe/"),
            ("example.org/jo/", "example.org/joe/"),
            ("", "example.org/joe/"),
        ],
    )
    @pytest.mark.parametrize("gone", [False, True])
    def test_no_mailbox_lies_in_anothers_directory_whoever_named_it(
        self, gone, theirs, given, add_mailbox, example_org, other_net
    ):
        """Other programs name them as they like, in whatever domain."""
        ann = add_mailbox("ann@other.net")
        Mailbox.objects.filter(pk=ann.pk).update(maildir=theirs)
        if gone:
            delete_mailbox(actor=None, mailbox=ann)

        assert add_mailbox("joe@example.org").maildir == given

    def test_the_address_is_free_for_an_alias_then(self, add_mailbox, add_alias, example_org):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))

        assert add_alias("joe@example.org", "x@other.net").is_self_alias is False

    def test_an_alias_made_when_it_was_missing_is_the_mailboxs_own(self, add_mailbox, example_org):
        """PostfixAdmin refuses that; a script may not."""
        add_mailbox("joe@example.org")
        Alias.objects.all().delete()
        Alias.objects.create(address="joe@example.org", domain=example_org, goto="x@other.net")

        assert Alias.objects.get().is_self_alias is True
