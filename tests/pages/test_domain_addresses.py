import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aliases.models import Alias
from domains.addresses import counts
from domains.models import Domain
from mailboxes.models import Mailbox, QuotaUsage
from panel.models import Task
from tests.pages.reading import text, told

MB = 1_024_000
URL = "/domains/example.org/"


def all_rows(client, **query):
    found, url = [], URL
    page = client.get(url, query)
    while True:
        found += [row.pk for row in page.context["object_list"]]
        if not page.context["next_url"]:
            return found
        page = client.get(url + page.context["next_url"])


def chips(page):
    nav = re.search('<nav class="chips".*?</nav>', page.text, re.DOTALL)[0]
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", nav)).strip()


@pytest.fixture
def addresses(example_org, other_net, add_mailbox, add_alias):
    full = add_mailbox("ann@example.org", name="Ann", quota=100 * MB)
    QuotaUsage.objects.create(username=full, bytes=90 * MB)
    add_mailbox("joe@example.org", name="Joe", active=False)
    add_alias("off@example.org", "ann@example.org", active=False)
    add_alias("sales@example.org", "ann@example.org", "gone@example.org", "left@example.org")
    add_alias("their@example.org", "gone@other.net")
    add_mailbox("box@other.net")
    add_alias("elsewhere@other.net", "gone@other.net", active=False)


def test_each_kind_says_how_many_there_are(addresses, as_superadmin):
    page = as_superadmin.get(URL)

    assert chips(page) == "All 5 Mailboxes 2 Aliases 3 Nearly full 1 Off 2 Dead ends 2"
    for kind in ("mailboxes", "aliases"):
        page = as_superadmin.get(f"/{kind}/", {"domain": "example.org"})
        assert chips(page) == "All 5 Mailboxes 2 Aliases 3 Nearly full 1 Off 2 Dead ends 2"
    assert chips(as_superadmin.get("/mailboxes/")) == (
        "Mailboxes Aliases Nearly full Off Quota warnings No sign-in for 180 days"
    )


@pytest.mark.parametrize("whose", ["superadmin", "admin"])
def test_what_is_counted_of_a_whole_page_is_what_the_database_counts(
    whose, addresses, as_superadmin, as_admin
):
    client = as_superadmin if whose == "superadmin" else as_admin("example.org")

    page = client.get(URL)

    assert page.context["of_kind"] == counts(page.wsgi_request.user, "example.org")


def test_beyond_a_bound_nobody_counts(addresses, as_superadmin):
    Mailbox.objects.bulk_create(
        Mailbox(
            username=f"m{n}@example.org",
            local_part=f"m{n}",
            domain_id="example.org",
            maildir=f"m{n}/",
            active=False,
        )
        for n in range(1_000)
    )

    assert "Off 1,000+ " in chips(as_superadmin.get(URL))


def test_dead_ends_are_what_has_a_target_that_nobody_answers(addresses, as_superadmin, add_alias):
    assert all_rows(as_superadmin, state="dead") == ["sales@example.org", "their@example.org"]
    assert all_rows(as_superadmin, state="dead", sort="-address") == [
        "their@example.org",
        "sales@example.org",
    ]
    assert all_rows(as_superadmin, state="dead", q="sales") == ["sales@example.org"]
    assert all_rows(as_superadmin, state="dead", q="their@ex") == ["their@example.org"]
    assert all_rows(as_superadmin, state="dead", q="off") == []

    add_alias("@other.net", "box@other.net")

    assert all_rows(as_superadmin, state="dead") == ["sales@example.org"]
    assert "Dead ends 1" in chips(as_superadmin.get(URL))


def test_of_others_domains_nobody_is_told_which_addresses_are_gone(addresses, as_admin):
    client = as_admin("example.org")

    assert all_rows(client, state="dead") == ["sales@example.org"]
    assert "Dead ends 1" in chips(client.get(URL))
    assert "their@example.org" not in all_rows(client, state="dead", q="their")


def test_a_domain_that_is_handed_on_or_an_alias_domain_has_no_dead_ends(
    addresses, as_superadmin, link
):
    Domain.objects.filter(pk="other.net").update(transport="smtp:[192.0.2.9]")
    assert all_rows(as_superadmin, state="dead") == ["sales@example.org"]
    Domain.objects.filter(pk="other.net").update(transport="virtual")
    link("other.net", "third.example")
    assert all_rows(as_superadmin, state="dead") == ["sales@example.org"]


def test_a_search_for_words_goes_on_page_by_page(
    as_superadmin, example_org, add_mailbox, add_alias
):
    boxes = [f"crew{n:02}@example.org" for n in range(40)]
    aliases = [f"team{n:02}@example.org" for n in range(40)]
    for n, (box, alias) in enumerate(zip(boxes, aliases, strict=True)):
        add_mailbox(box, name="Deck crew", active=n % 2 == 0)
        add_alias(alias, box, description="All of the deck")

    assert sorted(all_rows(as_superadmin, q="deck", size=25)) == boxes + aliases
    assert sorted(all_rows(as_superadmin, q="deck crew", size=25)) == boxes + aliases
    assert sorted(all_rows(as_superadmin, q="deck", state="off", size=25)) == boxes[1::2]
    page = as_superadmin.get(URL, {"q": "deck", "size": 25})
    first = [row.pk for row in page.context["object_list"]]
    page = as_superadmin.get(URL + page.context["next_url"])
    page = as_superadmin.get(URL + page.context["previous_url"])
    assert [row.pk for row in page.context["object_list"]] == first


def test_an_address_elsewhere_finds_the_aliases_that_lead_there(
    as_superadmin, example_org, add_alias
):
    add_alias("info@example.org", "desk@agency.example")
    add_alias("other@example.org", "joe@elsewhere.example")

    assert all_rows(as_superadmin, q="desk@agency.example") == ["info@example.org"]


