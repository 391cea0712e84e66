from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.models import LogEntry
from aliases.answers import ACCEPTED, REFUSED, answer
from aliases.models import Alias, Ending
from mailboxes.endings import end_due, remove_ending, set_ending, today
from mailboxes.forwarding import self_alias
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from tests.pages.reading import error_codes, errors, sent, text

JOE, BOSS, SALES = "joe@example.org", "boss@example.org", "sales@example.org"


@pytest.fixture
def joe(example_org, add_mailbox, add_alias):
    mailbox = add_mailbox(JOE)
    add_mailbox(BOSS)
    add_alias(SALES, JOE)
    return mailbox


def alias():
    return Alias.objects.get(pk=SALES)


def over(**values):
    """The last day was yesterday, for all that have one."""
    Ending.objects.update(last_day=today() - timedelta(days=1), **values)


def ended(row, action, **values):
    set_ending(actor=None, row=row, last_day=today(), action=action, **values)
    assert end_due() == []  # today is the last day: it goes on
    over()
    return end_due()


def test_an_alias_is_switched_off_after_its_last_day_and_once(joe):
    assert ended(alias(), "off") == [(SALES, "switched off", False)]

    assert alias().active is False
    assert answer(None, SALES).kind == REFUSED
    assert end_due() == []
    assert [entry.action for entry in LogEntry.objects.filter(data=SALES).order_by("pk")] == [
        "create_alias",
        "set_ending",
        "edit_alias_state",
    ]


def test_an_alias_is_deleted_after_its_last_day(joe):
    assert ended(alias(), "delete") == [(SALES, "deleted", False)]

    assert Alias.objects.filter(pk=SALES).exists() is False
    assert Ending.objects.count() == 0


def test_a_mailbox_is_switched_off_or_deleted(joe):
    assert ended(joe, "off") == [(JOE, "switched off", False)]
    assert Mailbox.objects.get(pk=JOE).active is False

    assert ended(Mailbox.objects.get(pk=BOSS), "delete") == [(BOSS, "deleted", False)]
    assert Mailbox.objects.filter(pk=BOSS).exists() is False


def test_aliases_of_other_domains_are_not_changed_by_it(joe, add_domain, add_alias):
    """Whoever administers this domain does not manage them."""
    add_domain("other.net")
    for name in ("all@example.org", "theirs@other.net"):
        add_alias(name, JOE, SALES, BOSS)

    ended(joe, "delete")
    ended(alias(), "delete")

    led = dict(Alias.objects.filter(is_self_alias=False).values_list("pk", "goto"))
    assert led == {"all@example.org": BOSS, "theirs@other.net": f"{JOE},{SALES},{BOSS}"}


def test_its_mail_goes_to_the_boss_for_90_days_and_then_it_is_gone(joe):
    until = today() + timedelta(days=89)
    said = ended(joe, "lead", goto=BOSS, days=90)

    assert said == [(JOE, f"switched off; its mail goes to {BOSS} until {until}", False)]
    mailbox = Mailbox.objects.get(pk=JOE)
    assert mailbox.active is False
    row = self_alias(mailbox)
    assert (row.goto, row.active) == (BOSS, True)
    card = answer(None, JOE)
    assert (card.kind, [target.key for target in card.targets]) == (ACCEPTED, [BOSS])
    ending = Ending.objects.get()
    assert (ending.last_day, ending.action) == (until, "delete")

    over()
    assert end_due() == [(JOE, "deleted", False)]
    assert Mailbox.objects.filter(pk=JOE).exists() is False
    assert answer(None, JOE).kind == REFUSED


def test_what_cannot_be_done_stays_due_and_is_told(joe, add_alias, capsys):
    """The boss's mail goes to joe meanwhile: each would lead to the other."""
    set_ending(
        actor=None, row=joe, last_day=today(), action="lead", goto="list@example.org", days=9
    )
    add_alias("list@example.org", JOE)
    over()

    with pytest.raises(CommandError, match="Refused: 1"):
        call_command("endings")

    assert JOE in capsys.readouterr().err
    assert Mailbox.objects.get(pk=JOE).active is True
    assert Ending.objects.filter(pk=JOE).count() == 1


def test_the_command_lists_and_ends(joe, capsys):
    set_ending(actor=None, row=alias(), last_day=today(), action="delete")
    call_command("endings", "--list")
    assert capsys.readouterr().out == f"{today()}\t{SALES}\tdelete\n"
    over()
    call_command("endings")
    assert capsys.readouterr().out == f"{SALES}: deleted\n"
    call_command("endings")
    assert capsys.readouterr().out == ""


