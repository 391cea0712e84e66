"""Mailboxes elsewhere from which mail is fetched into one here, in PostfixAdmin's table ``fetchmail``."""

from django.db import models
from django.utils import timezone

from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField, ShortTextField
from panel.scoping import ScopedQuerySet

IMAP, POP3 = "IMAP", "POP3"
TLS, STARTTLS, PLAIN = "tls", "starttls", "none"
PORTS = {(IMAP, True): 993, (IMAP, False): 143, (POP3, True): 995, (POP3, False): 110}


class RemoteMailboxQuerySet(ScopedQuerySet):
    domain_lookup = "mailbox__domain"
    owner_lookup = "mailbox"


class RemoteMailbox(models.Model):
    """``src_password`` is what accounts/totp.py made of the password, or base64 of it, as PostfixAdmin writes it.

    ``date`` and ``returned_text`` are of the last run, in words that PostfixAdmin shows too. ``extra_options``, ``mda``, ``sslcertpath`` and
    ``sslfingerprint`` are options of the program fetchmail; kept, and not used.
    """

    id = models.AutoField(primary_key=True)
    mailbox = models.ForeignKey(
        "mailboxes.Mailbox",
        models.DO_NOTHING,
        db_column="mailbox",
        db_constraint=False,
        db_index=False,
        related_name="remote_mailboxes",
    )
    src_server = KeyField(default="", db_default="")
    src_auth = KeyField(null=True, default="password")
    src_user = KeyField(default="", db_default="")
    src_password = KeyField(default="", db_default="")
    src_folder = KeyField(default="", db_default="")
    poll_time = models.IntegerField(default=10, db_default=10)  # minutes
    fetchall = models.BooleanField(default=True, db_default=False)
    keep = models.BooleanField(default=True, db_default=False)
    protocol = KeyField(null=True, default=IMAP)
    usessl = models.BooleanField(default=True, db_default=False)
    extra_options = ShortTextField(null=True)
    returned_text = ShortTextField(null=True)
    mda = KeyField(null=True, default="", db_default="")
    date = SecondsField(default=UNKNOWN_MOMENT, db_default=UNKNOWN_MOMENT)
    sslcertck = models.BooleanField(default=True, db_default=False)
    sslcertpath = KeyField(null=True, default="", db_default="")
    sslfingerprint = KeyField(null=True, default="", db_default="")
    domain = KeyField(null=True, default="", db_default="")
    active = models.BooleanField(default=True, db_default=False)
    created = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    modified = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    src_port = models.IntegerField(default=0, db_default=0)
    # Ours. Without usessl TLS begins by STARTTLS, unless it is ``plain``.
    plain = models.BooleanField(default=False, db_default=False)
    # Of the last run: a key of fetching.OUTCOMES, what the other server said, how many messages came, and how often it failed in a row.
    outcome = KeyField(max_length=40, default="", db_default="")
    said = KeyField(max_length=500, default="", db_default="")
    taken = models.IntegerField(default=0, db_default=0)
    failures = models.IntegerField(default=0, db_default=0)
    # Seconds since 1970: not fetched before, and somebody else's until.
    next_run = models.BigIntegerField(default=0, db_default=0)
    busy_until = models.BigIntegerField(default=0, db_default=0)

    objects = RemoteMailboxQuerySet.as_manager()

    class Meta:
        db_table = "fetchmail"
        default_permissions = ()
        indexes = [
            models.Index(fields=["mailbox"], name="fetchmail_mailbox"),
            models.Index(fields=["active", "next_run"], name="fetchmail_due"),
        ]

    def __str__(self):
        return f"{self.src_user} at {self.src_server}"

    @property
    def tls(self):
        if self.usessl:
            return TLS
        return PLAIN if self.plain else STARTTLS

    @property
    def port(self):
        return self.src_port or PORTS.get((self.protocol, self.usessl), 0)

    @property
    def has_run(self):
        return self.date > UNKNOWN_MOMENT


class FetchedMessage(models.Model):
    """A message that is still on the other server, so that it is not fetched again.

    ``key`` is the SHA-256 of the other server's name for it, ``digest`` of its content: another server, or one that names its messages
    anew, doubles nothing. ``refused``: this server did not take it; it is tried again a day after ``at``, in seconds since 1970.
    """

    id = models.BigAutoField(primary_key=True)
    remote = models.IntegerField()  # the number of the RemoteMailbox, which PostfixAdmin may delete
    key = KeyField(max_length=64)
    digest = KeyField(max_length=64, default="", db_default="")
    refused = models.BooleanField(default=False, db_default=False)
    at = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "fetched_message"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["remote", "key"], name="fetched_message_key")
        ]

    def __str__(self):
        return f"{self.remote}: {self.key}"
