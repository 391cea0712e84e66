"""What every response carries, and what happens when the database is away."""

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.template.loader import render_to_string


class ContentSecurityPolicyMiddleware:
    """Allow our own files only: no inline script or style anywhere (until Django 6 has this)."""

    POLICY = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    )

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.POLICY)
        if getattr(request, "user", None) is not None:
            # Pages show addresses and, once, passwords: no cache may keep them.
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class DatabaseAwayMiddleware:
    """Answer 503 with a page that needs no database: mail is waiting meanwhile, not lost."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if isinstance(exception, (OperationalError, InterfaceError)):
            return database_away()
        return None


def database_away():
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "30"})
