import io
import tracemalloc

import pytest
from django.core.exceptions import ValidationError

from mailadmin.file_import import bounds, tables
from tests.file_import.workbooks import MAIN, workbook


def rows(data, format="table", kind="mailbox"):
    data = data.encode() if isinstance(data, str) else data
    return list(tables.rows(io.BytesIO(data), format, kind))


def refused(data, **more):
    with pytest.raises(ValidationError) as caught:
        rows(data, **more)
    return caught.value.code


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_csv_is_read_in_each_encoding_and_with_each_delimiter(delimiter, encoding):
    text = f"Adresse{delimiter}Name\r\nä@example.org{delimiter}Zoë Groß\r\n"

    assert rows(text.encode(encoding)) == [
        (1, ["Adresse", "Name"]),
        (2, ["ä@example.org", "Zoë Groß"]),
    ]


def test_a_comma_within_quotes_is_no_delimiter():
    text = 'Name;Mail\n"Müller, Anna";a@example.org\n"Groß, B, C";b@example.org\n'

    assert rows(text)[1] == (2, ["Müller, Anna", "a@example.org"])


def test_rows_keep_the_numbers_that_a_spreadsheet_shows():
    assert rows('a,b\n\n ,\n"two\nlines",c\n') == [(1, ["a", "b"]), (4, ["two\nlines", "c"])]


def test_a_table_of_one_column_is_read():
    assert rows("a@example.org\nb@example.org") == [(1, ["a@example.org"]), (2, ["b@example.org"])]


def test_what_is_no_table_is_refused_in_words():
    assert refused(b"\xd0\xcf\x11\xe0" + b"\0" * 100) == "old_excel"
    assert refused(b"%PDF\0\x01") == "no_text"
    assert refused(b"PK\x03\x04 is no archive") == "no_xlsx"
    assert refused('a,"' + "x" * 200_000) == "no_csv"


def test_the_number_of_rows_and_columns_is_bounded(monkeypatch):
    monkeypatch.setattr(tables, "MOST_LINES", 2)
    assert len(rows("h\n1\n2")) == 3
    assert refused("h\n1\n2\n3") == "too_long"
    assert refused("," * bounds.MOST_COLUMNS + "x") == "too_wide"


@pytest.mark.parametrize("shared", [True, False])
def test_the_first_sheet_of_a_workbook_is_read(shared):
    data = workbook([["Name", "Quota"], ["Zoë & Co", 2], [None, 1.5], [], ["last"]], shared=shared)

    assert rows(data) == [
        (1, ["Name", "Quota"]),
        (2, ["Zoë & Co", "2"]),
        (3, ["", "1.5"]),
        (5, ["last"]),
    ]


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    data = workbook([["x" * 100] for _row in range(2_000)], shared=False)
    assert len(data) < 20_000
    assert len(rows(data)) == 2_000
    monkeypatch.setattr("mailadmin.file_import.spreadsheet.MOST_UNPACKED", 100_000)
    assert refused(data) == "too_large_unpacked"


def test_a_workbook_with_entities_is_refused():
    sheet = (
        f'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet xmlns="{MAIN}"><sheetData><row r="1">'
        '<c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row></sheetData></worksheet>'
    )
    assert refused(workbook([], sheet=sheet)) == "no_xlsx"


def test_a_workbook_that_names_a_far_cell_is_refused_or_bounded():
    sheet = (
        f'<worksheet xmlns="{MAIN}"><sheetData><row r="1">'
        '<c r="XFD1"><v>1</v></c></row></sheetData></worksheet>'
    )
    assert rows(workbook([], sheet=sheet)) == []


# --- What other servers have

PASSWD_FIELDS = [
    *("address", "name", "quota", "password", "hash"),
    *("active", "sign_in_active", "smtp_active"),
]
ON = ["1", "1", "1"]
PASSWD = "ann@example.org:{SHA512-CRYPT}$6$x$y:5000:5000:Ann::/home:userdb_quota_rule=*:storage=1G\n\n#x\nbob:{PLAIN}secret:::::: \n"
VIRTUAL = "# comment\nsales@example.org ann@example.org,\n  bob@example.org\n@example.org  ann@example.org\n"
LDIF = """dn: mail=ann@example.org
mail: ann@example.org
cn:: QW5uIE3DvGxsZXI=
userPassword: {SSHA}abc
mailQuota: 1000
shadowAddress: a@example.org

dn: mail=team@example.org
mail: team@example.org
mailForwardingAddress: ann@example.org
"""


def test_a_passwd_file_of_dovecot_is_a_table():
    assert rows(PASSWD, "passwd") == [
        (0, PASSWD_FIELDS),
        (1, ["ann@example.org", "Ann", "1073741824 bytes", "", "{SHA512-CRYPT}$6$x$y", *ON]),
        (2, ["bob", "", "", "secret", "", *ON]),
    ]


