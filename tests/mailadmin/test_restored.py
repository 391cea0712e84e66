"""deploy/restore: what may not see the restored rows too early, and a backup that is restored again."""

import sys
from types import SimpleNamespace

import pytest

from tests.servers.processes import ROOT

UNIT = "mailadmin-webhooks"


@pytest.fixture
def restored(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    from installer import restored

    yield restored
    for name in [name for name in sys.modules if name.partition(".")[0] == "installer"]:
        del sys.modules[name]


@pytest.fixture
def journal():
    made = SimpleNamespace(carried_out={}, stale=[], save=list)
    made.outdate = made.stale.extend
    return made


@pytest.fixture
def backup(tmp_path):
    (tmp_path / "database.sql").write_text("SELECT 1;")
    return SimpleNamespace(mark="m", about={"moment": "then"}, file=lambda name: tmp_path / name)


class Log(list):
    write = say = list.append


class Services:
    def __init__(self, done, runs):
        self.done, self.runs = done, runs

    def is_running(self, unit):
        return self.runs

    is_enabled = is_running

    def stop(self, unit, log):
        self.done.append(f"stop {unit}")

    def disable(self, unit, log):
        self.done.append(f"disable {unit}")


@pytest.mark.parametrize("runs", [True, False])
def test_no_webhook_sees_the_rows_before_they_are_off(restored, journal, backup, monkeypatch, runs):
    done = []
    monkeypatch.setattr(restored, "manager", lambda: Services(done, runs))
    monkeypatch.setattr(restored, "run", lambda command, **_options: done.append(command[0]) or "")
    loaded = SimpleNamespace(returncode=0)
    monkeypatch.setattr(restored.subprocess, "run", lambda *_a, **_o: done.append("load") or loaded)

    restored.Database(backup, "CREATE", UNIT).do(journal, Log())

    stopped = [f"stop {UNIT}", f"disable {UNIT}"] if runs else []
    assert done == [*stopped, "mariadb", "mariadb", "load"]
    assert journal.carried_out == {"database of the backup": "m"}


@pytest.mark.parametrize(("number", "told"), [(0, False), (3, True)])
def test_webhooks_are_switched_off_once(restored, journal, backup, monkeypatch, number, told):
    asked, log = [], Log()

    def run(command, **options):
        asked.append((command, options["user"]))
        return f"Webhooks switched off: {number}."

    monkeypatch.setattr(restored, "run", run)
    step = restored.Webhooks(backup, ["webhooks", "--pause"], user="mailadmin")
    assert step.difference(journal) != ""

    step.do(journal, log)

    assert asked == [(["webhooks", "--pause"], "mailadmin")]
    assert ("webhooks --resume" in "".join(log)) == told
    assert step.difference(journal) == ""


def test_the_same_backup_is_restored_again(restored, monkeypatch):
    from installer import restore

    titles = [step.title for step in restored.STEPS]
    journal = SimpleNamespace(
        carried_out=dict.fromkeys(titles, "m"), answers={"hostname": "x"}, secrets={}, save=list
    )
    left = []
    monkeypatch.setattr(restore, "Journal", lambda: journal)
    monkeypatch.setattr(restore, "_here", lambda *_given: [])
    monkeypatch.setattr(restore.option_words, "read", lambda *_given: SimpleNamespace())
    monkeypatch.setattr(
        restore.program,
        "look_and_install",
        lambda *_given: left.append(set(journal.carried_out)) or 1,
    )
    backup = SimpleNamespace(mark="m", state={"answers": {}, "secrets": {}})

    restore._restore(backup, overwrite=True)
    journal.carried_out["database of the backup"] = "m"  # and was cut short then
    restore._restore(backup, overwrite=True)

    assert left == [{"restoring"}, {"restoring", "database of the backup"}]


@pytest.mark.parametrize(("options", "status"), [([], 2), (["--plan"], 0), (["--look"], 0)])
def test_nothing_is_installed_over_a_restore_that_was_cut_short(
    restored, monkeypatch, capsys, options, status
):
    from installer import program

    acts = {"--plan": "plan", "--look": "look"}
    read = SimpleNamespace(act=acts.get("".join(options), "install"), secrets={})
    journal = SimpleNamespace(carried_out={restored.BEGUN: "m"}, secrets={})
    monkeypatch.setattr(program, "Journal", lambda: journal)
    monkeypatch.setattr(program.option_words, "read", lambda *_given: read)
    monkeypatch.setattr(program, "look_and_install", lambda *_given: 0)
    monkeypatch.setattr(program.os, "umask", lambda _mask: 0)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setattr(program.signal, "signal", lambda *_given: None)

    assert program.main(options) == status
    assert ("deploy/restore was cut short" in capsys.readouterr().err) == (status == 2)

    journal.carried_out.clear()
    assert program.main(options) == 0
