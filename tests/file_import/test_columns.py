import pytest
from django.core.exceptions import ValidationError

from mailadmin.file_import import columns, texts

TWO, ONE = {"umlauts": texts.TWO_LETTERS}, {"umlauts": texts.ONE_LETTER}


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("E-Mail-Adresse", "address"),
        ("Adresse e-mail", "address"),
        ("Username", "address"),
        ("Vollständiger Name", "name"),
        ("Nom complet", "name"),
        ("Vorname", "first_name"),
        ("Prénom", "first_name"),
        ("Nachname", "last_name"),
        ("Nom", "last_name"),
        ("Größe (GB)", "quota"),
        ("Quota, MB", "quota"),
        ("quota_mb", "quota"),
        ("QuotaGB", "quota"),
        ("Postfachgröße_GB", "quota"),
        ("Kennwort", "password"),
        ("Mot de passe", "password"),
        ("Password hash", "hash"),
        ("Andere Adresse", "email_other"),
        ("Aktiv", "active"),
        ("Schuhgröße", ""),
        ("", ""),
    ],
)
def test_headings_are_known_in_three_languages(heading, name):
    assert columns.meaning("mailbox", heading) == name


def test_the_same_word_means_what_the_kind_has():
    assert columns.meaning("alias", "Ziel") == "targets"
    assert columns.meaning("alias", "goto") == "targets"
    assert columns.meaning("alias", "Forward to") == "targets"
    assert columns.meaning("alias-domain", "leads_to") == "target"
    assert columns.meaning("domain", "MaxQuotaGB") == "maxquota"
    assert columns.meaning("alias-domain", "Ziel") == "target"
    assert columns.meaning("alias-domain", "Alias") == "domain"
    assert columns.meaning("domain", "Speicherplatz") == "domain_quota"


def test_the_first_row_is_none_of_headings_if_an_address_stands_in_it():
    assert columns.are_headings("mailbox", ["Adresse", "Name"])
    assert not columns.are_headings("mailbox", ["name@example.org", "Name"])
    assert not columns.are_headings("mailbox", ["foo", "bar"])


@pytest.mark.parametrize(
    ("heading", "unit"),
    [
        *[("Größe (GB)", "GB"), ("Quota, MB", "MB"), ("bytes", "bytes"), ("Go", "Go")],
        *[("quota_gb", "gb"), ("QuotaGB", "gb"), ("taille_go", "go"), ("quotabytes", "bytes")],
        *[("Quota", ""), ("Limit", "")],
    ],
)
def test_a_heading_may_name_the_unit(heading, unit):
    assert columns.unit_of(heading) == unit


@pytest.mark.parametrize(
    ("text", "two", "one"),
    [
        ("Müller", "mueller", "muller"),
        ("Mu\u0308ller", "mueller", "muller"),
        ("Groß", "gross", "gross"),
        ("Łukasz", "lukasz", "lukasz"),
        ("Ægir Ødegård", "aegir.oedegaard", "aegir.odegard"),
        ("O'Brien", "o'brien", "o'brien"),
        ("..a..b..", "a.b", "a.b"),
        ("中文", "", ""),
    ],
)
def test_a_name_is_written_as_a_local_part(text, two, one):
    assert texts.as_local_part(text, TWO) == two
    assert texts.as_local_part(text, ONE) == one


@pytest.mark.parametrize(
    ("given", "proposed"),
    [
        ({"name": "Anna Maria Müller-Lüdenscheidt"}, "anna-maria.mueller-luedenscheidt"),
        ({"name": "Müller, Anna"}, "anna.mueller"),
        ({"first_name": "Jean Luc", "last_name": "d’Été"}, "jean-luc.dete"),
        ({"last_name": "Info"}, "info"),
        ({"name": "Cher"}, "cher"),
    ],
)
def test_an_address_is_proposed_from_a_persons_name(given, proposed):
    first, last, _whole = texts.names(given)
    assert texts.from_names(first, last, TWO) == proposed


@pytest.mark.parametrize(
    ("text", "value"), [("ja", True), ("Oui", True), ("1", True), ("NEIN", False), ("faux", False)]
)
def test_yes_and_no_are_read_in_three_languages(text, value):
    assert texts.yes_or_no(text) is value


def test_what_is_neither_yes_nor_no_is_refused():
    with pytest.raises(ValidationError):
        texts.yes_or_no("vielleicht")


def test_a_quota_is_read_as_people_write_it(settings):
    mb = settings.QUOTA_MULTIPLIER
    assert texts.bytes_of("2 GB") == 2 * 1024 * mb
    assert texts.bytes_of("1,5 Go") == 1536 * mb
    assert texts.bytes_of("500") == 500 * mb
    assert texts.bytes_of("1000 bytes") == 1000
    assert texts.bytes_of("no limit") == 0
    with pytest.raises(ValidationError):
        texts.bytes_of("much")


@pytest.mark.parametrize("understood", [texts.bytes_of, texts.whole_mb])
def test_a_small_size_is_not_taken_for_no_limit(understood):
    assert understood("0") == understood("0 bytes") == 0
    with pytest.raises(ValidationError):
        understood("0.0000001 MB")


def test_the_limits_of_a_domain_are_whole_megabytes(settings):
    mb = settings.QUOTA_MULTIPLIER
    assert texts.whole_mb("5 GB") == 5120
    assert texts.whole_mb(f"{3 * mb} bytes") == 3
    for text in ("500 KB", "1000 bytes"):
        with pytest.raises(ValidationError) as caught:
            texts.whole_mb(text)
        assert caught.value.messages == ["Enter whole megabytes, 1 MB or more."]
