import io

import pytest
from django.conf import settings

from mailadmin.file_import.bounds import MOST_BYTES
from mailadmin.wsgi import application

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"


class Body(io.BytesIO):
    was_read = False

    def read(self, *args):
        self.was_read = True
        return super().read(*args)

    def readline(self, *args):
        self.was_read = True
        return super().readline(*args)


@pytest.fixture
def send(db):
    """Return (status, whether the body was read) of a POST to the sign-in page."""

    def call(content_type, content=b"username=joe", length=None, method="POST", path="/login/"):
        body = Body(content)
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_COOKIE": "mailadmin_csrf=" + 32 * "a",  # anybody can make one up
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(content)) if length is None else length,
            "wsgi.input": body,
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        answers = []
        b"".join(application(environ, lambda status, headers: answers.append(status)))
        return int(answers[0].partition(" ")[0]), body.was_read

    return call


@pytest.mark.parametrize(
    "content_type",
    [
        f"{PARTS}; charset=punycode",
        f"{PARTS}; charset=idna",
        f"{PARTS};CHARSET = 'utf-8'",
        f'{PARTS}; charset="punycode"',
        f'{PARTS}; charset="utf-8;punycode"',
        f"{PARTS}; charset=utf-8; charset=punycode",
        f"{PARTS}; charset*=utf-8''punycode",
        f"{PARTS}; charset*=punycode''utf-8",
        "multipart/form-data; boundary*=punycode''%61; x=y",
        f"{PARTS}; charset=no-such-charset",
        f"{PARTS}; charset=iso-8859-1",
        f"{FORM}; charset=iso-8859-1",
        "text/plain; charset=utf-7",
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
def test_another_charset_is_refused_unread(content_type, method, send):
    assert send(content_type, method=method) == (400, False)


@pytest.mark.parametrize(
    "content_type",
    [FORM, f"{FORM}; charset=UTF-8", f'{FORM};charset="utf-8"', f"{PARTS}; charset=utf8", PARTS],
)
def test_what_browsers_send_is_read_and_then_wants_its_token(content_type, send):
    parts = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\njoe\r\n--x--\r\n'

    assert send(content_type, parts if "multipart" in content_type else b"username=joe") == (
        403,
        True,
    )


@pytest.mark.parametrize(
    ("length", "status"),
    [
        ("262144", 403),
        ("262145", 413),
        ("99999999999999999999", 413),
        ("-1", 400),
        ("+5", 400),
        ("x", 400),
        ("\u0661", 400),
    ],
)
def test_a_body_that_no_form_needs_is_refused_unread(length, status, send):
    content = b"username=" + b"a" * (262_144 - 9)

    assert send(FORM, content, length) == (status, status == 403)


def test_a_body_of_thousands_of_fields_or_with_a_file_is_refused(send):
    field = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nb\r\n'

    assert send(FORM, b"a=b&" * 200)[0] == 400
    assert send(FORM, b"a=b&" * 190)[0] == 403
    assert send(PARTS, field * 201 + b"--x--\r\n")[0] == 400
    assert send(PARTS, file + b"--x--\r\n")[0] == 400


def test_the_page_that_takes_files_takes_larger_bodies_and_no_other(send):
    large = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + MOST_BYTES

    assert send(PARTS, length=str(large)) == (413, False)
    assert send(PARTS, length=str(most + 1), path="/imports/") == (413, False)
    # Read, and refused without the form's token.
    assert send(PARTS, b"--x--\r\n", length=str(large), path="/imports/")[0] in {400, 403}
