"""Another name for a domain: every row that names it, or an address in it, follows in one transaction.

As domains/services.py: lock, check, save, log. Superadmins alone: a name is also what leads to it from all other domains. Directories are
columns and stay, so no mail is moved.
"""

from django.core.exceptions import ValidationError
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import managers
from accounts.models import ApiToken, LogEntry, Webhook
from aliases.loops import refuse_loops
from aliases.models import Alias, AliasTarget, Ending
from aliases.targets import MAX_BYTES
from domains import renamed_rows, sender_services, sending_limits
from domains.deliveries import forget_figures
from domains.dkim_keys import DKIMSigning
from domains.mail_reports import forget_reports
from domains.models import (
    AliasDomain,
    Copy,
    Domain,
    DomainAdmin,
    DomainSenderRule,
    RoutingLock,
)
from domains.renamed_deletions import forget_joined, rename_deleted
from domains.renamed_rows import WRITTEN, Names, batches
from domains.services import check_new_domain, create_alias_domain, delete_alias_domain
from panel import helper
from panel.addresses import MAX_ADDRESS, display_address, display_domain
from panel.changes import collected, insert, refuse
from panel.formats import number
from panel.transactions import in_transaction

# Addresses: other changes wait for RoutingLock meanwhile, and a request ends after two minutes. 8,000 took 33 s on a busy server.
MOST = 100_000
MOST_OF_A_REQUEST = 5_000


@in_transaction
def rename_domain(*, actor, domain, name, keep_alias=True, most=MOST):
    """Give a domain another name, and return it.

    Its mailboxes, aliases and settings follow; what leads to its addresses leads to the new ones, of whatever domain. Users sign in with
    their new addresses, and open sessions end. The old name becomes an alias domain of the new one, unless ``keep_alias`` is False:
    then it is given up. Keys sign for the new name once its DNS shows them. An alias domain of it changes places with it, and keeps what is
    said of its own mail: keys, relay host, rules about senders.
    """
    if actor is not None and not actor.is_superadmin:
        raise ValidationError(_("Only a superadmin may give a domain another name."), "superadmin")
    RoutingLock.hold()
    domain = Domain.objects.select_for_update().get(pk=domain.pk).fresh()
    new = check_new_name(domain=domain, name=name, keep_alias=keep_alias, most=most)
    names, now = Names(domain.pk, new.pk), timezone.now()
    # As they are before.
    leading_there = sorted(set(leading_to(new.pk).values_list("alias", flat=True)))
    elsewhere = sorted(_leading_from_others(domain.pk))
    copies = list(Copy.objects.filter(domain=domain.pk)) if keep_alias else []
    new.modified = now
    reseller = _store(actor, domain, new)  # first: no address may be without a domain
    links = renamed_rows.lead_alias_domains(names)
    manage = managers.managers_at(domain.mailbox_set.order_by().values("pk"))
    mailboxes = renamed_rows.rename_mailboxes(names, now)
    managers.record_renamed(actor, manage)
    renamed_rows.rename_aliases(names, now)
    _lead_others_on(actor, names, elsewhere, now)
    _lead_endings_on(actor, names)
    renamed_rows.rename_new_addresses(names)
    renamed_rows.rename_managers(names)
    renamed_rows.rename_copies(names, keep=copies)
    renamed_rows.take_settings_along(names, keep=keep_alias)
    rename_deleted(names, domain.created, new.created)
    _record(actor, domain, new, links)
    if keep_alias:
        _lead_old_name(actor, domain, new, reseller)
    else:
        _give_up(domain)
    for some in batches([names.of(address) for address in leading_there]):
        refuse_loops(actor, some)
    renamed_rows.take_along(names, mailboxes)
    sending_limits.tell({"sending_limit"})  # rspamd's files name its keys, too
    helper.after_commit("kick-domain", domain.pk)
    return Domain.objects.get(pk=new.pk)


def check_new_name(*, domain, name, keep_alias=True, most=MOST):
    """Return the unsaved Domain of that name. Raises all errors at once. ``domain`` comes with its counters."""
    errors, new = {}, copy_of(domain)
    link = AliasDomain.objects.select_related("target_domain").filter(pk=domain.pk).first()
    if link is not None:
        text = _("%(domain)s is an alias domain. Make the other name an alias domain of %(target)s, too, and delete this one.")  # fmt: skip
        params = {"domain": domain, "target": link.target_domain}
        raise ValidationError({"name": ValidationError(text, "alias_domain", params)})
    with collected(errors, "name"):
        new.name = _checked_name(domain, name)
        _refuse_too_long(domain, new)
        _refuse_itself(domain, new)
        _refuse_too_many_bytes(domain, new)
    if error := _too_many(domain, most):
        errors.setdefault("name", []).append(error)
    with collected(errors, "keep_alias"):
        if keep_alias:
            _check_alias_domain(domain)
        else:
            _refuse_signing_for_others(domain)
    refuse(errors)
    return new


