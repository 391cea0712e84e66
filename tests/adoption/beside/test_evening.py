import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.urls import reverse

from accounts.models import Admin
from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Mailbox, QuotaUsage
from mailboxes.triggers import are_complete
from tests.accounts.test_passwords import RAW
from tests.adoption.beside.conftest import ACCEPTED, NEW
from tests.adoption.beside.counting import counted, counters
from tests.adoption.evening import RECIPIENTS, SECRET, Life, new_mailbox
from tests.adoption.filled import names_of_stored
from tests.adoption.tables import everything, rows
from tests.servers.clients import may_imap, refusal, send

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("evening")]


def test_undo_gave_back_every_table_as_it_was(evening):
    assert evening.after_undo == evening.before


def test_nobody_noticed_but_who_was_told_to_try_again(evening):
    assert evening.life.errors == []
    stored = set(Mailbox.objects.values_list("pk", flat=True))
    assert evening.life.acknowledged != []
    assert [name for name in evening.life.acknowledged if name not in stored] == []
    assert [name for name in evening.life.refused if name in stored] == []
    assert QuotaUsage.objects.get(pk="joe@example.org").messages == evening.life.arrived


def test_postfix_accepted_all_mail_meanwhile_and_delivered_each_once(evening):
    post, accepted = evening.post, evening.life.accepted

    post.wait_until_delivered()

    assert (accepted > 10, evening.life.hung_up) == (True, 0)
    assert post.delivered("ann@example.org") == len(RECIPIENTS) * accepted
    assert "status=bounced" not in post.log.read_text()
    assert "NOQUEUE" not in post.log.read_text()


def test_dovecot_takes_the_same_passwords_as_before_and_this_panel_all_of_them(evening):
    names = names_of_stored()

    assert {name for name in names if evening.may_read(name, RAW)} == evening.read_before
    assert [name for name in names if not authenticate(username=name, password=RAW)] == []
    assert len(evening.read_before) > 20


def test_the_triggers_are_there_and_everything_is_counted(evening):
    assert are_complete(connection)
    assert counters() == counted()


def test_the_page_of_every_row_opens(ours):
    rows_of_all = [row for model in (Domain, Mailbox, Alias, Admin) for row in model.objects.all()]
    answers = {row.get_absolute_url(): ours.get(row.get_absolute_url()) for row in rows_of_all}

    assert len(answers) > 100
    assert {
        url: answer.status_code for url, answer in answers.items() if answer.status_code != 200
    } == {}


def test_postfix_goes_over_to_this_panels_maps_and_mail_goes_where_it_went(evening):
    post = evening.post
    post.wait_until_delivered()
    before = post.delivered("ann@example.org")

    with Life(evening) as life:
        post.ask_this_panel()
    # Who was connected before is served with the maps of before.
    send(post, "a@elsewhere.example", [*RECIPIENTS, "ann+tag@example.org"])
    post.wait_until_delivered()

    assert life.errors == []
    assert post.delivered("ann@example.org") - before == len(RECIPIENTS) * (life.accepted + 1) + 1
    assert "status=bounced" not in post.log.read_text()
    # PostfixAdmin's maps take it, and Postfix bounces it.
    code, _text = refusal(post, "a@elsewhere.example", "dead@example.org")
    assert code == 550


def test_the_way_back_keeps_what_both_wrote(evening, root, ours):
    new_mailbox(root, "later")
    ours.post(
        reverse("mailbox-create"),
        {
            "local_part": "latest",
            "domain": "example.org",
            "password": NEW,
            "quota_mb": "20",
            "active": "on",
            "smtp_active": "on",
        },
    )
    arrived = QuotaUsage.objects.get(pk="joe@example.org").messages

    evening.adopt("--undo")
    try:
        schema = {name: text for name, (text, *_rows) in everything(evening.name).items() if name}
        assert schema == {name: text for name, (text, *_rows) in evening.before.items() if name}
        assert rows(
            "SELECT username, name FROM mailbox WHERE username LIKE 'late%' ORDER BY 1"
        ) == (
            ("later@example.org", ""),
            ("latest@example.org", ""),
        )
        assert rows("SELECT messages FROM quota2 WHERE username = 'joe@example.org'") == (
            (arrived,),
        )
        assert may_imap(evening, "later@example.org", SECRET)
        assert may_imap(evening, "latest@example.org", NEW)
        assert "later@example.org" in evening.visitor("root@example.org").page(
            "/list-virtual.php?domain=example.org&search[_]=later"
        )
        unlike = [
            row
            for row in evening.before["alias"][1]
            if row not in everything(evening.name)["alias"][1]
        ]
        assert unlike == []
    finally:
        evening.adopt("--apply", "--no-dump", *ACCEPTED)
