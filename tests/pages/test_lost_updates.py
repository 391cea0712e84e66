from datetime import date
from time import process_time

import pytest
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from aliases.services import update_alias
from domains.models import AliasDomain, Domain
from domains.services import create_alias_domain, update_domain
from mailboxes.endings import set_ending
from mailboxes.forwarding import forwarding_of, self_alias, set_forwarding
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from mailboxes.vacations import set_vacation
from tests.pages.reading import error_codes, errors, sent, text
from tests.pages.test_access import OF_A_ROW, address_of

TICK, NO_TICK = "on", None
TWO_TARGETS = "joe@example.org\r\nann@elsewhere.example"
AWAY = {
    "subject": ("Away", "Gone"),
    "body": ("I am away.", "I am gone."),
    "first_day": ("2030-01-01", "2030-01-02"),
    "last_day": ("2030-02-01", "2030-02-02"),
    "interval": ("86400", "604800"),
}
# Each edit form, with two other values for whatever it sends; a tick has but one.
TYPED = {
    "domain-edit": {
        "description": ("Sales", "Support"),
        "mailboxes_1": ("50", "60"),
        "aliases_1": ("50", "60"),
        "maxquota_1": ("50 MB", "60 MB"),
        "quota_1": ("50 MB", "60 MB"),
        "password_expiry": ("50", "60"),
    },
    "domain-delivery": {
        "transport": ("smtp:[mx.example.org]:25", "relay:"),
        "backupmx": (TICK,),
        "verify_recipients": (TICK,),
    },
    "aliasdomain-edit": {
        "target_domain": ("second.example", "third.example"),
        "description": ("Sales", "Support"),
    },
    "alias-edit": {
        "targets": (f"{TWO_TARGETS}\r\nbob@elsewhere.example", "eve@elsewhere.example"),
        "access": ("internal", "members"),
        "access_text": ("We have closed", "We are closed"),
        "description": ("Sales", "Support"),
    },
    "mailbox-edit": {
        "name": ("Joe", "Joseph"),
        "quota_mb": ("50 MB", "60.25 MB"),
        "receives": (NO_TICK,),
        "smtp_active": (NO_TICK,),
        "sign_in_active": (NO_TICK,),
        "imap_active": (NO_TICK,),
        "pop3_active": (NO_TICK,),
        "sieve_active": (NO_TICK,),
        "app_only": (TICK,),
        "must_change": (TICK,),
        "phone": ("112", "113"),
        "email_other": ("a@elsewhere.example", "b@elsewhere.example"),
    },
    "mailbox-forwarding": {
        "targets": ("ann@elsewhere.example", "bob@elsewhere.example\r\neve@elsewhere.example"),
        "keep_copy": (NO_TICK,),
    },
    "admin-edit": {
        "superadmin": (TICK,),
        "must_change": (TICK,),
        "domains": ("example.org\r\nthird.example", "second.example"),
        "aliases_in": ("alias.example.org", "third.example"),
        "passwords_in": ("alias.example.org", "third.example"),
        "read_in": ("alias.example.org", "third.example"),
        "reseller": (NO_TICK,),
        "max_domains": ("50", "60"),
        "max_mailboxes": ("50", "60"),
        "max_storage": ("50 MB", "60 MB"),
        "resold": ("example.org", "second.example"),
        "phone": ("112", "113"),
        "email_other": ("a@elsewhere.example", "b@elsewhere.example"),
    },
    "alias-ending": {
        "last_day": ("2030-01-01", "2030-02-01"),
        "action": ("delete",),
    },
    "mailbox-away": AWAY,
    "own-away": AWAY,
    "own-forwarding": {
        "targets": ("ann@elsewhere.example", "bob@elsewhere.example"),
        "keep_copy": ("0",),
    },
}
OWN = {"own-forwarding", "own-away"}
INPUTS = [(name, field) for name, typed in TYPED.items() for field in typed]
BOTH = [(name, field) for name, field in INPUTS if len(TYPED[name][field]) == 2]
FORMS_OF_ANYTHING_ELSE = {
    "domain-new-address",
    "admin-password",
    "mailbox-password",
    "domain-copy",
    "domain-sender",
    "admin-invite",
    "mailbox-invite",
    "mailbox-send-as",
    "mailbox-senders",
    "mailbox-sharing",
    "alias-senders",
    "mailbox-rename",  # who comes second finds the mailbox gone from this address
    "domain-rename",
    "letter",  # until one is stored: tests/pages/test_letters.py
    "alias-rename",
    "aliasdomain-own",
    "domain-join",
    "mailbox-own-addresses",  # of one field: tests/pages/test_own_addresses.py
    "domain-own-addresses",
    "mailbox-ending",  # one field hangs on another: tests/pages/test_endings.py
    "mailbox-fetching-form",  # fields hang on others: tests/pages/test_fetching.py
    "mailbox-message",
    "domain-relay",  # one field hangs on another: tests/pages/test_mail_flow.py
}  # the others show nothing stored


