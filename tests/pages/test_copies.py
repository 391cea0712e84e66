import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains import main_cf
from domains.copies import MOST
from domains.copy_services import add_copy
from domains.models import Copy, Domain
from domains.services import delete_domain
from mailboxes.models import Mailbox
from tests.pages.reading import text


@pytest.fixture
def ann(example_org, add_mailbox):
    return add_mailbox("ann@example.org")


def add(client, **values):
    page = reverse("domain-copy", args=["example.org"])
    return client.post(
        page, {"direction": "to", "local_part": "info", "goto": "ann@example.org"} | values
    )


def flow(client):
    return text(client.get(reverse("domain-flow", args=["example.org"])))


@pytest.mark.parametrize(
    ("values", "said", "action", "target"),
    [
        ({}, "Mail to info@example.org goes to ann@example.org too.", "to", "info@example.org"),
        (
            {"local_part": "", "direction": "from"},
            "Mail from example.org goes to ann@example.org too.",
            *("from", "@example.org"),
        ),
        (
            {"direction": "from", "goto": "boss@elsewhere.example"},
            "Mail from info@example.org goes to boss@elsewhere.example too.",
            *("from", "info@example.org"),
        ),
    ],
)
def test_a_domain_admin_adds_a_copy_and_the_log_names_it(values, said, action, target, admin, ann):
    done = add(admin, **values)

    assert done.url == reverse("domain-flow", args=["example.org"])
    assert said in flow(admin)
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.domain, entry.data and entry.changes) == (
        f"edit_copies_{action}",
        "example.org",
        {"copy": [None, values.get("goto", "ann@example.org")]},
    )
    assert Copy.objects.get().address == target


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"local_part": "ann"}, "goto", "Mail goes there already."),
        ({"goto": "nobody@example.org"}, "goto", "nobody@example.org is no mailbox"),
        ({"goto": "sales@example.org"}, "goto", "sales@example.org is no mailbox"),
        ({"goto": "joe@other.net"}, "goto", "joe@other.net is no mailbox"),
        ({"goto": "no address"}, "goto", "“no address” is not an e-mail address."),
        ({"goto": "a@elsewhere.example, b@elsewhere.example"}, "goto", "“a@elsewhere.example, b@"),
        ({"local_part": "a b"}, "local_part", "“a b” is not a valid local part"),
        ({"direction": "both"}, "direction", "Select a valid choice."),
    ],
)
def test_what_postfix_would_not_do_is_refused_at_its_field(
    values, field, said, admin, ann, add_alias, add_mailbox
):
    add_alias("sales@example.org", "ann@example.org")
    add_mailbox("joe@other.net")

    page = add(admin, **values)

    assert page.status_code == 422
    [error] = page.context["form"].errors[field]
    assert error.startswith(said)
    assert not Copy.objects.exists()


def test_an_address_has_one_copy(admin, ann):
    add(admin)

    page = add(admin, goto="boss@elsewhere.example")

    [error] = page.context["form"].errors["local_part"]
    assert error.startswith("There is a copy already")
    assert Copy.objects.get().goto == "ann@example.org"
    assert add(admin, direction="from").status_code == 302


def test_where_targets_elsewhere_are_for_superadmins_copies_are_too(
    admin, ann, example_org, settings, make_admin
):
    settings.EXTERNAL_TARGETS = False

    assert add(admin, goto="boss@elsewhere.example").status_code == 422
    assert not Copy.objects.exists()

    somebody = make_admin(superadmin=True)
    add_copy(actor=somebody, domain=example_org, direction="to", goto="boss@elsewhere.example")
    assert Copy.objects.get().goto == "boss@elsewhere.example"


@pytest.mark.parametrize("local_part", ["postmaster", "abuse", ""])
def test_mail_to_role_addresses_is_copied_for_superadmins_alone(
    local_part, admin, ann, example_org, settings, make_admin
):
    """Whoever reads such mail can get a TLS certificate for the domain."""
    refused = add(admin, local_part=local_part)

    assert refused.status_code == 422
    assert list(refused.context["form"].errors) == ["local_part"]
    assert not Copy.objects.exists()

    settings.ROLE_ADDRESSES_PROTECTED = False
    assert add(admin, local_part=local_part).status_code == 302
    Copy.objects.all().delete()
    settings.ROLE_ADDRESSES_PROTECTED = True
    add_copy(
        actor=make_admin(superadmin=True),
        domain=example_org,
        direction="to",
        local_part=local_part,
        goto="ann@example.org",
    )
    assert Copy.objects.get().address == f"{local_part}@example.org"


