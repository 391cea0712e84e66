"""What another name for a domain changes, and what does not go along: said before it is done. Only superadmins ask."""

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Admin
from aliases.models import Alias, Ending
from aliases.rename_previews import NAMED, Preview
from domains.copies import Copy
from domains.models import AliasDomain, DKIMKey, DomainSenderRule, RelayHost, SenderRule
from domains.renaming import leading_to
from mailboxes.models import Mailbox
from mailboxes.restoring import warning_about
from panel.addresses import display_domain
from panel.formats import number
from panel.paging import COUNT_BOUND

# By what they are called in .env.
ADDRESSES = {"FROM_EMAIL": "DEFAULT_FROM_EMAIL", "REPORTS_TO": "REPORTS_TO"}


def preview(actor, domain, new, *, keep_alias=True):
    """What ``rename_domain`` would do. ``new`` is what ``check_new_name`` returned; ``domain`` comes with its counters."""
    said = Preview(display_domain(domain.pk), display_domain(new.pk))
    changes_places = AliasDomain.objects.filter(pk=new.pk).exists()
    _say_of_addresses(said, domain, new)
    _say_of_the_old_name(said, domain, keep_alias=keep_alias)
    if changes_places:
        text = _("%(name)s is an alias domain of it now, and changes places with it. Its own keys, relay host, copies (BCC) and rules about senders stay.")  # fmt: skip
        said.change(text % {"name": said.new})
    _say_of_dns(said, domain, new)
    _say_of_others(said, domain)
    if not changes_places:
        _say_of_mail_that_left(said, new)
    if text := warning_about(actor, new.pk):
        said.change(text)
    _say_what_stays(said, domain)
    return said


def _say_of_addresses(said, domain, new):
    params = {"old": said.old, "name": said.new}
    if boxes := domain.usage.mailboxes:
        text = ngettext(
            "%(n)s mailbox: its user signs in with the address in %(name)s from then on, here and in mail programs. Tell them first. Sessions that are open end.",
            "%(n)s mailboxes: their users sign in with their addresses in %(name)s from then on, here and in mail programs. Tell them first. Sessions that are open end.",
            boxes,
        )
        said.change(text % (params | {"n": number(boxes)}))
        said.change(_("Passwords, app passwords, second factors, forwarding, away messages, quotas and last days stay."))  # fmt: skip
        said.change(_("Mail and filters stay in their directories. No file is moved."))
    if count := domain.alias_count:
        text = ngettext(
            "%(n)s alias has its name in %(name)s then, with its recipients.",
            "%(n)s aliases have their names in %(name)s then, with their recipients.",
            count,
        )
        said.change(text % (params | {"n": number(count)}))
    said.change(_("Limits, mail flow and settings of %(old)s are those of %(name)s.") % params)
    links = AliasDomain.objects.filter(target_domain=domain.pk).exclude(pk=new.pk).order_by("pk")
    if names := list(links.values_list("pk", flat=True)):
        said.change(_("Alias domains that lead to %(name)s then:") % params, names)
    if admins := list(Admin.objects.names_at(domain)):
        said.change(_("Administrators who manage %(name)s then:") % params, admins)
    by_mailbox = Admin.objects.filter(mailbox__endswith=f"@{domain.pk}", active=True)
    if admins := list(by_mailbox.order_by("pk").values_list("pk", flat=True)):
        text = _("Administrators who sign in with a mailbox, which has its new name then:")
        said.change(text, admins)


def _say_of_the_old_name(said, domain, *, keep_alias):
    params = {"old": said.old, "name": said.new}
    if not keep_alias:
        text = _("%(old)s is given up: it is no domain of this server any more, and all mail to it is refused, or goes to where its MX records lead.")  # fmt: skip
        said.change(text % params)
        said.change(_("What others reported of mail from %(old)s, and the figures of what it sent and got, are deleted.") % params)  # fmt: skip
        return
    text = _("%(old)s becomes an alias domain of %(name)s: mail to each old address goes on arriving, and its user may go on sending under it.")  # fmt: skip
    said.change(text % params)
    both = [
        (Copy.objects.filter(domain=domain.pk), _("copies (BCC)")),
        (RelayHost.objects.filter(pk=domain.pk), _("relay host")),
        (DomainSenderRule.objects.filter(domain=domain.pk), _("rules about senders")),
    ]
    if found := [text for rows, text in both if rows.exists()]:
        said.change(
            _("For mail under either name there are, each with a list of its own then:"), found
        )


