"""Unpack gzip and zip, and no further than the bounds: a few bytes may claim to be thousands of millions."""

import zipfile
import zlib
from io import BytesIO

from mailadmin.reports.report import NoReport

MOST_UNPACKED = 25_000_000  # bytes, of all that is in a message
MOST_FILES = 20  # in an archive
DEEPEST = 2  # an archive in an archive
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
# Python unpacks the other methods without a bound.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS
PASSWORD = 1  # a flag of a file in an archive


def unpacked(data, room, depth=0):
    """Yield the documents in ``data``: itself, or what is packed in it, at most ``room`` bytes. Other files yield nothing."""
    if data.startswith((GZIP, ZIP)):
        if depth == DEEPEST:
            raise NoReport("archives within archives")
        for one in _from_gzip(data, room) if data.startswith(GZIP) else _from_zip(data, room):
            for document in unpacked(one, room, depth + 1):
                room -= len(document)
                yield document
    elif len(data) > room:
        raise NoReport(f"unpacked, it is larger than {MOST_UNPACKED:,} bytes")
    elif first_sign(data) in (b"<", b"{"):
        yield data


def _from_gzip(data, room):
    parts = []
    try:
        while data.startswith(GZIP):  # several may stand one after the other
            unpacking = zlib.decompressobj(WITH_GZIP_HEADER)
            parts.append(unpacking.decompress(data, room + 1))
            room -= len(parts[-1])
            if room < 0:
                raise NoReport(f"unpacked, it is larger than {MOST_UNPACKED:,} bytes")
            if not unpacking.eof:
                raise NoReport("the archive is cut off")
            data = unpacking.unused_data
    except zlib.error as error:
        raise NoReport("the archive is broken") from error
    yield b"".join(parts)


def _from_zip(data, room):
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            files = [file for file in archive.infolist() if not file.is_dir()]
            if len(files) > MOST_FILES:
                raise NoReport("too many files in an archive")
            for file in files:
                if file.compress_type not in METHODS or file.flag_bits & PASSWORD:
                    raise NoReport("the archive is packed in an unusual way")
                with archive.open(file) as opened:
                    found = opened.read(room + 1)
                room -= len(found)
                if room < 0:
                    raise NoReport(f"unpacked, it is larger than {MOST_UNPACKED:,} bytes")
                yield found
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        ValueError,
        EOFError,
        NotImplementedError,
    ) as error:
        raise NoReport("the archive is broken") from error


def first_sign(document):
    """b"<" of XML and b"{" of JSON, in any of their encodings."""
    return document[:100].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
