"""What Roundcube asks (deploy/roundcube): under which addresses somebody may write, and to change a password.

It asks on this machine, and knows WEBMAIL_SECRET; nobody else gets an answer. nginx hands nothing on to here from outside.
"""

from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.backends import row_named
from accounts.views import refused
from mailboxes.forms import OwnMailboxPasswordForm
from mailboxes.identities import identities_of
from mailboxes.models import Mailbox


def for_webmail(view):
    @login_not_required
    @csrf_exempt
    @require_POST
    @sensitive_post_parameters()
    @wraps(view)
    def answer(request):
        given = request.headers.get("Authorization", "")
        if not settings.WEBMAIL_SECRET or not constant_time_compare(
            given, f"Bearer {settings.WEBMAIL_SECRET}"
        ):
            raise Http404
        rows = Mailbox.objects.may_sign_in().select_related("domain")
        return view(request, row_named(rows, request.POST.get("user")))

    return answer


@for_webmail
def identities(request, mailbox):
    if mailbox is None:
        raise Http404
    return JsonResponse(
        {
            "name": mailbox.name,
            "addresses": identities_of(mailbox),
            "created": int(mailbox.created.timestamp()),
        }
    )


@for_webmail
def password(request, mailbox):
    """``user``, ``old_password``, ``password`` and ``client``, the address of whoever types them.

    By the rules of the panel's own page: with the old password, throttled, in the log. A refusal is a sentence to show.
    """
    if mailbox is None:
        return _said(_("This mailbox is off, or is not there any more."), 422)
    mailbox.client_ip = request.POST.get("client")
    form = OwnMailboxPasswordForm(request.POST, actor=mailbox)
    try:
        if form.is_valid():
            form.check_old_password()
            form.save()
            return _said("OK", 200)
    except ValidationError as error:
        form.add_error(None, error)
    sentences = [sentence for errors in form.errors.values() for sentence in errors]
    return refused(_said(" ".join(sentences), 422), form)


def _said(text, status):
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
