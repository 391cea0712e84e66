import pytest

from accounts.models import Admin, Adoption, LogEntry
from accounts.passwords import verify_password
from aliases.lookup import Lookup
from aliases.models import Alias
from domains.models import Domain, DomainAdmin
from mailadmin.findings.cures import BY_HAND, CURES
from mailadmin.findings.looking import look
from mailadmin.findings.rows import HERE
from mailboxes.models import Mailbox, QuotaUsage
from panel.models import FoundRows, Task
from tests.pages.reading import text

PAGE = "/findings/"


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox("joe@example.org")


def store(model, key, **columns):
    """As another program does: no service, no rule."""
    model.objects.filter(pk=key).update(**columns)


def cure(client, name, **values):
    """Press the button of a finding, say yes, and return what the page said before."""
    asked = client.post(PAGE, {"cure": name})
    said = text(client.get(asked.url))
    begun = client.post(asked.url, {"do": "begin", **values})
    assert begun.status_code == 302
    client.post(asked.url, {"do": "step"})
    return said


def found():
    return {row.pk: row.keys for row in look() if row.count}


def undo(client):
    return client.post(f"/tasks/{Task.objects.latest('pk').pk}/undo/", {"next": PAGE})


def test_it_is_the_superadmins_alone(as_admin, client, joe, example_org):
    of_admin = as_admin("example.org")
    assert of_admin.get(PAGE).status_code == 404
    assert of_admin.post(PAGE, {}).status_code == 404
    assert of_admin.get(f"{PAGE}?list=passwords-weak").status_code == 404
    assert FoundRows.objects.count() == 0


def test_before_the_first_look_it_says_so_and_one_button_looks(superadmin, joe):
    assert "No rows were looked at yet." in text(superadmin.get(PAGE))

    assert superadmin.post(PAGE).url == PAGE

    said = text(superadmin.get(PAGE))
    assert "All is well" in said
    assert "Last looked: just now." in said


def test_more_rows_than_one_waits_for_are_the_commands(superadmin, joe, monkeypatch):
    monkeypatch.setattr("mailadmin.findings.looking.AT_ONCE", 0)

    said = text(superadmin.post(PAGE, follow=True))

    assert "at once, type: mailadmin check_rows" in said
    assert FoundRows.objects.count() == 0


def test_recipients_that_do_not_exist_are_left_out_and_mail_goes_where_it_went(
    superadmin, joe, add_alias
):
    add_alias("team@example.org", "joe@example.org", "gone@example.org")
    add_alias("nobody@example.org", "gone@example.org", "lost@example.org")
    store(Alias, "joe@example.org", goto="joe@example.org,gone@example.org")
    assert found()["recipients-that-do-not-exist"] == [
        "joe@example.org",
        "nobody@example.org",
        "team@example.org",
    ]

    said = cure(superadmin, "recipients-that-do-not-exist")

    assert (
        "team@example.org without gone@example.org: mail goes to joe@example.org, before and after."
        in said
    )
    assert (
        "nobody@example.org without gone@example.org, lost@example.org: mail is refused, before and after."
        in said
    )
    rows = dict(Alias.objects.values_list("pk", "goto"))
    assert rows["team@example.org"] == "joe@example.org"
    assert rows["joe@example.org"] == "joe@example.org"
    assert rows["nobody@example.org"] == "gone@example.org,lost@example.org"
    assert Alias.objects.get(pk="nobody@example.org").active is False
    assert found() == {}
    assert LogEntry.objects.filter(action="edit_forwarding", data="joe@example.org").exists()

    undo(superadmin)

    assert Alias.objects.get(pk="team@example.org").goto == "joe@example.org,gone@example.org"
    assert Alias.objects.get(pk="nobody@example.org").active is True
    assert len(FoundRows.objects.get(pk="recipients-that-do-not-exist").keys) == 3


