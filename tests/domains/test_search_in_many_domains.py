import pytest

from domains import words
from domains.models import Word

OWN = [f"d{number:02}.example" for number in range(30)]
FOREIGN = [f"f{number:02}.example" for number in range(30)]
PAGE = 7


def entries(word, domains, *, each, kind="mailbox"):
    Word.objects.bulk_create(
        Word(kind=kind, word=word, domain=domain, row_key=f"{word}{number}@{domain}")
        for domain in domains
        for number in range(each)
    )


def places(word):
    """(domain, word, key) of what there is, in the order of a list; a row that has two such words stands at the first."""
    rows = Word.objects.filter(kind="mailbox", word__startswith=word, domain__in=OWN)
    found = {}
    for row in rows.order_by("word"):
        found.setdefault(row.row_key, (row.domain, row.word, row.row_key))
    return sorted(found.values())


def pages(word, *, names=OWN, descending=False):
    lead, position = words.lead_of(["mailbox"], (word,), names), ()
    while position is not None:
        rows, rest = words.page(
            *(["mailbox"], lead, names, PAGE), position=position, descending=descending
        )
        assert len(rows) <= PAGE
        yield from (words.position_of(row, names) for row in rows)
        position = words.position_of(rows[-1], names) if len(rows) == PAGE else rest


@pytest.mark.django_db
@pytest.mark.parametrize("elsewhere", [0, 1, 20], ids=["none", "few", "many"])
@pytest.mark.parametrize("in_own", [OWN[3:5], OWN[24:26], OWN], ids=["first", "last", "all"])
def test_the_pages_of_a_word_hold_each_row_of_ones_own_domains_once_in_order(in_own, elsewhere):
    entries("anna", in_own, each=3)
    entries("annabel", in_own[:1], each=2)
    entries("anna", FOREIGN, each=elsewhere)
    Word.objects.create(
        kind="mailbox", word="annalena", domain=in_own[0], row_key=f"anna1@{in_own[0]}"
    )

    assert list(pages("anna")) == places("anna")
    assert list(pages("anna", descending=True)) == places("anna")[::-1]
    assert list(words.every_key(["mailbox"], ("anna",), OWN)) == [key for *_, key in places("anna")]


@pytest.mark.django_db
def test_two_words_are_found_in_any_of_many_domains():
    entries("anna", FOREIGN, each=20)
    entries("becker", FOREIGN, each=20)
    entries("anna", OWN[2:], each=2)
    key = f"anna1@{OWN[28]}"
    Word.objects.create(kind="mailbox", word="becker", domain=OWN[28], row_key=key)
    lead = words.lead_of(["mailbox"], ("anna", "becker"), OWN)

    rows, rest = words.page(["mailbox"], lead, OWN, PAGE)

    assert [row.row_key for row in rows] == [key]
    assert rest is None


@pytest.mark.django_db
def test_the_box_finds_a_frequent_word_that_only_a_late_one_of_many_domains_has():
    entries("anna", FOREIGN, each=20)
    entries("anna", OWN[27:28], each=1)

    rows, leads = words.find(["mailbox", "alias"], ("anna",), OWN, 9)

    assert [row.row_key for row in rows] == [f"anna0@{OWN[27]}"]
    assert leads["mailbox"].entries > words.looked_at(OWN)


@pytest.mark.django_db
def test_a_rare_word_costs_an_administrator_of_many_domains_two_statements(
    django_assert_num_queries,
):
    entries("anna", [*OWN, *FOREIGN], each=2)
    lead = words.Leading(("anna",))

    with django_assert_num_queries(2):
        rows, rest = words.page(["mailbox"], lead, OWN, 200)

    assert (len(rows), rest) == (60, None)
