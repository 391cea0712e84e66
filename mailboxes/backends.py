from accounts.backends import AccountBackend
from mailboxes.models import Mailbox


class MailboxBackend(AccountBackend):
    def rows(self):
        # With the domain, which says how long a password lasts.
        return Mailbox.objects.may_sign_in().select_related("domain")
