import subprocess
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts.models import LogEntry
from domains.services import set_domain_active
from mailadmin.doctor import host
from mailadmin.findings import directories
from mailboxes.maildirs import free_maildir
from mailboxes.models import Mailbox, RetiredMaildir
from mailboxes.renaming import rename_mailbox
from mailboxes.services import set_mailbox_active, update_mailbox
from panel.models import Task
from tests.helper.conftest import OWNER, called
from tests.pages.reading import buttons, links, text, told
from tests.pages.test_findings import cure, found

SERVER = "/server/"


@pytest.fixture(scope="module")
def own_helper(start_helper):
    return start_helper("root")


@pytest.fixture
def with_helper(own_helper, settings):
    settings.HELPER_SOCKET = str(own_helper / "sock")
    called(own_helper)
    return own_helper


@pytest.fixture
def superadmin(example_org, make_admin, sign_in):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def admin(example_org, make_admin, sign_in):
    return sign_in(make_admin("theirs@example.org", domains=["example.org"]))


@pytest.fixture
def ann(add_mailbox, example_org):
    return reverse("mailbox-sessions", args=[add_mailbox("ann@example.org").pk])


def test_a_domain_admin_ends_the_sessions_of_a_mailbox(with_helper, admin, ann):
    assert buttons(admin.get(ann)) == ["End sessions"]
    answer = admin.post(ann)

    assert (answer.status_code, told(answer)) == (
        302,
        ["The open sessions of ann@example.org are ended."],
    )
    assert called(with_helper)[-1] == "doveadm kick ann@example.org"
    entry = LogEntry.objects.get(action="end_sessions")
    assert (entry.domain, entry.data) == ("example.org", "ann@example.org")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("mailbox-password", {"password": "tangerine-7-bicycle"}),
        ("mailbox-state", {"active": ""}),
        ("mailbox-delete", {}),
    ],
)
def test_a_new_password_a_switch_off_and_a_deletion_end_the_sessions(
    name, fields, with_helper, admin, ann, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(reverse(name, args=["ann@example.org"]), fields)

    assert called(with_helper)[-1] == "doveadm kick ann@example.org"


@pytest.mark.parametrize(
    ("name", "fields"),
    [("domain-state", {"active": ""}), ("domain-delete", {"confirm": "example.org"})],
)
def test_a_domain_that_is_switched_off_or_deleted_ends_the_sessions_of_all_its_mailboxes(
    name, fields, with_helper, superadmin, ann, add_mailbox, django_capture_on_commit_callbacks
):
    add_mailbox("bob@example.org")
    with django_capture_on_commit_callbacks(execute=True):
        superadmin.post(reverse(name, args=["example.org"]), fields)

    assert called(with_helper) == ["doveadm kick *@example.org"]


@pytest.mark.parametrize(("signer", "asked"), [("rspamd", True), ("opendkim", False)])
def test_rspamd_learns_at_once_how_much_a_mailbox_may_send(
    signer, asked, with_helper, settings, ann, django_capture_on_commit_callbacks
):
    settings.DKIM_SIGNER = signer
    with django_capture_on_commit_callbacks(execute=True):
        update_mailbox(actor=None, mailbox=Mailbox.objects.get(), sending_limit=500)

    assert any("sending_limits" in command for command in called(with_helper)) is asked


def test_a_domain_without_mailboxes_and_one_that_is_switched_on_end_none(
    with_helper, example_org, add_mailbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        set_domain_active(actor=None, domain=example_org, active=False)
        add_mailbox("ann@example.org")
        set_domain_active(actor=None, domain=example_org, active=True)

    assert called(with_helper) == []


def test_a_renamed_mailbox_ends_the_sessions_of_the_old_name(
    with_helper, ann, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        rename_mailbox(actor=None, mailbox=Mailbox.objects.get(), local_part="anna")

    assert called(with_helper)[-1] == "doveadm kick ann@example.org"


@pytest.mark.parametrize(("number", "asked"), [(500, True), (None, False)])
def test_rspamd_learns_the_new_name_of_a_mailbox_with_a_number_of_its_own(
    number, asked, with_helper, settings, ann, django_capture_on_commit_callbacks
):
    settings.DKIM_SIGNER = "rspamd"
    Mailbox.objects.update(sending_limit=number)
    with django_capture_on_commit_callbacks(execute=True):
        rename_mailbox(actor=None, mailbox=Mailbox.objects.get(), local_part="anna")

    assert any("sending_limits" in command for command in called(with_helper)) is asked


def test_switched_on_again_nothing_is_ended(
    with_helper, admin, ann, django_capture_on_commit_callbacks
):
    set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(), active=False)
    called(with_helper)
    with django_capture_on_commit_callbacks(execute=True):
        set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(), active=True)

    assert called(with_helper) == []


def test_a_helper_that_is_away_stops_no_change(
    admin, ann, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.HELPER_SOCKET = str(tmp_path / "nothing")
    with django_capture_on_commit_callbacks(execute=True):
        set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(), active=False)

    assert not Mailbox.objects.get().active


def test_without_a_helper_the_page_says_what_to_type(admin, ann):
    page = admin.get(ann)
    assert "doveadm kick ann@example.org" in text(page)
    assert (buttons(page), links(page)[-1]) == ([], reverse("mailbox", args=["ann@example.org"]))
    refused = admin.post(ann)

    assert refused.status_code == 422
    assert "The server’s helper does not answer" in text(refused)
    assert not LogEntry.objects.filter(action="end_sessions").exists()


GO_ON = "Mail programs that are connected read on until their sessions end by themselves."


@pytest.mark.parametrize("page", ["mailbox-state", "mailbox-password"])
def test_without_a_helper_the_pages_say_that_open_sessions_go_on(admin, ann, page):
    assert GO_ON in text(admin.get(reverse(page, args=["ann@example.org"])))


def test_and_so_does_the_page_on_which_a_user_changes_the_password(sign_in, ann):
    client = sign_in(Mailbox.objects.get(pk="ann@example.org"))

    assert GO_ON in text(client.get(reverse("own-password")))


@pytest.mark.parametrize("page", ["mailbox-state", "mailbox-password"])
def test_with_one_they_end_and_nothing_is_said(with_helper, admin, ann, page):
    assert GO_ON not in text(admin.get(reverse(page, args=["ann@example.org"])))


def test_with_one_the_user_is_told_nothing_either(with_helper, sign_in, ann):
    client = sign_in(Mailbox.objects.get(pk="ann@example.org"))

    assert GO_ON not in text(client.get(reverse("own-password")))


def test_a_mailbox_that_the_helper_does_not_find_is_told_and_not_logged(
    with_helper, admin, add_mailbox, example_org
):
    add_mailbox("bob@example.org")
    refused = admin.post(reverse("mailbox-sessions", args=["bob@example.org"]))

    assert refused.status_code == 422
    assert "did not do it: no such mailbox." in text(refused)
    assert not LogEntry.objects.filter(action="end_sessions").exists()


def test_a_helper_that_is_away_is_told(admin, ann, settings, tmp_path):
    settings.HELPER_SOCKET = str(tmp_path / "nothing")

    assert "does not answer" in text(admin.post(ann))


def test_the_menu_of_a_mailbox_leads_there(admin, ann):
    assert ann in links(admin.get(reverse("mailbox", args=["ann@example.org"])))


def test_a_superadmin_reloads_postfix(with_helper, superadmin):
    answer = superadmin.post(SERVER, {"reload": "1"})

    assert told(answer) == ["Postfix reads its files anew."]
    assert called(with_helper) == ["postfix reload"]
    assert LogEntry.objects.filter(action="reload_postfix").count() == 1


def test_a_superadmin_has_the_helper_look_at_what_only_root_sees(
    with_helper, superadmin, ann, monkeypatch
):
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)

    superadmin.post(SERVER, {"check": "1"})

    said = text(superadmin.get(SERVER))
    assert f"Everybody on this machine may look into {with_helper}/vmail (mode 755)." in said
    assert f"chmod o= {with_helper}/vmail" in said
    assert "doveadm -c /etc/dovecot/dovecot.conf user ann@example.org" in called(with_helper)


