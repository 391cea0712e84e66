"""How tests set a second factor up on its page."""

from django.urls import reverse

from tests.codes import code

BACKENDS = {
    "admin": "accounts.backends.AdminBackend",
    "mailbox": "mailboxes.backends.MailboxBackend",
}


def fresh(account):
    return type(account).objects.get(pk=account.pk)


def offered(page):
    """(what the page's hidden field has, the secret that the page shows)"""
    return page.context["form"]["offer"].value(), page.context["secret"].replace(" ", "")


def set_up(client, password, **more):
    page = client.get(reverse("own-factor-setup"))
    offer, secret = offered(page)
    fields = {"offer": offer, "old_password": password, "code": code(secret)} | more
    return client.post(reverse("own-factor-setup"), fields), secret