def _say_of_dns(said, domain, new):
    params = {"old": said.old, "name": said.new}
    text = _("Have MX, SPF and DMARC records of %(name)s lead here: its page “DNS” lists them, and says what is missing.")  # fmt: skip
    said.change(text % params)
    if DKIMKey.objects.filter(domain_name=new.pk).exists():
        return
    keys = DKIMKey.objects.filter(domain_name=domain.pk, replaced=None).order_by("pk")
    if records := [f"{key.selector}._domainkey.{new.pk}" for key in keys]:
        text = _("The DKIM keys go along. Mail of %(name)s is signed once the DNS has their records, with the values that those of %(old)s have:")  # fmt: skip
        said.change(text % params, records)


def _say_of_others(said, domain):
    params = {"old": said.old, "name": said.new}
    targets = Alias.targets_from_other_domains(domain.pk).order_by("alias")
    found = list(targets.values_list("alias", flat=True).distinct()[: COUNT_BOUND + 1])
    if found:
        text = ngettext(
            "%(n)s alias or forwarding of another domain leads to %(name)s then:",
            "%(n)s aliases and forwardings of other domains lead to %(name)s then:",
            len(found),
        )
        said.change(text % (params | {"n": _bounded(len(found))}), found)
    copies = Copy.objects.exclude(domain=domain.pk).filter(goto_domain=domain.pk)
    if whose := [copy.whose for copy in copies.order_by("address")]:
        text = _("Copies (BCC) that go to %(old)s go to %(name)s, of mail to or from:")
        said.change(text % params, whose)
    endings = Ending.objects.exclude(domain=domain.pk).filter(goto__endswith=f"@{domain.pk}")
    if names := list(endings.order_by("pk").values_list("pk", flat=True)):
        text = _("Mail goes to %(name)s in place of %(old)s after the last day of:")
        said.change(text % params, names)


def _say_of_mail_that_left(said, new):
    """What leads to the new name elsewhere today comes here, to whoever has the same name."""
    rows = leading_to(new.pk).order_by("alias")
    found = list(rows.values_list("alias", flat=True).distinct()[: NAMED + 1])
    text = _("Mail that this server’s users and aliases send to %(name)s stays here from then on. Addresses that are in use elsewhere and not here are refused: create them first.")  # fmt: skip
    said.change(text % {"name": said.new})
    if found:
        said.change(_("Aliases and forwardings that lead there today:"), found)


def _bounded(count):
    return f"> {COUNT_BOUND}" if count > COUNT_BOUND else count


def _say_what_stays(said, domain):
    params = {"old": said.old}
    at = f"@{domain.pk}"
    admins = Admin.objects.filter(username__endswith=at).order_by("pk")
    if names := list(admins.values_list("pk", flat=True)[:3]):
        text = _("Administrators with an address in %(old)s, such as %(names)s, are other accounts and keep their names.")  # fmt: skip
        said.stay(text % (params | {"names": ", ".join(names)}))
    rules = SenderRule.objects.filter(Q(pk=domain.pk) | Q(pk__endswith=at))
    if rules.exists():
        text = _("Rules about mail from %(old)s stay as they are: they are about that name alone.")
        said.stay(text % params)
    named = [name for name, at_django in ADDRESSES.items() if at in getattr(settings, at_django)]
    if named:
        text = _("Settings of this server (.env) have addresses in %(old)s until somebody changes them: %(names)s.")  # fmt: skip
        said.stay(text % (params | {"names": ", ".join(named)}))
    if Mailbox.objects.filter(domain=domain.pk).exists():
        if settings.WEBMAIL_URL:
            text = _("Webmail knows address book, identities and settings by the name: its users begin anew there.")  # fmt: skip
            said.stay(text)
        text = _("Signatures, contacts and mail programs have the old addresses until people change them.")  # fmt: skip
        said.stay(text)
    said.stay(_("What was logged and delivered so far is found under %(old)s.") % params)
