"""One login page, two tables: how Django finds and recognises either kind of account."""

from functools import cache
from importlib import import_module

from django.conf import settings

from accounts.models import Admin
from accounts.names import row_named
from accounts.passwords import is_cheap, is_possible, spend_time, verify_password
from panel.prepared import prepared


class AccountBackend:
    """Find accounts of one table. A subclass names the rows that may sign in."""

    def rows(self):
        raise NotImplementedError

    def find(self, username):
        return row_named(self.rows(), username)

    def get_user(self, user_id):
        """Return the account of a session, or None once it may not sign in any more."""
        return next(iter(_of_session(type(self))(user_id)), None)

    def store(self, account, replacement):
        """Save a newer hash of the same password; return False if it was changed meanwhile."""
        changed = type(account).objects.filter(pk=account.pk, password=account.password)
        if not changed.update(password=replacement):
            return False
        account.password = replacement
        return True


@cache
def _of_session(backend):
    """Every click asks for it."""

    @prepared
    def account(name):
        return backend().rows().filter(pk=name)

    return account


class AdminBackend(AccountBackend):
    def rows(self):
        return Admin.objects.filter(active=True)


def authenticate(username, password):
    """Return the account that ``username`` and ``password`` open, or None.

    Administrators come first. An outdated hash is replaced. The answer takes about the same
    time whether the name is unknown, inactive, an administrator's or a mailbox's; only a hash of
    another program that costs more than ours takes longer, which the caller must cover.
    """
    verifications = 0
    for path in settings.AUTHENTICATION_BACKENDS:
        module, _, name = path.rpartition(".")
        backend = getattr(import_module(module), name)()
        account = backend.find(username) if username else None
        if account is None:
            continue
        correct, replacement = verify_password(password, account.password)
        if correct:
            if replacement and not backend.store(account, replacement):
                # A second click was faster, with a hash of its own: the session must know that one.
                account = backend.find(username)
                if account is None or not verify_password(password, account.password)[0]:
                    return None
            account.backend = path
            return account
        verifications += is_possible(password) and not is_cheap(account.password)
    for _missing in range(len(settings.AUTHENTICATION_BACKENDS) - verifications):
        spend_time()
    return None
