"""A form that is sent twice, by two clicks on a slow line, is done once, and both are answered the same.

What a browser sends is one and the same if session, address and content are. The content has the CSRF token,
which Django masks anew in each page, so that the same words in another page are another form.
"""

from contextlib import contextmanager
from datetime import timedelta
from hashlib import blake2b

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.middleware.csrf import CSRF_TOKEN_LENGTH
from django.utils import timezone

from panel.models import FormAnswer
from panel.transactions import in_transaction

KEPT = timedelta(minutes=10)


class Repeated(Exception):
    """The same form was saved meanwhile, and nothing more was written."""


def done(request, act):
    """Call ``act()`` in one transaction with the note that it is done; return what it returns.

    That is the URL to go to, and the messages (Message) to show there.
    """
    return _done(key_of(request), act)


@in_transaction
def _done(key, act):
    url, told = act()
    if key:
        _note(key, url, told)
    return url, told


@in_transaction
def _note(key, url, told=()):
    FormAnswer.objects.filter(at__lt=timezone.now() - KEPT).delete()
    try:
        with transaction.atomic():
            FormAnswer.objects.create(key=key, url=url, told=list(told))
    except IntegrityError as error:
        raise Repeated from error


@contextmanager
def under_way(request, url):
    """Note ``url`` before a block of several transactions, for the second click comes while it runs.

    It yields the list of messages, which the block fills and which are noted after it.
    """
    key, told = key_of(request), []
    if key:
        _note(key, url)
    noted = FormAnswer.objects.filter(pk=key)
    try:
        yield told
    except BaseException:
        noted.delete()
        raise
    noted.update(told=told)


def earlier(request):
    key = key_of(request)
    since = timezone.now() - KEPT
    return key and FormAnswer.objects.filter(pk=key, at__gte=since).first()


def tell(request, told):
    for message in told:
        messages.add_message(
            request, message.level, message.message, extra_tags=message.extra_tags or ""
        )


def key_of(request):
    """Return the key of a form that was sent; None for what a script sends with the cookie's token, or none."""
    token = request.POST.get("csrfmiddlewaretoken", "") if request.method == "POST" else ""
    if len(token) != CSRF_TOKEN_LENGTH:
        return None
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    sent = [session, request.get_full_path(), request.POST.urlencode(), *_files(request)]
    return blake2b("\n".join(sent).encode(), digest_size=32).hexdigest()


def _files(request):
    for name, file in request.FILES.items():
        digest = blake2b(digest_size=32)
        for chunk in file.chunks():
            digest.update(chunk)
        yield f"{name} {file.name} {digest.hexdigest()}"
