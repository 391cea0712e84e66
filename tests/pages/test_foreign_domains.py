import pytest
from django.urls import reverse

from accounts.models import Admin
from aliases.services import create_alias
from domains.models import Domain
from domains.services import create_alias_domain, set_domain_active
from mailboxes.forwarding import set_forwarding
from tests.pages.reading import text
from tests.refusals import refused_path


@pytest.fixture
def linked(example_org, other_net):
    return create_alias_domain(actor=None, alias_domain=example_org, target_domain=other_net)


@pytest.mark.parametrize("there", ["nothing", "joe@other.net", "@other.net"])
def test_deleting_a_mailbox_tells_nothing_of_the_alias_domain_s_target(
    there, linked, admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    if there != "nothing":
        add_alias(there, "secret@elsewhere.example")

    said = text(admin.get(reverse("mailbox-delete", args=["joe@example.org"])))

    assert (
        "Mail goes to the same name in other.net, if it exists there. If not:"
        " Mail for joe@example.org is refused."
    ) in said
    assert "secret@elsewhere.example" not in said


def test_a_superadmin_reads_what_answers_there(linked, superadmin, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("joe@other.net", "new@elsewhere.example")

    said = text(superadmin.get(reverse("mailbox-delete", args=["joe@example.org"])))

    assert "Mail for joe@example.org goes to joe@other.net instead." in said
    assert "if it is taken there" not in said


def test_an_alias_s_page_tells_nothing_of_the_alias_domain_s_target(
    linked, admin, sign_in, make_admin, add_alias, add_mailbox
):
    add_alias("sales@example.org", "joe@example.org")
    address = reverse("alias", args=["sales@example.org"])

    without = text(admin.get(address))
    root = sign_in(make_admin("root@example.org", superadmin=True))
    assert "Mail for sales@example.org is refused." in text(root.get(address))
    add_mailbox("joe@other.net")
    assert "Mail for sales@example.org is refused." not in text(root.get(address))
    theirs = sign_in(Admin.objects.get(pk="theirs@example.org"))

    assert text(theirs.get(address)) == without


def test_no_page_tells_whether_an_address_exists_elsewhere(
    admin, sign_in, make_admin, add_domain, add_mailbox, add_alias
):
    add_domain("third.example")
    add_mailbox("there@other.net")
    add_alias("a@example.org", "there@other.net")
    add_alias("b@example.org", "gone@other.net", "lost@example.org")

    def gone(client):
        page = client.get(reverse("domain", args=["example.org"]))
        return [target for row in page.context["object_list"] for target in row.gone]

    assert gone(admin) == ["lost@example.org"]
    both = sign_in(make_admin("both@example.org", domains=["example.org", "third.example"]))
    assert [row.target for row in both.get("/").context["attention"]["dangling"]] == [
        "lost@example.org"
    ]
    assert gone(both) == ["lost@example.org"]
    root = sign_in(make_admin("root@example.org", superadmin=True))
    assert [row.target for row in root.get("/").context["attention"]["dangling"]] == [
        "lost@example.org",
        "gone@other.net",
    ]
    assert gone(root) == ["gone@other.net", "lost@example.org"]


def test_a_domain_s_page_names_no_foreign_alias_domain(
    admin, sign_in, make_admin, example_org, other_net
):
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)

    def said(client):
        page = text(client.get(reverse("domain", args=["example.org"])))
        return page + text(client.get(reverse("aliasdomain-list"), {"domain": "example.org"}))

    assert "other.net" not in said(admin)
    root = sign_in(make_admin("root@example.org", superadmin=True))
    assert "other.net → example.org" in said(root)


def test_the_path_of_a_loop_names_no_foreign_address(
    example_org, other_net, make_admin, add_alias, add_mailbox
):
    add_alias("in@other.net", "hidden@other.net")
    add_alias("hidden@other.net", "a@example.org", "joe@example.org")
    values = {"local_part": "a", "targets": "in@other.net"}
    theirs = make_admin("theirs@example.org", domains=["example.org"])
    joe = add_mailbox("joe@example.org")

    example = Domain.objects.get(pk="example.org")
    assert refused_path(create_alias, field="targets", actor=theirs, domain=example, **values) == (
        "a@example.org → in@other.net → another address → a@example.org"
    )
    assert refused_path(create_alias, field="targets", actor=None, domain=example, **values) == (
        "a@example.org → in@other.net → hidden@other.net → a@example.org"
    )
    forward = {"mailbox": joe, "targets": "in@other.net", "keep_copy": False}
    assert refused_path(set_forwarding, field="targets", actor=joe, **forward) == (
        "joe@example.org → in@other.net → another address → joe@example.org"
    )


def test_an_alias_s_page_tells_nothing_of_a_foreign_domain_two_steps_away(
    admin, superadmin, example_org, other_net, add_alias
):
    add_alias("sales@example.org", "joe@other.net")
    add_alias("all@example.org", "sales@example.org")
    address = reverse("alias", args=["all@example.org"])

    before = text(admin.get(address))
    set_domain_active(actor=None, domain=other_net, active=False)

    assert text(admin.get(address)) == before
    assert "Mail for all@example.org is refused." in text(superadmin.get(address))
