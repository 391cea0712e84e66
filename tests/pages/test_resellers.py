import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.models import Admin, LogEntry
from accounts.services import update_admin
from aliases.models import Alias
from domains.models import AliasDomain, Domain
from domains.services import create_alias_domain, create_domain, update_domain
from mailboxes.models import Deleted
from tests.pages.reading import error_codes, links, rows, sent, text, told

SMALL = {"mailboxes": 5, "quota": 100, "aliases": 10, "maxquota": 50}
LIMITS = {
    **{f"{name}_0": "limited" for name in SMALL},
    **{f"{name}_1": str(number) for name, number in SMALL.items()},
    "password_expiry": "",
    "description": "",
}
BUDGET = {"reseller": "on", "max_domains": "10", "max_mailboxes": "500", "max_storage": "100 GB"}


@pytest.fixture
def reseller(make_reseller):
    return make_reseller()


@pytest.fixture
def firm(reseller):
    return create_domain(actor=reseller, name="firm.example", **SMALL)


@pytest.fixture
def given(reseller, add_domain):
    """A domain that a superadmin let the reseller manage: it does not count."""
    domain = add_domain("given.example")
    names = [*Admin.objects.get(pk=reseller.pk).domain_names, "given.example"]
    update_admin(actor=None, admin=reseller, domains=names)
    return domain


@pytest.fixture
def theirs(reseller, sign_in):
    return sign_in(Admin.objects.get(pk=reseller.pk))


def page(client, name, *args):
    return client.get(reverse(name, args=args))


def create(client, name="firm.example", **fields):
    return client.post(reverse("domain-create"), {"name": name, **LIMITS, **fields})


# --- The reseller


def test_a_reseller_without_domains_is_offered_to_create_one(theirs):
    for name in ("dashboard", "domain-list", "mailbox-list"):
        assert reverse("domain-create") in links(page(theirs, name))


def test_the_form_has_what_resellers_may_set(theirs):
    shown = page(theirs, "domain-create")

    assert shown.status_code == 200
    assert "Your budget: 0 of 3 domains · 0 of 20 mailboxes · 0 of 1000 MB" in text(shown).replace(
        "\N{NO-BREAK SPACE}", " "
    )
    fields = {"transport", "backupmx", "verify_recipients", "sending_limit"}
    assert fields & shown.context["form"].fields.keys() == set()


def test_a_created_domain_is_theirs(theirs, reseller):
    answer = create(theirs)

    assert (answer.status_code, answer.url) == (302, "/domains/firm.example/")
    assert Domain.objects.get().reseller == reseller.pk
    assert page(theirs, "domain", "firm.example").status_code == 200
    assert "1 of 3 domains · 5 of 20 mailboxes" in text(page(theirs, "domain-list"))
    assert "1 of 3 domains · 5 of 20 mailboxes" in text(page(theirs, "account"))


def test_what_is_too_much_is_said_at_its_field(theirs):
    answer = create(theirs, mailboxes_1="21", quota_0="unlimited")

    assert answer.status_code == 422
    assert error_codes(answer) == {"mailboxes": ["budget"], "quota": ["budget"]}
    assert "At most 20 are left of your budget." in text(answer)


def test_all_errors_are_there_beside_a_field_that_cannot_be_read(theirs):
    answer = create(theirs, mailboxes_1="21", aliases_1="many")

    assert error_codes(answer) == {"aliases": ["invalid"], "mailboxes": ["budget"]}


@pytest.fixture
def unproved(settings, monkeypatch):
    """Nothing is theirs, as the DNS says. Returns the names that were asked for."""
    asked = []
    monkeypatch.setattr(
        "domains.dns.asking.Asking.texts", lambda asking, name: asked.append(name) or []
    )
    settings.RESELLERS_PROVE_DOMAINS = True
    return asked


@pytest.mark.parametrize("name", ["victim.example", "sub.victim.example", "free.example"])
def test_without_proof_nobody_learns_which_domains_are_here(name, theirs, unproved, add_domain):
    add_domain("victim.example")

    answer = create(theirs, name, password_expiry="x", mailboxes_1="21")

    assert error_codes(answer) == {
        "name": ["unproved"],
        "mailboxes": ["budget"],
        "password_expiry": ["invalid"],
    }
    assert unproved == [f"_mailadmin.{name}"]


