import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aliases.models import Alias
from aliases.services import create_alias
from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_active
from panel.bulk import AT_ONCE
from tests.pages.reading import hidden_inputs, referrers, text, told

# --- Several at once


def test_more_domains_than_a_page_has_are_refused_and_none_is_changed(superadmin):
    selected = [f"d{number}.example" for number in range(AT_ONCE + 1)]
    values = {"action": "delete", "selected": selected, "confirmed": "1"}

    page = superadmin.post(reverse("domain-bulk"), values, follow=True)

    assert page.redirect_chain == [(reverse("domain-list"), 302)]
    assert f"At most {AT_ONCE} rows at once: {AT_ONCE + 1} are selected." in page.text


def test_the_lists_tick_boxes_and_buttons_fit_the_bulk_page(admin, add_mailbox):
    add_mailbox("joe@example.org")

    page = admin.get(reverse("mailbox-list")).content.decode()

    assert f'<form method="post" action="{reverse("mailbox-bulk")}"' in page
    assert 'type="checkbox" name="selected" value="joe@example.org"' in page
    actions = ["deactivate", "activate", "quota", "switches", "export", "delete"]
    assert re.findall(r'name="action" value="(\w+)"', page) == actions


def test_several_are_deleted_after_a_page_that_says_what_stops(admin, add_mailbox, add_alias):
    for name in ("a", "b", "c"):
        add_mailbox(f"{name}@example.org")
    add_alias("sales@example.org", "a@example.org", "b@example.org")
    chosen = {"action": "delete", "selected": ["a@example.org", "b@example.org"]}

    asked = admin.post(reverse("mailbox-bulk"), chosen)
    assert "Delete 2 mailboxes?" in text(asked)
    assert "Mail for these 2 is refused. a@example.org b@example.org" in text(asked)
    assert referrers(asked) == {"sales@example.org": True}
    assert Mailbox.objects.count() == 3

    sent = hidden_inputs(asked)
    assert sent["selected"] == chosen["selected"]

    done = admin.post(reverse("mailbox-bulk"), sent | {"drop": "1", "emptied": "delete"})
    assert told(done)[-1].startswith("2 mailboxes ")
    assert list(Alias.objects.values_list("pk", flat=True)) == ["c@example.org"]


def test_what_leads_to_several_through_an_alias_domain_is_named_and_taken_out(
    superadmin, twin, other_net, add_mailbox, add_alias
):
    for name in ("a", "b", "c"):
        add_mailbox(f"{name}@example.org")
    add_mailbox("d@other.net")
    add_alias("all@other.net", "a@twin.example", "b+x@twin.example", "d@other.net")
    add_alias("c@other.net", "c@twin.example")
    keys = ["a@example.org", "b@example.org", "d@other.net"]
    chosen = {"action": "delete", "selected": keys}

    asked = superadmin.post(reverse("mailbox-bulk"), chosen)
    assert referrers(asked) == {"all@other.net": True}
    assert "c@other.net" not in text(asked)

    superadmin.post(
        reverse("mailbox-bulk"), chosen | {"confirmed": "1", "drop": "1", "emptied": "delete"}
    )
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "c@example.org": "c@example.org",
        "c@other.net": "c@twin.example",
    }


def test_the_page_about_several_needs_as_many_statements_for_two_as_for_five(
    admin, twin, add_mailbox, add_alias
):
    costs = {}
    for number in (2, 5):
        keys = [f"m{n}-{number}@example.org" for n in range(number)]
        for key in keys:
            name = add_mailbox(key).local_part
            add_alias(f"{name}-a@example.org", f"{name}@twin.example")
            add_alias(f"{name}-a@other.net", f"{name}@twin.example")
        with CaptureQueriesContext(connection) as captured:
            page = admin.post(reverse("mailbox-bulk"), {"action": "delete", "selected": keys})
        assert len(page.context["referrers"]) == page.context["referrers_elsewhere"] == number
        costs[number] = len(captured)

    assert costs[2] == costs[5] <= 10


