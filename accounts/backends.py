"""One sign-in page, two tables: how Django finds and recognises either kind of account."""

from functools import cache

from accounts.models import Admin
from accounts.passwords import is_cheap, is_possible, run_dummy_hash, verify_password
from panel.addresses import lookup_keys
from panel.prepared import prepared


class AccountBackend:
    """Accounts of one table. A subclass names the rows that may sign in.

    Refusing costs one of our own hashes, whether the name is unknown, inactive or its password another:
    the time of an answer must not tell. Only a stored hash that costs more than ours takes longer.
    """

    def rows(self):
        raise NotImplementedError

    def authenticate(self, request, username=None, password=None):
        """Return the account, or None. An outdated hash is replaced."""
        account = row_named(self.rows(), username)
        if account is None or not is_possible(password):
            run_dummy_hash()
            return None
        correct, replacement = verify_password(password, account.password)
        if not correct:
            if is_cheap(account.password):
                run_dummy_hash()
            return None
        if replacement and not self.store(account, replacement):
            # A second click was faster, with a hash of its own: the session must know that one.
            account = row_named(self.rows(), username)
            if account is None or not verify_password(password, account.password)[0]:
                return None
        return account

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


def row_named(rows, text):
    """Return the row of ``rows`` that has this login name, or None.

    Another program may have stored the domain in Unicode, or both forms: then the typed one counts.
    """
    names = lookup_keys(text or "")
    found = rows.in_bulk(names)
    return next((found[name] for name in names if name in found), None)
