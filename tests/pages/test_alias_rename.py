from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.models import Admin, LogEntry
from aliases.models import Alias
from domains.copy_services import add_copy
from domains.models import Copy, DomainUsage
from domains.services import update_domain
from tests.pages.reading import text, told

RENAME = reverse("alias-rename", args=["sales@example.org"])


@pytest.fixture
def sales(add_mailbox, add_alias, example_org, other_net):
    add_mailbox("ann@example.org")
    add_alias("all@example.org", "sales+list@example.org", "partner@elsewhere.example")
    add_alias("theirs@other.net", "sales@example.org")
    return add_alias("sales@example.org", "ann@example.org", description="Ask us", active=False)


@pytest.fixture
def of_both(example_org, other_net, make_admin, sign_in):
    return sign_in(make_admin("both@example.org", domains=["example.org", "other.net"]))


def rows():
    return dict(Alias.objects.filter(is_self_alias=False).values_list("address", "goto"))


def shown(page):
    said = page.context["said"]
    return dict(said.changes), [line for line, _names in said.stays]


def test_what_changes_is_shown_before_and_nothing_is_done(admin, sales, example_org, link):
    link("twin.example", "example.org")
    add_copy(
        actor=None, domain=example_org, direction="to", goto="ann@example.org", local_part="sales"
    )
    before = rows()

    page = admin.post(RENAME, {"local_part": "shop", "preview": "1"})

    assert shown(page) == (
        {
            "Mail for shop@example.org goes where that for sales@example.org went, description and state stay:": (
                "ann@example.org",
            ),
            "sales@example.org becomes an alias that leads to shop@example.org.": (),
            "1 alias or forwarding leads to shop@example.org then:": ("all@example.org",),
            "Mail to or from shop@example.org is copied (BCC) as that of sales@example.org is now, to:": (
                "ann@example.org",
            ),
            "Whoever of its recipients may send as sales@example.org may send as shop@example.org, and no longer as sales@example.org.": (),
        },
        [
            "1 alias in a domain that you do not manage goes on leading to sales@example.org, and so to shop@example.org.",
            "What was logged and delivered so far is found under sales@example.org.",
        ],
    )
    assert rows() == before


def test_it_is_another_name_for_the_same_recipients(admin, sales):
    long_ago = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    Alias.objects.filter(pk=sales.pk).update(created=long_ago)

    done = admin.post(RENAME, {"local_part": "shop"})

    assert done.url == reverse("alias", args=["shop@example.org"])
    assert told(done) == [
        "sales@example.org is now shop@example.org, and an alias that leads there."
    ]
    assert rows() == {
        "shop@example.org": "ann@example.org",
        "sales@example.org": "shop@example.org",
        "all@example.org": "shop+list@example.org,partner@elsewhere.example",
        "theirs@other.net": "sales@example.org",
    }
    new = Alias.objects.get(pk="shop@example.org")
    assert (new.description, new.active, new.created) == ("Ask us", False, long_ago)
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.domain, entry.data, entry.changes) == (
        "rename_alias",
        "example.org",
        "shop@example.org",
        {"address": ["sales@example.org", "shop@example.org"], "alias": [None, sales.pk]},
    )


def test_it_moves_to_another_domain_and_gives_its_old_address_up(of_both, sales, example_org):
    add_copy(
        actor=None, domain=example_org, direction="to", goto="ann@example.org", local_part="sales"
    )
    form = {"local_part": "shop", "domain": "other.net", "give_up": "on"}
    said, _stays = shown(of_both.post(RENAME, form | {"preview": "1"}))

    of_both.post(RENAME, form)

    assert "sales@example.org is given up: mail is refused." in said
    assert (
        "It counts for the limit of aliases of other.net, whose administrators manage it." in said
    )
    assert rows() == {
        "shop@other.net": "ann@example.org",
        "all@example.org": "shop+list@other.net,partner@elsewhere.example",
        "theirs@other.net": "shop@other.net",
    }
    [copy] = Copy.objects.all()
    assert (copy.domain, copy.address) == ("other.net", "shop@other.net")
    usage = dict(DomainUsage.objects.values_list("pk", "alias_rows"))
    assert usage == {"example.org": 2, "other.net": 2}
    entries = LogEntry.objects.filter(action="rename_alias").order_by("pk")
    assert [*entries.values_list("domain", "data")] == [
        ("example.org", "sales@example.org"),
        ("other.net", "shop@other.net"),
    ]


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "Enter the name before the @."),
        ("all", "all@example.org exists already: it is an alias."),
        ("ann", "ann@example.org exists already: it is a mailbox."),
        ("sales", "sales@example.org exists already: it is an alias."),
        ("postmaster", "postmaster is a role address. Ask a superadmin to set it up."),
        ("*", "“*” is not a valid local part"),
        ("shop@other.net", "Write the part before the @ only"),
    ],
)
@pytest.mark.parametrize("button", [{}, {"preview": "1"}])
def test_a_name_that_cannot_be_is_refused_at_its_field(typed, error, button, admin, sales):
    before = rows()

    page = admin.post(RENAME, {"local_part": typed} | button)

    assert page.status_code == 422
    assert page.context["form"].errors["local_part"][0].startswith(error)
    assert rows() == before


def test_a_name_that_it_leads_to_is_refused(admin, sales):
    Alias.objects.filter(pk=sales.pk).update(goto="ann@example.org,shop@example.org")

    page = admin.post(RENAME, {"local_part": "shop"})

    assert page.context["form"].errors == {
        "local_part": ["This alias leads to shop@example.org, so it cannot have that name."]
    }


@pytest.mark.parametrize(
    ("form", "limited", "field"),
    [
        ({"local_part": "shop"}, "example.org", "give_up"),
        ({"local_part": "shop", "give_up": "on"}, "example.org", None),
        ({"local_part": "shop", "domain": "other.net"}, "other.net", "domain"),
        ({"local_part": "shop", "domain": "other.net"}, "example.org", None),
    ],
)
def test_the_limits_of_aliases_are_kept(form, limited, field, of_both, sales):
    count = {"example.org": 2, "other.net": 1}[limited]
    domain = DomainUsage.objects.get(pk=limited).domain
    update_domain(actor=None, domain=domain, aliases=count)

    page = of_both.post(RENAME, form)

    if field:
        assert f"already has its {count} alias" in page.context["form"].errors[field][0]
        assert "shop" not in str(rows())
    else:
        assert page.status_code == 302


def test_a_catch_all_and_a_self_alias_have_no_name_to_change(admin, sales, add_alias):
    add_alias("@example.org", "ann@example.org")

    for address in ("@example.org", "ann@example.org", "theirs@other.net"):
        assert admin.get(reverse("alias-rename", args=[address])).status_code == 404
        page = admin.post(reverse("alias-rename", args=[address]), {"local_part": "x"})
        assert page.status_code == 404
    assert "x@example.org" not in rows()
    assert "alias-rename" not in text(admin.get(reverse("alias", args=["@example.org"])))


def test_only_superadmins_rename_a_role_address(admin, client, sales, add_alias, make_admin):
    add_alias("postmaster@example.org", "ann@example.org")
    url = reverse("alias-rename", args=["postmaster@example.org"])

    assert admin.post(url, {"local_part": "post"}).status_code == 404

    root = client.__class__()
    make_admin("root@example.org", superadmin=True)
    row = Admin.objects.get(pk="root@example.org")
    root.force_login(row, backend="accounts.backends.AdminBackend")
    assert root.post(url, {"local_part": "post"}).status_code == 302
    assert rows()["postmaster@example.org"] == "post@example.org"