def test_without_a_helper_the_server_page_says_what_to_type(superadmin):
    page = superadmin.get(SERVER)

    assert "postfix reload" in text(page)
    assert buttons(page) == ["Look now"]
    assert superadmin.post(SERVER, {"reload": "1"}).status_code == 422
    assert not LogEntry.objects.filter(action="reload_postfix").exists()


def test_domain_admins_do_not_see_the_server(admin):
    assert [admin.get(SERVER).status_code, admin.post(SERVER).status_code] == [404, 404]


DISK = "/server/disk/"


def test_a_superadmin_sees_what_mail_takes_on_the_disk(with_helper, superadmin, ann):
    left = with_helper / "vmail/example.org/gone"
    left.mkdir()
    (left / "1").write_bytes(b"x" * 90_000)
    page = superadmin.post(DISK, {"domain": "example.org"})
    (left / "1").unlink()
    left.rmdir()

    gone, anns = page.context["directories"]
    assert (gone[:2], anns[:2]) == (("gone", None), ("ann", "ann@example.org"))
    assert 90_000 <= gone[2] < 130_000
    assert "gone No mailbox has it" in text(page)
    assert "in 2 directories" in text(page)
    assert reverse("mailbox", args=["ann@example.org"]) in links(page)


def test_one_directory_is_one(with_helper, superadmin, ann):
    assert "in 1 directory." in text(superadmin.post(DISK, {"domain": "example.org"}))