@pytest.mark.parametrize("name", ["victim.example", "sub.victim.example", "free.example"])
def test_nor_by_another_name(name, theirs, firm, unproved, add_domain):
    add_domain("victim.example")
    new = {"alias_domain": name, "target_domain": "firm.example", "description": "x" * 256}

    answer = theirs.post(reverse("aliasdomain-create"), new)

    assert error_codes(answer) == {"alias_domain": ["unproved"], "description": ["max_length"]}


def test_a_field_without_a_name_proves_nothing(theirs, unproved):
    answer = create(theirs, "", password_expiry="x", mailboxes_1="21")

    assert error_codes(answer).keys() == {"name", "mailboxes", "password_expiry"}
    assert unproved == []


def test_fields_that_nobody_shows_are_not_written(theirs):
    create(theirs, transport="smtp:[192.0.2.7]", backupmx="on", reseller="root@example.org")

    domain = Domain.objects.get()
    assert (domain.transport, domain.backupmx) == ("virtual", False)


def test_another_name_can_be_new_here(theirs, firm):
    new = {"alias_domain": "firm.test", "target_domain": "firm.example", "description": ""}

    answer = theirs.post(reverse("aliasdomain-create"), new)

    assert answer.status_code == 302
    assert AliasDomain.objects.get().pk == "firm.test"
    assert Domain.objects.get(pk="firm.test").mailboxes == -1


def test_limits_of_an_own_domain_are_changed(theirs, firm):
    assert reverse("domain-edit", args=["firm.example"]) in links(
        page(theirs, "domain-settings", "firm.example")
    )
    edit = page(theirs, "domain-edit", "firm.example")

    theirs.post(reverse("domain-edit", args=["firm.example"]), sent(edit) | {"mailboxes_1": "6"})
    answer = theirs.post(
        reverse("domain-edit", args=["firm.example"]), sent(edit) | {"mailboxes_1": "21"}
    )

    assert Domain.objects.get().mailboxes == 6
    assert (answer.status_code, [*error_codes(answer)]) == (422, ["mailboxes"])
    assert LogEntry.objects.latest("pk").changes == {"mailboxes": [5, 6]}


def test_an_own_domain_is_switched_and_deleted(theirs, firm):
    theirs.post(reverse("domain-state", args=["firm.example"]), {"active": "0"})
    off = Domain.objects.get().active
    answer = theirs.post(
        reverse("domain-delete", args=["firm.example"]), {"confirm": "firm.example"}
    )

    assert off is False
    assert (answer.status_code, Domain.objects.count()) == (302, 0)
    *_before, message = get_messages(answer.wsgi_request)
    assert (str(message), message.extra_tags) == ("Domain firm.example deleted.", "")
    assert rows(page(theirs, "deleted-list")) == []
    number = Deleted.objects.get().pk
    assert page(theirs, "deleted-restore", number).status_code == 404


@pytest.mark.parametrize("name", ["domain-edit", "domain-state", "domain-delete"])
def test_a_domain_that_does_not_count_is_not_theirs_to_change(name, theirs, given):
    assert page(theirs, "domain", "given.example").status_code == 200
    assert page(theirs, name, "given.example").status_code == 404
    assert theirs.post(reverse(name, args=["given.example"]), {}).status_code == 404
    settings = page(theirs, "domain-settings", "given.example")
    assert reverse(name, args=["given.example"]) not in links(settings)


def test_several_at_once_if_they_are_all_theirs(theirs, firm, given):
    shown = page(theirs, "domain-list").content.decode()
    both = {"action": "deactivate", "selected": ["firm.example", "given.example"]}
    answer = theirs.post(reverse("domain-bulk"), both | {"confirmed": "1"})
    theirs.post(reverse("domain-bulk"), both | {"selected": "firm.example", "confirmed": "1"})

    assert ('value="firm.example"' in shown, 'value="given.example"' in shown) == (True, False)
    assert shown.count('class="row-select"') == 3  # with that of the head
    assert answer.status_code == 404
    assert [*Domain.objects.filter(active=False)] == [firm]


