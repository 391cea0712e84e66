from functools import cache

from django.contrib.auth import load_backend

from accounts.models import Admin, Adoption
from accounts.passwords import is_acceptable, is_cheap, run_dummy_hash, verify_password
from panel.addresses import lookup_keys
from panel.prepared import prepared

BACKENDS = {  # by the kind of account
    "admin": "accounts.backends.AdminBackend",
    "mailbox": "mailboxes.backends.MailboxBackend",
}


class AccountBackend:
    """Sign-in by the accounts of one table. A subclass names the rows that may sign in.

    A refused sign-in costs one of our own hashes, whether the name is unknown, the account inactive or the
    password wrong, so that the time of an answer tells nothing. Only a stored hash that costs more takes longer.
    """

    def rows(self):
        raise NotImplementedError

    def authenticate(self, request, username=None, password=None):
        account = row_named(self.rows(), username)
        if account is not None and request is not None:
            request.account_tried = account
        if account is None or not is_acceptable(password):
            run_dummy_hash()
            return None
        correct, replacement = verify_password(password, account.password, account.pk)
        if not correct:
            if is_cheap(account.password):
                run_dummy_hash()
            return None
        # PostfixAdmin, while it runs beside us, may not read the new form.
        if replacement and not Adoption.objects.exists() and not self.store(account, replacement):
            # Another request stored a new hash first: the session must be bound to that one.
            account = row_named(self.rows(), username)
            if account is None or not verify_password(password, account.password, account.pk)[0]:
                return None
        return account

    def get_user(self, user_id):
        return next(iter(_of_session(type(self))(user_id)), None)

    def store(self, account, replacement):
        changed = type(account).objects.filter(pk=account.pk, password=account.password)
        if not changed.update(password=replacement):
            return False
        account.password = replacement
        return True


@cache
def _of_session(backend):
    @prepared
    def account(name):
        return backend().rows().filter(pk=name)

    return account


class AdminBackend(AccountBackend):
    def rows(self):
        return Admin.objects.with_own_sign_in()


def active_account(kind, username):
    """The account of this name that may sign in, with its backend; or None."""
    account = load_backend(BACKENDS[kind]).get_user(username)
    if account is not None:
        account.backend = BACKENDS[kind]
    return account


def row_named(rows, text):
    """The row of ``rows`` with this login name, or None.

    Another program may have stored the domain in Unicode, or both forms: then the typed one counts.
    """
    names = lookup_keys(text or "")
    found = rows.in_bulk(names)
    return next((found[name] for name in names if name in found), None)
