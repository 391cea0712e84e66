import json

import pytest
from django.core.management.base import CommandError

from accounts.models import Admin, LogEntry
from domains.models import DomainAdmin


def test_add_creates_the_first_superadmin(run, db, password):
    printed = run("admin", "add", "Root@example.org", "--superadmin", stdin=password)

    admin = Admin.objects.get()
    assert printed == "Created administrator root@example.org.\n"
    assert (admin.pk, admin.superadmin, admin.active) == ("root@example.org", True, True)
    assert admin.check_password(password) is True
    assert LogEntry.objects.get().username == "CLI (localhost)"


def test_add_creates_the_administrator_of_domains(run, example_org, add_domain, password):
    add_domain("müller.example")

    run("admin", "add", "a@b.example", "--domains", "Example.org", "müller.example", stdin=password)

    assert Admin.objects.get().domain_names == ("example.org", "xn--mller-kva.example")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a@b.example"], "^Say what to manage"),
        (
            ["a@b.example", "--domains", "absent.example"],
            r"^Domains: No such domain: absent\.example\.",
        ),
        (["a@b.example", "--domains", "absent"], r"^Domains: No such domain: absent\."),
        (["somebody", "--superadmin"], "^E-mail address: Write the login name like"),
        (["a@b.example", "--superadmin", "--phone", "1" * 31], "^Phone: "),
    ],
)
def test_a_wrong_argument_creates_nobody(run, db, arguments, message, password):
    with pytest.raises(CommandError, match=message):
        run("admin", "add", *arguments, stdin=password)

    assert Admin.objects.count() == 0


@pytest.mark.parametrize("typed", ["ann@müller.example", "ann@xn--mller-kva.example"])
def test_either_form_of_an_international_name_will_do(run, db, typed, password):
    run("admin", "add", typed, "--superadmin", stdin=password)

    assert Admin.objects.get().pk == "ann@xn--mller-kva.example"
    for again in ("ann@müller.example", "ann@xn--mller-kva.example"):
        assert "ann@müller.example" in run("admin", "show", again).splitlines()[0]
    assert run("admin", "list", "--search", "ann@müller.example") == (
        "ann@xn--mller-kva.example\tyes\ton\n"
    )


def test_a_taken_name_is_refused(run, make_admin, password):
    make_admin("a@b.example", superadmin=True)

    with pytest.raises(CommandError, match=r"^E-mail address: .*exists"):
        run("admin", "add", "a@b.example", "--superadmin", stdin=password)


def test_list_filters(run, example_org, other_net, make_admin):
    make_admin("root@example.org", superadmin=True)
    make_admin("one@example.org", domains=["example.org"])
    make_admin("two@example.org", domains=["other.net"], active=False)

    def names(*options):
        return [line.split("\t")[0] for line in run("admin", "list", *options).splitlines()]

    assert names() == ["one@example.org", "root@example.org", "two@example.org"]
    assert names("--superadmins") == ["root@example.org"]
    assert names("--domain", "other.net") == ["two@example.org"]
    assert names("--on", "--search", "o") == ["one@example.org"]


def test_edit_replaces_the_domains_and_the_role(run, example_org, other_net, make_admin):
    make_admin("root@example.org", superadmin=True)
    make_admin("one@example.org", domains=["example.org"])

    run("admin", "edit", "one@example.org", "--domains", "other.net", "--phone", "112")
    record = json.loads(run("admin", "show", "one@example.org", "--json"))
    assert (record["domains"], record["phone"]) == (["other.net"], "112")

    run("admin", "edit", "one@example.org", "--superadmin", "--domains")
    record = json.loads(run("admin", "show", "one@example.org", "--json"))
    assert (record["domains"], record["superadmin"]) == ([], True)
    assert "password" not in record


@pytest.mark.parametrize(
    "arguments",
    [["edit", "--no-superadmin"], ["off"], ["delete", "--yes"]],
)
def test_the_last_superadmin_stays(run, make_admin, arguments):
    make_admin("root@example.org", superadmin=True)

    with pytest.raises(CommandError, match=r"^root@example\.org is the last superadmin"):
        run("admin", arguments[0], "root@example.org", *arguments[1:])

    admin = Admin.objects.get()
    assert (admin.superadmin, admin.active) == (True, True)


def test_delete_says_which_domains_lose_their_administrator(run, example_org, make_admin):
    make_admin("one@example.org", domains=["example.org"])

    run("admin", "delete", "one@example.org", typed=["one@example.org"])

    assert run.screen.splitlines()[:2] == [
        "one@example.org is no superadmin.",
        "Manages example.org. The domains stay.",
    ]
    assert Admin.objects.count() == 0


def test_a_domain_that_another_program_assigned_twice_is_listed_once(run, example_org, make_admin):
    ann = make_admin("ann@example.org", domains=["example.org"])
    DomainAdmin.objects.create(username=ann, domain=example_org)

    assert run("admin", "list", "--domain", "example.org") == "ann@example.org\tno\ton\n"
    assert json.loads(run("admin", "show", ann.pk, "--json"))["domains"] == ["example.org"]
    assert json.loads(run("domain", "show", "example.org", "--json"))["admins"] == [ann.pk]