def test_of_others_who_lead_there_nothing_is_told_or_changed(
    theirs, firm, example_org, add_alias, add_domain
):
    add_alias("secret@example.org", "ann@firm.example", "bob@firm.example")
    create_alias_domain(actor=None, alias_domain=add_domain("theirs.test"), target_domain=firm)
    asked = {
        name: text(page(theirs, name, "firm.example")) for name in ("domain-state", "domain-delete")
    }
    deletion = {"confirm": "firm.example", "drop": "1", "emptied": "delete", "links": "1"}
    refused = theirs.post(reverse("domain-delete", args=["firm.example"]), deletion)

    assert [name for name, said in asked.items() if "secret@" in said or "theirs" in said] == []
    assert refused.status_code == 422
    assert "A domain of somebody else leads to firm.example." in text(refused)
    assert "theirs.test" not in text(refused)

    AliasDomain.objects.all().delete()
    theirs.post(reverse("domain-delete", args=["firm.example"]), deletion)

    assert Domain.objects.filter(pk="firm.example").count() == 0
    assert Alias.objects.get(pk="secret@example.org").goto == "ann@firm.example,bob@firm.example"


@pytest.mark.parametrize("role", ["aliases", "read"])
def test_what_leads_there_from_a_domain_of_a_lesser_role_is_treated_if_it_may_be_changed(
    role, theirs, firm, given, reseller, add_alias, settings
):
    settings.EXTERNAL_TARGETS = True
    update_admin(actor=None, admin=Admin.objects.get(pk=reseller.pk), roles={"given.example": role})
    add_alias("both@given.example", "ann@firm.example", "bob@elsewhere.example")
    add_alias("only@given.example", "ann@firm.example")
    treated = role == "aliases"

    asked = page(theirs, "domain-delete", "firm.example")
    deletion = {"confirm": "firm.example", "drop": "1", "emptied": "delete"}
    theirs.post(reverse("domain-delete", args=["firm.example"]), deletion)

    named = ["both@given.example", "only@given.example"] if treated else []
    assert [target.alias for target in asked.context["referrers"]] == named
    assert [alias.pk for alias in asked.context["referrers_emptied"]] == named[1:]
    assert ('name="drop"' in asked.text) is treated
    assert ("And 2 in domains or at role addresses" in text(asked)) is not treated
    assert not Domain.objects.filter(pk="firm.example").exists()
    assert dict(Alias.objects.values_list("pk", "goto")) == (
        {"both@given.example": "bob@elsewhere.example"}
        if treated
        else {
            "both@given.example": "ann@firm.example,bob@elsewhere.example",
            "only@given.example": "ann@firm.example",
        }
    )


def test_an_alias_domain_of_a_lesser_role_is_for_a_superadmin_to_end(theirs, firm, given, reseller):
    create_alias_domain(actor=None, alias_domain=given, target_domain=firm)
    admin = Admin.objects.get(pk=reseller.pk)
    update_admin(actor=None, admin=admin, roles={"given.example": "aliases"})
    deletion = {"confirm": "firm.example", "links": "1"}
    several = {"action": "delete", "selected": "firm.example", "confirmed": "1", "confirm": "0"}

    asked = page(theirs, "domain-delete", "firm.example")
    one = theirs.post(reverse("domain-delete", args=["firm.example"]), deletion)
    many = theirs.post(reverse("domain-bulk"), several)

    assert (asked.context["alias_domains"], 'name="links"' in asked.text) == ([], False)
    assert [answer.status_code for answer in (one, many)] == [422, 422]
    refusal = "Ask a superadmin to end that first."
    assert [refusal in text(answer) for answer in (one, many)] == [True, True]
    assert "given.example" in text(page(theirs, "domain-state", "firm.example"))
    assert AliasDomain.objects.count() == 1


def test_what_is_for_superadmins_is_for_them(theirs, firm):
    of_superadmins = ["domain-delivery", "domain-relay", "domain-dkim-create", "domain-dns-publish"]

    found = {name: page(theirs, name, "firm.example").status_code for name in of_superadmins}

    assert found == dict.fromkeys(of_superadmins, 404)
    assert page(theirs, "admin-list").status_code == 404


def test_with_one_domain_the_others_are_still_a_click_away(theirs, firm):
    assert page(theirs, "dashboard").status_code == 200
    assert reverse("domain-list") in page(theirs, "domain", "firm.example").content.decode()