def test_of_a_domain_that_is_not_here_nothing_is_asked(with_helper, superadmin):
    answer = superadmin.post(DISK, {"domain": "elsewhere.test"})

    assert answer.status_code == 422
    assert "You manage no domain of this name" in text(answer)


def test_without_a_helper_the_page_says_how_root_looks_at_the_disk(superadmin):
    assert "du -s /var/vmail/example.org/* | sort -n" in text(superadmin.get(DISK))
    refused = superadmin.post(DISK, {"domain": "example.org"})

    assert refused.status_code == 422
    assert "The server’s helper does not answer" in text(refused)


def test_domain_admins_do_not_look_at_the_disk(admin):
    asked = [admin.get(DISK), admin.post(DISK, {"domain": "example.org"})]

    assert [answer.status_code for answer in asked] == [404, 404]


@pytest.fixture
def nested(add_mailbox, example_org, with_helper):
    """deep@ lies in mid@'s directory, which lies in ann@'s; what the database says of each reaches the helper."""
    for name, maildir in (
        ("ann", "example.org/ann/"),
        ("mid", "example.org/ann/mid/"),
        ("deep", "example.org/ann/mid/deep/"),
    ):
        add_mailbox(f"{name}@example.org")
        Mailbox.objects.filter(pk=f"{name}@example.org").update(maildir=maildir)
    RetiredMaildir.objects.all().delete()
    mail = with_helper / "vmail"
    for maildir in ("mid", "mid/deep"):
        (mail / "example.org/ann" / maildir).mkdir(exist_ok=True)
        (mail / "example.org/ann" / maildir / "mail").write_text(f"of {maildir}")
    subprocess.run(["chown", "-R", OWNER, mail], check=True)
    (with_helper / "bin/directories").write_text(
        "deep@example.org example.org/ann/mid/deep/\texample.org/deep/\n"
        "mid@example.org example.org/ann/mid/\texample.org/mid/\n"
    )
    yield mail / "example.org"
    for place in (
        mail / "example.org/ann/mid",
        mail / "example.org/mid",
        mail / "example.org/deep",
    ):
        subprocess.run(["rm", "-rf", place], check=True)
    (with_helper / "bin/directories").unlink()


@pytest.fixture
def move(django_capture_on_commit_callbacks):
    def move(client):
        with django_capture_on_commit_callbacks(execute=True):
            return cure(client, "directories-in-one-another")

    return move


def places():
    return dict(Mailbox.objects.values_list("local_part", "maildir"))


