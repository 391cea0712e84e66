"""deploy/install after a run that was killed among the first migrations."""

import sys
from types import SimpleNamespace

import pytest

from tests.servers.processes import ROOT


@pytest.fixture
def panel(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    from installer import panel

    yield panel
    for name in [name for name in sys.modules if name.partition(".")[0] == "installer"]:
        del sys.modules[name]


@pytest.fixture
def make(panel, monkeypatch):
    """The statements of a run that finds these tables, and "begun" or "done" in the journal."""

    def run(tables, state, *, rows="0", complete=False):
        asked = []

        def answer(command, *, input="", **options):
            asked.append(input or command[-1])
            if "SHOW TABLES" in command:
                return " ".join(tables)
            return rows if "COUNT" in input else ""

        for module in (panel, sys.modules["installer.steps"]):
            monkeypatch.setattr(module, "run", answer)
        journal = SimpleNamespace(carried_out={"tables": state} if state else {}, save=list)
        step = panel.Tables("CREATE", ["migrate"], lambda: complete)
        wanted = step.difference(journal)
        if wanted:
            step.do(journal, log=None)
        return asked, journal.carried_out.get("tables")

    return run


def dropped(asked):
    return [one for one in asked if one.startswith("DROP DATABASE")]


def test_a_first_run_makes_them(make):
    asked, state = make([], None)

    assert (dropped(asked), asked[-1], state) == ([], "migrate", "done")


def test_a_half_of_them_begins_anew(make):
    asked, state = make(["admin", "domain"], "begun")

    assert dropped(asked) == ["DROP DATABASE `mail`;\nCREATE"]
    assert (asked[-1], state) == ("migrate", "done")


@pytest.mark.parametrize(
    ("state", "rows"),
    [(None, "0"), ("done", "0"), ("begun", "0\n1\n0")],
    ids=["before", "upgrade", "rows"],
)
def test_of_an_upgrade_and_where_rows_are_nothing_is_dropped(state, rows, make):
    asked, _state = make(["admin", "domain", "mailbox"], state, rows=rows)

    assert (dropped(asked), asked[-1]) == ([], "migrate")


def test_what_was_complete_is_not_begun_any_more(make):
    assert make(["admin"], "begun", complete=True) == ([], "done")
    assert make(["admin"], "done", complete=True) == ([], "done")
