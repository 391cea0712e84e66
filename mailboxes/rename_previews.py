"""What another name for a mailbox changes, and what does not go along: said before it is done."""

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import managers
from aliases.referrers import with_alias_domain_names
from aliases.rename_previews import (
    Preview,
    say_of_aliases,
    say_of_copies,
    say_of_endings,
    say_of_the_old_name,
    say_what_stays,
)
from panel.addresses import display_address


def preview(actor, mailbox, new, *, keep_alias=True):
    """What ``rename_mailbox`` would do. ``new`` is what ``check_new_name`` returned; ``mailbox.domain`` comes with ``alias_of``."""
    said = Preview(display_address(mailbox.pk), display_address(new.pk))
    names = with_alias_domain_names([mailbox.pk])
    params = {"old": said.old, "name": said.new}
    text = _("Its user signs in as %(name)s from then on, here and in mail programs: tell them first. Sessions that are open end.")  # fmt: skip
    said.change(text % params)
    said.change(_("Password, second factor, forwarding, quota and what it may be used for stay."))
    if count := mailbox.app_passwords.count():
        text = ngettext("%(n)d app password goes along.", "%(n)d app passwords go along.", count)
        said.change(text % {"n": count})
    if manager := managers.manager_of(mailbox.pk):
        _say_of_manager(said, manager, mailbox, new)
    text = _("Its mail and filters stay in %(maildir)s. No file is moved.")
    said.change(text % {"maildir": mailbox.maildir})
    if new.domain_id != mailbox.domain_id:
        _say_of_domains(said, mailbox.domain, new.domain)
    if keep_alias:
        said.change(_("%(old)s becomes an alias that leads to %(name)s.") % params)
        if not mailbox.receives:
            text = _("It only sends mail, so %(old)s is closed: it takes none, either.")
            said.change(text % params)
    else:
        say_of_the_old_name(said, actor, mailbox, names)
    say_of_aliases(said, actor, names, keep_alias=keep_alias)
    say_of_copies(said, actor, names, keep_alias=keep_alias)
    say_of_endings(said, actor, mailbox.pk)
    if settings.WEBMAIL_URL:
        text = _("Webmail knows address book, identities and settings by the name: its user begins anew there.")  # fmt: skip
        said.stay(text)
    say_what_stays(said, actor, mailbox.pk)
    return said


def _say_of_manager(said, manager, mailbox, new):
    params = {"old": mailbox.domain, "name": display_address(new.pk)}
    if managers.manager_of(new.pk):
        text = _(
            "Its user manages %(old)s no longer: an administrator of a deleted mailbox has the name %(name)s."
        )
    elif new.domain_id != mailbox.domain_id:
        text = _("Its user manages %(old)s no longer.")
    else:
        text = _("Its user manages %(old)s as before, with the new name.")
    if manager.active:
        said.change(text % params)


def _say_of_domains(said, old, new):
    params = {"old": old, "new": new}
    text = _("It counts for the limits of %(new)s, no longer for those of %(old)s, and the administrators of %(new)s manage it.")  # fmt: skip
    said.change(text % params)
    if new.password_expiry and not old.password_expiry:
        text = _("Passwords have a lifetime in %(new)s: that of this one begins then.")
        said.change(text % params)