@pytest.fixture
def world(add_domain, add_mailbox, add_alias, make_admin):
    limits = dict.fromkeys(("mailboxes", "aliases", "maxquota", "quota"), 100)
    domain = add_domain("example.org", **limits)
    source, *_others = [
        add_domain(f"{name}.example" + (".org" if name == "alias" else ""))
        for name in ("alias", "second", "third")
    ]
    create_alias_domain(actor=None, alias_domain=source, target_domain=domain)
    joe = add_mailbox("joe@example.org", quota=2_000_000)
    set_forwarding(actor=None, mailbox=joe, targets="first@elsewhere.example", keep_copy=True)
    days = {"first_day": date(2029, 12, 1), "last_day": date(2030, 3, 1)}
    set_vacation(actor=None, mailbox=joe, subject="On leave", body="Until March", **days)
    add_alias("sales@example.org", "joe@example.org", "ann@elsewhere.example", access="closed")
    sales = Alias.objects.get(pk="sales@example.org")
    set_ending(actor=None, row=sales, last_day=date(2029, 12, 1), action="off")
    budget = {"reseller": True, "max_domains": 5, "max_mailboxes": 5, "max_storage": 5}
    make_admin("theirs@example.org", domains=["example.org", "second.example"], **budget)
    return joe


@pytest.fixture
def two_people(client, world, make_admin):
    """``two_people("alias-edit")`` gives two clients of those who may open this form."""

    def people(name):
        clients = [client, type(client)()]
        for number, person in enumerate(clients):
            if name in OWN:
                person.force_login(world, backend="mailboxes.backends.MailboxBackend")
            else:
                root = make_admin(f"root{number}@example.org", superadmin=True)
                person.force_login(root, backend="accounts.backends.AdminBackend")
        return clients

    return people


def typed(values, field, value):
    values = {name: text for name, text in values.items() if name != field}
    return values if value is None else values | {field: value}


def shown(client, address, field):
    return sent(client.get(address)).get(field)


def conflicts(response, form="form"):
    found = response.context[form].errors.as_data()
    return {
        name: error.params["value"]
        for name, errors in found.items()
        for error in errors
        if error.code == "edit_conflict"
    }


def test_every_form_about_a_stored_row_is_tried_with_all_its_fields(two_people):
    root = two_people("alias-edit")[0]
    pages = {name: root.get(address_of(name)) for name in OF_A_ROW if not name.endswith("-bulk")}
    with_form = {name for name, page in pages.items() if "form" in (page.context or ())}
    assert with_form == TYPED.keys() - OWN | FORMS_OF_ANYTHING_ELSE

    for name in TYPED.keys() - OWN:
        form = pages[name].context["form"]
        assert {field.removesuffix("_1") for field in TYPED[name]} == set(form.fields)
        digests = sent(pages[name])["initial_digests"].split()
        assert {pair.partition(":")[0] for pair in digests} == set(form.fields)


@pytest.mark.parametrize(("name", "field"), INPUTS)
def test_what_somebody_else_saved_stays(name, field, two_people):
    first, second = two_people(name)
    address = address_of(name)
    opened, theirs = sent(first.get(address)), TYPED[name][field][0]
    mine = next(other for other in reversed(TYPED[name]) if other != field)
    my_value = TYPED[name][mine][-1]

    saved = second.post(address, typed(sent(second.get(address)), field, theirs))
    after = first.post(address, typed(opened, mine, my_value))

    assert (saved.status_code, after.status_code) == (302, 302)
    assert shown(first, address, field) == theirs
    assert shown(first, address, mine) == my_value


@pytest.mark.parametrize(("name", "field"), BOTH)
def test_what_both_changed_is_told_and_replaced_by_the_second_save(name, field, two_people):
    first, second = two_people(name)
    address = address_of(name)
    opened, (theirs, mine) = sent(first.get(address)), TYPED[name][field]
    second.post(address, typed(sent(second.get(address)), field, theirs))

    refused = first.post(address, typed(opened, field, mine))
    assert refused.status_code == 422
    conflict = field.removesuffix("_1")
    assert error_codes(refused) == {conflict: ["edit_conflict"]}
    assert sent(refused)[field] == mine
    assert shown(first, address, field) == theirs

    assert first.post(address, sent(refused)).status_code == 302
    assert shown(first, address, field) == mine


