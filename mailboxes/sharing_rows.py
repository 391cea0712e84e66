"""What people may do with mailboxes and addresses that are not their own. Read by Postfix (deploy/postfix/sender_login.cf) and Dovecot."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import StrIndex, Substr

from panel.addresses import display_address
from panel.fields import KeyField
from panel.scoping import ScopedQuerySet

# Rights of RFC 4314 as Dovecot names them. Who may only read keeps the marks "seen" for itself (INDEXPVT).
READS = "lookup read write-seen"
WRITES = "lookup read write write-seen write-deleted insert post expunge create"


def _domain_of(name):
    return models.GeneratedField(
        expression=Substr(name, StrIndex(name, models.Value("@")) + 1),
        output_field=KeyField(),
        db_persist=True,
    )


class SendAsQuerySet(ScopedQuerySet):
    """Of whoever manages either end: one may let nobody into what one does not manage, but take back what concerns one."""

    def in_domains(self, account, names):
        if account.is_active and account.is_domain_admin and not account.is_superadmin:
            return self.filter(Q(domain__in=names) | Q(sender_domain__in=names))
        return super().in_domains(account, names)

    def visible_to(self, account):
        if account.is_active and account.is_mailbox_user:
            return self.filter(Q(username=account.username) | Q(sender=account.username))
        return super().visible_to(account)


class SendAs(models.Model):
    """The mailbox ``username`` may send as ``sender``: the address of a mailbox or an alias, or ``@example.org`` for every name in a domain.

    Besides what it may send as because it receives it. It goes with either end: who has that name next has nothing to do with it.
    """

    id = models.AutoField(primary_key=True)
    username = KeyField()
    sender = KeyField()
    domain = _domain_of("username")
    sender_domain = _domain_of("sender")

    objects = SendAsQuerySet.as_manager()

    class Meta:
        db_table = "send_as"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["sender", "username"], name="send_as_pair")]
        indexes = [
            models.Index(fields=["username", "sender"], name="send_as_username"),
            models.Index(fields=["domain"], name="send_as_domain"),
            models.Index(fields=["sender_domain"], name="send_as_sender_domain"),
        ]

    def __str__(self):
        return f"{display_address(self.username)} as {self.whom}"

    @property
    def is_of_domain(self):
        return self.sender.startswith("@")

    @property
    def whom(self):
        return display_address(self.sender)


class ShareQuerySet(ScopedQuerySet):
    """As with SendAs: of whoever manages either end."""

    def in_domains(self, account, names):
        if account.is_active and account.is_domain_admin and not account.is_superadmin:
            return self.filter(Q(owner_domain__in=names) | Q(person_domain__in=names))
        return super().in_domains(account, names)

    def visible_to(self, account):
        if account.is_active and account.is_mailbox_user:
            return self.filter(Q(owner=account.username) | Q(person=account.username))
        return super().visible_to(account)


class Share(models.Model):
    """The mailbox ``person`` opens the mailbox ``owner``, as shared/OWNER in IMAP.

    Dovecot reads it at each sign-in: the person is in the group ``share-ID``, and only so the right that this group has in the owner's INBOX
    counts. No ID is given twice, so what is left in files of a share that ended opens nothing. ``applied``: the helper wrote that right.
    """

    id = models.AutoField(primary_key=True)
    owner = KeyField()
    person = KeyField()
    may_write = models.BooleanField(default=True, db_default=True)
    applied = models.BooleanField(default=False, db_default=False)
    owner_domain = _domain_of("owner")
    person_domain = _domain_of("person")

    objects = ShareQuerySet.as_manager()

    class Meta:
        db_table = "mailbox_share"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "owner"], name="share_pair")]
        indexes = [
            models.Index(fields=["owner", "person"], name="share_owner"),
            models.Index(fields=["owner_domain"], name="share_owner_domain"),
            models.Index(fields=["person_domain"], name="share_person_domain"),
        ]

    def __str__(self):
        return f"{display_address(self.owner)} for {display_address(self.person)}"

    @property
    def group(self):
        return f"share-{self.pk}"

    @property
    def rights(self):
        return WRITES if self.may_write else READS

    @property
    def command(self):
        """What root types where there is no helper."""
        return f"doveadm acl set -u {self.owner} INBOX group={self.group} {self.rights}"


class ShareIndex(models.Model):
    """Dovecot's own list of which group has a right in which mailbox, by which IMAP lists the folders: left-overs open nothing."""

    pk = models.CompositePrimaryKey("group_name", "owner")
    group_name = KeyField(max_length=40)
    owner = KeyField()
    seen = models.SmallIntegerField(default=1, db_default=1)

    class Meta:
        db_table = "mailbox_share_index"
        default_permissions = ()
        indexes = [models.Index(fields=["owner"], name="share_index_owner")]

    def __str__(self):
        return f"{self.group_name}: {self.owner}"
