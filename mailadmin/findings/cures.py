from copy import copy
from dataclasses import replace
from itertools import count

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts import services as account_services
from accounts.models import Admin
from aliases import services as alias_services
from aliases.away import with_own
from aliases.bulk import AliasWork
from aliases.effects import find_fallbacks, in_a_clause, outcome
from aliases.lookup import Lookup
from aliases.loops import all_hops, find_loop
from aliases.models import Alias, AliasTarget
from domains import services as domain_services
from domains.models import Domain, RoutingLock
from mailadmin.findings import mending
from mailadmin.findings.apart import Apart
from mailadmin.findings.cure import ACCOUNTS, Cure, Mending
from mailadmin.findings.letters import Letters
from mailboxes import forwarding
from mailboxes.bulk import MailboxWork
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from panel.addresses import display_address


class DeadTargets(Cure, AliasWork):
    kind, actions, undoable = "dead-targets", ("leave_out",), ("leave_out",)
    submits = {"leave_out": gettext_lazy("Leave them out")}
    questions = {
        "leave_out": ngettext_lazy(
            "Leave out what nobody answers of %(n)s alias?",
            "Leave out what nobody answers of %(n)s aliases?",
            "count",
        )
    }
    leads = {
        "leave_out": gettext_lazy(
            "Recipients that do not exist are taken out of the lists. A forwarding without another ends, and an alias without"
            " another is switched off and keeps its list. This panel’s maps leave these recipients out already: no mail goes elsewhere."
        )
    }
    results = {"leave_out": ngettext_lazy("%(n)s alias mended", "%(n)s aliases mended", "count")}

    def rows(self):
        return Alias.objects.cleanable_by(self.actor)

    def leave_out(self, row, _options):
        return alias_services.leave_out_dead_targets(actor=self.actor, alias=row)

    def names(self, entries):
        rows = self.rows().select_related("domain__alias_of__target_domain")
        rows = list(rows.filter(pk__in=[entry.key for entry in entries]).order_by("pk"))
        stored = AliasTarget.objects.filter(alias__in=[row.pk for row in rows]).dangling()
        dead = {}
        for name, target in stored.values_list("alias", "target"):
            dead.setdefault(name, set()).add(target)
        lookup = find_fallbacks(self.actor, rows, rows)
        return [self._said(row, dead.get(row.pk, set()), lookup) for row in rows]

    def _said(self, row, dead, lookup):
        mended = copy(row)
        rest = [target for target in row.targets if target.lower() not in dead]
        if row.is_self_alias:
            rest = with_own(row.pk, rest)
        mended.active = bool(rest)
        mended.goto = ",".join(rest or [row.pk])
        supposed = Lookup([row.domain])
        supposed.prepare([row.pk], [mended])
        before, after = _reached(self.actor, row, lookup), _reached(self.actor, mended, supposed)
        texts = {
            "alias": row,
            "targets": ", ".join(map(display_address, sorted(dead))),
            "before": before,
            "after": after,
        }
        if not dead:
            return _("%(alias)s: %(after)s, before and after.") % texts
        if before == after:
            return _("%(alias)s without %(targets)s: %(after)s, before and after.") % texts
        return _("%(alias)s without %(targets)s: before, %(before)s; after, %(after)s.") % texts


def _reached(actor, row, lookup):
    result = outcome(actor, row, row, lookup)
    taking = tuple(target for target in result.destinations if not target.undeliverable)
    return in_a_clause(replace(result, destinations=taking), row)


class Loops(Cure, AliasWork):
    kind, actions, undoable = "loops", ("deactivate",), ()  # whoever puts a loop back is refused
    leads = {
        "deactivate": gettext_lazy(
            "Mail in a loop reaches nobody: Postfix gives it up. Of each loop one alias is switched off, or one forwarding"
            " ended; mail for the others ends there."
        )
    }

    def rows(self):
        return Alias.objects.cleanable_by(self.actor)

    def deactivate(self, row, options):
        RoutingLock.hold()
        # The one before it may have been the last of its loop.
        if find_loop(row.pk, all_hops([row.pk])) is None:
            return {}
        if row.is_self_alias:
            mailbox = Mailbox.objects.get(pk=row.pk)
            after = forwarding.set_forwarding(actor=self.actor, mailbox=mailbox, targets=[])
            return {"goto": [row.goto, after.goto]}
        return super().deactivate(row, options)


