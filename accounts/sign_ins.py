"""Who signed in to the panel, and who failed to, in the log: without letting a stranger fill it.

A name that no account has is never written down, for it may be a password typed into the wrong field; the panel's own
log has it for fail2ban. An entry without a domain is for superadmins alone.
"""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import throttle
from accounts.letters import tell_of_factor
from accounts.models import LogEntry
from panel.transactions import in_transaction

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AN_HOUR = 200  # entries: sign-ins to a domain's mailboxes or by administrators; wrong passwords; unknown names


def record(account, ip):
    """Write that ``account`` signed in, unless it did so from this address within the hour."""
    account.client_ip = ip
    entry = LogEntry.objects.entry(account, "login", domain=_domain(account), target=account.pk)
    since = timezone.now() - HOUR
    same = LogEntry.objects.filter(username=entry.username, timestamp__gt=since, action="login")
    if not same.exists():
        _write(entry, LogEntry.objects.filter(domain=entry.domain))


def record_failure(account, typed, ip):
    """Log the first wrong password of each name and network, and the one after which they must
    wait.

    ``account`` is the account of that name, or None: both run the same statements, so the time of
    an answer tells nothing.
    """
    failures = throttle.failures(typed, ip)
    if failures not in {1, settings.LOGIN_FAILURES}:
        return
    action = "login_failed" if account else "login_unknown"
    if account:
        account.client_ip = ip
    entry = LogEntry.objects.entry(
        account,
        action,
        domain=_domain(account),
        target=account.pk if account else "",
        changes={"failures": [None, failures]} if failures > 1 else None,
    )
    if not account:
        entry.username = f" ({ip})"
    _write(entry, LogEntry.objects.all())


@in_transaction
def count_wrong_code(account, ip, *, copied=False):
    """Count a wrong code, or a passkey that was not taken, after a right password. Write the first from a network, and the one that closes the account to it.

    After as many from any networks the person is told by mail, once a day: somebody has the password.
    """
    throttle.record_wrong_code(account, ip)
    here, anywhere = throttle.wrong_codes(account, ip)
    account.client_ip, limit = ip, settings.LOGIN_FAILURES
    entry = LogEntry.objects.entry(
        account, "code_failed", domain=_domain(account), target=account.pk
    )
    same = LogEntry.objects.filter(about=entry.data, domain=entry.domain, action=entry.action)
    told = same.filter(changes__isnull=False, timestamp__gt=timezone.now() - DAY)
    if here == limit or anywhere >= limit:
        entry.changes = {"failures": [None, anywhere]}
    if entry.changes and not told.exists():
        entry.save(force_insert=True)
        tell_of_factor(account, "wrong-codes", ip=ip)
    elif here in {1, limit}:
        _write(entry, LogEntry.objects.all())
    if copied:
        record_copied_passkey(account, ip)


@in_transaction
def record_copied_passkey(account, ip):
    """Write that a passkey's counter went back, and tell the person by mail, once a day."""
    account.client_ip = ip
    entry = LogEntry.objects.entry(
        account, "passkey_copied", domain=_domain(account), target=account.pk
    )
    same = LogEntry.objects.filter(about=entry.data, domain=entry.domain, action=entry.action)
    if not same.filter(timestamp__gt=timezone.now() - DAY).exists():
        entry.save(force_insert=True)
        tell_of_factor(account, "passkey-copied", ip=ip)


def _domain(account):
    return getattr(account, "domain_id", "")


def _write(entry, others):
    recent = others.filter(action=entry.action, timestamp__gt=timezone.now() - HOUR)
    if recent[:AN_HOUR].count() < AN_HOUR:
        entry.save(force_insert=True)
