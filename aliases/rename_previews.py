"""What another name for an address changes, and what does not go along: said before it is done.

Nothing is told of domains that the actor does not see.
"""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Admin
from aliases.effects import find_fallbacks, in_a_clause
from aliases.models import Ending, OwnAlias
from aliases.referrers import with_alias_domain_names
from aliases.renaming import leading_to
from domains.copies import copies_about
from domains.models import DomainSenderRule, SenderRule
from mailboxes.models import SendAs
from panel.addresses import display_address, split_address
from panel.paging import COUNT_BOUND
from panel.scoping import domains_in_sight, sees_all_domains

NAMED = 20  # aliases and copies that are named


@dataclass(frozen=True)
class Preview:
    """Sentences, each with the names it is about: what changes, and what does not go along."""

    old: str
    new: str
    changes: list = field(default_factory=list)
    stays: list = field(default_factory=list)

    def change(self, text, names=()):
        self.changes.append((text, self._shown(names)))

    def stay(self, text):
        self.stays.append((text, ()))

    @staticmethod
    def _shown(names):
        found = [display_address(name) for name in dict.fromkeys(names)]
        more = [_("and %(n)d more") % {"n": len(found) - NAMED}] if len(found) > NAMED else []
        return (*found[:NAMED], *more)


def foretold(preview):
    """A preview of the pages, as a dry run tells it."""
    return {
        "changes": [{"says": text, "names": list(names)} for text, names in preview.changes],
        "stays": [text for text, _names in preview.stays],
    }


def preview(actor, alias, new, *, keep_alias=True):
    """What ``rename_alias`` would do. ``new`` is what ``check_new_name`` returned; ``alias.domain`` comes with ``alias_of``."""
    said = Preview(display_address(alias.pk), display_address(new.pk))
    names = with_alias_domain_names([alias.pk])
    params = {"old": said.old, "name": said.new}
    text = _("Mail for %(name)s goes where that for %(old)s went, description and state stay:")
    said.change(text % params, alias.targets)
    if new.domain_id != alias.domain_id:
        text = _(
            "It counts for the limit of aliases of %(domain)s, whose administrators manage it."
        )
        said.change(text % {"domain": new.domain})
    if keep_alias:
        said.change(_("%(old)s becomes an alias that leads to %(name)s.") % params)
    else:
        say_of_the_old_name(said, actor, alias, names)
    say_of_aliases(said, actor, names, keep_alias=keep_alias)
    say_of_copies(said, actor, names, keep_alias=keep_alias)
    text = _("Whoever of its recipients may send as %(old)s may send as %(name)s, and no longer as %(old)s.")  # fmt: skip
    said.change(text % params)
    _say_what_goes_along(said, alias.pk, keep_alias=keep_alias)
    say_of_endings(said, actor, alias.pk)
    say_what_stays(said, actor, alias.pk)
    return said


def say_of_the_old_name(said, actor, row, names):
    find_fallbacks(actor, [row])
    fate = in_a_clause(row.stopped, row)
    said.change(_("%(old)s is given up: %(fate)s.") % {"old": said.old, "fate": fate})
    seen = domains_in_sight(actor, {split_address(name)[1] for name in names[1:]})
    if others := [name for name in names[1:] if split_address(name)[1] in seen]:
        said.change(_("Its names in alias domains are given up, too:"), others)


def say_of_aliases(said, actor, names, *, keep_alias):
    follow, elsewhere = leading_to(actor, names)
    params = {"old": said.old, "name": said.new}
    if follow:
        text = ngettext(
            "%(n)s alias or forwarding leads to %(name)s then:",
            "%(n)s aliases and forwardings lead to %(name)s then:",
            len(follow),
        )
        said.change(text % (params | {"n": _number(len(follow))}), [row.pk for row in follow])
    if not elsewhere:
        return
    if keep_alias:
        text = ngettext(
            "%(n)s alias in a domain that you do not manage goes on leading to %(old)s, and so to %(name)s.",
            "%(n)s aliases in domains that you do not manage go on leading to %(old)s, and so to %(name)s.",
            elsewhere,
        )
    else:
        text = ngettext(
            "%(n)s alias in a domain that you do not manage goes on leading to %(old)s, and reaches %(name)s no longer.",
            "%(n)s aliases in domains that you do not manage go on leading to %(old)s, and reach %(name)s no longer.",
            elsewhere,
        )
    said.stay(text % (params | {"n": _number(elsewhere)}))


def _number(count):
    return f"> {COUNT_BOUND}" if count > COUNT_BOUND else count


def say_of_copies(said, actor, names, *, keep_alias):
    old = names[0]
    copies = copies_about([old] if keep_alias else names)
    seen = domains_in_sight(actor, {copy.domain for copy in copies})
    here = [copy for copy in copies if copy.domain in seen]
    params = {"old": said.old, "name": said.new}
    if to := [copy.whose for copy in here if copy.goto == old and copy.address not in names]:
        text = _("Copies (BCC) that go to %(old)s go to %(name)s, of mail to or from:")
        said.change(text % params, to)
    if of := [copy.goto for copy in here if copy.address == old]:
        text = _("Mail to or from %(name)s is copied (BCC) as that of %(old)s is now, to:")
        said.change(text % params, of)
    if ended := [copy.whose for copy in here if copy.address in names[1:]]:
        said.change(_("Copies (BCC) of mail to or from its names in alias domains end:"), ended)
    if len(here) < len(copies):
        text = _("Copies of mail of domains that you do not manage go to %(name)s, too.")
        said.change(text % params)


def _say_what_goes_along(said, address, *, keep_alias):
    params = {"old": said.old, "name": said.new}
    if Ending.objects.filter(pk=address).exists():
        text = _("Its end date goes along.")
        if keep_alias:
            text = _("Its end date goes along, and %(old)s has none then.") % params
        said.change(text)
    if user := OwnAlias.objects.filter(pk=address).values_list("username", flat=True):
        said.change(_("It is an own address still, of:"), user)
    # Who manages either end sees them.
    if senders := SendAs.objects.filter(sender=address).order_by("username"):
        text = _("Who was let send as %(old)s may send as %(name)s, and no longer as %(old)s:")
        said.change(text % params, senders.values_list("username", flat=True))


def say_of_endings(said, actor, address):
    endings = Ending.objects.filter(goto=address).order_by("pk")
    seen = domains_in_sight(actor, {ending.domain for ending in endings})
    if led := [ending.pk for ending in endings if ending.domain in seen]:
        text = _("Mail goes to %(name)s in place of %(old)s after the last day of:")
        said.change(text % {"old": said.old, "name": said.new}, led)


def say_what_stays(said, actor, address):
    everything = sees_all_domains(actor)
    params = {"old": said.old}
    if everything and Admin.objects.filter(pk=address).exists():
        said.stay(_("The administrator %(old)s is another account and keeps its name.") % params)
    lists = DomainSenderRule.objects.filter(sender=address)
    if not everything:
        lists = lists.filter(domain__in=actor.scope_domains)
    if lists.exists() or (everything and SenderRule.objects.filter(pk=address).exists()):
        text = _("Rules about mail from %(old)s stay as they are: they are about that name alone.")
        said.stay(text % params)
    said.stay(_("What was logged and delivered so far is found under %(old)s.") % params)
