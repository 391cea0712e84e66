import pytest
from django.core.management.base import CommandError

from aliases.models import Alias


@pytest.fixture(autouse=True)
def sales(add_alias, example_org, other_net):
    add_alias("sales@example.org", "ann@elsewhere.example")
    add_alias("all@other.net", "sales@example.org")


def rows():
    return dict(Alias.objects.values_list("address", "goto"))


def test_an_alias_is_renamed_and_keeps_its_old_address(run):
    said = run("alias", "rename", "sales@example.org", "shop")

    assert said == "Renamed alias sales@example.org to shop@example.org.\n"
    assert rows() == {
        "shop@example.org": "ann@elsewhere.example",
        "sales@example.org": "shop@example.org",
        "all@other.net": "shop@example.org",
    }


def test_it_moves_to_another_domain_and_gives_its_old_address_up(run):
    run("alias", "rename", "sales@example.org", "shop@other.net", "--no-alias")

    assert rows() == {
        "shop@other.net": "ann@elsewhere.example",
        "all@other.net": "shop@other.net",
    }


def test_a_dry_run_says_what_changes_and_does_nothing(run):
    said = run("alias", "rename", "sales@example.org", "shop", "--dry-run")

    assert said.splitlines()[:4] == [
        "sales@example.org becomes shop@example.org.",
        "- Mail for shop@example.org goes where that for sales@example.org went, description and state stay: ann@elsewhere.example",
        "- sales@example.org becomes an alias that leads to shop@example.org.",
        "- 1 alias or forwarding leads to shop@example.org then: all@other.net",
    ]
    assert rows()["all@other.net"] == "sales@example.org"


@pytest.mark.parametrize(
    ("name", "new", "error"),
    [
        ("sales@example.org", "all@other.net", r"^Address: all@other\.net exists already"),
        ("sales@example.org", "shop@nowhere.example", "There is no domain nowhere.example"),
        ("@example.org", "shop", "There is no alias @example.org"),
    ],
)
def test_what_cannot_be_is_refused(run, name, new, error):
    before = rows()

    with pytest.raises(CommandError, match=error):
        run("alias", "rename", name, new)

    assert rows() == before


def test_a_catch_all_has_no_name_to_change(run, add_alias):
    add_alias("@example.org", "ann@elsewhere.example")

    with pytest.raises(CommandError, match="has no name of its own"):
        run("alias", "rename", "@example.org", "shop")