def test_several_mailboxes_are_deactivated_and_activated(admin, add_mailbox):
    for name in ("a", "b"):
        add_mailbox(f"{name}@example.org")
    keys = ["a@example.org", "b@example.org"]

    admin.post(reverse("mailbox-bulk"), {"action": "deactivate", "selected": keys})
    assert list(Mailbox.objects.values_list("active", flat=True)) == [False, False]

    done = admin.post(
        reverse("mailbox-bulk"),
        {"action": "activate", "selected": keys, "next": "/mailboxes/?state=off"},
    )
    assert list(Mailbox.objects.values_list("active", flat=True)) == [True, True]
    assert done.url == "/mailboxes/?state=off"


def test_what_cannot_be_done_is_named_and_the_rest_done(admin, example_org, add_mailbox):
    loop = add_mailbox("loop@example.org")
    add_mailbox("b@example.org")
    set_mailbox_active(actor=None, mailbox=loop, active=False)
    Alias.objects.filter(pk=loop.pk).update(goto="back@example.org")
    create_alias(actor=None, domain=example_org, local_part="back", targets="loop@example.org")

    done = admin.post(
        reverse("mailbox-bulk"),
        {"action": "activate", "selected": ["loop@example.org", "b@example.org"]},
    )

    assert told(done) == [
        "loop@example.org: This would create a mail loop:"
        " loop@example.org → back@example.org → loop@example.org.",
        "1 mailbox is on.",
    ]


def test_another_address_takes_the_place_of_a_deleted_one(admin, add_mailbox, add_alias):
    add_mailbox("rose.hill@example.org")
    add_mailbox("rose.lake@example.org")
    add_alias("choir@example.org", "x@elsewhere.example", "rose.hill@example.org")
    add_alias("solo@example.org", "rose.hill+solo@example.org")
    add_alias("theirs@other.net", "rose.hill@example.org")
    address = reverse("mailbox-delete", args=["rose.hill@example.org"])

    def refused_for(replacement):
        return admin.post(address, {"replace_by": replacement}).context["errors"]

    assert refused_for("nonsense") == [
        "“nonsense” is not an e-mail address. Write it like name@example.org."
    ]
    assert refused_for("rose.hill@example.org") == [
        "rose.hill@example.org itself is being deleted. Enter another address."
    ]
    admin.post(address, {"replace_by": "Rose.Lake@example.org "})

    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "rose.lake@example.org": "rose.lake@example.org",
        "choir@example.org": "x@elsewhere.example,rose.lake@example.org",
        "solo@example.org": "rose.lake@example.org",
        "theirs@other.net": "rose.hill@example.org",
    }


