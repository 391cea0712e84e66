"""What mail programs find on this server: the one table for the DNS pages, set-up files and the users' page.

As deploy/postfix/master.cf and deploy/dovecot offer it; tests compare them.
"""

from typing import NamedTuple

from django.conf import settings


class Service(NamedTuple):
    srv: str  # RFC 6186 and 8314
    kind: str  # imap, pop3 or smtp
    port: int
    encryption: str  # SSL, from the first byte, or STARTTLS


# In the order in which a program should try them.
EVERY = (
    Service("_imaps", "imap", 993, "SSL"),
    Service("_pop3s", "pop3", 995, "SSL"),
    Service("_submissions", "smtp", 465, "SSL"),
    Service("_submission", "smtp", 587, "STARTTLS"),
)
SERVICES = tuple(one for one in EVERY if settings.POP3 or one.kind != "pop3")