def test_mail_in_another_mailboxs_directory_gets_its_own_by_a_button(
    superadmin, nested, move, with_helper
):
    assert found() == {"directories-in-one-another": ["deep@example.org", "mid@example.org"]}
    assert "Only root can move mail" not in text(superadmin.get("/findings/"))
    assert "Move their mail…" in text(superadmin.get("/findings/"))

    said = move(superadmin)

    assert "mid@example.org: example.org/ann/mid/ → example.org/mid/" in said
    assert places() == {
        "ann": "example.org/ann/",
        "mid": "example.org/mid/",
        "deep": "example.org/deep/",
    }
    assert [(nested / name / "mail").read_text() for name in ("mid", "deep")] == [
        "of mid",
        "of mid/deep",
    ]
    assert found() == {}
    assert LogEntry.objects.filter(action="edit_mailbox").count() == 2


def test_their_sessions_end_for_they_have_the_old_place(superadmin, nested, move, with_helper):
    found()

    move(superadmin)

    assert [line for line in called(with_helper) if line.startswith("doveadm")] == [
        "doveadm kick deep@example.org",
        "doveadm kick mid@example.org",
    ]


def test_what_the_helper_does_not_do_is_said_and_its_place_stays_kept(superadmin, nested, move):
    found()
    (nested / "deep").mkdir()

    move(superadmin)

    reason = "The server’s helper did not do it: example.org/deep is there already."
    assert Task.objects.get().refusals == [
        ["deep@example.org", reason],
        ["mid@example.org", reason],
    ]
    assert places()["deep"] == "example.org/ann/mid/deep/"
    assert list(RetiredMaildir.objects.filter(awaited=True).values_list("maildir", "username")) == [
        ("example.org/deep/", "deep@example.org"),
        ("example.org/mid/", "mid@example.org"),
    ]


def test_asked_again_it_goes_to_the_place_that_was_kept(superadmin, nested, move, add_mailbox):
    found()
    (nested / "deep").mkdir()
    move(superadmin)
    (nested / "deep").rmdir()
    found()  # hooks of on_commit run late here, after the page counted the rows as mended

    move(superadmin)

    assert found() == {}
    assert places()["deep"] == "example.org/deep/"
    assert RetiredMaildir.objects.filter(awaited=True).count() == 0


def test_a_directory_that_two_have_is_moved_from_neither(superadmin, nested, move, add_mailbox):
    add_mailbox("twin@example.org")
    Mailbox.objects.filter(local_part="twin").update(maildir="example.org/ann/mid/deep/")
    found()

    move(superadmin)

    reason = "The directory example.org/ann/mid/deep/ cannot be that of this mailbox alone."
    assert Task.objects.get().refusals == [
        [f"{name}@example.org", reason] for name in ("deep", "mid", "twin")
    ]
    assert (nested / "ann/mid/deep/mail").read_text() == "of mid/deep"
    assert RetiredMaildir.objects.filter(awaited=True).count() == 0


def test_a_place_that_is_kept_is_given_to_nobody_else(nested, example_org):
    RetiredMaildir.objects.create(
        maildir="example.org/new/", username="deep@example.org", awaited=True
    )

    assert free_maildir("new", "example.org") == "example.org/new~2/"


def test_the_command_finishes_what_a_button_began(superadmin, nested, move, monkeypatch, tmp_path):
    monkeypatch.setattr(directories, "MASTER", tmp_path / "master.pid")
    found()
    (nested / "deep").mkdir()
    move(superadmin)
    (nested / "deep").rmdir()

    out = StringIO()
    call_command("directories", "--apply", "--mail-root", str(nested.parent), stdout=out)

    assert out.getvalue().splitlines() == [
        "deep@example.org: example.org/ann/mid/deep/ → example.org/deep/   moved",
        "mid@example.org: example.org/ann/mid/ → example.org/mid/   moved",
    ]
    assert (nested / "deep/mail").read_text() == "of mid/deep"


def test_without_the_helper_the_button_does_not_exist(superadmin, nested, settings):
    found()
    settings.HELPER_SOCKET = ""

    assert "Move their mail…" not in text(superadmin.get("/findings/"))
    assert "Only root can move mail" in text(superadmin.get("/findings/"))
    answer = superadmin.post("/findings/", {"cure": "directories-in-one-another"})
    assert answer.status_code == 404
