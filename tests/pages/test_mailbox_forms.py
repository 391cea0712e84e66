import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from mailboxes.forwarding import forwarding_of, self_alias, set_forwarding
from mailboxes.models import SWITCHES, Mailbox
from mailboxes.services import set_mailbox_active
from tests.pages.reading import errors, links, sent, text, told

MB = 1_024_000


def fields(**changes):
    return {
        "local_part": "joe",
        "domain": "example.org",
        "password": "tangerine-7-bicycle",
        "quota_mb": "100",
        "active": "on",
        "smtp_active": "on",
    } | changes


# --- Creating


def test_a_new_mailbox_is_stored_and_the_next_step_offered(admin):
    page = admin.post(reverse("mailbox-create"), fields(local_part="J&oe", name="Joe"))

    mailbox = Mailbox.objects.get()
    assert (mailbox.pk, mailbox.name, mailbox.quota) == ("j&oe@example.org", "Joe", 100 * MB)
    assert page.context["next"] == "/mailboxes/j&oe@example.org/"
    assert told(page) == [
        'Mailbox j&amp;oe@example.org created. <a href="/domains/example.org/new/'
        '?kind=alias&amp;target=j%26oe%40example.org">Add an alias for it</a>'
    ]
    assert (
        LogEntry.objects.get(action="create_mailbox").username == "theirs@example.org (127.0.0.1)"
    )


def test_the_form_knows_the_domain_of_the_list_it_was_opened_from(superadmin, add_domain):
    add_domain("small.example", maxquota=500, quota=300)

    page = superadmin.get(reverse("mailbox-create"), {"domain": "small.example"})

    assert page.context["form"]["domain"].value() == "small.example"
    assert page.context["form"].initial["quota_mb"] == 300
    assert "At most 500 MB. 300 MB left in this domain" in text(page)


def test_a_form_for_any_domain_suggests_instead_of_listing_thousands(superadmin):
    page = superadmin.get(reverse("mailbox-create")).content.decode()

    assert '<datalist id="domain-suggestions">' in page
    assert 'list="domain-suggestions"' in page


def test_a_domain_admin_of_one_domain_need_not_name_it(admin):
    assert "@example.org" in text(admin.get(reverse("mailbox-create")))


def test_everything_wrong_is_said_at_once_and_at_its_field(
    make_admin, sign_in, add_domain, add_mailbox
):
    add_domain("small.example", mailboxes=1, maxquota=500)
    add_mailbox("joe@small.example", quota=MB)
    client = sign_in(make_admin(domains=["small.example"]))

    page = client.post(
        reverse("mailbox-create"),
        fields(domain="small.example", password="short", quota_mb="501"),
    )

    assert page.status_code == 422
    assert errors(page) == {
        "domain": [
            "small.example already has its 1 mailbox."
            " Ask a superadmin to raise the limit, or delete one."
        ],
        "local_part": ["joe@small.example exists already: it is a mailbox. Choose another name."],
        "password": ["Use at least 10 characters."],
        "quota_mb": ["A mailbox of small.example needs a limit of at most 500\u00a0MB."],
    }
    assert "small.example already has its 1 mailbox." in text(page)
    assert Mailbox.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        (
            {"local_part": "joe@other.net"},
            "local_part",
            "Write the part before the @ only; the domain has its own field.",
        ),
        (
            {"local_part": "joe+tag"},
            "local_part",
            "A mailbox name has no “+”: mail for it would go to the name before it.",
        ),
        (
            {"domain": "other.net"},
            "domain",
            "You manage no domain of this name. Check the spelling.",
        ),
        ({"quota_mb": "-1"}, "quota_mb", "Enter a size such as 2 GB or 500 MB."),
    ],
)
def test_a_wrong_field_is_named(wrong, field, message, admin):
    page = admin.post(reverse("mailbox-create"), fields(**wrong))

    assert page.status_code == 422
    assert errors(page) == {field: [message]}
    assert Mailbox.objects.count() == 0