class OwnAliases(Cure, MailboxWork):
    kind, actions, undoable = "own-aliases", ("add",), ()
    submits = {"add": gettext_lazy("Add them")}
    questions = {
        "add": ngettext_lazy(
            "Add the own alias of %(n)s mailbox?",
            "Add the own aliases of %(n)s mailboxes?",
            "count",
        )
    }
    leads = {
        "add": gettext_lazy(
            "Each gets an alias that leads to itself, on as the mailbox is. With this panel’s maps mail goes where it"
            " went before; with PostfixAdmin’s, no catch-all takes it any more."
        )
    }
    results = {
        "add": ngettext_lazy(
            "%(n)s mailbox has its own alias", "%(n)s mailboxes have their own aliases", "count"
        )
    }

    def add(self, row, _options):
        if not Alias.objects.filter(pk=row.pk).exists():
            forwarding.set_forwarding(
                actor=self.actor, mailbox=row, targets=[row.pk], keep_copy=True
            )
        return {}


class Names(Cure, MailboxWork):
    kind, actions, undoable = "names", ("rename",), ()
    submits = {"rename": gettext_lazy("Give them other names")}
    questions = {
        "rename": ngettext_lazy(
            "Give %(n)s mailbox another name?", "Give %(n)s mailboxes other names?", "count"
        )
    }
    leads = {
        "rename": gettext_lazy(
            "Each keeps its mail, password and quota, and its old name leads to it as an alias. Its user signs in with the new name"
            " from then on, in mail programs too: tell them first."
        )
    }
    results = {
        "rename": ngettext_lazy(
            "%(n)s mailbox has another name", "%(n)s mailboxes have other names", "count"
        )
    }

    def names(self, entries):
        text = _("%(old)s signs in as %(new)s")
        return [text % {"old": key, "new": _another_name(key)} for key, *_rest in entries]

    def rename(self, row, _options):
        local_part = _another_name(row.pk).rpartition("@")[0]
        rename_mailbox(actor=self.actor, mailbox=row, local_part=local_part)
        return {}


def _another_name(address):
    """``ann.list@example.org`` for ``ann+list@example.org``; with a number where that is taken."""
    local_part, _at, domain = address.rpartition("@")
    plain = local_part.replace(settings.RECIPIENT_DELIMITER, ".")
    for nth in count(1):
        name = f"{plain}{nth if nth > 1 else ''}@{domain}"
        if (
            not Alias.objects.filter(pk=name).exists()
            and not Mailbox.objects.filter(pk=name).exists()
        ):
            return name


class Quotas(Cure, MailboxWork):
    kind, actions, undoable = "quotas", ("quota",), ("quota",)

    def quota(self, row, options):
        if row.quota == 0 or row.quota >= settings.QUOTA_MULTIPLIER:  # somebody has given it one
            return {}
        return super().quota(row, options) or {}


class MissingDomains(Mending):
    kind, actions = "domains", ("make",)
    submits = {"make": gettext_lazy("Add these domains")}
    questions = {
        "make": ngettext_lazy(
            "Add the domain of %(n)s address?", "Add the domains of %(n)s addresses?", "count"
        )
    }
    leads = {
        "make": gettext_lazy(
            "They are added switched off: no mail is accepted for them before somebody switches them on."
        )
    }
    results = {
        "make": ngettext_lazy(
            "%(n)s address has its domain", "%(n)s addresses have their domains", "count"
        )
    }

    def make(self, key):
        name = key.rpartition("@")[2]
        if not Domain.objects.filter(pk=name).exists():
            domain_services.create_domain(actor=self.actor, name=name, active=False)


class ClearText(Mending):
    kind, actions = "clear-text", ("hash",)
    submits = {"hash": gettext_lazy("Hash them")}
    questions = {"hash": ngettext_lazy("Hash %(n)s password?", "Hash %(n)s passwords?", "count")}
    leads = {
        "hash": gettext_lazy(
            "The same passwords go on; nobody has to do anything but sign in to this panel again. This cannot be undone."
        )
    }
    results = {"hash": ngettext_lazy("%(n)s password hashed", "%(n)s passwords hashed", "count")}

    def hash(self, key):
        table, name = key.split(" ", 1)
        account = ACCOUNTS[table].objects.manageable_by(self.actor).get(pk=name)
        account_services.hash_in_place(actor=self.actor, account=account)


class ZeroDates(Mending):
    kind, actions = "zero-dates", ("date",)
    submits = {"date": gettext_lazy("Set them to unknown")}
    questions = {
        "date": ngettext_lazy(
            "Mend the dates of %(n)s row?", "Mend the dates of %(n)s rows?", "count"
        )
    }
    leads = {
        "date": gettext_lazy("0000-00-00 becomes 2000-01-01, “unknown”. No other date is changed.")
    }
    results = {"date": ngettext_lazy("%(n)s row mended", "%(n)s rows mended", "count")}

    def date(self, key):
        table, name = key.split(" ", 1)
        mending.set_unknown_dates(actor=self.actor, table=table, key=name)