def test_a_replacement_that_closes_a_loop_is_refused_and_nothing_deleted(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("a@example.org", "joe@example.org")
    add_alias("b@example.org", "a@example.org")
    address = reverse("mailbox-delete", args=["joe@example.org"])

    page = admin.post(address, {"replace_by": "b@example.org"})

    assert "This would create a mail loop" in page.context["errors"][0]
    assert Mailbox.objects.filter(pk="joe@example.org").exists() is True


# --- Aliases that nobody would be left of


@pytest.fixture
def emptied(add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_mailbox("ann@example.org")
    add_alias("postmaster@example.org", "joe@example.org")
    add_alias("info@example.org", "joe@example.org")
    add_alias("team@example.org", "joe@example.org", "ann@example.org")
    return reverse("mailbox-delete", args=["joe@example.org"])


def targets():
    return dict(Alias.objects.filter(is_self_alias=False).values_list("pk", "goto"))


def test_they_have_a_heading_of_their_own_and_are_kept_unless_one_chooses(superadmin, emptied):
    page = superadmin.get(emptied)

    assert "2 aliases would have no recipient info@example.org postmaster@example.org" in text(page)
    assert re.findall(r'name="emptied" value="(\w+)" checked', page.text) == ["keep"]
    superadmin.post(emptied, {"drop": "1", "emptied": "keep"})
    assert targets() == {
        "postmaster@example.org": "joe@example.org",
        "info@example.org": "joe@example.org",
        "team@example.org": "ann@example.org",
    }


def test_they_are_deleted_or_lead_to_another_address_as_one_chooses(superadmin, emptied):
    sent = {"emptied": "send", "emptied_to": " Ann@example.org"}

    superadmin.post(emptied, sent)

    assert targets() == {
        "postmaster@example.org": "ann@example.org",
        "info@example.org": "ann@example.org",
        "team@example.org": "joe@example.org,ann@example.org",  # not ticked
    }


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "Enter the address that they lead to then."),
        ("nobody", "“nobody” is not an e-mail address. Write it like name@example.org."),
        ("joe@example.org", "joe@example.org itself is being deleted. Enter another address."),
    ],
)
@pytest.mark.parametrize("bulk", [False, True])
def test_an_address_that_gets_their_mail_is_checked_before_anything_is_deleted(
    bulk, address, message, superadmin, emptied
):
    sent = {"emptied": "send", "emptied_to": address}
    many = {"action": "delete", "confirmed": "1", "selected": "joe@example.org"}

    page = superadmin.post(*([reverse("mailbox-bulk"), sent | many] if bulk else [emptied, sent]))

    assert page.status_code == 422
    assert page.context["errors"] == [message]
    assert f'value="{address}"' in page.text
    assert re.findall(r'name="emptied" value="(\w+)" checked', page.text) == ["send"]
    assert Mailbox.objects.filter(pk="joe@example.org").exists()


@pytest.mark.parametrize("bulk", [False, True])
def test_one_of_them_cannot_get_the_others_mail(bulk, superadmin, emptied):
    sent = {"emptied": "send", "emptied_to": "info@example.org"}
    many = {"action": "delete", "confirmed": "1", "selected": "joe@example.org"}

    page = superadmin.post(*([reverse("mailbox-bulk"), sent | many] if bulk else [emptied, sent]))

    refused = "info@example.org would itself have no recipient. Enter another address."
    assert refused in (told(page) if bulk else page.context["errors"])
    assert targets()["postmaster@example.org"] == "joe@example.org"
    assert Mailbox.objects.filter(pk="joe@example.org").exists() is not bulk


def test_what_leads_only_to_several_that_go_together_is_treated_once(
    superadmin, emptied, add_alias
):
    add_alias("both@example.org", "joe@example.org", "ann@example.org")
    chosen = {"action": "delete", "selected": ["ann@example.org", "joe@example.org"]}

    asked = text(superadmin.post(reverse("mailbox-bulk"), chosen))
    assert "4 aliases would have no recipient" in asked
    confirmed = chosen | {"confirmed": "1", "emptied": "send", "emptied_to": "x@elsewhere.example"}
    superadmin.post(reverse("mailbox-bulk"), confirmed)

    assert set(targets().values()) == {"x@elsewhere.example"}


def test_long_lists_are_folded_after_five(superadmin, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    for number in range(7):
        add_mailbox(f"m{number}@example.org")
        add_alias(f"a{number}@example.org", "m0@example.org")
    keys = [f"m{number}@example.org" for number in range(7)]

    page = superadmin.post(reverse("mailbox-bulk"), {"action": "delete", "selected": keys})

    folded = re.findall(r"<details.*?</details>", page.text, re.DOTALL)
    assert [re.findall(r"(\w\d)@", one) for one in folded][-2:] == [["m5", "m6"], ["a5", "a6"]]
    assert "and 2 more" in text(page)


def test_red_is_for_what_cannot_be_undone(superadmin, add_mailbox):
    add_mailbox("joe@example.org")
    chosen = {"action": "delete", "selected": "joe@example.org"}

    deletes = superadmin.post(reverse("mailbox-bulk"), chosen)
    switches_off = superadmin.get(reverse("mailbox-state", args=["joe@example.org"]))

    for page, button in [(deletes, "btn-danger"), (switches_off, "btn-caution")]:
        [classes] = re.findall(r'<button class="(btn [^"]*)" type="submit">', page.text)
        assert classes == f"btn {button}"