def test_a_twin_that_was_faster_is_told_on_the_form(admin, monkeypatch):
    error = ValidationError({"local_part": ValidationError("Taken meanwhile.", "taken")})

    def late(**kwargs):
        raise error

    monkeypatch.setattr("mailboxes.services.create_mailbox", late)
    page = admin.post(reverse("mailbox-create"), fields())

    assert page.status_code == 422
    assert errors(page) == {"local_part": ["Taken meanwhile."]}
    assert "Taken meanwhile." in text(page)


# --- Editing


def test_only_what_was_changed_is_written(admin, add_mailbox):
    add_mailbox("joe@example.org", name="Joe", quota=1_234_567, smtp_active=False)
    address = reverse("mailbox-edit", args=["joe@example.org"])
    shown = admin.get(address).context["form"].initial

    values = {"name": "Joseph", "quota_mb": shown["quota_mb"], "active": "on"}
    page = admin.post(address, values | dict.fromkeys(SWITCHES, "on") | {"smtp_active": ""})

    mailbox = Mailbox.objects.get()
    assert (mailbox.name, mailbox.quota, mailbox.smtp_active) == ("Joseph", 1_234_567, False)
    assert told(page) == ["Mailbox joe@example.org saved."]
    assert LogEntry.objects.get(action="edit_mailbox").changes == {"name": ["Joe", "Joseph"]}


def switches_of(mailbox):
    mailbox.refresh_from_db()
    return {name: getattr(mailbox, name) for name in (*SWITCHES, "app_only", "must_change")}


@pytest.fixture
def joe(add_mailbox):
    joe = add_mailbox("joe@example.org", pop3_active=False, app_only=True)
    Mailbox.objects.update(must_change=True)
    return joe


def test_a_form_from_before_the_switches_leaves_them(admin, joe):
    address, before = reverse("mailbox-edit", args=[joe.pk]), switches_of(joe)
    opened = sent(admin.get(address))
    former = {"csrfmiddlewaretoken", "initial_digests", "name", "quota_mb", "smtp_active", "phone"}
    digests = [word for word in opened["initial_digests"].split() if word.split(":")[0] in former]
    fields = {name: value for name, value in opened.items() if name in former}
    fields |= {"initial_digests": " ".join(digests), "name": "Joe"}

    refused = admin.post(address, fields | {"quota_mb": "much"})
    assert (refused.status_code, list(errors(refused))) == (422, ["quota_mb"])
    admin.post(address, sent(refused) | {"quota_mb": "0"})

    assert (Mailbox.objects.get().name, switches_of(joe)) == ("Joe", before)


def test_a_script_that_sends_none_of_the_switches_leaves_them(admin, joe):
    before = switches_of(joe)

    admin.post(reverse("mailbox-edit", args=[joe.pk]), {"name": "Joe", "quota_mb": "0"})

    assert Mailbox.objects.get().name == "Joe"
    assert switches_of(joe) == before | {"smtp_active": False}  # which has always been a tick


def test_the_form_itself_switches_all_off_and_on(admin, joe):
    address = reverse("mailbox-edit", args=[joe.pk])
    names = [*SWITCHES, "app_only", "must_change"]

    opened = sent(admin.get(address))
    admin.post(address, {name: opened[name] for name in opened if name not in names})
    assert switches_of(joe) == dict.fromkeys(names, False)
    admin.post(address, sent(admin.get(address)) | dict.fromkeys(names, "on"))
    assert switches_of(joe) == dict.fromkeys(names, True)


def test_a_quota_above_the_domains_limit_is_refused_at_its_field(
    make_admin, sign_in, add_domain, add_mailbox
):
    add_domain("small.example", maxquota=500)
    add_mailbox("joe@small.example", quota=MB)
    client = sign_in(make_admin(domains=["small.example"]))

    page = client.post(
        reverse("mailbox-edit", args=["joe@small.example"]), {"quota_mb": "501", "active": "on"}
    )

    assert page.status_code == 422
    assert errors(page) == {
        "quota_mb": ["A mailbox of small.example needs a limit of at most 500\u00a0MB."]
    }


