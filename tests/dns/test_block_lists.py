import pytest

from domains.dns import checks

FOUR = "25.2.0.192"
SIX = "5.2" + ".0" * 22 + ".8.b.d.0.1.0.0.2"


@pytest.fixture
def found(zones, settings):
    """``found("… A 127.0.0.2")``: what the list named list.test, with these records, leads to, by name."""

    def of(records, lists=("list.test",)):
        settings.BLOCK_LISTS = list(lists)
        zones({"list.test": records})
        return {one.name: one for one in checks.check_host() if one.topic == "list"}

    return of


def why(finding):
    return finding.state, finding.reason, finding.needs_somebody


def test_nobody_is_asked_unless_a_list_is_named(found):
    assert found(f"{FOUR} A 127.0.0.2", lists=()) == {}


def test_an_address_that_is_listed_needs_somebody_and_says_why(found):
    listed = found(f'{FOUR} A 127.0.0.2\n{FOUR} TXT "see https://list.test/?192.0.2.25"')

    assert {name: why(one) for name, one in listed.items()} == {
        f"{FOUR}.list.test": ("wrong", "listed", True),
        f"{SIX}.list.test": ("ok", "ok", False),
    }
    assert listed[f"{FOUR}.list.test"].details == {
        "address": "192.0.2.25",
        "list": "list.test",
        "why": "see https://list.test/?192.0.2.25",
    }


def test_an_ipv6_address_is_asked_nibble_by_nibble(found):
    assert why(found(f"{SIX} A 127.0.0.4")[f"{SIX}.list.test"]) == ("wrong", "listed", True)


def test_a_list_that_refuses_the_resolver_says_nothing(found):
    refused = found(f"{FOUR} A 127.255.255.254")[f"{FOUR}.list.test"]

    assert why(refused) == ("not asked", "refused", False)


def test_a_name_that_answers_everything_is_no_list(found):
    assert why(found("* A 198.51.100.7")[f"{FOUR}.list.test"]) == ("differs", "no list", False)


def test_a_list_that_does_not_answer_is_not_a_listing(found):
    assert why(found(None)[f"{FOUR}.list.test"]) == ("not asked", "not asked", False)
