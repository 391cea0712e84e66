import pytest
from django.core.exceptions import ValidationError

from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import Domain, DomainUsage
from domains.services import update_domain
from mailboxes.models import Mailbox, RetiredMaildir
from mailboxes.services import create_mailbox, create_mailboxes, delete_mailbox

HASH = "{SHA512-CRYPT}$6$rounds=5000$saltsalt$" + "x" * 86
MB = 1_024_000


@pytest.fixture
def example(add_domain):
    return add_domain("example.org", mailboxes=0, maxquota=0, quota=0)


def new(*names, **fields):
    return [{"local_part": name, "password_hash": HASH, **fields} for name in names]


def refused(domain, mailboxes):
    with pytest.raises(ValidationError) as error:
        create_mailboxes(actor=None, domain=domain, mailboxes=mailboxes)
    assert not Mailbox.objects.filter(password=HASH).exists()
    return error.value.messages


def test_many_are_as_one_after_the_other(example, add_domain):
    other = add_domain("example.net", mailboxes=0, maxquota=0, quota=0)
    fields = {"quota": 5 * MB, "name": "Ann", "smtp_active": False}
    create_mailboxes(actor=None, domain=example, mailboxes=new("Ann", "ben", **fields))
    for name in ("Ann", "ben"):
        create_mailbox(
            actor=None, domain=other, local_part=name, password="seven green bicycles 8", **fields
        )

    def rows(domain):
        def told(value):
            return str(value).replace(domain.pk, "…")

        skipped = {"password", "created", "modified", "password_expiry", "token_validity"}
        columns = [f.attname for f in Mailbox._meta.concrete_fields if f.attname not in skipped]
        tables = [
            (Mailbox.objects.filter(domain=domain), columns),
            (Alias.objects.filter(domain=domain), ["address", "goto", "active", "is_self_alias"]),
            (DomainUsage.objects.filter(domain=domain), ["mailboxes", "alias_rows", "allotted"]),
            (
                LogEntry.objects.filter(domain=domain.pk, action="create_mailbox"),
                ["username", "action", "data", "changes"],
            ),
        ]
        return [
            [tuple(map(told, row)) for row in found.order_by("pk").values_list(*names)]
            for found, names in tables
        ]

    assert [len(found) for found in rows(example)] == [2, 2, 1, 2]
    assert rows(example) == rows(other)


def test_each_of_many_keeps_what_only_it_has(example):
    ann, ben = new("ann", name="Ann", quota=5 * MB) + new("ben", active=False, phone="12")
    made = create_mailboxes(actor=None, domain=example, mailboxes=[ann, ben])
    columns = ("local_part", "name", "quota", "active", "phone")
    assert list(Mailbox.objects.order_by("pk").values_list(*columns)) == [
        ("ann", "Ann", 5 * MB, True, ""),
        ("ben", "", 0, False, "12"),
    ]
    entries = LogEntry.objects.filter(action="create_mailbox").order_by("data")
    assert [entry.changes["active"] for entry in entries] == [[None, True], [None, False]]
    assert entries[1].changes["phone"] == [None, "12"]
    made[1].name = "Ben"
    made[1].save()  # a row that is stored
    assert Mailbox.objects.get(pk="ben@example.org").name == "Ben"


def test_a_name_in_use_or_twice_is_refused_and_nothing_is_written(example, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_alias("team@example.org", "ann@example.org")
    messages = refused(example, new("ann", "team", "ben", "Ben", "carl", "a b"))
    assert [message.partition(":")[0] for message in messages] == [
        "a b@example.org",
        "ann@example.org",
        "team@example.org",
        "ben@example.org",
    ]
    assert not LogEntry.objects.filter(data="carl@example.org").exists()


def test_the_limits_count_those_before_in_the_same_batch(example):
    update_domain(actor=None, domain=example, mailboxes=2)
    assert len(refused(example, new("a", "b", "c"))) == 1
    update_domain(actor=None, domain=example, mailboxes=0, maxquota=10, quota=25)
    example = Domain.objects.get(pk=example.pk)
    assert len(refused(example, new("a", "b", "c", quota=10 * MB))) == 1
    create_mailboxes(actor=None, domain=example, mailboxes=new("a", "b", quota=10 * MB))
    assert Mailbox.objects.filter(domain=example).count() == 2


def test_nobody_gets_a_directory_that_another_had_or_has(example, add_mailbox):
    add_mailbox("ann@example.org")
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk="ann@example.org"))
    RetiredMaildir.objects.create(maildir="example.org/ben/deep/")
    create_mailboxes(actor=None, domain=example, mailboxes=new("ann", "ben", "carl"))
    assert dict(Mailbox.objects.values_list("local_part", "maildir")) == {
        "ann": "example.org/ann~2/",
        "ben": "example.org/ben~2/",
        "carl": "example.org/carl/",
    }


def test_each_may_have_the_directory_where_its_mail_lies_already(example):
    ann, ben = new("ann", maildir="vmail1/example.org/a/") + new("ben")
    create_mailboxes(actor=None, domain=example, mailboxes=[ann, ben])

    assert list(Mailbox.objects.order_by("pk").values_list("maildir", flat=True)) == [
        "vmail1/example.org/a/",
        "example.org/ben/",
    ]


@pytest.mark.parametrize("maildir", ["/etc/", "../up/", "a/../b/", "no-slash", "a//b/", "./"])
def test_a_directory_out_of_the_mail_root_is_refused(example, maildir):
    assert refused(example, new("ann", maildir=maildir)) == [
        f"ann@example.org: The directory {maildir} cannot be that of this mailbox alone."
    ]


def test_a_directory_that_another_has_or_had_is_refused(example):
    create_mailboxes(actor=None, domain=example, mailboxes=new("ann", maildir="x/a/"))
    Mailbox.objects.update(password="{CRYPT}x")
    RetiredMaildir.objects.create(maildir="x/gone/", username="gone@example.org")

    for maildir in ("x/a/", "x/gone/"):
        assert refused(example, new("ben", maildir=maildir)) == [
            f"ben@example.org: The directory {maildir} cannot be that of this mailbox alone."
        ]
    twice = new("ben", "cid", maildir="x/b/")
    assert [line.partition(":")[0] for line in refused(example, twice)] == ["cid@example.org"]
