from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Admin, LogEntry, PanelSession, SignInLink
from accounts.sign_in_links import make_link
from aliases.answers import ACCEPTED, REFUSED, answer
from aliases.models import Alias
from domains.copy_services import add_copy
from domains.models import DomainSenderRule, DomainUsage, SenderRule
from domains.services import update_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox, QuotaUsage
from tests.pages.reading import hidden_inputs, text, told

BACKEND = "accounts.backends.AdminBackend"
RENAME = reverse("mailbox-rename", args=["joe@example.org"])


@pytest.fixture
def joe(add_mailbox, add_alias):
    add_alias("sales@example.org", "joe@example.org", "partner@elsewhere.example")
    return add_mailbox("joe@example.org", name="Joe", quota=settings.QUOTA_MULTIPLIER)


def test_a_mailbox_gets_another_name_and_the_old_one_leads_there(admin, joe):
    set_forwarding(actor=None, mailbox=joe, targets="joe@home.example", keep_copy=True)

    asked = admin.get(RENAME)
    assert 'name="local_part" value="joe"' in asked.text
    assert "@example.org" in text(asked)
    done = admin.post(RENAME, {"local_part": "jo"})

    assert done.url == reverse("mailbox", args=["jo@example.org"])
    assert told(done) == ["joe@example.org is now jo@example.org, and an alias that leads there."]
    box = Mailbox.objects.get()
    assert (box.pk, box.name, box.maildir, box.password) == (
        "jo@example.org",
        joe.name,
        joe.maildir,
        joe.password,
    )
    assert dict(Alias.objects.values_list("address", "goto")) == {
        "jo@example.org": "jo@example.org,joe@home.example",
        "joe@example.org": "jo@example.org",
        "sales@example.org": "jo@example.org,partner@elsewhere.example",
    }
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.data, entry.changes) == (
        "rename_mailbox",
        "jo@example.org",
        {"username": ["joe@example.org", "jo@example.org"], "alias": [None, "joe@example.org"]},
    )
    assert admin.get(RENAME).status_code == 404


def test_a_link_that_signs_in_to_the_old_name_opens_nothing_for_who_gets_it_next(
    admin, joe, client, add_mailbox, settings
):
    settings.PANEL_URL = "https://panel.example"
    url, _until = make_link(actor=None, account=joe)
    admin.post(RENAME, {"local_part": "jo", "keep_alias": ""})
    Alias.objects.filter(pk="joe@example.org").delete()
    add_mailbox("joe@example.org", name="Another Joe")

    assert not SignInLink.objects.exists()
    client.logout()
    client.get(url.removeprefix("https://panel.example"), follow=True)
    client.post(reverse("sign-in-link"))
    assert "_auth_user_id" not in client.session


def test_the_old_address_is_as_old_as_it_was_and_the_new_one_begins(admin, joe):
    long_ago = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    Alias.objects.filter(pk="joe@example.org").update(created=long_ago, modified=long_ago)

    admin.post(RENAME, {"local_part": "jo"})

    old, new = (Alias.objects.get(pk=f"{name}@example.org") for name in ("joe", "jo"))
    assert (old.created, old.is_self_alias, new.is_self_alias) == (long_ago, False, True)
    assert old.modified > long_ago
    assert new.created > long_ago


def test_the_activity_says_the_old_name_and_the_new_one(admin, joe):
    admin.post(RENAME, {"local_part": "jo"})

    said = text(admin.get(reverse("log"), {"domain": "example.org"}))

    assert "joe@example.org" in said
    assert "jo@example.org" in said


