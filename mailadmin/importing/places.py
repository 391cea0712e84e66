"""Where the mail lies, and what of it this panel's Dovecot must be configured with.

Here a home directory is VMAIL_ROOT and the column ``maildir``; what lies below it is the same
mail_location for all mailboxes.
"""

import re
from dataclasses import dataclass
from os.path import commonpath, dirname, normpath, relpath

from django.conf import settings

from panel.addresses import split_address

SHOWN_FORMS = 10
PAGE = 1_000


@dataclass(frozen=True)
class Place:
    """``root``: what all homes lie below; ``line``: Dovecot's mail_location. Empty: the source does not say."""

    root: str = ""
    line: str = ""

    def lines(self):
        if not self.root:
            return
        yield "Where mail lies"
        if self.root != _vmail_root():
            yield (
                f"  Below {self.root} there: bring it below {_vmail_root()} (VMAIL_ROOT) here, or set VMAIL_ROOT={self.root}."
            )
        else:
            yield f"  Below {self.root}, as VMAIL_ROOT has it."
        if self.line:
            yield f"  In dovecot.conf: mail_location = {self.line}   (Dovecot 2.4: mail_driver and mail_path)"
        else:
            yield "  Let mail_location in dovecot.conf be what it is on the old server."

    def record(self):
        return {"root": self.root or None, "mail_location": self.line or None}


def settle(plan, *, new_directories=False):
    spool = plan.spool
    if new_directories:
        spool.run("UPDATE mailbox SET home = '', mail = ''")
    # Below a home that nobody knows.
    spool.run(
        "UPDATE mailbox SET mail = '' WHERE home = '' AND (mail LIKE '%:~%' OR mail LIKE '%:\\%h%' ESCAPE '\\')"
    )
    for (address,) in spool.rows("SELECT address FROM mailbox WHERE home = '' AND mail = ''"):
        plan.note("directories-new", address)
    for place_of in (_in_home, _of_mail):
        forms, root, tops = {}, "", {}
        for row in _located(spool):
            home, form = place_of(row)
            forms[form] = forms.get(form, 0) + 1
            root = commonpath([root or dirname(home), dirname(home)])
            tops.setdefault("/".join(home.split("/")[:2]), row["address"])
        if len(forms) < 2:
            break
    if not forms:
        return Place()
    if len(forms) > 1:
        for form, count in sorted(forms.items())[:SHOWN_FORMS]:
            plan.note("mail-in-different-forms", f"{form or 'not said'} ({count})")
        return Place()
    root = _root(spool, root)
    if root == "/":
        for top, address in sorted(tops.items()):
            plan.note("mail-without-common-root", f"{top} ({address})")
        return Place()
    for row in _located(spool):
        maildir = relpath(place_of(row)[0], root) + "/"
        spool.run("UPDATE mailbox SET maildir = ? WHERE address = ?", maildir, row["address"])
    for maildir, address in spool.rows(
        "SELECT maildir, MIN(address) FROM mailbox WHERE maildir <> '' GROUP BY maildir HAVING COUNT(*) > 1"
    ):
        plan.note("directories-shared", f"{maildir} ({address})")
    return Place(root, next(iter(forms)))


def _vmail_root():
    return settings.VMAIL_ROOT.rstrip("/")


def _located(spool):
    last = ""
    while page := spool.run(
        "SELECT address, home, mail FROM mailbox WHERE address > ? AND (home <> '' OR mail <> '')"
        f" ORDER BY address LIMIT {PAGE}",
        last,
    ).fetchall():
        yield from page
        last = page[-1]["address"]


def _in_home(row):
    home = normpath(expanded(row["home"], row["address"])) if row["home"] else ""
    driver, path, options = _parts(row, home)
    if not driver:
        return home, ""
    if not home or not f"{path}/".startswith(f"{home}/"):
        return path, f"{driver}:~/{options}"
    return home, f"{driver}:~/{relpath(path, home) if path != home else ''}{options}"


def _of_mail(row):
    """(home directory, where mail lies below it) with the mail's own directory as the home: for
    servers where not all homes lie below one directory."""
    home = normpath(expanded(row["home"], row["address"])) if row["home"] else ""
    driver, path, options = _parts(row, home)
    return (path, f"{driver}:~/{options}") if driver else (home, "")


def _parts(row, home):
    """(driver, directory, options with their colon) of a mail_location."""
    driver, _colon, rest = row["mail"].partition(":")
    path, colon, options = rest.partition(":")
    if not path:
        return "", "", ""
    path = re.sub(r"^(?:~|%h)(?=/|$)", lambda _found: home, path)
    return driver, normpath(expanded(path, row["address"])), colon + options


def expanded(path, address):
    """``path`` with Dovecot's variables of user, name and domain, as 2.3 and 2.4 write them."""
    local_part, domain = split_address(address)
    values = {"u": address, "n": local_part, "d": domain}
    values |= {"user": address, "user|username": local_part, "user|domain": domain}
    return re.sub(
        r"%L?([und])|%\{\s*([a-z]+(?:\s*\|\s*[a-z]+)?)\s*\}",
        lambda found: values.get(found[1] or re.sub(r"\s", "", found[2]), found[0]),
        path,
    )


def _root(spool, root):
    if f"{root}/".startswith(f"{_vmail_root()}/"):
        return _vmail_root()
    names = []
    for name in root.split("/"):
        if name and spool.one("SELECT COUNT(*) FROM domain WHERE name = ?", name):
            break
        names.append(name)
    return "/".join(names) or "/"
