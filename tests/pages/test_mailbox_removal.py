import pytest
from django.urls import reverse

from aliases.models import Alias
from domains.services import create_alias_domain, update_alias_domain
from mailboxes.forwarding import set_forwarding
from tests.pages.reading import referrers, text, told


def test_deactivating_says_the_consequences_then_does_it_and_back(admin, add_mailbox, add_alias):
    mailbox = add_mailbox("joe@example.org", name="Joe")
    add_alias("sales@example.org", "joe@example.org")
    address = reverse("mailbox-state", args=["joe@example.org"])

    asked = admin.get(address)
    assert "Switch off joe@example.org?" in text(asked)
    assert "Mail for joe@example.org is refused." in text(asked)
    assert "Joe can no longer sign in, read or send." in text(asked)
    assert referrers(asked) == {"sales@example.org": True}
    assert 'name="drop"' not in asked.text

    done = admin.post(address)
    mailbox.refresh_from_db()
    assert (mailbox.active, told(done)) == (
        False,
        ["joe@example.org is off: mail is refused, sales@example.org has no other recipient."],
    )
    assert "Joe can sign in again." in text(admin.get(address))

    done = admin.post(address, {"active": "1"})
    mailbox.refresh_from_db()
    assert (mailbox.active, told(done)[-1]) == (
        True,
        "joe@example.org is on: mail is delivered.",
    )


def test_an_address_that_is_too_long_for_its_line_ends_it_behind_the_at(admin, add_mailbox):
    add_mailbox("r&d@example.org")
    for name, asked in (
        ("state", "Switch off r&amp;d@<wbr>example.org?"),
        ("delete", "Delete r&amp;d@<wbr>example.org?"),
        ("edit", "Edit r&amp;d@<wbr>example.org"),
    ):
        page = admin.get(reverse(f"mailbox-{name}", args=["r&d@example.org"])).content.decode()
        heading = page.partition("<h1><span>")[2].partition("</span></h1>")[0]
        assert heading.strip() == asked


def test_on_a_page_that_asks_every_address_may_be_broken_behind_the_at(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")

    page = admin.get(reverse("mailbox-delete", args=["joe@example.org"])).content.decode()
    form = page.partition('<ul class="consequences">')[2].partition("</form>")[0]

    assert "Mail for joe@<wbr>example.org is refused." in form
    assert "sales@<wbr>example.org" in form
    assert "1 alias would have no recipient" in form
    assert "mailboxes/joe@example.org/" in form  # the link stays as it is


def test_an_inactive_forwarding_is_not_deactivated_a_second_time(admin, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets="me@home.example", keep_copy=True)
    own, stop = Alias.objects.filter(pk=mailbox.pk), reverse("mailbox-state", args=[mailbox.pk])
    delete = reverse("mailbox-delete", args=[mailbox.pk])

    def said():
        return [admin.get(page).context["forwards"] for page in (stop, delete)]

    assert said() == [True, True]
    own.update(active=False)
    assert said() == [False, False]
    own.update(active=True, goto=mailbox.pk)
    assert said() == [False, False]
    own.delete()
    assert said() == [False, False]


@pytest.mark.parametrize("role", ["aliases", "read"])
def test_aliases_of_a_domain_of_a_lesser_role_are_cleaned_where_they_may_be_changed(
    role, narrowed, add_mailbox, add_alias
):
    add_mailbox("joe@other.net")
    add_alias("both@example.org", "joe@other.net", "x@elsewhere.example")
    add_alias("only@example.org", "joe@other.net")
    client, address = narrowed(role), reverse("mailbox-delete", args=["joe@other.net"])
    cleaned = role == "aliases"

    page = client.get(address)

    named = {"both@example.org": False, "only@example.org": True}
    assert referrers(page) == (named if cleaned else {})
    assert page.context["referrers_elsewhere"] == (0 if cleaned else 2)
    assert ('name="drop"' in page.text) is cleaned

    client.post(address, {"drop": "1", "emptied": "delete"})

    assert dict(Alias.objects.values_list("pk", "goto")) == (
        {"both@example.org": "x@elsewhere.example"}
        if cleaned
        else {
            "both@example.org": "joe@other.net,x@elsewhere.example",
            "only@example.org": "joe@other.net",
        }
    )


def test_deleting_names_the_aliases_and_cleans_those_one_manages(admin, add_mailbox, add_alias):
    mailbox = add_mailbox("joe@example.org", name="Joe")
    forwarder = add_mailbox("ann@example.org")
    set_forwarding(actor=None, mailbox=forwarder, targets=mailbox.pk, keep_copy=False)
    add_alias("only@example.org", "joe@example.org")
    add_alias("sales@example.org", "joe@example.org", "x@elsewhere.example")
    add_alias("postmaster@example.org", "joe@example.org")
    add_alias("theirs@other.net", "joe@example.org")
    address = reverse("mailbox-delete", args=["joe@example.org"])

    page = admin.get(address)
    assert "Forwarding of ann@example.org" in text(page)
    assert referrers(page) == {
        "ann@example.org": False,
        "only@example.org": True,
        "sales@example.org": False,
    }
    assert page.context["referrers_elsewhere"] == 2
    assert "Files in example.org/joe/ stay on the server’s disk." in text(page)
    assert '<input class="form-check-input" type="checkbox" name="drop" value="1">' in (
        page.content.decode()
    )
    assert "theirs@other.net" not in text(page)

    done = admin.post(address, {"drop": "1", "emptied": "delete"})
    assert done.url == "/mailboxes/?domain=example.org"
    assert told(done) == ["Mailbox joe@example.org deleted."]
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "ann@example.org": "ann@example.org",
        "sales@example.org": "x@elsewhere.example",
        "postmaster@example.org": "joe@example.org",
        "theirs@other.net": "joe@example.org",
    }