class Rights(Mending):
    kind, actions = "rights", ("take_away",)
    submits = {"take_away": gettext_lazy("Take these rights away")}
    questions = {
        "take_away": ngettext_lazy(
            "Take rights without a domain from %(n)s administrator?",
            "Take rights without a domain from %(n)s administrators?",
            "count",
        )
    }
    leads = {
        "take_away": gettext_lazy("Only rights for domains that do not exist. All others stay.")
    }
    results = {
        "take_away": ngettext_lazy(
            "Rights of %(n)s administrator mended", "Rights of %(n)s administrators mended", "count"
        )
    }

    def take_away(self, key):
        admin = Admin.objects.manageable_by(self.actor).get(pk=key)
        names = set(admin.domainadmin_set.exclude(domain="ALL").values_list("domain", flat=True))
        gone = names - set(Domain.objects.filter(pk__in=names).values_list("pk", flat=True))
        account_services.update_admin(actor=self.actor, admin=admin, removed=gone)


class Figures(Mending):
    kind, actions = "figures", ("drop",)
    submits = {"drop": gettext_lazy("Delete the figures")}
    questions = {
        "drop": ngettext_lazy(
            "Delete the figures of %(n)s mailbox that does not exist?",
            "Delete the figures of %(n)s mailboxes that do not exist?",
            "count",
        )
    }
    leads = {
        "drop": gettext_lazy(
            "No mail and no mailbox is touched. Dovecot writes new figures when it counts."
        )
    }
    results = {
        "drop": ngettext_lazy(
            "Figures of %(n)s mailbox deleted", "Figures of %(n)s mailboxes deleted", "count"
        )
    }

    def drop(self, key):
        mending.delete_figures(actor=self.actor, username=key)


# By the check: the work, its action, and the words on the button.
CURES = {
    "recipients-that-do-not-exist": (DeadTargets, "leave_out", gettext_lazy("Leave them out…")),
    "aliases-that-lead-nowhere": (DeadTargets, "leave_out", gettext_lazy("Mend them…")),
    "mail-loops": (Loops, "deactivate", gettext_lazy("Break the loops…")),
    "own-aliases-missing": (OwnAliases, "add", gettext_lazy("Add them…")),
    "names-with-the-delimiter": (Names, "rename", gettext_lazy("Give them other names…")),
    "quotas-below-zero": (Quotas, "quota", gettext_lazy("Give them a quota…")),
    "quotas-tiny": (Quotas, "quota", gettext_lazy("Give them a quota…")),
    "mailboxes-without-domain": (MissingDomains, "make", gettext_lazy("Add the domains…")),
    "aliases-without-domain": (MissingDomains, "make", gettext_lazy("Add the domains…")),
    "alias-domains-without-domain": (MissingDomains, "make", gettext_lazy("Add the domains…")),
    "rights-without-domain": (Rights, "take_away", gettext_lazy("Take them away…")),
    "storage-without-mailbox": (Figures, "drop", gettext_lazy("Delete them…")),
    "zero-dates": (ZeroDates, "date", gettext_lazy("Set them to unknown…")),
    "passwords-marked-plain": (ClearText, "hash", gettext_lazy("Hash them…")),
    "passwords-with-one-salt": (Letters, "write", gettext_lazy("Write to them…")),
    "passwords-weak": (Letters, "write", gettext_lazy("Write to them…")),
    "directories-in-one-another": (Apart, "move", gettext_lazy("Move their mail…")),
}
_SIGN_IN = gettext_lazy(
    "A hash is replaced when its owner signs in to this panel. For those who never do, make new passwords:"
)
_NEW_PASSWORDS = "mailadmin check_rows --list %s | xargs -n 1 mailadmin mailbox password --generate"
# For what no button mends, or not for everybody: what to do, and the command for it.
BY_HAND = {
    "passwords-with-one-salt": (_SIGN_IN, _NEW_PASSWORDS),
    "passwords-weak": (_SIGN_IN, _NEW_PASSWORDS),
    "passwords-in-clear": (
        gettext_lazy("Make new passwords where somebody is meant to sign in:"),
        _NEW_PASSWORDS,
    ),
    "passwords-of-unknown-schemes": (gettext_lazy("Make new passwords:"), _NEW_PASSWORDS),
    "recipients-in-domains-that-are-off": (
        gettext_lazy("Switch their domain on, or take them out of the list."),
        "",
    ),
    "directories-in-one-another": (
        gettext_lazy(
            "Only root can move mail, with Dovecot stopped; Postfix keeps what comes meanwhile. Each gets a directory of its own:"
        ),
        "systemctl stop dovecot; mailadmin directories --apply; systemctl start dovecot",
    ),
}
WORKS = {work.kind: work for work, _action, _words in CURES.values()}


def offered():
    return {name: cure for name, cure in CURES.items() if cure[0].is_offered()}


def by_hand():
    """What is left to type: nothing where a button of the helper's does the same."""
    done = {name for name, (work, *_rest) in CURES.items() if work is Apart and work.is_offered()}
    return {name: how for name, how in BY_HAND.items() if name not in done}