@pytest.mark.parametrize("stored", [-1, -5_000_000])  # PostfixAdmin writes -1
def test_saving_what_the_form_shows_ends_a_quota_that_dovecot_refuses(stored, admin, add_mailbox):
    add_mailbox("joe@example.org")
    Mailbox.objects.update(quota=stored)
    address = reverse("mailbox-edit", args=["joe@example.org"])
    shown = admin.get(address).context["form"].initial

    admin.post(address, {"quota_mb": shown["quota_mb"]} | dict.fromkeys(SWITCHES, "on"))

    assert (shown["quota_mb"], Mailbox.objects.get().quota) == (0, 0)
    assert LogEntry.objects.get(action="edit_mailbox").changes == {"quota": [stored, 0]}


def test_a_new_password_opens_the_mailbox_and_a_weak_one_is_refused(admin, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    address = reverse("mailbox-password", args=["joe@example.org"])

    refused = admin.post(address, {"password": "short"})
    done = admin.post(address, {"password": "another-9-bicycle"})

    assert refused.status_code == 422
    assert errors(refused) == {"password": ["Use at least 10 characters."]}
    assert told(done) == ["New password of joe@example.org saved."]
    mailbox.refresh_from_db()
    assert mailbox.check_password("another-9-bicycle")
    assert LogEntry.objects.filter(action="edit_password").count() == 1


def test_forwarding_is_shown_changed_and_ended(admin, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    address = reverse("mailbox-forwarding", args=["joe@example.org"])

    admin.post(address, {"targets": "a@elsewhere.example\nb@elsewhere.example"})
    assert forwarding_of(self_alias(mailbox)) == (
        ["a@elsewhere.example", "b@elsewhere.example"],
        False,
    )
    shown = admin.get(address).context["form"].initial
    assert shown == {"targets": "a@elsewhere.example\nb@elsewhere.example", "keep_copy": False}

    done = admin.post(address, {"targets": "", "keep_copy": "on"})
    assert told(done)[-1] == "Forwarding of joe@example.org saved."
    assert forwarding_of(self_alias(mailbox)) == ([], True)


def test_mail_stays_here_while_nobody_takes_what_is_forwarded(admin, add_mailbox):
    joe = add_mailbox("joe@example.org")
    ann = add_mailbox("ann@example.org")
    set_forwarding(actor=None, mailbox=joe, targets="ann@example.org", keep_copy=False)
    address = reverse("mailbox", args=["joe@example.org"])

    assert "Mail for this address goes to ann@example.org. Nothing is kept" in text(
        admin.get(address)
    )
    set_mailbox_active(actor=None, mailbox=ann, active=False)
    page = text(admin.get(address))
    assert "Mail for this address is delivered here" in page
    assert "ann@example.org off A copy stays in this mailbox." in page


def test_a_forwarding_that_leads_back_is_refused_with_its_path(admin, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")

    page = admin.post(
        reverse("mailbox-forwarding", args=["joe@example.org"]), {"targets": "sales@example.org"}
    )

    assert page.status_code == 422
    assert errors(page) == {
        "targets": [
            "This would create a mail loop: joe@example.org → sales@example.org → joe@example.org."
        ]
    }


def test_several_domains_are_sorted_by_address_only_and_one_also_by_change(
    example_org, other_net, make_admin, sign_in, add_mailbox
):
    add_mailbox("joe@example.org")
    client = sign_in(make_admin("both@example.org", domains=["example.org", "other.net"]))

    both = client.get(reverse("mailbox-list"), {"sort": "-changed"})
    one = client.get(reverse("mailbox-list"), {"sort": "-changed", "domain": "example.org"})

    assert (both.context["sort"], one.context["sort"]) == ("address", "-changed")


def test_the_page_of_a_mailbox_that_forwards_to_a_thousand_stays_small(superadmin, add_mailbox):
    ann = add_mailbox("ann@example.org")
    targets = [f"{number:03}{'a' * 40}@long.elsewhere.test" for number in range(999)]
    set_forwarding(actor=None, mailbox=ann, targets=targets, keep_copy=True)

    page = superadmin.get("/mailboxes/ann@example.org/")

    assert len(page.content) <= 25_000
    assert f"{targets[49]} and 949 more A copy stays in this mailbox." in text(page)


def test_its_page_says_where_mail_of_a_leaver_goes(admin, add_mailbox):
    add_mailbox("gone@example.org")
    Mailbox.objects.filter(pk="gone@example.org").update(active=False)
    Alias.objects.filter(pk="gone@example.org").update(goto="boss@elsewhere.example")

    page = text(admin.get(reverse("mailbox", args=["gone@example.org"])))

    assert "Its user cannot sign in; mail goes to boss@elsewhere.example." in page
    assert "refused" not in page
    assert "Nothing is forwarded" not in page


def test_its_page_says_that_mail_is_handed_on(superadmin, add_domain, add_mailbox):
    add_domain("moved.example", transport="smtp:[192.0.2.9]")
    add_mailbox("m1@moved.example")
    sentence = (
        "Mail is handed on to smtp:[192.0.2.9]; names that exist only there are refused here."
    )

    assert sentence in text(superadmin.get(reverse("mailbox", args=["m1@moved.example"])))
    assert "Mail for its mailboxes is handed on to smtp:[192.0.2.9]" in text(
        superadmin.get(reverse("domain", args=["moved.example"]))
    )


def test_its_page_says_that_a_row_with_a_blank_in_front_is_found_by_nobody(admin, add_mailbox):
    add_mailbox("caps@example.org")
    Mailbox.objects.filter(pk="caps@example.org").update(username=" caps@example.org")

    page = text(admin.get(reverse("mailbox", args=[" caps@example.org"])))

    assert "No look-up finds this row: it is spelled with capitals or blanks" in page
    assert "Make caps@example.org instead." in page


def test_an_address_that_exists_is_said_to_be_which_of_the_two_and_linked(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org")

    page = admin.post(reverse("mailbox-create"), fields(local_part="info"))
    assert "it is an alias. Delete it first; its recipients can become" in text(page)
    assert "/aliases/info@example.org/" in links(page)
    page = admin.post(
        reverse("alias-create"),
        {"local_part": "joe", "domain": "example.org", "targets": "x@elsewhere.example"},
    )
    assert "it is a mailbox. To send its mail on, use its forwarding, with a copy" in text(page)
    assert "/mailboxes/joe@example.org/" in links(page)


@pytest.mark.parametrize(("stored", "shown"), [(2048, "0.002 MB"), (1, "0.000001 MB")])
def test_a_quota_of_some_bytes_is_no_zero_and_stays_unless_it_is_changed(
    stored, shown, admin, add_mailbox
):
    add_mailbox("moved@example.org", quota=stored)
    address = reverse("mailbox-edit", args=["moved@example.org"])

    form = sent(admin.get(address))
    assert form["quota_mb"] == shown
    assert admin.post(address, form | {"name": "Moved"}).status_code == 302
    assert Mailbox.objects.values_list("name", "quota").get() == ("Moved", stored)


def test_its_page_names_its_names_in_alias_domains_and_which_one_signs_in(
    superadmin, twin, add_mailbox
):
    add_mailbox("mia@example.org")
    add_mailbox("own@example.org")
    add_mailbox("own@twin.example")

    page = text(superadmin.get(reverse("mailbox", args=["mia@example.org"])))
    assert "Also receives Add alias mia@twin.example alias domain" in page
    assert "Sign in as mia@example.org: the names in alias domains only receive." in page
    page = text(superadmin.get(reverse("mailbox", args=["own@example.org"])))
    assert "No alias or mailbox forwards here." in page
    assert "Sign in as" not in page