@pytest.mark.parametrize("typed", ["jo@example.org", "JO", "jo@"])
def test_the_new_name_is_read_as_people_write_it(typed, admin, joe):
    admin.post(RENAME, {"local_part": typed})

    assert [*Mailbox.objects.values_list("pk", flat=True)] == ["jo@example.org"]


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "Enter the name before the @."),
        ("sales", "sales@example.org exists already: it is an alias."),
        ("joe", "joe@example.org exists already: it is a mailbox."),
        ("postmaster", "postmaster is a role address. Ask a superadmin to set it up."),
        ("jo@other.net", "Write the part before the @ only"),
    ],
)
def test_a_name_that_cannot_be_is_refused_at_its_field(typed, error, admin, joe):
    page = admin.post(RENAME, {"local_part": typed})

    assert page.status_code == 422
    assert page.context["form"].errors["local_part"][0].startswith(error)
    assert Mailbox.objects.get().pk == "joe@example.org"


def test_the_old_name_counts_as_an_alias_of_the_domain(admin, joe, example_org):
    update_domain(actor=None, domain=example_org, aliases=1)

    page = admin.post(RENAME, {"local_part": "jo"})

    assert page.status_code == 422
    assert "already has its 1 alias" in text(page)
    assert Mailbox.objects.get().pk == "joe@example.org"


def test_a_second_click_is_answered_as_the_first(admin, joe):
    [token] = set(hidden_inputs(admin.get(RENAME))["csrfmiddlewaretoken"])
    form = {"csrfmiddlewaretoken": token, "local_part": "jo"}
    first, second = (admin.post(RENAME, form) for _click in range(2))

    assert first.url == second.url == reverse("mailbox", args=["jo@example.org"])
    assert LogEntry.objects.filter(action="rename_mailbox").count() == 1


@pytest.fixture
def of_both(example_org, other_net, make_admin, sign_in):
    return sign_in(make_admin("both@example.org", domains=["example.org", "other.net"]))


def shown(page):
    """{sentence: names} of what changes, and the sentences about what does not go along."""
    said = page.context["said"]
    return dict(said.changes), [line for line, _names in said.stays]


def test_what_changes_is_shown_before_and_nothing_is_done(of_both, joe, add_alias, link):
    link("twin.example", "example.org")
    add_alias("all@other.net", "joe+list@example.org", "ann@elsewhere.example")
    add_copy(actor=None, domain=joe.domain, direction="to", goto=joe.pk, local_part="info")

    page = of_both.post(RENAME, {"local_part": "jo", "domain": "other.net", "preview": "1"})

    changes, stays = shown(page)
    assert page.status_code == 200
    assert changes == {
        "Its user signs in as jo@other.net from then on, here and in mail programs: tell them first. Sessions that are open end.": (),
        "Password, second factor, forwarding, quota and what it may be used for stay.": (),
        "Its mail and filters stay in example.org/joe/. No file is moved.": (),
        "It counts for the limits of other.net, no longer for those of example.org, and the administrators of other.net manage it.": (),
        "joe@example.org becomes an alias that leads to jo@other.net.": (),
        "2 aliases and forwardings lead to jo@other.net then:": (
            "all@other.net",
            "sales@example.org",
        ),
        "Copies (BCC) that go to joe@example.org go to jo@other.net, of mail to or from:": (
            "info@example.org",
        ),
    }
    assert stays == ["What was logged and delivered so far is found under joe@example.org."]
    assert "joe@example.org becomes jo@other.net" in text(page)
    assert "all@other.net" in text(page)
    assert Mailbox.objects.get().pk == "joe@example.org"
    assert not LogEntry.objects.filter(action="rename_mailbox").exists()


def test_a_preview_says_of_a_name_that_cannot_be_what_the_rename_would(admin, joe):
    page = admin.post(RENAME, {"local_part": "sales", "preview": "1"})

    assert page.status_code == 422
    assert page.context["form"].errors["local_part"][0].startswith("sales@example.org exists")
    assert "said" not in page.context