def test_who_is_answered_by_a_catch_all_an_extension_or_another_server_does_exist(
    joe, add_domain, add_alias, link
):
    add_domain("second.example")
    add_alias("@second.example", "joe@example.org")
    add_domain("far.example", backupmx=True)
    link("twin.example", "example.org")
    add_alias(
        "team@example.org",
        *("any@second.example", "joe+list@example.org", "x@far.example"),
        *("joe@twin.example", "a@elsewhere.example"),
    )

    assert found() == {}


def test_an_alias_without_a_recipient_is_switched_off(superadmin, joe, add_alias):
    add_alias("none@example.org", "joe@example.org")
    store(Alias, "none@example.org", goto=" , ")
    look()

    said = cure(superadmin, "aliases-that-lead-nowhere")

    assert "none@example.org: mail is refused, before and after." in said
    assert Alias.objects.get(pk="none@example.org").active is False


def test_one_alias_of_each_loop_is_switched_off(superadmin, joe, add_alias):
    for name in "abc":
        add_alias(f"{name}@example.org", "joe@example.org")
    store(Alias, "a@example.org", goto="b@example.org")
    store(Alias, "b@example.org", goto="a@example.org")
    store(Alias, "c@example.org", goto="a@example.org")
    assert found()["mail-loops"] == ["a@example.org", "b@example.org"]

    cure(superadmin, "mail-loops")

    off = Alias.objects.filter(active=False).values_list("pk", flat=True)
    assert list(off) == ["a@example.org"]
    assert "mail-loops" not in found()


def test_a_forwarding_in_a_loop_ends(superadmin, joe, add_alias):
    add_alias("a@example.org", "joe@example.org")
    store(Alias, "joe@example.org", goto="a@example.org")
    look()

    cure(superadmin, "mail-loops")

    # The alias comes first, and is enough.
    assert Alias.objects.get(pk="a@example.org").active is False
    assert Alias.objects.get(pk="joe@example.org").goto == "a@example.org"


def test_a_missing_own_alias_is_added_as_the_mailbox_is(superadmin, joe, add_mailbox):
    add_mailbox("off@example.org", active=False)
    Alias.objects.filter(pk__in=["joe@example.org", "off@example.org"]).delete()
    assert found() == {"own-aliases-missing": ["joe@example.org", "off@example.org"]}

    cure(superadmin, "own-aliases-missing")

    rows = Alias.objects.filter(is_self_alias=True).order_by("pk")
    assert list(rows.values_list("pk", "goto", "active")) == [
        ("joe@example.org", "joe@example.org", True),
        ("off@example.org", "off@example.org", False),
    ]
    assert found() == {}


def test_a_quota_below_zero_becomes_what_was_typed_and_comes_back(superadmin, joe):
    store(Mailbox, "joe@example.org", quota=-1)
    look()

    cure(superadmin, "quotas-below-zero", quota="no limit")

    assert Mailbox.objects.get().quota == 0
    assert found() == {}


def test_a_password_in_clear_text_goes_on_as_a_hash(superadmin, joe, add_mailbox, make_admin):
    make_admin("boss@example.org")
    add_mailbox("base@example.org")
    store(Mailbox, "joe@example.org", password="{PLAIN}open sesame")
    store(Mailbox, "base@example.org", password="{CLEARTEXT.B64}b3BlbiBzZXNhbWU=")
    store(Admin, "boss@example.org", password="{CLEAR}open sesame")
    assert found()["passwords-marked-plain"] == [
        "admin boss@example.org",
        "mailbox base@example.org",
        "mailbox joe@example.org",
    ]

    cure(superadmin, "passwords-marked-plain")

    for model, name in ((Mailbox, "joe"), (Mailbox, "base"), (Admin, "boss")):
        stored = model.objects.get(pk=f"{name}@example.org").password
        assert stored.startswith("{SHA512-CRYPT}$6$")
        assert verify_password("open sesame", stored)[0] is True
    assert found() == {}
    assert LogEntry.objects.filter(action="hash_password").count() == 3
    assert "sesame" not in str(list(LogEntry.objects.values()))


