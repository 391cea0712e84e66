import json
import subprocess
import sys

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError

from aliases.models import Alias
from mailboxes.models import Mailbox
from panel import output
from tests.servers.processes import ROOT

VERBS = {
    "domain": ["add", "list", "show", "edit", "off", "on", "delete"],
    "aliasdomain": ["add", "list", "show", "edit", "off", "on", "delete"],
    "alias": ["add", "list", "show", "edit", "off", "on", "delete"],
    "mailbox": ["add", "list", "show", "edit", "off", "on", "delete", "password"],
    "admin": ["add", "list", "show", "edit", "off", "on", "delete", "password"],
}


@pytest.mark.parametrize("noun", VERBS)
def test_no_password_is_ever_an_argument(run, capsys, noun):
    for verb in VERBS[noun]:
        with pytest.raises(SystemExit):
            run(noun, verb, "--help")
        words = capsys.readouterr().out.split()
        assert not {"--password", "PASSWORD"} & {word.strip("[],") for word in words}


@pytest.mark.parametrize("noun", VERBS)
def test_every_command_has_these_verbs_and_wants_one(run, noun, capsys):
    with pytest.raises(SystemExit):
        run(noun, "--help")
    listed = [
        line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:4] == "    "
    ]
    assert [verb for verb in listed if verb in VERBS[noun]] == VERBS[noun]

    with pytest.raises(CommandError, match="VERB"):
        run(noun)


def test_long_lists_come_in_batches_and_in_one_order(
    run, example_org, other_net, monkeypatch, django_assert_num_queries
):
    addresses = [f"a{n:03}@{domain.pk}" for domain in (example_org, other_net) for n in range(5)]
    for address in addresses:
        Alias.objects.create(
            address=address, goto="a@b.example", domain_id=address.partition("@")[2]
        )
    monkeypatch.setattr(output, "BATCH", 3)

    with django_assert_num_queries(6):  # 2 for whose database it is, 3 + 3 + 3 + 1 rows
        printed = run("alias", "list")

    assert [line.split("\t")[0] for line in printed.splitlines()] == addresses


@pytest.mark.parametrize("rows", [2, 3, 4, 7])
def test_a_table_of_several_batches_has_one_heading_and_straight_columns(
    run, example_org, monkeypatch, rows
):
    for n in range(rows):
        Alias.objects.create(
            address=f"{'x' * n}a@example.org", goto="a@b.example", domain=example_org
        )
    monkeypatch.setattr(output, "BATCH", 3)

    lines = run("alias", "list", typed=[]).splitlines()

    assert len(lines) == 2 + rows + 1
    assert sum("Address" in line for line in lines) == 1


def test_control_characters_never_reach_the_terminal(run, example_org, add_mailbox):
    joe = add_mailbox("joe@example.org")
    Mailbox.objects.filter(pk=joe.pk).update(name="\x1b[31mJoe\nann@example.org\t1")

    for printed in (run("mailbox", "list"), run("mailbox", "show", joe.pk)):
        assert "\x1b" not in printed
    assert run("mailbox", "list").count("\n") == 1
    assert json.loads(run("mailbox", "list", "--json"))["name"].startswith("\x1b[31mJoe\n")


def test_a_database_that_is_away_is_one_sentence(run, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("Can't connect")

    monkeypatch.setattr(output, "in_batches", away)

    with pytest.raises(CommandError, match=r"^Database error: Can't connect"):
        run("domain", "list")


@pytest.fixture(scope="module")
def manage(own_database):
    def run(*arguments, stdin=""):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=own_database,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_shell_sees_success_and_failure(manage, password):
    assert manage("domain", "add", "example.org", "--max-quota", "100").returncode == 0

    added = manage("mailbox", "add", "joe@example.org", "--json", stdin=f"{password}\n")
    assert (added.returncode, added.stderr) == (0, "")
    assert json.loads(added.stdout)["quota_bytes"] == 102_400_000

    again = manage("mailbox", "add", "joe@example.org", stdin=f"{password}\n")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("CommandError: Address: joe@example.org exists already")
    assert "Traceback" not in again.stderr

    missing = manage("mailbox", "show", "ann@example.org")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "Traceback" not in missing.stderr

    wrong = manage("mailbox", "add", "--password", "x", "ann@example.org")
    assert wrong.returncode == 2
    assert "unrecognized arguments: --password" in wrong.stderr


def test_a_closed_pipe_ends_a_list_quietly(own_database):
    # Enough rows to outgrow the pipe: as many as it takes to meet the closed end.
    script = f"{sys.executable} manage.py domain list --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=own_database,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


@pytest.mark.parametrize(
    ("noun", "key", "name"),
    [
        ("mailbox", "joe@example.org", "address"),
        ("alias", "sales@example.org", "address"),
        ("aliasdomain", "other.net", "alias_domain"),
        ("admin", "theirs@example.org", "username"),
        ("domain", "third.example", "domain"),
    ],
)
def test_delete_prints_what_it_was_as_json(
    noun, key, name, run, example_org, other_net, add_domain, add_mailbox, add_alias, make_admin
):
    add_domain("third.example")
    add_mailbox("joe@example.org", name="Joe")
    add_alias("sales@example.org", "joe@example.org")
    make_admin("theirs@example.org", domains=["example.org"])
    run("aliasdomain", "add", "other.net", "example.org")
    shown = json.loads(run(noun, "show", key, "--json"))

    deleted = json.loads(run(noun, "delete", key, "--yes", "--json"))

    assert (deleted, deleted[name]) == (shown, key)
    with pytest.raises(CommandError, match="There is no"):
        run(noun, "show", key)