def test_it_goes_along_with_the_row_and_ends_with_it(joe):
    set_ending(actor=None, row=joe, last_day=today(), action="off")
    set_ending(actor=None, row=alias(), last_day=today(), action="off")
    renamed = rename_mailbox(actor=None, mailbox=joe, local_part="joseph")
    assert set(Ending.objects.values_list("pk", flat=True)) == {"joseph@example.org", SALES}

    delete_mailbox(actor=None, mailbox=renamed)
    Alias.objects.filter(pk=SALES).delete()

    assert Ending.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"last_day": "2020-01-01"}, {"last_day": ["This day is over."]}),
        ({"last_day": "2100-01-01"}, {"last_day": ["Choose a day before 2100."]}),
        ({"action": "lead", "days": ""}, {"days": ["Enter a number of days from 1 to 3650."]}),
        (
            {"action": "lead", "goto": "nobody"},
            {"goto": ["Enter an address such as joe@example.org."]},
        ),
        (
            {"action": "lead", "goto": JOE},
            {"goto": ["joe@example.org is this mailbox itself. Enter another address."]},
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(values, found, admin, joe):
    given = {"last_day": "2030-01-01", "action": "off", "goto": BOSS, "days": "90"}

    page = admin.post(f"/mailboxes/{JOE}/last-day/", given | values)

    assert page.status_code == 422
    assert list(errors(page)) == list(found)
    if "nobody" not in values.values():
        assert errors(page) == found
    assert Ending.objects.count() == 0


def test_an_administrator_sets_it_sees_it_and_takes_it_away(admin, joe):
    given = {"last_day": "2030-01-01", "action": "lead", "goto": BOSS, "days": "90"}

    said = text(admin.post(f"/mailboxes/{JOE}/last-day/", given, follow=True))
    assert (
        "Its last day is Jan. 1, 2030; then its mail goes to boss@example.org for 90 days" in said
    )
    admin.post(f"/aliases/{SALES}/last-day/", {"last_day": "2030-01-02", "action": "delete"})
    assert "Its last day is Jan. 2, 2030; then it is deleted." in text(
        admin.get(f"/aliases/{SALES}/")
    )
    for path in ("/domains/example.org/", "/mailboxes/", "/aliases/"):
        assert "until Jan." in text(admin.get(path))
    assert "The last day of sales@example.org is Jan. 2, 2030; then it is deleted." in text(
        admin.get(f"/trace/?address={SALES}")
    )

    admin.post(f"/mailboxes/{JOE}/last-day/", given | {"last_day": ""})
    assert Ending.objects.filter(pk=JOE).count() == 0
    assert LogEntry.objects.filter(data=JOE).latest("pk").action == "remove_ending"


def test_an_alias_offers_no_other_address(admin, joe):
    page = admin.post(
        f"/aliases/{SALES}/last-day/", {"last_day": "2030-01-01", "action": "lead", "goto": BOSS}
    )

    assert (page.status_code, list(errors(page))) == (422, ["action"])


def test_nobody_of_another_domain_sets_one(sign_in, make_admin, joe, other_net, add_mailbox):
    for account in (make_admin("o@other.net", domains=["other.net"]), joe):
        client = sign_in(account)
        for path in (f"/mailboxes/{JOE}/last-day/", f"/aliases/{SALES}/last-day/"):
            assert client.get(path).status_code == 404
            assert client.post(path, {"last_day": "2030-01-01", "action": "off"}).status_code == 404
    assert Ending.objects.count() == 0


def test_the_home_page_says_it_a_week_before_and_not_earlier(superadmin, joe, other_net):
    def needs():
        return text(superadmin.get("/"))

    set_ending(actor=None, row=joe, last_day=today() + timedelta(days=8), action="off")
    assert "has its last day" not in needs()
    set_ending(actor=None, row=joe, last_day=today() + timedelta(days=7), action="off")
    set_ending(actor=None, row=alias(), last_day=today(), action="delete")
    assert f"{JOE} has its last day on" in needs()
    assert f"{SALES} has its last day on" in needs()
    remove_ending(actor=None, row=joe)
    assert f"{JOE} has its last day" not in needs()


def test_a_day_is_one_of_the_server_s_zone(joe, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    set_ending(actor=None, row=joe, last_day=date(2030, 1, 1), action="off")

    assert Ending.objects.get().last_day == date(2030, 1, 1)
    assert list(Ending.objects.due()) == []


def test_what_somebody_else_chose_meanwhile_is_told_before_it_is_replaced(admin, joe):
    path = f"/mailboxes/{JOE}/last-day/"
    set_ending(actor=None, row=joe, last_day=date(2030, 1, 1), action="off")
    opened = sent(admin.get(path))
    set_ending(actor=None, row=joe, last_day=date(2030, 2, 2), action="off")

    refused = admin.post(path, opened | {"last_day": "2030-03-03"})

    assert (refused.status_code, error_codes(refused)) == (422, {"last_day": ["edit_conflict"]})
    assert Ending.objects.get().last_day == date(2030, 2, 2)
    assert admin.post(path, sent(refused)).status_code == 302
    assert Ending.objects.get().last_day == date(2030, 3, 3)
