import json
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from mailadmin.file_import.bounds import MOST_BYTES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailadmin.settings")

IMPORTS = "/imports/"  # where files are uploaded
UTF8 = {"utf-8", '"utf-8"', "utf8", '"utf8"'}


class OnlySmallUtf8:
    """Refuse a body that is large or in another charset before Django reads or decodes it.

    The sender names the charset, and Python knows some (punycode, idna) that take minutes for half a
    megabyte. Django decodes before it looks at the CSRF token and the session.
    """

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        status = self.refusal(environ)
        if status is None:
            return self.application(environ, start_response)
        kind, text = "text/plain", f"{status}\n"
        path, number, words = environ.get("PATH_INFO", ""), status[:3], f"{status[4:]}."
        if path.startswith("/api/"):
            problem = {"status": int(number), "title": status[4:], "detail": words}
            kind, text = "application/problem+json", json.dumps(problem)
        elif path.startswith("/scim/"):
            schema = "urn:ietf:params:scim:api:messages:2.0:Error"
            error = {"schemas": [schema], "status": number, "detail": words}
            kind, text = "application/scim+json", json.dumps(error)
        text = text.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(text)))]
        start_response(status, headers)
        return [text]

    def refusal(self, environ):
        if not is_utf8(environ.get("CONTENT_TYPE", "")):
            return "400 Only UTF-8 is understood"
        length = environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdecimal()):
            return "400 Content-Length is no number"
        if len(length) > 9 or int(length) > most_bytes(environ):
            return "413 Content Too Large"
        return None


def most_bytes(environ):
    least = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return least + MOST_BYTES if environ.get("PATH_INFO") == IMPORTS else least


def is_utf8(content_type):
    # Parted at each semicolon, also at one in quotes, so no charset is missed.
    for parameter in content_type.lower().split(";")[1:]:
        name, _equals, value = parameter.partition("=")
        # charset*= (RFC 2231) names the charset of its own value, too.
        if "*" in name or (name.strip() == "charset" and value.strip() not in UTF8):
            return False
    return True


try:
    application = OnlySmallUtf8(get_wsgi_application())
    # All views are imported before gunicorn starts its processes, so that these share the memory.
    get_resolver().url_patterns  # noqa: B018
except ImproperlyConfigured as error:
    sys.exit(f"mailadmin cannot start. {error}")