def test_a_map_of_postfix_is_a_table_of_each_kind():
    assert rows(VIRTUAL, "map", "alias") == [
        (0, ["address", "targets", "description", "active"]),
        (1, ["sales@example.org", "ann@example.org, bob@example.org", "", "1"]),
        (2, ["@example.org", "ann@example.org", "", "1"]),
    ]
    paths = rows("ann@example.org example.org/ann/\n", "map", "mailbox")
    assert paths[1] == (1, ["ann@example.org", "", "", "", "", *ON])
    links = rows("@other.net @example.org\nx@other.net y@example.org", "map", "alias-domain")
    assert links[1:] == [(1, ["other.net", "example.org", "1"])]


def test_ldif_is_a_table_of_each_kind():
    assert rows(LDIF, "ldif", "mailbox")[1:] == [
        (1, ["ann@example.org", "Ann Müller", "1000 bytes", "", "{SSHA}abc", *ON])
    ]
    assert rows(LDIF, "ldif", "alias")[1:] == [
        (1, ["a@example.org", "ann@example.org", "", "1"]),
        (2, ["team@example.org", "ann@example.org", "", "1"]),
    ]
    assert refused("dn: x\nmail:: abc\n", format="ldif") == "no_ldif"


def test_accounts_that_do_not_sign_in_or_send_are_told_as_such():
    locked = rows("ann@example.org:{PLAIN}secret::::::nologin\n", "passwd")
    assert locked[1][1][-3:] == ["1", "0", "0"]
    reads = LDIF.replace("mailQuota", "enabledService: imap\nmailQuota")
    assert rows(reads, "ldif", "mailbox")[1][1][-3:] == ["1", "1", "0"]
    sends = LDIF.replace("mailQuota", "enabledService: smtp\nmailQuota")
    assert rows(sends, "ldif", "mailbox")[1][1][-3:] == ["1", "0", "0"]


def test_the_members_of_a_group_are_the_recipients_of_one_alias():
    entry = "dn: x\nmail: {0}@example.org\nuserPassword: {{SSHA}}abc\nmemberOfGroup: Team@example.org\n\n"
    ldif = "".join(entry.format(name) for name in ("ann", "bob", "ann"))
    found = ["Team@example.org", "ann@example.org, bob@example.org", "", "1"]
    assert rows(ldif, "ldif", "alias")[1:] == [(1, found)]

    group = "dn: y\nmail: team@example.org\nmailForwardingAddress: x@other.net\naccountStatus: disabled\n"
    found = ["team@example.org", "ann@example.org, bob@example.org, x@other.net", "", "0"]
    assert rows(ldif + group, "ldif", "alias")[1:] == [(1, found)]


def test_a_comment_of_a_map_may_be_indented():
    text = "sales@example.org ann@example.org\n  # comment\n  bob@example.org\n"
    assert rows(text, "map", "alias")[1:] == [
        (1, ["sales@example.org", "ann@example.org bob@example.org", "", "1"])
    ]


@pytest.mark.parametrize("format", ["passwd", "map", "table"])
def test_what_cannot_be_decoded_is_refused(format):
    for data in (b"a@example.org:x\x81\xff\n", "a@example.org x".encode("utf-16")[:-1]):
        assert refused(data, format=format) in {"no_text", "no_csv"}
    assert refused(b"mail: x\x81\xff\n", format="ldif") == "no_ldif"


def sheet(rows):
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


@pytest.mark.parametrize(
    "found",
    ['<row r="-5"/>', '<row r="0"/>', '<row r="2"/><row r="2"/>', '<row r="3"/><row r="2"/>'],
)
def test_a_workbook_whose_rows_are_out_of_order_is_refused(found):
    assert refused(workbook([], sheet=sheet(found))) == "no_xlsx"


def test_a_workbook_of_elements_deep_in_each_other_is_refused_before_it_is_large():
    deep = "<a>" * 200_000
    tracemalloc.start()
    try:
        assert refused(workbook([], sheet=sheet(deep))) == "no_xlsx"
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000
    shallow = sheet("<a>" * 48 + "</a>" * 48)
    assert rows(workbook([], sheet=shallow)) == []
    assert refused(workbook([], sheet=sheet("<a>" * 49 + "</a>" * 49))) == "no_xlsx"


def test_the_number_of_shared_texts_is_bounded(monkeypatch):
    data = workbook([["a", "b", "c"]])
    assert rows(data) == [(1, ["a", "b", "c"])]
    monkeypatch.setattr("mailadmin.file_import.spreadsheet.MOST_TEXTS", 2)
    assert refused(data) == "too_large_unpacked"
