import pytest
from django.urls import reverse

from aliases.models import Alias
from domains.models import AliasDomain, DomainUsage
from domains.services import update_domain
from mailboxes.models import Mailbox
from tests.pages.reading import errors, links, text, told

JOIN = reverse("domain-join", args=["old.example"])


@pytest.fixture
def both(add_domain, add_mailbox, add_alias):
    domains = add_domain("old.example"), add_domain("new.example")
    add_mailbox("ann@old.example")
    return domains


@pytest.fixture
def clash(both, add_mailbox, add_alias):
    for name in ("old", "new"):
        add_mailbox(f"info@{name}.example")
    add_alias("sales@old.example", "ann@old.example")
    add_alias("sales@new.example", "info@new.example")


def sent(**fields):
    return {"target_domain": "new.example"} | fields


def test_what_changes_is_shown_and_then_done(as_superadmin, both):
    assert JOIN in links(as_superadmin.get(reverse("domain-settings", args=["old.example"])))
    assert as_superadmin.get(JOIN).status_code == 200

    shown = as_superadmin.post(JOIN, sent(preview="1"))

    assert shown.status_code == 200
    assert "old.example becomes another name of new.example" in text(shown)
    assert "ann@old.example → ann@new.example" in text(shown)
    assert AliasDomain.objects.count() == 0
    done = as_superadmin.post(JOIN, sent())
    assert done.url == reverse("domain", args=["new.example"])
    assert told(done) == ["old.example is another name of new.example now."]
    assert Mailbox.objects.get().pk == "ann@new.example"


@pytest.mark.parametrize("preview", [{}, {"preview": "1"}])
def test_each_name_that_is_taken_is_asked_about_at_its_own_field(as_superadmin, clash, preview):
    page = as_superadmin.post(JOIN, sent(**preview))

    assert page.status_code == 422
    assert errors(page) == {
        "name info": [
            "info@old.example is a mailbox, and info@new.example exists, too. Enter another name for the mailbox."
        ],
        "choice sales": [
            "sales@old.example and sales@new.example exist and differ. Choose what becomes of sales@old.example."
        ],
    }
    assert AliasDomain.objects.count() == 0


def test_the_answers_are_done(as_superadmin, clash):
    answers = {"name info": "info.old", "choice sales": "add"}

    shown = as_superadmin.post(JOIN, sent(preview="1", **answers))
    as_superadmin.post(JOIN, sent(**answers))

    assert "info@old.example → info.old@new.example" in text(shown)
    assert dict(Alias.objects.filter(pk__startswith="sales").values_list("pk", "goto")) == {
        "sales@new.example": "info@new.example,ann@new.example"
    }
    assert Alias.objects.get(pk="info@old.example").goto == "info.old@new.example"


def test_another_name_for_an_alias_is_asked_for_and_checked(as_superadmin, clash):
    answers = {"name info": "info.old", "choice sales": "name"}
    nothing = as_superadmin.post(JOIN, sent(**answers))
    taken = as_superadmin.post(JOIN, sent(**answers, **{"name sales": "info"}))

    assert list(errors(nothing)) == ["name sales"]
    assert list(errors(taken)) == ["name sales"]
    as_superadmin.post(JOIN, sent(**answers, **{"name sales": "shop"}))
    assert Alias.objects.get(pk="sales@old.example").goto == "shop@new.example"


def test_errors_of_the_other_domain_are_at_its_field_beside_the_others(as_superadmin, clash, both):
    update_domain(actor=None, domain=both[1], mailboxes=1)

    page = as_superadmin.post(JOIN, sent())

    assert set(errors(page)) == {"target_domain", "name info", "choice sales"}


def test_the_domain_itself_and_one_that_is_not_there_are_refused(as_superadmin, both):
    for name, said in (
        ("old.example", "A domain cannot be its own target."),
        ("nowhere.example", "You manage no domain of this name. Check the spelling."),
        ("", "Choose a domain."),
    ):
        assert errors(as_superadmin.post(JOIN, sent(target_domain=name))) == {
            "target_domain": [said]
        }


def test_it_is_for_superadmins_alone(sign_in, make_admin, both):
    client = sign_in(make_admin(domains=["old.example", "new.example"]))

    assert client.get(JOIN).status_code == 404
    assert client.post(JOIN, sent()).status_code == 404
    assert JOIN not in links(client.get(reverse("domain-settings", args=["old.example"])))
    assert Mailbox.objects.get().pk == "ann@old.example"


@pytest.mark.parametrize("preview", [{}, {"preview": "1"}])
def test_a_domain_with_more_addresses_than_a_page_takes_is_refused(as_superadmin, both, preview):
    DomainUsage.objects.filter(pk="old.example").update(alias_rows=201)

    page = as_superadmin.post(JOIN, sent(**preview))

    assert errors(page) == {
        "__all__": [
            "old.example has more than 200 addresses, which takes long: use the command “domain join”."
        ]
    }
    assert Mailbox.objects.get().pk == "ann@old.example"
