"""deploy/install after a power cut between its journal and the file that it was about to write."""

import os
import sys

import pytest

from tests.servers.processes import ROOT


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    from installer import steps

    yield steps
    for name in [name for name in sys.modules if name.partition(".")[0] == "installer"]:
        del sys.modules[name]


@pytest.fixture
def journal(steps, tmp_path):
    return sys.modules["installer.journal"].Journal(tmp_path / "journal")


@pytest.fixture
def file(steps, tmp_path):
    """Ours, in place of one that a package brought."""
    path = tmp_path / "dovecot.conf"
    path.write_text("of the package\n")
    file = steps.File(path, "ours\n")
    file._ids = lambda: (os.getuid(), os.getgid())
    return file


def cut_before_it_is_written(steps, file, journal, monkeypatch):
    def power_cut(*_arguments, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(steps, "write", power_cut)
        with pytest.raises(KeyboardInterrupt):
            file.do(journal, None)


@pytest.mark.parametrize("cuts", [1, 2])
def test_the_file_of_a_package_is_still_no_persons(steps, journal, file, monkeypatch, cuts):
    sums = [steps.checksum("of the package\n"), steps.checksum("of the package")]
    journal.written[str(file.path)] = sums

    for _ in range(cuts):
        cut_before_it_is_written(steps, file, journal, monkeypatch)
        assert not file.edited(journal)
    file.do(journal, None)

    assert file.path.read_text() == "ours\n"
    assert not file.edited(journal)


def test_a_persons_file_is_one(steps, journal, file, monkeypatch):
    cut_before_it_is_written(steps, file, journal, monkeypatch)

    assert file.edited(journal)