def _too_many(domain, most):
    if domain.usage.alias_rows <= most:
        return None
    text = ngettext(
        "A domain of at most %(n)s address gets another name at once.",
        "A domain of at most %(n)s addresses gets another name at once.",
        most,
    )
    if most < MOST:
        text = _("It has more than %(n)s addresses, which takes minutes: use the command “domain rename”.")  # fmt: skip
    return ValidationError(text, "too_many", {"n": number(most)})


def _store(actor, domain, new):
    """Return against whose budget the other name of both counts."""
    link = AliasDomain.objects.filter(pk=new.pk).first()
    renamed_rows.forget_left_overs(new.pk, of_an_alias_domain=link is not None)
    if link is None:
        forget_joined(new.pk)
        new.created = renamed_rows.created_of(new.pk, domain.created)
        insert(new)
        return ""
    delete_alias_domain(actor=actor, link=link)
    since = link.alias_domain.created
    first = min(domain.created, since)
    new.created = renamed_rows.created_of(new.pk, first, before=since)
    new.save(force_update=True)
    return link.alias_domain.reseller


def copy_of(domain):
    values = {field.attname: getattr(domain, field.attname) for field in Domain._meta.fields}
    return Domain(**values)


def _checked_name(domain, text):
    try:
        return check_new_domain(name=text).pk
    except ValidationError as error:
        found = error.error_dict["name"][0]
    if found.code == "taken":
        other = found.params["name"]
        if other.pk == domain.pk:
            raise ValidationError(_("This is its name already."), "same")
        if AliasDomain.objects.filter(pk=other.pk, target_domain=domain.pk).exists():
            _refuse_own_addresses(other.pk)
            _refuse_who_has_it_alone(domain.pk, other.pk)
            return other.pk
    raise found


def _refuse_own_addresses(name):
    """Of an alias domain that changes places: whose mail an address of both names is, nobody but people can say."""
    found = Alias.objects.filter(domain=name).order_by("pk").values_list("pk", flat=True)[:5]
    if found:
        text = _("%(name)s has addresses of its own, such as %(addresses)s. Move or delete them first.")  # fmt: skip
        addresses = ", ".join(map(display_address, found))
        raise ValidationError(
            text, "own_addresses", {"name": display_domain(name), "addresses": addresses}
        )


def _refuse_who_has_it_alone(old, name):
    """Whoever was given an alias domain, which has no mailboxes, is not given those of the domain by that."""
    admins = DomainAdmin.objects.filter(active=True)
    of_domain = admins.filter(domain=old).values_list("username", flat=True)
    alone = admins.filter(domain=name).exclude(username__in=list(of_domain))
    found = {*alone.values_list("username", flat=True)}
    for model, owner in ((ApiToken, "username"), (Webhook, "owner")):
        rows = model.objects.exclude(domains="").values_list(owner, "domains")
        limits = [(whose, text.split(",")) for whose, text in rows]
        found |= {whose for whose, limit in limits if name in limit and old not in limit}
    if found:
        text = _("%(accounts)s: these manage %(name)s and not %(old)s, or have an API token or webhook for it alone, and would have all mailboxes. Let them have both or neither first.")  # fmt: skip
        params = {
            "accounts": ", ".join(sorted(found)[:5]),
            "name": display_domain(name),
            "old": display_domain(old),
        }
        raise ValidationError(text, "alone", params)


def _refuse_too_long(domain, new):
    most = MAX_ADDRESS - len(new.pk) + len(domain.pk)
    for rows in (Alias.objects.filter(domain=domain), Copy.objects.filter(domain=domain.pk)):
        sized = rows.annotate(size=Length("address")).filter(size__gt=most)
        found = sized.order_by("address").values_list("address", flat=True).first()
        if found is not None:
            text = _("%(address)s would be longer than %(n)d characters, which no address may be.")
            params = {"address": display_address(found), "n": MAX_ADDRESS}
            raise ValidationError(text, "too_long", params)


def _refuse_itself(domain, new):
    """An alias to the same name elsewhere would lead to nobody but itself."""
    names = Names(domain.pk, new.pk)
    targets = leading_to(new.pk).filter(owner=domain.pk)
    itself = [row.alias for row in targets if names.of(row.alias) == row.target]
    rows = Alias.objects.filter(pk__in=itself, is_self_alias=False).order_by("pk")
    found = [display_address(row.pk) for row in rows[:5]]
    if found:
        text = _("These aliases lead to the same name in %(name)s, and would lead to themselves: %(aliases)s. Change them first.")  # fmt: skip
        raise ValidationError(text, "itself", {"name": new, "aliases": ", ".join(found)})


