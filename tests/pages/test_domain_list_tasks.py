import pytest
from django.urls import reverse

from aliases.models import Alias
from mailboxes.models import Mailbox
from mailboxes.services import create_mailboxes
from panel import tasks
from panel.models import Task
from tests.pages.reading import text, told
from tests.pages.test_tasks import HASH, begin, read, step

BOXES = 70
URL = "/domains/example.org/"


@pytest.fixture(autouse=True)
def a_step_is_as_long_as_it_takes(monkeypatch):
    monkeypatch.setattr(tasks, "STEP_SECONDS", 3600)


@pytest.fixture
def many(example_org, add_alias):
    rows = [{"local_part": f"m{n:02}", "password_hash": HASH, "name": "Crew"} for n in range(BOXES)]
    create_mailboxes(actor=None, domain=example_org, mailboxes=rows)
    add_alias("info@example.org", "m00@example.org", "m01@example.org", description="Front desk")
    add_alias("team@example.org", "x@else.example", "gone@example.org")
    add_alias("postmaster@example.org", "m00@example.org")


def ask(client, action="deactivate", listed="domain=example.org", **values):
    sent = {"action": action, "all": "1", "listed": listed, "next": URL, **values}
    return client.post(reverse("address-bulk"), sent)


def off():
    return set(Alias.objects.filter(active=False).values_list("pk", flat=True))


def test_the_page_offers_all_that_match_and_names_its_domain(admin, many):
    page = admin.get(URL, {"q": "m"}).text

    assert "Select all that match" in page
    assert '<input type="hidden" name="listed" value="q=m&amp;domain=example.org">' in page


def test_mailboxes_and_aliases_are_switched_off_in_steps_and_on_again(
    admin, many, other_net, add_mailbox
):
    add_mailbox("m00@other.net")
    url = ask(admin).url

    page = text(admin.get(url))
    assert "Switch off 72 addresses?" in page
    assert "info@example.org m00@example.org m01@example.org m02@example.org m03@" in page
    assert begin(admin, url, confirm="71").status_code == 422
    begin(admin, url, confirm="72")
    step(admin, url)
    assert len(off()) == tasks.STEP
    admin.post(url, {"do": "stop"})
    assert "Stopped." in text(admin.get(url))
    admin.post(url, {"do": "go"})

    assert "72 addresses are off" in text(admin.get(url))
    everything = {f"m{n:02}@example.org" for n in range(BOXES)} | {
        "info@example.org",
        "team@example.org",
    }
    assert off() == everything
    assert Mailbox.objects.filter(active=True).get().pk == "m00@other.net"

    undo = admin.post(f"{url}undo/").url.removesuffix("?go=1")
    step(admin, undo)
    step(admin, undo)
    assert (off(), Mailbox.objects.filter(active=False).count()) == (set(), 0)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("q=front", {"info@example.org"}),
        ("q=info", {"info@example.org"}),
        ("q=crew+m0", {f"m{n:02}@example.org" for n in range(10)}),
        ("q=m06%40ex", {"m06@example.org"}),
        ("state=dead", {"team@example.org"}),
        ("state=dead&q=team", {"team@example.org"}),
        ("state=dead&q=info", set()),
        ("state=off", set()),
    ],
)
def test_only_what_the_list_shows_is_meant(listed, found, admin, many):
    done = ask(admin, listed=f"{listed}&sort=-address&after=x&domain=example.org")

    assert done.url == URL
    assert off() == found


@pytest.mark.parametrize(
    "listed", ["domain=other.net", "domain=other.net&q=joe", "q=joe", "", "domain=%00"]
)
def test_a_list_of_another_s_domain_holds_nothing(listed, admin, add_mailbox, other_net):
    add_mailbox("joe@other.net")

    done = ask(admin, listed=listed)

    assert (told(done), off()) == (["Nothing was selected."], set())


def test_the_catch_all_is_no_row_of_the_list(admin, many, add_alias):
    add_alias("@example.org", "x@else.example")

    ask(admin, listed="q=else&domain=example.org")
    begin(admin, ask(admin).url, confirm="72")

    assert Task.objects.latest("pk").total == 72
    assert off() == {"team@example.org"}


def test_rows_that_are_not_one_s_own_are_not_found(admin, many, add_mailbox, other_net):
    add_mailbox("joe@other.net")
    for key in ("joe@other.net", "postmaster@example.org", "nobody@example.org"):
        chosen = {"action": "deactivate", "selected": ["m00@example.org", key]}
        assert admin.post(reverse("address-bulk"), chosen).status_code == 404
    assert admin.post(reverse("address-bulk"), {"action": "quota", "all": "1"}).status_code == 404
    assert off() == set()


def test_deleted_rows_are_treated_in_what_led_to_them(admin, many, add_alias):
    add_alias("both@example.org", "m00@example.org", "info@example.org")
    url = ask(admin, "delete", listed="q=crew&domain=example.org").url

    itself = begin(admin, url, confirm="70", emptied="send", emptied_to="m69@example.org")
    assert "m69@example.org itself is being deleted." in text(itself)
    begin(admin, url, confirm="70", drop="1", emptied="send", emptied_to="team@example.org")
    step(admin, url)
    step(admin, url)

    assert Mailbox.objects.count() == 0
    left = Alias.objects.exclude(pk="team@example.org")
    assert dict(left.values_list("pk", "goto")) == {
        "both@example.org": "info@example.org",
        "info@example.org": "team@example.org",
        "postmaster@example.org": "m00@example.org",
    }


def test_an_export_has_both_kinds(admin, many):
    found = read(ask(admin, "export", listed="q=info&domain=example.org"))

    assert found == [
        ["Address", "Name", "Recipients", "Description", "Active"],
        ["info@example.org", "", "m00@example.org, m01@example.org", "Front desk", "1"],
    ]


def test_a_second_click_is_done_once(admin, many):
    token = "x" * 64
    sent = {"csrfmiddlewaretoken": token, "selected": ["m00@example.org", "info@example.org"]}
    answers = [
        admin.post(reverse("address-bulk"), {"action": "deactivate", "next": URL, **sent})
        for _click in range(2)
    ]

    assert [answer.url for answer in answers] == [URL, URL]
    assert (Task.objects.count(), off()) == (1, {"m00@example.org", "info@example.org"})
