import pytest

from aliases.effects import Destination, destinations, find_fallbacks, in_words, outcome
from aliases.models import Alias
from aliases.services import delete_alias, set_alias_active, update_alias
from domains.models import Domain
from domains.services import create_alias_domain, set_domain_active, update_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from mailboxes.services import delete_mailbox, set_mailbox_active
from tests.refusals import refused


@pytest.fixture
def superadmin(make_admin):
    return make_admin(superadmin=True)


@pytest.fixture
def old_example(example_org, add_domain):
    domain = add_domain("old.example")
    create_alias_domain(actor=None, alias_domain=domain, target_domain=example_org)
    return domain


@pytest.fixture
def fallback_of(superadmin):
    """``fallback_of("a@example.org", …)``: who answers once these stop, one for each."""

    def find(*addresses, model=Alias):
        rows = model.objects.select_related("domain__alias_of__target_domain")
        rows = list(rows.filter(pk__in=addresses).order_by("pk"))
        find_fallbacks(superadmin, rows)
        return [row.fallback and row.fallback.pk for row in rows]

    return find


def test_the_catch_all_answers_unless_it_leads_to_nobody(
    fallback_of, example_org, add_mailbox, add_alias
):
    late = add_mailbox("late@example.org")
    add_alias("sales@example.org", "ann@elsewhere.example")
    add_alias("@example.org", "late@example.org")

    assert fallback_of("sales@example.org") == ["@example.org"]
    set_mailbox_active(actor=None, mailbox=late, active=False)
    assert fallback_of("sales@example.org") == [None]


def test_an_admin_without_domains_is_not_told_who_answers_in_another_domain(
    old_example, make_admin, add_alias
):
    add_alias("sales@example.org", "ann@elsewhere.example")
    add_alias("sales@old.example", "bob@elsewhere.example")
    rows = Alias.objects.select_related("domain__alias_of__target_domain")
    row = rows.get(pk="sales@old.example")

    find_fallbacks(make_admin("nobody@example.org"), [row])

    assert (row.fallback, row.hidden_domain) == (None, "example.org")


@pytest.mark.parametrize("target", ["Eve <eve@off.example>", "eve@off.example."])
def test_a_target_is_said_to_be_inactive_with_its_domain_however_another_program_wrote_it(
    superadmin, example_org, add_alias, add_domain, target
):
    off = add_domain("off.example")
    add_alias("list@example.org", "ann@elsewhere.example")
    Alias.objects.filter(pk="list@example.org").update(goto=target)

    alias = Alias.objects.get(pk="list@example.org")

    assert destinations(superadmin, alias) == [Destination(target, "external")]
    set_domain_active(actor=None, domain=off, active=False)
    assert destinations(superadmin, alias) == [
        Destination(target, "covered", active=False, undeliverable=True)
    ]


def test_what_stops_together_does_not_answer_for_each_other(
    fallback_of, example_org, add_mailbox, add_alias
):
    add_mailbox("kit@example.org")
    add_mailbox("tom@example.org")
    add_alias("@example.org", "kit@example.org", "tom@example.org")
    add_alias("sales@example.org", "ann@elsewhere.example")

    both = ("kit@example.org", "tom@example.org")
    assert fallback_of("kit@example.org", model=Mailbox) == ["@example.org"]
    assert fallback_of(*both, model=Mailbox) == [None, None]
    assert fallback_of("@example.org", "sales@example.org") == [None, None]
    tom = Mailbox.objects.get(pk="tom@example.org")
    set_mailbox_active(actor=None, mailbox=tom, active=False)
    assert fallback_of("kit@example.org", model=Mailbox) == [None]


def test_in_an_alias_domain_the_target_answers_when_its_own_rows_do_not(
    fallback_of, old_example, other_net, add_alias
):
    info = add_alias("info@example.org", "ann@elsewhere.example")
    add_alias("@example.org", "bob@elsewhere.example")
    add_alias("info@old.example", "gone@other.net")

    assert fallback_of("info@old.example") == ["info@example.org"]
    set_alias_active(actor=None, alias=info, active=False)
    assert fallback_of("info@old.example") == ["@example.org"]
    add_alias("@old.example", "lost@other.net")  # leads to nobody, so it does not answer
    assert fallback_of("info@old.example") == ["@example.org"]
    assert fallback_of("@old.example") == ["@example.org"]