def test_it_moves_to_another_domain_and_all_that_names_it_goes_along(of_both, joe, add_alias):
    add_alias("all@other.net", "joe+list@example.org", "ann@elsewhere.example")

    done = of_both.post(RENAME, {"local_part": "jo", "domain": "other.net"})

    box = Mailbox.objects.get()
    assert done.url == reverse("mailbox", args=["jo@other.net"])
    assert (box.pk, box.local_part, box.domain_id, box.maildir, box.password) == (
        "jo@other.net",
        "jo",
        "other.net",
        "example.org/joe/",
        joe.password,
    )
    assert dict(Alias.objects.values_list("address", "goto")) == {
        "jo@other.net": "jo@other.net",
        "joe@example.org": "jo@other.net",
        "sales@example.org": "jo@other.net,partner@elsewhere.example",
        "all@other.net": "jo+list@other.net,ann@elsewhere.example",
    }
    assert usages() == {"example.org": (0, 2), "other.net": (1, 2)}
    # Whoever manages only one of the two reads it there.
    entries = LogEntry.objects.filter(action="rename_mailbox").order_by("pk")
    assert [*entries.values_list("domain", "data")] == [
        ("example.org", "joe@example.org"),
        ("other.net", "jo@other.net"),
    ]


def usages():
    rows = DomainUsage.objects.filter(pk__in=["example.org", "other.net"])
    return {row.pk: (row.mailboxes, row.alias_rows) for row in rows}


def test_the_old_address_is_given_up_where_that_is_wanted(of_both, joe, add_alias):
    page = of_both.post(RENAME, {"local_part": "jo", "give_up": "on", "preview": "1"})
    assert "joe@example.org is given up: mail is refused." in shown(page)[0]

    done = of_both.post(RENAME, {"local_part": "jo", "give_up": "on"})

    assert told(done) == ["joe@example.org is now jo@example.org."]
    assert dict(Alias.objects.values_list("address", "goto")) == {
        "jo@example.org": "jo@example.org",
        "sales@example.org": "jo@example.org,partner@elsewhere.example",
    }
    assert usages()["example.org"] == (1, 2)


def test_giving_it_up_names_the_catch_all_that_gets_its_mail_then(admin, joe, add_alias):
    add_alias("@example.org", "boss@elsewhere.example")

    page = admin.post(RENAME, {"local_part": "jo", "give_up": "on", "preview": "1"})

    assert "joe@example.org is given up: mail goes to the catch-all instead." in shown(page)[0]


def test_aliases_of_others_stay_and_are_told_by_their_number_alone(admin, joe, add_alias):
    add_alias("bills@other.net", "joe@example.org")
    kept = admin.post(RENAME, {"local_part": "jo", "preview": "1"})
    gone = admin.post(RENAME, {"local_part": "jo", "give_up": "on", "preview": "1"})

    assert shown(kept)[1][0] == (
        "1 alias in a domain that you do not manage goes on leading to joe@example.org, and so to jo@example.org."
    )
    assert shown(gone)[1][0] == (
        "1 alias in a domain that you do not manage goes on leading to joe@example.org, and reaches jo@example.org no longer."
    )
    assert "bills" not in kept.text + gone.text

    admin.post(RENAME, {"local_part": "jo"})

    assert Alias.objects.get(pk="bills@other.net").goto == "joe@example.org"


@pytest.mark.parametrize(
    ("role", "follow"), [("aliases", True), ("passwords", False), ("read", False)]
)
def test_aliases_of_a_domain_of_a_lesser_role_follow_where_they_may_be_changed(
    role, follow, narrowed, add_mailbox, add_alias
):
    add_mailbox("eve@other.net")
    add_alias("sales@example.org", "eve@other.net")
    client = narrowed(role)
    url = reverse("mailbox-rename", args=["eve@other.net"])
    form = {"local_part": "eva", "domain": "other.net", "give_up": "on"}
    changes, stays = shown(client.post(url, form | {"preview": "1"}))
    leads = "1 alias or forwarding leads to eva@other.net then:"
    left = "1 alias in a domain that you do not manage goes on leading to eve@other.net, and reaches eva@other.net no longer."

    assert changes.get(leads) == (("sales@example.org",) if follow else None)
    assert (left in stays) is not follow

    client.post(url, form)

    goto = "eva@other.net" if follow else "eve@other.net"
    assert Alias.objects.get(pk="sales@example.org").goto == goto