def test_nothing_is_hashed_while_postfixadmin_works_on_the_same_rows(superadmin, joe):
    store(Mailbox, "joe@example.org", password="{PLAIN}open sesame")
    look()
    Adoption.objects.create(old_tables="mail_adopt")

    assert "may not read new hashes" in text(superadmin.get(PAGE))
    cure(superadmin, "passwords-marked-plain")

    assert Mailbox.objects.get().password == "{PLAIN}open sesame"


@pytest.mark.parametrize("locked", ["!", "*", "secret"])
def test_what_may_be_a_lock_is_shown_but_never_made_to_work(superadmin, joe, locked):
    store(Mailbox, "joe@example.org", password=locked)

    assert found() == {"passwords-in-clear": ["mailbox joe@example.org"]}

    said = text(superadmin.get(PAGE))
    assert "mailadmin check_rows --list passwords-in-clear" in said
    assert superadmin.post(PAGE, {"cure": "passwords-in-clear"}).status_code == 404
    assert Mailbox.objects.get().password == locked


def test_rights_without_a_domain_are_taken_away_and_no_others(superadmin, joe, make_admin):
    make_admin("ann@example.org", domains=["example.org"])
    DomainAdmin.objects.create(username_id="ann@example.org", domain_id="gone.example")
    assert found() == {"rights-without-domain": ["ann@example.org"]}

    cure(superadmin, "rights-without-domain")

    links = DomainAdmin.objects.filter(username="ann@example.org")
    assert list(links.values_list("domain_id", flat=True)) == ["example.org"]


def test_figures_without_a_mailbox_are_deleted(superadmin, joe):
    QuotaUsage.objects.create(username_id="gone@example.org", bytes=5)
    QuotaUsage.objects.create(username_id="joe@example.org", bytes=7)
    assert found() == {"storage-without-mailbox": ["gone@example.org"]}

    cure(superadmin, "storage-without-mailbox")

    assert list(QuotaUsage.objects.values_list("pk", "bytes")) == [("joe@example.org", 7)]


def test_domains_made_for_orphans_are_deleted_after_the_page_that_asks(superadmin, joe, add_domain):
    add_domain("ghost.example", description="(adopted: rows named it, no domain did)", active=False)
    assert found() == {"domains-of-orphans": ["ghost.example"]}
    page = superadmin.get(PAGE).text
    assert 'name="also" value="ghost.example"' in page

    asked = superadmin.post("/domains/bulk/", {"action": "delete", "also": "ghost.example"})

    assert "ghost.example" in text(asked)
    assert Domain.objects.filter(pk="ghost.example").exists()


def test_a_directory_in_another_is_for_root(superadmin, joe, add_mailbox):
    add_mailbox("deep@example.org")
    store(Mailbox, "deep@example.org", maildir="example.org/joe/cur/")

    assert found() == {"directories-in-one-another": ["deep@example.org"]}
    assert "deep@example.org in joe@example.org" in text(superadmin.get(PAGE))
    assert "Only root can move mail" in text(superadmin.get(PAGE))


def test_a_recipient_in_a_domain_that_is_off_is_a_persons_to_decide(
    superadmin, joe, add_alias, add_domain
):
    add_domain("off.example")
    add_alias("team@example.org", "joe@example.org", "abuse@off.example")
    add_alias("abuse@off.example", "joe@example.org", "postmaster@off.example")
    add_alias("postmaster@off.example", "joe@example.org")
    assert found() == {}

    store(Domain, "off.example", active=False)

    assert found() == {"recipients-in-domains-that-are-off": ["team@example.org"]}
    assert "Switch their domain on, or take them out of the list." in text(superadmin.get(PAGE))


