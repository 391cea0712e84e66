from accounts.backends import AccountBackend
from mailboxes.models import Mailbox


class MailboxBackend(AccountBackend):
    def rows(self):
        return Mailbox.objects.with_open_domain()
