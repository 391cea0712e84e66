import pytest
from django.core.exceptions import ValidationError

from accounts.models import LogEntry
from aliases.many import create_aliases
from aliases.models import Alias
from aliases.services import create_alias
from domains.models import DomainUsage


@pytest.fixture
def ours(add_domain, add_mailbox):
    domain = add_domain("example.org", aliases=3)
    add_mailbox("ann@example.org")
    return domain


def new(**targets):
    return [{"local_part": name, "targets": [target]} for name, target in targets.items()]


def refused(domain, aliases):
    with pytest.raises(ValidationError) as error:
        create_aliases(actor=None, domain=domain, aliases=aliases)
    assert not Alias.objects.filter(is_self_alias=False).exclude(pk="here@example.org").exists()
    return error.value.messages


def test_many_are_as_one_after_the_other(ours, add_domain):
    other = add_domain("example.net")
    fields = {"targets": "ann@example.org, x@elsewhere.test", "description": "Desk"}
    names = ("Sales", "*")
    create_aliases(
        actor=None, domain=ours, aliases=[{"local_part": name, **fields} for name in names]
    )
    for name in names:
        create_alias(actor=None, domain=other, local_part=name, **fields)

    def rows(domain):
        aliases = Alias.objects.filter(domain=domain, is_self_alias=False).order_by("pk")
        entries = LogEntry.objects.filter(domain=domain.pk, action="create_alias").order_by("data")
        return [
            [
                (row.pk.replace(domain.pk, ""), row.goto, row.description, row.active)
                for row in aliases
            ],
            [
                (entry.data.replace(domain.pk, ""), entry.changes, entry.username)
                for entry in entries
            ],
        ]

    assert [len(found) for found in rows(ours)] == [2, 2]
    assert rows(ours) == rows(other)
    assert DomainUsage.objects.get(pk="example.org").alias_rows == 3


def test_names_in_use_or_twice_are_named_and_nothing_is_written(ours, add_alias):
    add_alias("here@example.org", "ann@example.org")
    twice = new(a="ann@example.org") + new(A="ann@example.org")

    lines = refused(ours, [*new(here="ann@example.org", ann="x@elsewhere.test"), *twice])
    assert [line.partition(": ")[0] for line in lines] == [
        "here@example.org",
        "ann@example.org",
        "a@example.org",
    ]


def test_the_domains_limit_holds_for_all_of_them_together(ours):
    aliases = new(
        a="ann@example.org", b="ann@example.org", c="ann@example.org", d="ann@example.org"
    )

    assert [line.partition(": ")[0] for line in refused(ours, aliases)] == ["d@example.org"]


def test_a_loop_among_them_is_refused(ours):
    assert "mail loop" in refused(ours, new(a="b@example.org", b="a@example.org"))[0]


def test_none_are_none(ours):
    assert create_aliases(actor=None, domain=ours, aliases=[]) == []