def foot(page):
    found = re.search(r'<span class="muted">([^<]*–[^<]*)</span>', page.text)
    return found and found[1]


@pytest.mark.parametrize(
    ("path", "total"),
    [(URL, 61), ("/mailboxes/?domain=example.org", 30), ("/aliases/?domain=example.org", 32)],
)
def test_the_foot_says_which_of_how_many_rows_these_are(
    path, total, as_superadmin, example_org, add_mailbox, add_alias
):
    for n in range(30):
        add_mailbox(f"m{n:02}@example.org")
        add_alias(f"a{n:02}@example.org", "m00@example.org")
    add_alias("@example.org", "m00@example.org")
    add_alias("b@example.org", "m00@example.org")
    at = "&" if "?" in path else "?"

    first = as_superadmin.get(f"{path}{at}size=25")
    second = as_superadmin.get(path.partition("?")[0] + first.context["next_url"])
    back = as_superadmin.get(path.partition("?")[0] + second.context["previous_url"])

    assert foot(first) == foot(back) == f"1–25 of {total}"
    assert foot(second) == f"26–{min(50, total)} of {total}"
    for nonsense in ("-1", "x", "9" * 20):
        after = {"after": second.context["object_list"][0].pk, "at": nonsense}
        assert foot(as_superadmin.get(URL, after)) is None


def test_letters_are_jumps_within_a_domain(as_superadmin, example_org, add_mailbox):
    for n in range(30):
        add_mailbox(f"{'abz'[n % 3]}{n:02}@example.org")

    page = as_superadmin.get(URL, {"size": 25})
    letters = re.search('<nav class="letters".*?</nav>', page.text)[0]
    assert re.findall(">([A-Z])<", letters) == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    address = re.search('href="([^"]*)">C<', letters)[1].replace("&amp;", "&")
    shown = [row.pk for row in as_superadmin.get(URL + address).context["object_list"]]

    assert shown == [f"z{n:02}@example.org" for n in range(2, 30, 3)]
    assert foot(as_superadmin.get(URL + address)) is None
    assert 'class="letters"' not in as_superadmin.get("/mailboxes/").text


def boxes_and_aliases():
    return (
        sorted(Mailbox.objects.filter(active=True).values_list("pk", flat=True)),
        sorted(Alias.objects.filter(is_self_alias=False, active=True).values_list("pk", flat=True)),
    )


def bulk(client, action, *keys, **more):
    chosen = {"action": action, "selected": keys, "next": URL}
    return client.post(reverse("address-bulk"), chosen | more)


def test_mailboxes_and_aliases_are_switched_off_and_on_together(addresses, as_admin):
    client = as_admin("example.org")
    page = client.get(URL)
    for key in ("ann@example.org", "sales@example.org"):
        assert f'name="selected" value="{key}"' in page.text
    before = boxes_and_aliases()

    done = bulk(client, "deactivate", "ann@example.org", "sales@example.org")

    assert (done.url, told(done)) == (URL, ["2 addresses are off: mail for them is refused."])
    assert boxes_and_aliases() == (["box@other.net"], ["their@example.org"])
    undo = reverse("task-undo", args=[Task.objects.get().pk])
    assert f'action="{undo}"' in client.get(URL).text
    undone = client.post(undo)
    assert (undone.url, told(undone)) == (URL, ["2 addresses are on."])
    assert boxes_and_aliases() == before


def test_mailboxes_and_aliases_are_deleted_together(addresses, as_admin):
    client = as_admin("example.org")

    asked = bulk(client, "delete", "ann@example.org", "off@example.org")
    assert "Delete 2 addresses?" in text(asked)
    assert "1 of them is a mailbox." in text(asked)
    assert "sales@example.org" in text(asked)  # leads to one of them
    bulk(client, "delete", "ann@example.org", "off@example.org", confirmed="1", drop="1")

    assert all_rows(client) == ["joe@example.org", "sales@example.org", "their@example.org"]
    targets = Alias.objects.get(pk="sales@example.org").targets
    assert targets == ["gone@example.org", "left@example.org"]


def test_a_role_address_is_not_ticked_and_not_changed_by_a_domain_admin(
    addresses, as_admin, add_alias
):
    add_alias("postmaster@example.org", "ann@example.org")
    client = as_admin("example.org")

    assert 'name="selected" value="postmaster@example.org"' not in client.get(URL).text
    refused = bulk(client, "delete", "ann@example.org", "postmaster@example.org", confirmed="1")

    assert refused.status_code == 404
    assert Mailbox.objects.filter(pk="ann@example.org").exists()


def test_a_backup_mx_offers_no_address(superadmin, add_domain):
    add_domain("backup.example", backupmx=True)

    page = superadmin.get("/domains/backup.example/")

    assert "/domains/backup.example/new/" not in page.text.partition("<main")[2]


def test_the_page_asks_for_the_domain_and_for_its_addresses_by_one_statement_each(
    as_superadmin, example_org, add_mailbox, add_alias
):
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org")
    as_superadmin.get(URL)

    with CaptureQueriesContext(connection) as found:
        page = as_superadmin.get(URL)

    assert len(found) == 4  # the session and the account before
    assert [row.pk for row in page.context["object_list"]] == [
        "ann@example.org",
        "sales@example.org",
    ]


def test_a_mailbox_without_its_self_alias_does_not_end_the_list(
    as_superadmin, example_org, add_mailbox
):
    names = [f"m{n:02}@example.org" for n in range(55)]
    for name in names:
        add_mailbox(name, active=False)
    Alias.objects.filter(pk=names[7]).delete()

    assert all_rows(as_superadmin, state="off") == [name for name in names if name != names[7]]