def test_a_role_address_goes_on_leading_to_whom_it_led(admin, joe, add_alias):
    add_alias("postmaster@example.org", "joe@example.org")

    admin.post(RENAME, {"local_part": "jo", "give_up": "on"})

    assert Alias.objects.get(pk="postmaster@example.org").goto == "jo@example.org"


def test_only_a_superadmin_gives_up_the_address_of_a_role(admin, as_superadmin, add_mailbox):
    add_mailbox("postmaster@example.org")
    url = reverse("mailbox-rename", args=["postmaster@example.org"])
    form = {"local_part": "post", "give_up": "on"}
    admin = as_superadmin.__class__()
    admin.force_login(Admin.objects.get(pk="theirs@example.org"), backend=BACKEND)

    page = admin.post(url, form)
    assert page.context["form"].errors == {
        "give_up": [
            "postmaster@example.org is a role address, which must go on receiving mail. Keep it as an alias."
        ]
    }
    assert as_superadmin.post(url, form).status_code == 302
    assert Mailbox.objects.get().pk == "post@example.org"


def test_a_domain_that_one_does_not_manage_is_no_choice(admin, of_one_more, joe):
    page = of_one_more.post(RENAME, {"local_part": "jo", "domain": "other.net"})

    assert page.context["form"].errors == {
        "domain": ["You manage no domain of this name. Check the spelling."]
    }
    assert Mailbox.objects.get().pk == "joe@example.org"


@pytest.fixture
def of_one_more(add_domain, example_org, make_admin, sign_in):
    add_domain("third.example")
    return sign_in(make_admin("more@example.org", domains=["example.org", "third.example"]))


def test_whoever_manages_one_domain_is_not_asked_for_it(admin, joe):
    page = admin.get(RENAME)

    assert 'name="domain"' not in page.text
    refused = admin.post(RENAME, {"local_part": "jo", "domain": "other.net"})
    assert refused.url == reverse("mailbox", args=["jo@example.org"])


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"mailboxes": -1}, "other.net may have no mailboxes."),
        ({"maxquota": 1, "quota": 1}, ""),
        ({"maxquota": -1}, "other.net does not use mailbox quotas. Use 0."),
        ({"maxquota": 5, "quota": 5}, "other.net has 0\xa0MB of its 5\xa0MB left."),
    ],
)
def test_the_limits_of_the_other_domain_are_kept(
    limits, error, of_both, joe, other_net, add_mailbox
):
    update_domain(actor=None, domain=other_net, **limits)
    if limits.get("quota") == 5:
        add_mailbox("ann@other.net", quota=5 * settings.QUOTA_MULTIPLIER)

    page = of_both.post(RENAME, {"local_part": "joe", "domain": "other.net"})

    if error:
        assert page.context["form"].errors["domain"][0].startswith(error)
        assert Mailbox.objects.filter(pk="joe@example.org").exists()
    else:
        assert page.status_code == 302


def test_an_alias_limit_is_no_limit_where_no_alias_is_left(admin, joe, example_org):
    update_domain(actor=None, domain=example_org, aliases=1)

    assert admin.post(RENAME, {"local_part": "jo", "give_up": "on"}).status_code == 302


def test_a_lifetime_of_passwords_begins_with_the_other_domain(of_both, joe, other_net):
    update_domain(actor=None, domain=other_net, password_expiry=30)
    before = timezone.now()

    page = of_both.post(RENAME, {"local_part": "joe", "domain": "other.net", "preview": "1"})
    of_both.post(RENAME, {"local_part": "joe", "domain": "other.net"})

    assert "Passwords have a lifetime in other.net: that of this one begins then." in shown(page)[0]
    left = Mailbox.objects.get().password_expiry - before
    assert 29 <= left.days <= 30