def test_who_resells_no_more_finds_none_of_it(theirs, firm, reseller):
    update_admin(actor=None, admin=reseller, reseller=False)

    assert page(theirs, "domain-create").status_code == 404
    assert page(theirs, "domain-edit", "firm.example").status_code == 404
    assert page(theirs, "domain", "firm.example").status_code == 200


# --- The superadmin


@pytest.fixture
def root(make_admin, sign_in):
    return sign_in(make_admin("root@example.org", superadmin=True))


def test_a_superadmin_gives_a_budget(root, make_admin, example_org):
    make_admin("it@example.org", domains=["example.org"])
    place = reverse("admin-edit", args=["it@example.org"])

    answer = root.post(place, sent(root.get(place)) | BUDGET | {"resold": "Example.org"})

    admin = Admin.objects.get(pk="it@example.org")
    assert answer.status_code == 302
    assert (admin.max_domains, admin.max_mailboxes, admin.max_storage) == (10, 500, 102400)
    assert Domain.objects.get().reseller == "it@example.org"
    said = text(root.get(reverse("admin", args=["it@example.org"])))
    assert "Reseller Budget 1 of 10 domains · mailboxes without a limit over budget" in said
    settings = root.get(reverse("domain-settings", args=["example.org"]))
    assert "Reseller it@example.org" in text(settings)


@pytest.mark.parametrize("storage", ["", "no limit"])
def test_an_empty_field_is_no_limit(storage, root, reseller):
    place = reverse("admin-edit", args=[reseller.pk])
    empty = {"max_domains": "", "max_mailboxes": "", "max_storage": storage}

    root.post(place, sent(root.get(place)) | empty)

    admin = Admin.objects.get(pk=reseller.pk)
    assert (admin.reseller, admin.max_domains, admin.max_mailboxes, admin.max_storage) == (
        *(True, None, None, None),
    )


def test_a_budget_below_what_is_in_use_is_taken_and_said(root, reseller, firm):
    place = reverse("admin-edit", args=[reseller.pk])

    answer = root.post(place, sent(root.get(place)) | {"max_mailboxes": "2"})

    assert answer.status_code == 302
    said = text(root.get(reverse("admin", args=[reseller.pk])))
    assert "1 of 3 domains · 5 of 2 mailboxes over budget · " in said


@pytest.mark.parametrize(
    ("field", "typed", "code"),
    [
        ("max_domains", "-1", "min_value"),
        ("max_mailboxes", "many", "invalid"),
        ("max_storage", "0.5 MB", "whole"),
        ("resold", "absent.example", "unknown_domain"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field, typed, code, root, reseller):
    place = reverse("admin-edit", args=[reseller.pk])

    answer = root.post(place, sent(root.get(place)) | {field: typed})

    assert answer.status_code == 422
    assert error_codes(answer) == {field: [code]}


def test_a_new_administrator_can_be_one_at_once(root, password):
    new = {"username": "new@example.org", "password": password, "domains": "", **BUDGET}

    root.post(reverse("admin-create"), new)

    assert Admin.objects.get(pk="new@example.org").is_reseller is True


def test_what_a_superadmin_gave_beyond_it_uses_it_up(theirs, firm):
    update_domain(actor=None, domain=firm, mailboxes=30)

    assert "5 of 20" not in text(theirs.get(reverse("domain-list")))
    assert "30 of 20 mailboxes over budget" in text(theirs.get(reverse("domain-list")))
    answer = create(theirs, "other.example", mailboxes_1="1")
    assert error_codes(answer) == {"mailboxes": ["budget"]}


def test_the_log_says_old_and_new(root, reseller):
    place = reverse("admin-edit", args=[reseller.pk])
    root.post(place, sent(root.get(place)) | {"max_storage": "2 GB", "max_domains": ""})

    said = text(root.get(reverse("log")))

    assert "Budget: domains" in said
    assert told(root.get(place)) == []


def test_a_reseller_finds_no_page_for_another_name(theirs, firm):
    rename = reverse("domain-rename", args=[firm.pk])

    assert theirs.get(rename).status_code == 404
    assert theirs.post(rename, {"name": "other.example"}).status_code == 404
    assert rename not in links(page(theirs, "domain-settings", firm.pk))
    assert Domain.objects.get() == firm