@pytest.mark.parametrize(("name", "field"), BOTH)
def test_whoever_clicks_twice_or_saves_the_same_is_not_stopped(name, field, two_people):
    first, second = two_people(name)
    address = address_of(name)
    pages = [sent(person.get(address)) for person in (first, first, second)]
    value = TYPED[name][field][1]

    answers = [first.post(address, typed(page, field, value)) for page in pages]

    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert shown(first, address, field) == value


@pytest.mark.parametrize("digests", [None, "", "x", "description:", "targets:zzzzzzzzzzzzzzzz x:1"])
def test_without_digests_of_the_initial_values_all_that_is_posted_counts(digests, two_people):
    first, second = two_people("alias-edit")
    address = address_of("alias-edit")
    opened = typed(sent(first.get(address)), "initial_digests", digests)
    second.post(address, typed(sent(second.get(address)), "description", "Theirs"))

    first.post(address, typed(opened, "targets", "eve@elsewhere.example"))

    alias = Alias.objects.get(pk="sales@example.org")
    assert (alias.goto, alias.description) == ("eve@elsewhere.example", "")


def test_as_much_as_fits_of_what_a_page_was_drawn_from_takes_no_longer_than_other_text(two_people):
    first, _second = two_people("own-forwarding")
    opened = sent(first.get(reverse("own-forwarding")))
    began = process_time()

    saved = first.post(reverse("own-forwarding"), opened | {"drawn": "a" * 250_000})

    assert (saved.status_code, process_time() - began < 5) == (302, True)


def test_no_target_is_lost_and_the_log_names_no_other_change(two_people):
    first, _second = two_people("alias-edit")
    address = address_of("alias-edit")
    opened = sent(first.get(address))
    alias = Alias.objects.get(pk="sales@example.org")
    update_alias(actor=None, alias=alias, targets=[*alias.targets, "new@elsewhere.example"])

    first.post(address, opened | {"description": "Sales"})

    alias.refresh_from_db()
    assert alias.targets == ["joe@example.org", "ann@elsewhere.example", "new@elsewhere.example"]
    assert LogEntry.objects.latest("pk").changes == {"description": ["", "Sales"]}


def test_a_target_that_another_program_took_away_does_not_stop_the_form(two_people):
    first, _second = two_people("alias-edit")
    Alias.objects.filter(pk="sales@example.org").update(goto="root,joe@example.org")
    address = address_of("alias-edit")
    opened = sent(first.get(address))
    Alias.objects.filter(pk="sales@example.org").update(goto="joe@example.org")

    saved = first.post(address, opened | {"description": "Sales"})

    alias = Alias.objects.get(pk="sales@example.org")
    assert saved.status_code == 302
    assert (alias.goto, alias.description) == ("joe@example.org", "Sales")


@pytest.mark.parametrize(
    ("theirs", "now"),
    [
        ({"mailboxes": 50}, {"mailboxes": "Up to 50"}),
        ({"mailboxes": 0}, {"mailboxes": "Unlimited"}),
        ({"mailboxes": -1}, {"mailboxes": "None allowed"}),
        ({"maxquota": 0, "quota": 0}, {"maxquota": "Unlimited", "quota": "Unlimited"}),
        ({"description": "Theirs"}, {"description": "Theirs"}),
    ],
)
def test_the_error_says_what_is_stored_now(theirs, now, two_people):
    first, _second = two_people("domain-edit")
    address = address_of("domain-edit")
    opened = sent(first.get(address))
    update_domain(actor=None, domain=Domain.objects.get(pk="example.org"), **theirs)

    mine = {
        field: TYPED["domain-edit"][field][1] for field in TYPED["domain-edit"] if "_1" in field
    }
    refused = first.post(address, opened | mine | {"description": "Mine"})

    assert conflicts(refused) == now


def test_of_many_targets_the_error_names_those_first_that_would_go(two_people):
    first, _second = two_people("alias-edit")
    alias = Alias.objects.get(pk="sales@example.org")
    many = [f"person{n:03}@elsewhere.example" for n in range(500)]
    update_alias(actor=None, alias=alias, targets=many)
    address = address_of("alias-edit")
    opened = sent(first.get(address))
    update_alias(actor=None, alias=alias, targets=[*many, "new@elsewhere.example"])

    refused = first.post(address, opened | {"targets": "\r\n".join(many[1:])})

    now = conflicts(refused)["targets"]
    assert now.startswith("person000@elsewhere.example, new@elsewhere.example, person001@")
    assert (len(now), now[-1]) == (300, "…")