def test_figures_that_another_program_left_under_the_new_name_give_way(admin, joe):
    QuotaUsage.objects.create(username_id="jo@example.org", bytes=7)
    QuotaUsage.objects.create(username=joe, bytes=5)

    admin.post(RENAME, {"local_part": "jo"})

    assert [*QuotaUsage.objects.values_list("pk", "bytes")] == [("jo@example.org", 5)]


def test_the_users_sessions_in_the_panel_end(client, admin, joe, password):
    user = client.__class__()
    user.post("/login/", {"username": joe.pk, "password": password})
    assert PanelSession.objects.of(joe).count() == 1

    admin.post(RENAME, {"local_part": "jo"})

    assert PanelSession.objects.filter(kind="mailbox").count() == 0
    assert user.get("/").url.startswith("/login/")
    signed_in = user.post("/login/", {"username": "jo@example.org", "password": password})
    assert signed_in.status_code == 302


def test_a_loop_is_refused_and_nothing_is_changed(admin, joe):
    # With the new name its own forwarding would lead to itself, and Postfix would add the extension for ever.
    set_forwarding(actor=None, mailbox=joe, targets="jo+x@example.org", keep_copy=True)

    page = admin.post(RENAME, {"local_part": "jo"})

    assert page.status_code == 422
    assert "grow without end" in text(page)
    assert Mailbox.objects.get().pk == "joe@example.org"
    assert Alias.objects.get(pk="sales@example.org").targets[0] == "joe@example.org"


def test_what_does_not_go_along_is_named(superadmin, make_admin, joe, settings):
    settings.WEBMAIL_URL = "https://webmail.example.org/"
    make_admin("joe@example.org")
    SenderRule.objects.create(sender="joe@example.org", action="OK")

    page = superadmin.post(RENAME, {"local_part": "jo", "preview": "1"})

    assert shown(page)[1] == [
        "Webmail knows address book, identities and settings by the name: its user begins anew there.",
        "The administrator joe@example.org is another account and keeps its name.",
        "Rules about mail from joe@example.org stay as they are: they are about that name alone.",
        "What was logged and delivered so far is found under joe@example.org.",
    ]


def test_nothing_is_told_of_administrators_and_rules_that_one_does_not_manage(
    admin, make_admin, joe
):
    make_admin("joe@example.org")
    SenderRule.objects.create(sender="joe@example.org", action="OK")
    DomainSenderRule.objects.create(
        domain="other.net", list_number=1, sender="joe@example.org", action="OK"
    )

    page = admin.post(RENAME, {"local_part": "jo", "preview": "1"})

    assert shown(page)[1] == [
        "What was logged and delivered so far is found under joe@example.org."
    ]


@pytest.mark.parametrize("rows", [1, 4])
def test_a_preview_asks_as_many_queries_for_any_number(
    rows, of_both, joe, add_alias, django_assert_max_num_queries
):
    for number in range(rows):
        add_alias(f"a{number}@other.net", "joe@example.org")
        add_copy(
            actor=None, domain=joe.domain, direction="to", goto=joe.pk, local_part=f"i{number}"
        )
    of_both.post(RENAME, {"local_part": "jo", "give_up": "on", "preview": "1"})

    with django_assert_max_num_queries(33):
        of_both.post(RENAME, {"local_part": "jo", "give_up": "on", "preview": "1"})


@pytest.mark.parametrize("receives", [True, False])
def test_the_old_address_of_one_that_only_sends_is_closed(receives, admin, joe):
    Mailbox.objects.filter(pk=joe.pk).update(receives=receives)
    said, _stays = shown(admin.post(RENAME, {"local_part": "jo", "preview": "1"}))

    admin.post(RENAME, {"local_part": "jo"})

    old = Alias.objects.get(pk="joe@example.org")
    access = ("", "") if receives else ("closed", "This address is closed")
    assert (old.goto, old.access, old.access_text) == ("jo@example.org", *access)
    assert answer(None, "joe@example.org").kind == (ACCEPTED if receives else REFUSED)
    text = "It only sends mail, so joe@example.org is closed: it takes none, either."
    assert (text in said) is not receives