def test_a_domain_has_a_hundred_copies_and_no_more(admin, ann):
    Copy.objects.bulk_create(
        Copy(domain="example.org", direction="to", address=f"a{n}@example.org", goto=ann.pk)
        for n in range(MOST)
    )
    page = admin.get(reverse("domain-flow", args=["example.org"]))
    assert page.text.count('name="copy"') == MOST

    assert "A domain has at most 100 copies." in text(add(admin))


def test_a_copy_is_removed(admin, ann):
    add(admin)
    remove = reverse("domain-copy-remove", args=["example.org"])

    admin.post(remove, {"copy": Copy.objects.get().pk})

    assert not Copy.objects.exists()
    assert LogEntry.objects.latest("pk").changes == {"copy": ["ann@example.org", None]}


@pytest.mark.parametrize("number", ["", "x", "9" * 30, "-1"])
def test_a_number_that_is_no_copy_of_the_domain_removes_nothing(number, admin, ann, other_net):
    add(admin)
    theirs = Copy.objects.create(
        domain="other.net", direction="to", address="@other.net", goto="x@y.example"
    )
    remove = reverse("domain-copy-remove", args=["example.org"])

    admin.post(remove, {"copy": number})
    admin.post(remove, {"copy": theirs.pk})

    assert Copy.objects.count() == 2


def test_the_page_says_that_a_mailbox_for_copies_is_off(admin, ann):
    add(admin)
    assert "not copied" not in flow(admin)

    Mailbox.objects.update(active=False)

    assert "not copied: nobody takes mail there" in flow(admin)


def test_the_search_says_who_gets_a_copy(admin, ann):
    add_copy(
        actor=None,
        domain=Domain.objects.get(pk="example.org"),
        direction="to",
        local_part="ann",
        goto="boss@elsewhere.example",
    )

    page = text(admin.get("/search/", {"q": "ann@example.org"}))
    assert "A copy goes to boss@elsewhere.example." in page
    assert "A copy goes" not in text(admin.get("/search/", {"q": "nobody@example.org"}))


def test_copies_need_their_parts_of_main_cf(superadmin, ann):
    add(superadmin)
    add(superadmin, direction="from")
    assert "no effect: copies-from, copies-to." in flow(superadmin)

    main_cf.remember({"copies-to", "copies-from"})
    assert "no effect" not in flow(superadmin)


def test_a_deleted_domain_leaves_no_copy(ann, example_org):
    add_copy(actor=None, domain=example_org, direction="to", goto="ann@example.org")

    delete_domain(actor=None, domain=example_org)

    assert not Copy.objects.exists()


@pytest.fixture
def copied(ann, example_org, other_net, add_mailbox, add_alias):
    bob = add_mailbox("bob@example.org")
    add_alias("sales@example.org", bob.pk)
    for domain, name, goto in [
        (example_org, "ann", bob.pk),
        (example_org, "sales", ann.pk),
        (other_net, "", ann.pk),
    ]:
        add_copy(actor=None, domain=domain, direction="to", local_part=name, goto=goto)


OF_ANN, OF_SALES, OF_OTHERS = (
    "Mail to ann@example.org goes to bob@example.org too.",
    "Mail to sales@example.org goes to ann@example.org too.",
    "Mail to other.net goes to ann@example.org too.",
)
UNSEEN = "Copies of mail of domains that you do not manage end too."


@pytest.mark.parametrize(
    ("page", "values", "ends"),
    [
        ("/mailboxes/ann@example.org/delete/", None, [OF_ANN, OF_SALES, UNSEEN]),
        ("/mailboxes/bob@example.org/delete/", None, [OF_ANN]),
        ("/aliases/sales@example.org/delete/", None, [OF_SALES]),
        (
            "/mailboxes/bulk/",
            {"selected": ["ann@example.org", "bob@example.org"]},
            [OF_ANN, OF_SALES, UNSEEN],
        ),
        ("/aliases/bulk/", {"selected": ["sales@example.org"]}, [OF_SALES]),
    ],
)
def test_a_page_that_asks_before_it_deletes_names_the_copies_that_end(
    page, values, ends, admin, copied
):
    answer = admin.post(page, values | {"action": "delete"}) if values else admin.get(page)

    assert answer.status_code == 200
    said = text(answer)
    assert [line for line in (OF_ANN, OF_SALES, OF_OTHERS, UNSEEN) if line in said] == ends
    assert "These copies end:" in said


def test_a_page_that_deletes_what_is_in_no_copy_says_nothing_of_them(admin, copied, add_mailbox):
    add_mailbox("eve@example.org")

    assert "opies" not in text(admin.get("/mailboxes/eve@example.org/delete/"))


def test_the_page_of_a_domain_names_those_of_others_alone(superadmin, copied):
    said = text(superadmin.get("/domains/example.org/delete/"))

    assert [line for line in (OF_ANN, OF_SALES, OF_OTHERS) if line in said] == [OF_OTHERS]
