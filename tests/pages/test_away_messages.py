import pytest

from accounts.models import LogEntry
from aliases.cleaning import remove_target_from_aliases
from aliases.models import Alias
from tests.pages.reading import text

GRACE = "grace@example.org"
PROGRAM = "grace#example.org@autoreply.example.com"


@pytest.fixture
def grace(example_org, add_mailbox):
    mailbox = add_mailbox(GRACE)
    Alias.objects.filter(pk=GRACE).update(goto=f"{GRACE},{PROGRAM}")
    add_mailbox("joe@example.org")
    return mailbox


def goto():
    return Alias.objects.get(pk=GRACE).goto


def test_the_mailbox_s_page_says_that_it_is_one_and_that_mail_is_delivered(admin, grace):
    said = text(admin.get(f"/mailboxes/{GRACE}/"))

    assert "Mail for this address is delivered here." in said
    assert "Away message of PostfixAdmin: its program gets this mail and answers it." in said
    assert "Mail is not forwarded." in said
    assert "grace#" not in said


def test_the_domain_s_list_says_away_and_names_no_recipient(admin, grace):
    said = text(admin.get("/domains/example.org/"))

    assert "away" in said
    assert "grace#" not in said


def test_saving_a_forwarding_keeps_it(admin, grace):
    form = admin.get(f"/mailboxes/{GRACE}/forwarding/")
    assert form.context["form"]["targets"].value() == ""

    admin.post(f"/mailboxes/{GRACE}/forwarding/", {"targets": "joe@example.org", "keep_copy": "on"})
    assert goto() == f"{GRACE},joe@example.org,{PROGRAM}"
    admin.post(f"/mailboxes/{GRACE}/forwarding/", {"targets": "joe@example.org"})
    assert goto() == f"joe@example.org,{PROGRAM}"
    assert "goes to joe@example.org. Nothing is kept here." in text(
        admin.get(f"/mailboxes/{GRACE}/")
    )
    admin.post(f"/mailboxes/{GRACE}/forwarding/", {"targets": ""})
    assert goto() == f"{GRACE},{PROGRAM}"


def test_its_user_sees_it_keeps_it_and_ends_it(sign_in, grace):
    client = sign_in(grace)
    said = text(client.get("/account/"))
    assert "Your away message is on" in said
    assert "grace#" not in said
    client.post("/account/forwarding/", {"targets": "joe@example.org", "keep_copy": "1"})
    assert goto() == f"{GRACE},joe@example.org,{PROGRAM}"

    answer = client.post("/account/away/end/", follow=True)

    assert "Your away message is ended." in text(answer)
    assert "away message is on" not in text(answer)
    assert goto() == f"{GRACE},joe@example.org"


def test_an_administrator_ends_it_once_and_the_log_says_so(admin, grace):
    answer = admin.post(f"/mailboxes/{GRACE}/away/end/", follow=True)

    assert "The away message of grace@example.org is ended." in text(answer)
    assert goto() == GRACE
    entry = LogEntry.objects.get(action="end_vacation")
    assert (entry.data, entry.domain) == (GRACE, "example.org")
    admin.post(f"/mailboxes/{GRACE}/away/end/")
    assert LogEntry.objects.filter(action="end_vacation").count() == 1


def test_the_mailbox_is_renamed_only_after_it_is_ended(admin, grace):
    """The program would go on to answer from the old name."""
    answer = admin.post(f"/mailboxes/{GRACE}/rename/", {"local_part": "gracie"})

    assert answer.status_code == 422
    assert "An away message of PostfixAdmin answers for this mailbox." in text(answer)
    assert goto() == f"{GRACE},{PROGRAM}"

    admin.post(f"/mailboxes/{GRACE}/away/end/")
    admin.post(f"/mailboxes/{GRACE}/rename/", {"local_part": "gracie"})
    assert Alias.objects.get(pk="gracie@example.org").goto == "gracie@example.org"


def test_nobody_else_ends_it(client, sign_in, grace, add_mailbox, make_admin, other_net):
    assert client.post("/account/away/end/").status_code == 302
    of_other = sign_in(make_admin("other@other.net", domains=["other.net"]))

    assert of_other.post(f"/mailboxes/{GRACE}/away/end/").status_code == 404
    assert of_other.post("/account/away/end/").status_code == 404
    assert of_other.get(f"/mailboxes/{GRACE}/away/end/").status_code in {404, 405}
    assert goto() == f"{GRACE},{PROGRAM}"


def test_who_was_the_only_other_recipient_leaves_the_mailbox_its_mail(admin, grace):
    Alias.objects.filter(pk=GRACE).update(goto=f"joe@example.org,{PROGRAM}")

    remove_target_from_aliases(
        actor=None, addresses=["joe@example.org"], aliases=Alias.objects.filter(pk=GRACE)
    )

    assert goto() == f"{GRACE},{PROGRAM}"


@pytest.mark.parametrize(
    "target",
    [
        "joe#example.org@autoreply.example.com",  # another's
        "grace#example.org.elsewhere@autoreply.example.com",
        "grace#other.net@autoreply.example.com",
    ],
)
def test_what_only_looks_like_one_is_a_recipient_like_any_other(admin, grace, target):
    Alias.objects.filter(pk=GRACE).update(goto=f"{GRACE},{target}")

    said = text(admin.get(f"/mailboxes/{GRACE}/"))

    assert "Away message of PostfixAdmin" not in said
    assert target in said


def test_the_program_alone_is_no_away_message_for_the_mailbox_gets_nothing(admin, grace):
    Alias.objects.filter(pk=GRACE).update(goto=PROGRAM)

    said = text(admin.get(f"/mailboxes/{GRACE}/"))

    assert f"Mail for this address goes to {PROGRAM}. Nothing is kept here." in said


def test_an_alias_that_it_answers_for_says_so_on_its_page(admin, grace, add_alias):
    add_alias("team@example.org", "joe@example.org", "x@elsewhere.example")
    program = "team#example.org@autoreply.example.com"
    Alias.objects.filter(pk="team@example.org").update(goto=f"joe@example.org,{program},{PROGRAM}")

    said = text(admin.get("/aliases/team@example.org/"))

    words = "Away message of PostfixAdmin: its program gets this mail and answers it."
    assert f"{program} {words}" in said
    assert said.count(words) == 1
    assert PROGRAM in said
