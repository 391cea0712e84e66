import re
import subprocess
import sys

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from mailboxes.models import Mailbox, QuotaUsage, QuotaWarning
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox, update_mailbox
from tests.servers.processes import ROOT

JOE, MB = "joe@example.org", 1_024_000


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox(JOE, quota=1000 * MB)


@pytest.fixture
def crossed(django_capture_on_commit_callbacks):
    """``crossed("80")``: what Dovecot calls when the mailbox crosses this; return the subjects of the letters."""

    def crossed(level, address=JOE):
        mail.outbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            call_command("quotawarning", level, address)
        return [(letter.to, letter.subject) for letter in mail.outbox]

    return crossed


def stored():
    return list(QuotaWarning.objects.values_list("pk", "percent"))


def letter(percent):
    return [([JOE], f"The mailbox {JOE} is more than {percent} % full")]


def test_a_letter_at_each_level_once(joe, crossed, settings):
    settings.PANEL_URL = "https://panel.example.org/"

    assert crossed("80") == letter(80)
    assert "https://panel.example.org/account/room/" in mail.outbox[0].body
    assert mail.outbox[0].extra_headers["Auto-Submitted"] == "auto-generated"
    assert crossed("80") == []
    assert crossed("95") == letter(95)
    assert crossed("95") == []
    assert crossed("80") == []
    assert stored() == [(JOE, 95)]


def test_and_again_once_it_was_below(joe, crossed):
    crossed("95")
    assert crossed("below-95") == []
    assert stored() == [(JOE, 80)]
    assert crossed("80") == []
    assert crossed("95") == letter(95)

    crossed("below-80")
    assert stored() == []
    assert crossed("80") == letter(80)
    crossed("below-95")
    assert stored() == [(JOE, 80)]


def test_it_is_in_the_persons_language(joe, crossed):
    Mailbox.objects.update(language="de")

    [(_to, subject)] = crossed("80", JOE.upper())
    assert subject.count(JOE) == 1


def test_who_receives_nothing_gets_no_letter_and_stands_in_the_list(joe, crossed):
    update_mailbox(actor=None, mailbox=joe, receives=False)

    assert crossed("80") == []
    assert stored() == [(JOE, 80)]


def test_a_mailbox_that_is_not_there_or_has_no_limit_is_not_written_to(joe, crossed):
    assert crossed("80", "nobody@example.org") == []
    update_mailbox(actor=None, mailbox=joe, quota=0)
    assert crossed("80") == []
    assert stored() == []


@pytest.mark.parametrize("arguments", [("81", JOE), ("80", "nobody"), ("80", "x" * 300 + "@y")])
def test_what_dovecot_never_says_is_refused(joe, arguments):
    with pytest.raises(CommandError):
        call_command("quotawarning", *arguments)
    assert stored() == []


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_whoever_may_write_to_dovecots_socket_runs_nothing_but_this(version, tmp_path):
    """Of the options that Django takes in any place, two say what code to load."""
    text = (ROOT / "deploy" / "dovecot" / version / "dovecot.conf").read_text()
    [line] = re.findall(r"executable = script @PANEL_PYTHON@ @PANEL_DIR@/(.+)", text)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    written = [f"--pythonpath={tmp_path}", "--settings=evil", "80", JOE]

    done = subprocess.run([sys.executable, *line.split(), *written], cwd=ROOT, capture_output=True)

    assert done.returncode != 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("quota", "after"),
    [(2000, []), (0, []), (1060, [(JOE, 80)]), (1001, [(JOE, 95)]), (900, [(JOE, 95)])],
)
def test_another_quota_is_looked_at_again(joe, crossed, quota, after):
    QuotaUsage.objects.create(username=joe, bytes=960 * MB)
    crossed("95")

    update_mailbox(actor=None, mailbox=joe, quota=quota * MB)

    assert stored() == after


def test_it_goes_with_the_mailbox_and_along_with_a_new_name(joe, crossed):
    crossed("80")
    renamed = rename_mailbox(actor=None, mailbox=joe, local_part="jo")
    assert stored() == [("jo@example.org", 80)]

    delete_mailbox(actor=None, mailbox=renamed)
    assert stored() == []