def test_password_is_generated_and_printed_once(run, make_admin):
    make_admin("root@example.org", superadmin=True)

    record = json.loads(run("admin", "password", "root@example.org", "--generate", "--json"))

    assert Admin.objects.get().check_password(record["password"]) is True


def test_a_missing_administrator_is_named(run, db):
    with pytest.raises(CommandError, match=r"^There is no administrator nobody@example\.org\."):
        run("admin", "password", "nobody@example.org", "--generate")


def test_a_budget_is_given_changed_and_shown(run, example_org, password):
    budget = ["--reseller-domains", "10", "--reseller-mailboxes", "500"]
    run("admin", "add", "a@b.example", "--reseller", *budget, stdin=password)
    run("admin", "edit", "a@b.example", "--domains", "example.org", "--resold", "example.org")
    run(
        "admin",
        "edit",
        "a@b.example",
        "--reseller-storage",
        "2GB",
        "--reseller-domains",
        "unlimited",
    )

    shown = json.loads(run("admin", "show", "a@b.example", "--json"))

    names = ("reseller", "max_domains", "max_mailboxes", "max_storage_mb", "resold")
    assert [shown[name] for name in names] == [True, None, 500, 2048, ["example.org"]]
    assert json.loads(run("domain", "show", "example.org", "--json"))["reseller"] == "a@b.example"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reseller-domains", "none"], "neither a whole number nor"),
        (["--resold", "example.org"], "^Domains that count: Not among the domains"),
    ],
)
def test_a_wrong_budget_changes_nothing(run, make_reseller, example_org, arguments, message):
    reseller = make_reseller()

    with pytest.raises(CommandError, match=message):
        run("admin", "edit", reseller.pk, *arguments)

    assert Admin.objects.get().max_domains == 3


def test_the_user_of_a_mailbox_needs_no_password(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    run("admin", "add", "it@firm.example", "--by-mailbox", "joe@example.org")

    assert Admin.objects.get().domain_names == ("example.org",)
    shown = json.loads(run("admin", "show", "it@firm.example", "--json"))
    assert (shown["mailbox"], shown["domains"]) == ("joe@example.org", ["example.org"])
    assert (shown["superadmin"], shown["reseller"]) == (False, False)
    assert "joe@example.org" in run("admin", "show", "it@firm.example")
    assert json.loads(run("admin", "list", "--json"))["mailbox"] == "joe@example.org"
    assert run("admin", "list", "--superadmins", "--json") == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--generate"], "there is no password"),
        (["--invite"], "there is no password"),
        (["--superadmin"], "^Superadmin: Whoever signs in with a mailbox manages only its domain"),
        (["--domains", "other.net"], "^Domains: Whoever signs in with a mailbox"),
        (["--by-mailbox", "nobody@example.org"], "^Mailbox: There is no mailbox nobody@ex"),
    ],
)
def test_what_the_user_of_a_mailbox_cannot_have(
    run, example_org, other_net, add_mailbox, options, message
):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match=message):
        run("admin", "add", "it@firm.example", "--by-mailbox", "joe@example.org", *options)

    assert not Admin.objects.exists()


def test_its_password_is_not_asked_for(run, example_org, add_mailbox, make_manager):
    add_mailbox("joe@example.org")
    make_manager("joe@example.org", "it@firm.example")

    for verb in (
        ["password", "it@firm.example", "--generate"],
        ["edit", "it@firm.example", "--must-change"],
    ):
        with pytest.raises(CommandError, match="mailbox"):
            run("admin", *verb)
    with pytest.raises(CommandError, match="manages only its domain"):
        run("admin", "edit", "it@firm.example", "--superadmin")


def test_roles_are_set_and_shown(run, example_org, other_net, password):
    both = ["--domains", "example.org", "other.net"]
    run("admin", "add", "ann@example.org", *both, "--role", "other.net=read", stdin=password)
    assert Admin.objects.get().domain_roles == {"other.net": "read"}

    run("admin", "edit", "ann@example.org", "--role", "example.org=aliases", "other.net=full")

    assert Admin.objects.get().domain_roles == {"example.org": "aliases"}
    assert "example.org: aliases" in run("admin", "show", "ann@example.org")


def test_a_role_that_is_none_is_refused(run, make_admin, example_org):
    make_admin("ann@example.org", domains=["example.org"])

    with pytest.raises(CommandError, match="write DOMAIN=ROLE, with one of full, aliases, passw"):
        run("admin", "edit", "ann@example.org", "--role", "example.org=reseller")
    with pytest.raises(CommandError, match=r"Not assigned: nowhere\.example"):
        run("admin", "edit", "ann@example.org", "--role", "nowhere.example=read")

    assert Admin.objects.get().domain_roles == {}