def test_without_the_tick_the_aliases_keep_their_target(admin, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")

    admin.post(reverse("mailbox-delete", args=["joe@example.org"]))

    assert dict(Alias.objects.values_list("pk", "goto")) == {"sales@example.org": "joe@example.org"}


def test_what_leads_here_through_an_alias_domain_is_named_and_taken_out(
    superadmin, twin, other_net, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("only@other.net", "joe@twin.example", "joe+list@twin.example")
    add_alias("some@other.net", "joe@twin.example", "x@elsewhere.example")
    add_alias("ann@other.net", "ann@twin.example")
    address = reverse("mailbox-delete", args=["joe@example.org"])

    page = superadmin.get(address)
    assert referrers(page) == {"only@other.net": True, "some@other.net": False}
    assert 'name="drop"' in page.text

    superadmin.post(address, {"drop": "1", "emptied": "delete"})
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "some@other.net": "x@elsewhere.example",
        "ann@other.net": "ann@twin.example",
    }


def test_a_name_of_its_own_in_the_alias_domain_is_not_taken_out(
    superadmin, twin, other_net, add_mailbox, add_alias
):
    for address in ("joe@example.org", "ann@example.org", "ann@twin.example"):
        add_mailbox(address)
    add_alias("joe@twin.example", "x@elsewhere.example")
    add_alias("joes@other.net", "joe@twin.example")
    add_alias("anns@other.net", "ann@twin.example")
    Alias.objects.filter(pk="ann@twin.example").delete()  # its mailbox answers without it
    keys = ["ann@example.org", "joe@example.org"]

    for key in keys:
        assert referrers(superadmin.get(reverse("mailbox-delete", args=[key]))) == {}

    chosen = {
        "action": "delete",
        "selected": keys,
        "confirmed": "1",
        "drop": "1",
        "emptied": "delete",
    }
    superadmin.post(reverse("mailbox-bulk"), chosen)
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "joe@twin.example": "x@elsewhere.example",
        "joes@other.net": "joe@twin.example",
        "anns@other.net": "ann@twin.example",
    }


def test_nothing_leads_through_an_inactive_alias_domain(
    superadmin, twin, other_net, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("tw@other.net", "joe@twin.example")
    update_alias_domain(actor=None, link=twin, active=False)
    address = reverse("mailbox-delete", args=["joe@example.org"])

    assert "tw@other.net" not in text(superadmin.get(address))

    superadmin.post(address, {"drop": "1", "emptied": "delete"})
    assert Alias.objects.get().goto == "joe@twin.example"


def test_an_alias_that_keeps_a_target_with_an_extension_is_not_called_empty(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("joe+list@example.org", "ann@elsewhere.example")
    add_alias("both@example.org", "joe@example.org", "joe+list@example.org")
    add_alias("only@example.org", "joe@example.org", "joe+work@example.org")
    path = reverse("mailbox-delete", args=["joe@example.org"])

    page = admin.get(path)
    admin.post(path, {"drop": "1", "emptied": "delete"})

    assert referrers(page) == {"both@example.org": False, "only@example.org": True}
    assert [
        alias.goto
        for alias in Alias.objects.filter(pk__in=["both@example.org", "only@example.org"])
    ] == ["joe+list@example.org"]


def test_of_what_leads_through_an_alias_domain_others_are_only_counted(
    admin, twin, add_mailbox, add_alias
):
    forwarder = add_mailbox("ann@example.org")
    set_forwarding(actor=None, mailbox=forwarder, targets="joe@twin.example", keep_copy=False)
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@twin.example", "x@elsewhere.example")
    add_alias("postmaster@example.org", "joe@twin.example")
    add_alias("theirs@other.net", "joe@twin.example")
    address = reverse("mailbox-delete", args=["joe@example.org"])

    page = admin.get(address)
    assert referrers(page) == {"ann@example.org": False, "sales@example.org": False}
    assert page.context["referrers_elsewhere"] == 2
    assert "theirs@other.net" not in text(page)

    admin.post(address, {"drop": "1", "emptied": "delete"})
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "ann@example.org": "ann@example.org",
        "sales@example.org": "x@elsewhere.example",
        "postmaster@example.org": "joe@twin.example",
        "theirs@other.net": "joe@twin.example",
    }


def test_a_name_that_lives_on_in_an_alias_domain_is_not_called_refused(
    superadmin, example_org, add_domain, add_mailbox
):
    source = add_domain("old.example")
    create_alias_domain(actor=None, alias_domain=source, target_domain=example_org)
    add_mailbox("joe@old.example")
    add_mailbox("joe@example.org")

    page = superadmin.get(reverse("mailbox-delete", args=["joe@old.example"]))

    assert "Mail for joe@old.example goes to joe@example.org instead." in text(page)