def test_each_finding_is_mended_by_a_button_or_says_how():
    assert set(HERE) == {*CURES, *BY_HAND, "domains-of-orphans"}


def test_what_was_mended_meanwhile_is_left_alone(superadmin, joe, add_alias):
    add_alias("team@example.org", "joe@example.org", "gone@example.org")
    look()
    store(Alias, "team@example.org", goto="joe@example.org")

    cure(superadmin, "recipients-that-do-not-exist")

    assert Alias.objects.get(pk="team@example.org").active is True
    assert FoundRows.objects.get(pk="recipients-that-do-not-exist").count == 0


def test_the_list_of_all_is_a_table_to_take_away(superadmin, joe, add_mailbox):
    for number in range(7):
        add_mailbox(f"m{number}@example.org")
    Mailbox.objects.update(password="{PLAIN}x")
    look()

    assert "List of all" in text(superadmin.get(PAGE))
    listed = superadmin.get(f"{PAGE}?list=passwords-marked-plain").getvalue().decode()
    assert listed.splitlines()[1:3] == ["mailbox joe@example.org", "mailbox m0@example.org"]
    assert superadmin.get(f"{PAGE}?list=nothing").status_code == 404


def test_a_cure_of_nothing_says_so(superadmin, joe):
    look()

    said = text(superadmin.post(PAGE, {"cure": "zero-dates"}, follow=True))

    assert "There was nothing left to do." in said
    assert superadmin.post(PAGE, {"cure": "nothing"}).status_code == 404


def test_the_page_costs_the_same_however_much_was_found(
    superadmin, joe, django_assert_max_num_queries
):
    keys = [f"m{number:05}@example.org" for number in range(10_000)]
    FoundRows.objects.create(
        name="passwords-weak", count=10_001, keys=keys, examples=[["x", "", "x"]]
    )

    with django_assert_max_num_queries(8):
        page = superadmin.get(PAGE)

    assert "more than 10,000" in text(page).lower()
    assert "m00000@example.org" not in page.text


def test_nothing_is_found_twice(joe):
    look()
    look()

    assert FoundRows.objects.filter(pk="mail-loops").count() == 1


def test_a_name_with_the_delimiter_gets_another_and_leads_to_it(
    superadmin, joe, add_mailbox, add_alias
):
    mailbox = add_mailbox("list@example.org", quota=5_000_000)
    QuotaUsage.objects.create(username=mailbox, bytes=7)
    add_alias("team@example.org", "list@example.org")
    Alias.objects.filter(pk="list@example.org").delete()
    store(Mailbox, "list@example.org", username="joe+list@example.org", local_part="joe+list")
    store(QuotaUsage, "list@example.org", username_id="joe+list@example.org")
    store(Alias, "team@example.org", goto="joe+list@example.org")
    add_mailbox("joe.list@example.org")  # the first choice is taken
    assert found()["names-with-the-delimiter"] == ["joe+list@example.org"]

    said = cure(superadmin, "names-with-the-delimiter")

    assert "joe+list@example.org signs in as joe.list2@example.org" in said
    mailbox = Mailbox.objects.get(pk="joe.list2@example.org")
    assert (mailbox.local_part, mailbox.quota, mailbox.used) == ("joe.list2", 5_000_000, 7)
    assert mailbox.maildir == "example.org/list/"
    rows = Alias.objects.filter(pk__in=["joe+list@example.org", "joe.list2@example.org"])
    assert list(rows.order_by("pk").values_list("pk", "goto", "is_self_alias", "active")) == [
        ("joe+list@example.org", "joe.list2@example.org", False, True),
        ("joe.list2@example.org", "joe.list2@example.org", True, True),
    ]
    match = Lookup().answers(["team@example.org", "joe+list@example.org"])
    assert {key: answer.targets for key, answer in match.items()} == {
        "team@example.org": ("joe+list@example.org",),
        "joe+list@example.org": ("joe.list2@example.org",),
    }
    assert found() == {}
