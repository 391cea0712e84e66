"""What becomes of its addresses, and of what else, when a domain becomes another name of another one: said before it is done."""

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Admin, ApiToken, Webhook
from aliases.models import Alias
from aliases.rename_previews import Preview
from domains.models import Copy, DKIMKey
from mailboxes.models import SendAs
from panel.addresses import display_domain


def preview(plan):
    """What ``join_domain`` would do. ``plan`` is what ``check_joining`` returned."""
    new = display_domain(plan.target.pk)
    said = Preview(
        display_domain(plan.domain.pk), _("another name of %(domain)s") % {"domain": new}
    )
    params = {"old": said.old, "new": new}
    _say_of_mailboxes(said, plan, params)
    _say_of_aliases(said, plan, params)
    _say_of_new_names(said, plan, params)
    _say_of_catch_alls(said, plan, params)
    _say_of_rights(said, plan, params)
    _say_what_stays(said, plan, params)
    return said


def _pairs(moves):
    return [f"{move.row.pk} → {move.new.pk}" for move in moves]


def _say_of_mailboxes(said, plan, params):
    if not plan.mailboxes:
        return
    text = ngettext(
        "%(n)d mailbox moves to %(new)s. Its mail stays where it lies, and mail to the old address reaches it:",
        "%(n)d mailboxes move to %(new)s. Their mail stays where it lies, and mail to the old addresses reaches them:",
        len(plan.mailboxes),
    )
    said.change(text % (params | {"n": len(plan.mailboxes)}), _pairs(plan.mailboxes))
    text = _("Their users sign in with the new names from then on, here and in mail programs: tell them first. Sessions that are open end.")  # fmt: skip
    said.change(text)
    text = _("Passwords, second factors, app passwords, forwarding, quotas and away messages go along.")  # fmt: skip
    said.change(text)
    if over := [move.new.pk for move in plan.mailboxes if move.takes_over]:
        said.change(
            _("Aliases there that lead to the mailbox of their name become its address:"), over
        )
    if plan.target.password_expiry and not plan.domain.password_expiry:
        text = _("Passwords have a lifetime in %(new)s: that of the mailboxes that move begins then.")  # fmt: skip
        said.change(text % params)


def _say_of_aliases(said, plan, params):
    if plan.aliases:
        text = ngettext(
            "%(n)d alias moves to %(new)s:", "%(n)d aliases move to %(new)s:", len(plan.aliases)
        )
        said.change(text % (params | {"n": len(plan.aliases)}), _pairs(plan.aliases))
    if plan.same:
        text = ngettext(
            "%(n)d alias leads to the same recipients there: one is left of both.",
            "%(n)d aliases lead to the same recipients there: one is left of both.",
            len(plan.same),
        )
        said.change(text % {"n": len(plan.same)}, [alias.pk for alias in plan.same])
    if plan.added:
        text = _("Recipients are added to the alias there, which takes the mail of both:")
        said.change(text, [f"{alias.pk} → {into.pk}" for alias, into in plan.added])
    if plan.left:
        text = _("Stay addresses of their own, and lead where they lead now:")
        said.change(text, [alias.pk for alias in plan.left])
    if plan.moves:
        text = _("Aliases and forwardings of all domains that lead to an address that moves lead to the new one.")  # fmt: skip
        said.change(text)


def _say_of_new_names(said, plan, params):
    if stay := [move.row.pk for move in plan.moves if move.stays]:
        text = _(
            "Their names are somebody else’s in %(new)s, so the old addresses stay as aliases:"
        )
        said.change(text % params, stay)


def _say_of_catch_alls(said, plan, params):
    text = _("Every other name of %(new)s is a name of %(old)s, too.")
    said.change(text % params)
    if plan.catch_all is not None:
        text = _("The catch-all of %(old)s stays: mail to what is no name in either domain goes on to:")  # fmt: skip
        said.change(text % params, plan.catch_all.targets)
    there = Alias.objects.filter(pk=f"@{plan.target.pk}", active=True).first()
    if there is None:
        return
    if plan.catch_all is None:
        text = _("The catch-all of %(new)s takes mail to unknown names in %(old)s, too, which is refused now:")  # fmt: skip
        said.change(text % params, there.targets)
    if plan.moves:
        text = _("Mail to the new addresses in %(new)s goes to its catch-all now, and then to whoever moves there.")  # fmt: skip
        said.change(text % params)


def _say_of_rights(said, plan, params):
    here, there = (set(Admin.objects.names_at(row)) for row in (plan.domain, plan.target))
    if others := sorted(here - there):
        text = _("What moves is managed by the administrators of %(new)s. No longer by:")
        said.change(text % params, others)
    by_mailbox = Admin.objects.filter(mailbox__endswith=f"@{plan.domain.pk}", active=True)
    if names := sorted({*by_mailbox.values_list("pk", flat=True)} - there):
        text = _("Manage nothing then, for the mailboxes with which they sign in move:")
        said.change(text, names)
    grants = SendAs.objects.filter(sender=f"@{plan.domain.pk}").order_by("username")
    if names := list(grants.values_list("username", flat=True)):
        text = _("May no longer send as every name of %(old)s, for these are the names of %(new)s:")
        said.change(text % params, names)


def _say_of_copies(said, plan, params):
    copies = Copy.objects.filter(domain=plan.domain.pk)
    whole = copies.filter(address=f"@{plan.domain.pk}")
    if goto := sorted({copy.goto for copy in whole}):
        text = _("Attention: copies (BCC) of all mail to or from %(old)s are made under its own names alone. What is sent to the new addresses, or as one of them, is copied no more, unless %(new)s gets such copies. These no longer get it:")  # fmt: skip
        said.change(text % params, goto)
    if copies.exclude(address=f"@{plan.domain.pk}").exists():
        text = _("Copies (BCC) of mail to and from single addresses of %(old)s stay, and are made under the new addresses of what moves, too.")  # fmt: skip
        said.change(text % params)


def _is_a_limit(domain):
    rows = [
        model.objects.exclude(domains="").only("pk", "domains") for model in (ApiToken, Webhook)
    ]
    return any(domain in row.domain_names for found in rows for row in found)


def _say_what_stays(said, plan, params):
    text = _("Limits, exceptions from the second factor, and texts of mails of %(old)s: those of %(new)s count. A domain of its own again, %(old)s may have no mailboxes and aliases until its limits are raised.")  # fmt: skip
    said.stay(text % params)
    _say_of_copies(said, plan, params)
    if DKIMKey.objects.filter(domain_name=plan.domain.pk).exists():
        said.change(
            _("The DKIM keys of %(old)s stay, and sign what is sent under its names.") % params
        )
    if _is_a_limit(plan.domain.pk):
        text = _("API tokens and webhooks that are limited to %(old)s stay limited to it, and know nothing of what moved.")  # fmt: skip
        said.stay(text % params)
    text = _("Relay host, rules about senders and the DNS of %(old)s stay: they are about that name.")  # fmt: skip
    said.change(text % params)
    if settings.WEBMAIL_URL and plan.mailboxes:
        text = _("Webmail knows address book, identities and settings by the name: its users begin anew there.")  # fmt: skip
        said.stay(text)
    said.stay(_("What was logged and delivered so far is found under the old names."))