def test_an_answer_that_leads_to_nobody_by_way_of_other_aliases_is_none(
    fallback_of, example_org, other_net, add_mailbox, add_alias
):
    late = add_mailbox("late@other.net")
    add_alias("team@other.net", "late@other.net")
    add_alias("all@other.net", "team@other.net")
    add_alias("@example.org", "all@other.net")
    add_alias("sales@example.org", "ann@elsewhere.example")

    assert fallback_of("sales@example.org") == ["@example.org"]
    assert fallback_of("sales@example.org", "team@other.net") == [None, None]
    set_mailbox_active(actor=None, mailbox=late, active=False)
    assert fallback_of("sales@example.org") == [None]


def test_an_inactive_target_of_an_alias_domain_answers_nothing(
    fallback_of, old_example, example_org, add_alias
):
    add_alias("info@example.org", "ann@elsewhere.example")
    add_alias("info@old.example", "bob@elsewhere.example")

    assert fallback_of("info@old.example") == ["info@example.org"]
    set_domain_active(actor=None, domain=example_org, active=False)
    assert fallback_of("info@old.example") == [None]


def test_a_mailbox_answers_even_while_its_forwarding_leads_nowhere(
    fallback_of, old_example, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    Alias.objects.filter(pk="joe@example.org").update(goto="joe@old.example")
    add_alias("joe@old.example", "ann@elsewhere.example")

    assert fallback_of("joe@old.example") == ["joe@example.org"]


def test_a_catch_all_into_a_domain_that_is_handed_on_goes_on_answering(
    fallback_of, example_org, add_domain, add_mailbox, add_alias
):
    add_domain("backup.example", backupmx=True)
    add_mailbox("kit@backup.example")
    add_alias("@example.org", "kit@backup.example")
    add_alias("sales@example.org", "kit@backup.example")

    assert fallback_of("sales@example.org") == ["@example.org"]


def test_what_another_program_wrote_about_an_alias_itself_may_stay(example_org, add_alias):
    own = add_alias("list@example.org", "ann@elsewhere.example")
    Alias.objects.filter(pk=own.pk).update(goto="list@example.org,ann@elsewhere.example")
    own.refresh_from_db()

    update_alias(actor=None, alias=own, targets=own.targets, description="Ours")
    assert Alias.objects.get().description == "Ours"
    with refused("itself"):
        update_alias(actor=None, alias=own, targets=["list@example.org"])


def test_an_alias_left_with_itself_alone_is_deleted_with_its_last_target(
    example_org, add_mailbox, add_alias
):
    bob = add_mailbox("bob@example.org")
    add_alias("list@example.org", "bob@example.org")
    own = Alias.objects.get(pk="list@example.org")
    Alias.objects.filter(pk=own.pk).update(goto="list@example.org,bob@example.org")

    delete_mailbox(actor=None, mailbox=bob, clean=Alias.objects.filter(pk=own.pk), emptied="delete")

    assert Alias.objects.count() == 0


def test_deleting_an_alias_leaves_a_mailbox_of_the_targets_its_own_mail(
    example_org, add_mailbox, add_alias
):
    add_mailbox("bob@example.org")
    sales = add_alias("sales@example.org", "ann@elsewhere.example")
    Alias.objects.filter(pk="bob@example.org").update(goto="bob@example.org,sales@example.org")

    delete_alias(actor=None, alias=sales, clean=Alias.objects.filter(pk="bob@example.org"))

    assert Alias.objects.get().goto == "bob@example.org"


# --- What happens to mail for a row


@pytest.fixture
def outcome_of(superadmin):
    """``outcome_of(Mailbox, "joe@example.org")``: (kind, destinations, whether a copy is kept)."""

    def find(model, address):
        row = model.objects.select_related("domain__alias_of__target_domain").get(pk=address)
        alias = Alias.objects.filter(pk=address).first()
        lookup = find_fallbacks(superadmin, [row], [alias] if alias else [])
        found = outcome(superadmin, row, alias, lookup)
        return found.kind, [str(target) for target in found.destinations], found.keeps_copy

    return find


def test_mail_of_an_inactive_mailbox_goes_on_while_its_own_row_is_active(
    outcome_of, example_org, add_mailbox
):
    add_mailbox("gone@example.org")
    Mailbox.objects.filter(pk="gone@example.org").update(active=False)
    own = Alias.objects.filter(pk="gone@example.org")

    own.update(goto="boss@elsewhere.example")
    assert outcome_of(Mailbox, "gone@example.org") == (
        "forwarded",
        ["boss@elsewhere.example"],
        False,
    )
    own.update(goto="gone@example.org,boss@elsewhere.example")
    assert outcome_of(Mailbox, "gone@example.org") == (
        "forwarded",
        ["boss@elsewhere.example"],
        False,
    )
    own.update(active=False)
    assert outcome_of(Mailbox, "gone@example.org") == ("refused", [], False)


def test_changing_the_forwarding_of_a_leaver_does_not_stop_it(outcome_of, example_org, add_mailbox):
    add_mailbox("gone@example.org")
    Mailbox.objects.filter(pk="gone@example.org").update(active=False)
    Alias.objects.filter(pk="gone@example.org").update(goto="boss@elsewhere.example")
    gone = Mailbox.objects.get(pk="gone@example.org")

    set_forwarding(actor=None, mailbox=gone, targets="new@elsewhere.example", keep_copy=False)
    assert outcome_of(Mailbox, gone.pk) == ("forwarded", ["new@elsewhere.example"], False)
    set_forwarding(actor=None, mailbox=gone, targets="")
    assert Alias.objects.get(pk=gone.pk).active is False


def test_mail_of_a_domain_with_a_transport_is_handed_on(
    outcome_of, superadmin, add_domain, example_org, add_mailbox, add_alias
):
    add_domain("moved.example", transport="smtp:[192.0.2.9]")
    add_mailbox("m1@moved.example")
    add_mailbox("off@moved.example", active=False)
    alias = add_alias("to@example.org", "m1@moved.example", "joe@elsewhere.example")

    assert outcome_of(Mailbox, "m1@moved.example") == ("handed on", [], False)
    assert outcome_of(Mailbox, "off@moved.example") == ("refused", [], False)
    found = destinations(superadmin, alias)
    assert [target.next_server for target in found] == ["smtp:[192.0.2.9]", ""]
    assert in_words(found) == "1 address that is handed on and 1 external address"


def test_in_a_backup_mx_domain_every_name_is_handed_on(outcome_of, add_domain, add_mailbox):
    add_domain("backup.example", backupmx=True)
    add_mailbox("off@backup.example", active=False)

    assert outcome_of(Mailbox, "off@backup.example") == ("handed on", [], False)


def test_a_row_with_a_blank_in_front_is_found_by_nobody(
    outcome_of, example_org, add_mailbox, add_alias
):
    add_mailbox("caps@example.org")
    Alias.objects.filter(pk="caps@example.org").delete()
    Mailbox.objects.filter(pk="caps@example.org").update(username=" caps@example.org")

    assert outcome_of(Mailbox, " caps@example.org") == ("refused", [], False)
    add_alias("@example.org", "ann@elsewhere.example")
    assert outcome_of(Mailbox, " caps@example.org") == ("fallback", [], False)


def test_the_transport_virtual_with_a_colon_delivers_here(outcome_of, example_org, add_mailbox):
    add_mailbox("joe@example.org")
    Domain.objects.update(transport="virtual:")  # by another program

    assert outcome_of(Mailbox, "joe@example.org") == ("delivered", [], False)


def test_a_name_that_is_only_listed_is_handed_on_while_its_domain_is(
    superadmin, add_domain, add_alias
):
    gate = add_domain("gate.example", transport="smtp:[192.0.2.9]")
    add_alias("master@gate.example", "master@gate.example")

    def told():
        row = Alias.objects.select_related("domain__alias_of__target_domain").get()
        lookup = find_fallbacks(superadmin, [row])
        return outcome(superadmin, row, row, lookup).kind, destinations(superadmin, row)

    itself = Destination("master@gate.example", "external", next_server="smtp:[192.0.2.9]")
    assert told() == ("handed on", [itself])

    update_domain(actor=None, domain=gate, transport="virtual")

    nobody = Destination("master@gate.example", "external", undeliverable=True)
    assert told() == ("refused", [nobody])


@pytest.fixture
def busy_example(example_org, old_example, add_domain, add_mailbox, add_alias):
    add_domain("gate.example", transport="smtp:[192.0.2.9]")
    add_domain("backup.example", backupmx=True)
    add_domain("caught.example")
    add_domain("off.example")
    for address in ("joe@example.org", "ann@old.example", "ann@gate.example", "ann@backup.example"):
        add_mailbox(address)
        add_alias(address.replace("@", "2@"), "joe@example.org")
    for address in ("copy@example.org", "away@example.org", "vain@example.org", "eve@off.example"):
        mailbox = add_mailbox(address)
        target = "gone@example.org" if address.startswith("vain") else "x@else.example"
        copy = not address.startswith("away")
        set_forwarding(actor=None, mailbox=mailbox, targets=[target], keep_copy=copy)
    add_mailbox("late@caught.example", active=False)
    add_mailbox("late@example.org", active=False)
    add_alias("@caught.example", "joe@example.org")
    add_alias("sales@caught.example", "x@else.example", "late@example.org")
    add_alias("in-vain@caught.example", "late@example.org")
    add_alias("to-late@example.org", "late@example.org")
    add_alias("only@gate.example", "only@gate.example")
    add_alias("sleeps@gate.example", "sleeps@gate.example", active=False)
    add_alias("sleeps@example.org", "x@else.example", active=False)
    add_alias("late@old.example", "late@example.org", active=False)
    add_alias("copy@old.example", "x@else.example")
    set_domain_active(actor=None, domain=Domain.objects.get(pk="off.example"), active=False)


def test_a_page_tells_of_a_change_what_is_so_when_it_is_made(superadmin, busy_example):
    def read(model):
        rows = model.objects.select_related("domain__alias_of__target_domain").order_by("pk")
        return [row for row in rows if not getattr(row, "is_self_alias", False)]

    def told(row, then=None):
        alias = Alias.objects.get(pk=row.pk)
        lookup = find_fallbacks(superadmin, [row], [alias])
        return outcome(superadmin, row, alias, lookup, then=then)

    before = {
        row.pk: told(row, not row.active) for model in (Mailbox, Alias) for row in read(model)
    }
    after = {}
    for model, switch in ((Mailbox, set_mailbox_active), (Alias, set_alias_active)):
        for row in read(model):
            is_active, kind = row.active, model.__name__.lower()
            switch(actor=None, **{kind: row}, active=not is_active)
            after[row.pk] = told(
                model.objects.select_related("domain__alias_of__target_domain").get(pk=row.pk)
            )
            switch(actor=None, **{kind: row}, active=is_active)

    assert before == after
    assert {found.kind for found in after.values()} == {
        "delivered",
        "forwarded",
        "handed on",
        "fallback",
        "refused",
        "domain off",
    }


def test_what_answers_instead_may_be_a_name_that_the_next_server_knows(
    fallback_of, add_domain, add_alias
):
    gate = add_domain("gate.example", transport="smtp:[192.0.2.9]")
    create_alias_domain(actor=None, alias_domain=add_domain("to-gate.example"), target_domain=gate)
    add_alias("master@gate.example", "master@gate.example")
    add_alias("master@to-gate.example", "x@else.example")

    assert fallback_of("master@to-gate.example") == ["master@gate.example"]