def _refuse_too_many_bytes(domain, new):
    """Of the domain's own aliases; those of others are looked at when they are written."""
    names = Names(domain.pk, new.pk)
    # Characters: one may have four bytes, and a recipient is at least its domain and two.
    most = MAX_BYTES * (len(domain.pk) + 2) // (len(new.pk) + 2) // 4
    rows = Alias.objects.filter(domain=domain).annotate(size=Length("goto"))
    for row in rows.filter(size__gt=most).order_by("pk").iterator(WRITTEN):
        goto = names.of_recipients(row.goto, row.pk)
        if goto != row.goto:
            _refuse_bytes(row.pk, goto)


def _refuse_bytes(address, goto):
    if len(goto.encode()) > MAX_BYTES:
        text = _("%(address)s has so many recipients that a longer one has no room among them.")
        raise ValidationError(text, "too_long", {"address": display_address(address)})


def _check_alias_domain(domain):
    if not domain.ends_here:
        text = _("Mail for %(domain)s is handed on to another server, which knows its addresses: as an alias domain it would refuse them. Give the old name up.")  # fmt: skip
        raise ValidationError(text, "handed_on", {"domain": domain})
    if DomainSenderRule.objects.filter(domain=domain.pk).exists():
        sender_services.list_number("")  # one more


def _refuse_signing_for_others(domain):
    """Without the old name its signatures are worth nothing, and those of the new one sign for it alone."""
    rows = DKIMSigning.objects.filter(dkim__domain_name=domain.pk).exclude(author=domain.pk)
    others = rows.exclude(author__endswith=f"@{domain.pk}").order_by("author")
    found = list(others.values_list("author", flat=True).distinct()[:5])
    if found:
        text = _("Keys of %(domain)s sign mail of others too: %(names)s. Let other keys sign it first, or keep the old name.")  # fmt: skip
        params = {"domain": domain, "names": ", ".join(map(_displayed, found))}
        raise ValidationError(text, "signs_for_others", params)


def _displayed(author):
    return display_address(author) if "@" in author else display_domain(author)


def leading_to(name):
    return AliasTarget.objects.filter(domain=name)


def _leading_from_others(name):
    return set(Alias.targets_from_other_domains(name).values_list("alias", flat=True))


def _lead_others_on(actor, names, addresses, now):
    """Aliases and forwardings of other domains lead to the new addresses."""
    for some in batches(addresses):
        rows = Alias.objects.select_for_update().filter(pk__in=some).order_by("domain", "pk")
        written, changes = {}, {}
        for row in rows:
            goto = names.of_recipients(row.goto)
            if goto == row.goto:  # in a notation that only Postfix reads
                continue
            _refuse_bytes(row.pk, goto)
            written[row.pk] = goto
            action = "edit_forwarding" if row.is_self_alias else "edit_alias"
            of_domain = changes.setdefault((action, row.domain_id), {})
            of_domain[row.pk] = {"goto": [row.goto, goto]}
        renamed_rows.write_recipients(written, modified=now)
        for (action, domain), of_domain in changes.items():
            LogEntry.objects.record_many(actor, action, domain=domain, changes=of_domain)


def _lead_endings_on(actor, names):
    endings = Ending.objects.select_for_update().filter(goto__endswith=f"@{names.old}")
    for ending in endings.order_by("pk"):
        goto = names.of(ending.goto)
        Ending.objects.filter(pk=ending.pk).update(goto=goto)
        if ending.domain != names.new:
            changes = {"goto": [ending.goto, goto]}
            LogEntry.objects.record(
                actor, "set_ending", domain=ending.domain, target=ending.pk, changes=changes
            )


def _lead_old_name(actor, domain, new, reseller):
    renamed_rows.shrink(domain.pk, reseller)
    create_alias_domain(
        actor=actor,
        alias_domain=Domain.objects.get(pk=domain.pk),
        target_domain=Domain.objects.get(pk=new.pk),
        description=domain.description,
    )


def _give_up(domain):
    """As a domain that is deleted: who has the name next finds nothing of whoever had it."""
    forget_reports(domain.pk)
    forget_figures(domain.pk)
    Domain.objects.filter(pk=domain.pk).delete()


def _record(actor, domain, new, links):
    # Who manages an alias domain of it alone reads of it there.
    for link in links:
        moved = {"target_domain": [domain.pk, new.pk]}
        LogEntry.objects.record(
            actor, "edit_alias_domain", domain=link.pk, target=link.pk, changes=moved
        )
    for name in (domain.pk, new.pk):
        changes = {"name": [domain.pk, new.pk]}
        LogEntry.objects.record(actor, "rename_domain", domain=name, target=name, changes=changes)
