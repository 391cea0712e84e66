import json

import pytest
from django.core.management.base import CommandError

from aliases.models import Alias
from domains import parting
from domains.models import AliasDomain, DomainUsage
from domains.services import create_alias_domain
from mailboxes.models import Mailbox


@pytest.fixture
def twin(add_domain, example_org, add_mailbox):
    for name in ("ann", "joe", "eve"):
        add_mailbox(f"{name}@example.org")
    twin = add_domain("twin.example")
    return create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)


@pytest.fixture
def both(add_domain, add_mailbox, add_alias):
    add_domain("old.example")
    add_domain("new.example")
    for name in ("ann", "info", "zoe"):
        add_mailbox(f"{name}@old.example")
    add_mailbox("info@new.example")
    add_alias("sales@old.example", "ann@old.example")
    add_alias("sales@new.example", "info@new.example")


def rows(domain):
    return dict(Alias.objects.filter(domain=domain).order_by("pk").values_list("pk", "goto"))


# --- aliasdomain own


def test_an_alias_domain_becomes_a_domain_of_its_own(run, twin):
    said = run("aliasdomain", "own", "twin.example")

    assert said == "twin.example is a domain of its own now.\n"
    assert rows("twin.example") == {
        f"{name}@twin.example": f"{name}@example.org" for name in ("ann", "eve", "joe")
    }
    with pytest.raises(CommandError, match=r"There is no alias domain twin\.example"):
        run("aliasdomain", "own", "twin.example")


def test_it_may_begin_empty(run, twin):
    said = json.loads(run("aliasdomain", "own", "twin.example", "--empty", "--json"))

    assert said == {"domain": "twin.example", "aliases": 0}


def test_a_dry_run_says_what_is_made_and_makes_nothing(run, twin):
    said = run("aliasdomain", "own", "twin.example", "--dry-run").splitlines()

    assert said[:2] == [
        "twin.example becomes a domain of its own.",
        "- 3 aliases are made, each of which leads to the same name in example.org. Mail goes on as it does now: ann@twin.example, eve@twin.example, joe@twin.example",
    ]
    told = json.loads(run("aliasdomain", "own", "twin.example", "--dry-run", "--empty", "--json"))
    assert told["changes"][0][1] == ["ann@twin.example", "eve@twin.example", "joe@twin.example"]
    assert (rows("twin.example"), AliasDomain.objects.count()) == ({}, 1)


def test_one_with_many_addresses_is_made_in_steps(run, twin, monkeypatch):
    monkeypatch.setattr(parting, "MOST", 2)

    said = run("aliasdomain", "own", "twin.example", "--dry-run")
    assert "- 3 aliases are made, each of which leads" in said
    run("aliasdomain", "own", "twin.example")

    assert len(rows("twin.example")) == 3
    assert AliasDomain.objects.count() == 0


# --- domain join

ANSWERS = ["--name", "info=info.old", "--add-recipients", "sales"]


def test_a_domain_becomes_another_name_of_another_one(run, both):
    said = run("domain", "join", "old.example", "new.example", *ANSWERS)

    assert said == "old.example is another name of new.example now.\n"
    assert rows("old.example") == {"info@old.example": "info.old@new.example"}
    assert rows("new.example")["sales@new.example"] == "info@new.example,ann@new.example"


def test_without_answers_it_is_refused_with_all_names(run, both):
    with pytest.raises(CommandError) as refusal:
        run("domain", "join", "old.example", "new.example")

    assert str(refusal.value).splitlines() == [
        "Names that are taken there: info: info@old.example is a mailbox, and info@new.example exists, too. Enter another name for the mailbox.",
        "Names that are taken there: sales: sales@old.example and sales@new.example exist and differ. Choose what becomes of sales@old.example.",
    ]
    assert Mailbox.objects.filter(domain="old.example").count() == 3


def test_an_answer_is_a_pair(run, both):
    with pytest.raises(CommandError, match="--name info: write LOCAL=OTHER"):
        run("domain", "join", "old.example", "new.example", "--name", "info")


def test_a_dry_run_moves_nothing(run, both):
    said = run("domain", "join", "old.example", "new.example", *ANSWERS, "--dry-run")

    assert said.startswith(
        "old.example becomes another name of new.example.\n- 3 mailboxes move to new.example."
    )
    assert "info@old.example → info.old@new.example" in said
    assert AliasDomain.objects.count() == 0


def test_an_alias_may_stay(run, both):
    told = run(
        *("domain", "join", "old.example", "new.example", "--json"),
        *("--name", "info=info.old", "--leave", "sales"),
    )

    assert json.loads(told) == {"alias_domain": "old.example", "target_domain": "new.example"}
    assert rows("old.example")["sales@old.example"] == "ann@new.example"


def test_the_command_takes_more_than_a_page(run, both):
    DomainUsage.objects.filter(pk="old.example").update(alias_rows=500)

    said = run("domain", "join", "old.example", "new.example", *ANSWERS, "--dry-run")
    assert said.startswith("old.example becomes another name of new.example.")
    run("domain", "join", "old.example", "new.example", *ANSWERS)

    assert rows("old.example") == {"info@old.example": "info.old@new.example"}


def test_more_than_the_command_takes_is_refused_and_nothing_moves(run, both):
    DomainUsage.objects.filter(pk="old.example").update(alias_rows=501)

    for more in ([], ["--dry-run"]):
        with pytest.raises(CommandError, match=r"old\.example has more than 500 addresses"):
            run("domain", "join", "old.example", "new.example", *ANSWERS, *more)

    assert Mailbox.objects.filter(domain="old.example").count() == 3