def test_a_domain_admin_is_told_by_the_words_of_the_select(world, add_domain, make_admin, sign_in):
    names = ["alias.example.org", "example.org", "xn--mller-kva.example", "third.example"]
    add_domain("müller.example")
    client = sign_in(make_admin("own@example.org", domains=names))
    address = address_of("aliasdomain-edit")
    opened = sent(client.get(address))
    AliasDomain.objects.update(target_domain="xn--mller-kva.example")

    refused = client.post(address, opened | {"target_domain": "third.example"})

    assert '<option value="xn--mller-kva.example">müller.example</option>' in refused.text
    assert conflicts(refused) == {"target_domain": "müller.example"}


def test_a_domain_admin_does_not_undo_what_a_superadmin_set(world, make_admin, sign_in):
    client = sign_in(make_admin("own@example.org", domains=["example.org"]))
    address = address_of("mailbox-edit")
    opened = sent(client.get(address))
    update_mailbox(actor=None, mailbox=world, quota=50_000_000, smtp_active=False)

    client.post(address, opened | {"name": "Joe"})

    joe = Mailbox.objects.get()
    assert (joe.name, joe.quota, joe.smtp_active) == ("Joe", 50_000_000, False)


def test_an_ended_forwarding_is_said_to_be_empty(two_people, world):
    first, _second = two_people("own-forwarding")
    opened = sent(first.get(reverse("own-forwarding")))
    set_forwarding(actor=None, mailbox=world, targets="", keep_copy=True)

    mine = opened | {"targets": "eve@elsewhere.example"}
    refused = first.post(reverse("own-forwarding"), mine)

    assert conflicts(refused) == {"targets": "empty"}
    assert forwarding_of(self_alias(Mailbox.objects.get())) == ([], True)


def test_a_wrong_value_in_a_conflict_says_both(two_people):
    first, _second = two_people("alias-edit")
    address = address_of("alias-edit")
    opened = sent(first.get(address))
    alias = Alias.objects.get(pk="sales@example.org")
    update_alias(actor=None, alias=alias, targets=["new@elsewhere.example"])

    refused = first.post(address, opened | {"targets": "nobody"})

    assert error_codes(refused) == {"targets": ["invalid_address", "edit_conflict"]}
    assert conflicts(refused) == {"targets": "new@elsewhere.example"}
    assert "new@elsewhere.example" in text(refused)


def test_a_form_that_comes_back_shows_what_somebody_else_saved(two_people):
    first, _second = two_people("mailbox-edit")
    address = address_of("mailbox-edit")
    opened = sent(first.get(address))
    Mailbox.objects.update(name="Theirs", smtp_active=False)

    refused = first.post(address, opened | {"quota_mb": "1000"})
    assert list(errors(refused)) == ["quota_mb"]
    assert (sent(refused)["name"], "smtp_active" in sent(refused)) == ("Theirs", False)

    first.post(address, sent(refused) | {"quota_mb": "3"})
    mailbox = Mailbox.objects.get()
    assert (mailbox.name, mailbox.smtp_active, mailbox.quota_mb) == ("Theirs", False, 3)


def test_a_mailbox_user_does_not_undo_what_the_administrator_set(two_people, world):
    user, _same = two_people("own-forwarding")
    opened = sent(user.get(reverse("own-forwarding")))
    set_forwarding(actor=None, mailbox=world, targets="desk@elsewhere.example", keep_copy=True)

    user.post(reverse("own-forwarding"), typed(opened, "keep_copy", "0"))

    assert forwarding_of(self_alias(Mailbox.objects.get())) == (["desk@elsewhere.example"], False)


def test_the_form_of_the_longest_alias_stays_below_100_kb(two_people):
    first, _second = two_people("alias-edit")
    many = [f"{n:03}.{'x' * 48}@elsewhere.example" for n in range(915)]
    alias = Alias.objects.get(pk="sales@example.org")
    update_alias(actor=None, alias=alias, targets=many)

    page = first.get(address_of("alias-edit"))

    assert len(Alias.objects.get(pk=alias.pk).goto) > 64_000
    assert len(page.content) < 100_000
    assert len(sent(page)["initial_digests"]) < 110  # of four fields


@pytest.mark.parametrize("name", ["domain-create", "alias-create", "mailbox-create", "account"])
def test_a_form_of_nothing_stored_sends_no_more_than_before(name, two_people):
    root, _other = two_people("alias-edit")

    assert 'name="initial_digests"' not in root.get(reverse(name)).text
