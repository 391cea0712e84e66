"""Every action that the log knows, in PostfixAdmin's words, and as a sentence: what the {person} did with the {object}."""

from typing import NamedTuple

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

SIGN_INS, MAILBOXES, ALIASES, DOMAINS, ADMINS = "sign-in", "mailbox", "alias", "domain", "admin"
BEGUN, ENDED = "begun", "ended"  # a forwarding that was none before, or is none after


class Action(NamedTuple):
    kind: str
    words: str
    many: str = ""  # of several in a row, with their number
    # By what it was changed to, where the entry tells; ``words`` is for one that does not.
    by_result: dict = {}
    written: bool = True  # by us; PostfixAdmin writes the others


ACTIONS = {
    "login": Action(SIGN_INS, _("{object} signed in")),
    "login_failed": Action(SIGN_INS, _("A wrong password for {object}")),
    "login_unknown": Action(
        SIGN_INS, _("Somebody tried to sign in with an address that does not exist")
    ),
    "code_failed": Action(SIGN_INS, _("A wrong code for {object}, after the right password")),
    "passkey_copied": Action(
        SIGN_INS, _("A passkey of {object} was refused: there may be a copy of it")
    ),
    "end_own_sessions": Action(SIGN_INS, _("{person} signed {object} out in other browsers")),
    "create_domain": Action(
        DOMAINS,
        _("{person} created domain {object}"),
        ngettext_lazy("%(person)s created %(n)d domain", "%(person)s created %(n)d domains", "n"),
    ),
    "edit_domain": Action(
        DOMAINS,
        _("{person} changed domain {object}"),
        ngettext_lazy("%(person)s changed %(n)d domain", "%(person)s changed %(n)d domains", "n"),
    ),
    "rename_domain": Action(DOMAINS, _("{person} gave domain {object} another name")),
    "delete_domain": Action(
        DOMAINS,
        _("{person} deleted domain {object}"),
        ngettext_lazy("%(person)s deleted %(n)d domain", "%(person)s deleted %(n)d domains", "n"),
    ),
    "restore_domain": Action(DOMAINS, _("{person} restored domain {object}")),
    # Of a mailbox or an alias, too.
    "remove_deleted": Action(DOMAINS, _("{person} removed the deleted {object} for good")),
    "publish_dns": Action(DOMAINS, _("Published DNS records of {object}")),
    "mean_mx": Action(
        DOMAINS, _("{person} said that the MX of {object} is meant to lead elsewhere")
    ),
    "judge_mx": Action(
        DOMAINS, _("{person} said that the MX of {object} is not meant to lead elsewhere")
    ),
    "create_dkim_entry": Action(DOMAINS, _("{person} made a DKIM key for {object}")),
    "edit_dkim_entry": Action(DOMAINS, _("{person} let another DKIM key sign for {object}")),
    "delete_dkim_entry": Action(DOMAINS, _("{person} deleted a DKIM key of {object}")),
    "edit_relay_host": Action(DOMAINS, _("{person} changed the relay host of {object}")),
    "edit_sender_rule": Action(DOMAINS, _("{person} changed the rule for mail from {object}")),
    "edit_letter": Action(ADMINS, _("{person} changed the text of a mail to people: {object}")),
    "edit_domain_senders": Action(DOMAINS, _("{person} changed who may write to {object}")),
    "edit_copies_to": Action(DOMAINS, _("{person} changed who gets copies of mail to {object}")),
    "edit_copies_from": Action(
        DOMAINS, _("{person} changed who gets copies of mail from {object}")
    ),
    "create_mailbox": Action(
        MAILBOXES,
        _("{person} created mailbox {object}"),
        ngettext_lazy(
            "%(person)s created %(n)d mailbox", "%(person)s created %(n)d mailboxes", "n"
        ),
    ),
    "edit_mailbox": Action(
        MAILBOXES,
        _("{person} changed mailbox {object}"),
        ngettext_lazy(
            "%(person)s changed %(n)d mailbox", "%(person)s changed %(n)d mailboxes", "n"
        ),
    ),
    "rename_mailbox": Action(
        MAILBOXES,
        _("{person} gave mailbox {object} another name"),
        ngettext_lazy(
            "%(person)s gave %(n)d mailbox another name",
            "%(person)s gave %(n)d mailboxes other names",
            "n",
        ),
    ),
    "edit_forwarding": Action(
        MAILBOXES,
        _("{person} changed the forwarding of {object}"),
        ngettext_lazy(
            "%(person)s changed the forwarding of %(n)d mailbox",
            "%(person)s changed the forwarding of %(n)d mailboxes",
            "n",
        ),
        {
            BEGUN: _("{person} forwarded {object}"),
            ENDED: _("{person} ended the forwarding of {object}"),
            True: _("{person} switched on the forwarding of {object}"),
            False: _("{person} switched off the forwarding of {object}"),
        },
    ),
    "delete_mailbox": Action(
        MAILBOXES,
        _("{person} deleted mailbox {object}"),
        ngettext_lazy(
            "%(person)s deleted %(n)d mailbox", "%(person)s deleted %(n)d mailboxes", "n"
        ),
    ),
    "restore_mailbox": Action(
        MAILBOXES,
        _("{person} restored mailbox {object}"),
        ngettext_lazy(
            "%(person)s restored %(n)d mailbox", "%(person)s restored %(n)d mailboxes", "n"
        ),
    ),
    # Of a mailbox, or of an administrator.
    "hash_password": Action(
        MAILBOXES, _("{person} stored the clear-text password of {object} as a hash")
    ),
    "delete_figures": Action(
        MAILBOXES, _("{person} deleted the storage figures of {object}, which does not exist")
    ),
    # PostfixAdmin's own word for all it does to one is edit_vacation.
    "set_vacation": Action(MAILBOXES, _("{person} changed the away message of {object}")),
    "end_vacation": Action(MAILBOXES, _("{person} ended the away message of {object}")),
    # PostfixAdmin's own words, create_fetchmail and so on, name a number.
    "fetch_mail": Action(MAILBOXES, _("{person} had mail fetched into {object}")),
    "edit_fetching": Action(MAILBOXES, _("{person} changed what is fetched into {object}")),
    "end_fetching": Action(MAILBOXES, _("{person} ended that mail is fetched into {object}")),
    # Of a mailbox, or of an alias.
    "set_ending": Action(ALIASES, _("{person} gave {object} a last day")),
    "remove_ending": Action(ALIASES, _("{person} took away the last day of {object}")),
    # Of a domain, or of a mailbox.
    "edit_own_aliases": Action(
        DOMAINS, _("{person} changed how many aliases users of {object} may make")
    ),
    "end_sessions": Action(MAILBOXES, _("{person} ended the sessions of {object}")),
    "send_test": Action(DOMAINS, _("{person} sent a test message to {object}")),
    "test_broadcast": Action(DOMAINS, _("{person} sent a test message to {object}")),
    "begin_broadcast": Action(DOMAINS, _("{person} began to send a broadcast message to {object}")),
    "end_broadcast": Action(DOMAINS, _("{person} sent a broadcast message to {object}")),
    "send_message": Action(MAILBOXES, _("{person} sent a message to {object}")),
    "let_in_network": Action(
        SIGN_INS, _("{person} let in again who signs in to mail from {object}")
    ),
    "reload_postfix": Action(DOMAINS, _("{person} had Postfix read its files anew")),
    "create_alias": Action(
        ALIASES,
        _("{person} created alias {object}"),
        ngettext_lazy("%(person)s created %(n)d alias", "%(person)s created %(n)d aliases", "n"),
    ),
    "edit_alias": Action(
        ALIASES,
        _("{person} changed alias {object}"),
        ngettext_lazy("%(person)s changed %(n)d alias", "%(person)s changed %(n)d aliases", "n"),
    ),
    "rename_alias": Action(
        ALIASES,
        _("{person} gave alias {object} another name"),
        ngettext_lazy(
            "%(person)s gave %(n)d alias another name",
            "%(person)s gave %(n)d aliases other names",
            "n",
        ),
    ),
    "delete_alias": Action(
        ALIASES,
        _("{person} deleted alias {object}"),
        ngettext_lazy("%(person)s deleted %(n)d alias", "%(person)s deleted %(n)d aliases", "n"),
    ),
    "restore_alias": Action(
        ALIASES,
        _("{person} restored alias {object}"),
        ngettext_lazy("%(person)s restored %(n)d alias", "%(person)s restored %(n)d aliases", "n"),
    ),
    "create_alias_domain": Action(DOMAINS, _("{person} created alias domain {object}")),
    "edit_alias_domain": Action(DOMAINS, _("{person} changed alias domain {object}")),
    "delete_alias_domain": Action(DOMAINS, _("{person} deleted alias domain {object}")),
    "part_alias_domain": Action(
        DOMAINS, _("{person} made alias domain {object} a domain of its own")
    ),
    "join_domain": Action(DOMAINS, _("{person} made domain {object} another name of another one")),
    "create_admin": Action(ADMINS, _("{person} created administrator {object}")),
    "edit_admin": Action(ADMINS, _("{person} changed administrator {object}")),
    "delete_admin": Action(ADMINS, _("{person} deleted administrator {object}")),
    "edit_mailbox_state": Action(
        MAILBOXES,
        _("{person} changed the state of mailbox {object}"),
        by_result={
            True: _("{person} switched on {object}"),
            False: _("{person} switched off {object}"),
        },
    ),
    "edit_alias_state": Action(
        ALIASES,
        _("{person} changed the state of alias {object}"),
        by_result={
            True: _("{person} switched on {object}"),
            False: _("{person} switched off {object}"),
        },
    ),
    "edit_alias_domain_state": Action(
        DOMAINS,
        _("{person} changed the state of alias domain {object}"),
        by_result={
            True: _("{person} switched on alias domain {object}"),
            False: _("{person} switched off alias domain {object}"),
        },
    ),
    # Of a mailbox, or of an administrator, whose entries have no domain.
    "edit_password": Action(MAILBOXES, _("{person} set a new password for {object}")),
    # Of a mailbox, or of an administrator, too.
    "set_factor": Action(MAILBOXES, _("{person} set up a second factor for {object}")),
    "end_factor": Action(MAILBOXES, _("{person} took away the second factor of {object}")),
    "end_app": Action(MAILBOXES, _("{person} took away the authenticator app of {object}")),
    "add_passkey": Action(MAILBOXES, _("{person} added a passkey to {object}")),
    "edit_passkey": Action(MAILBOXES, _("{person} renamed a passkey of {object}")),
    "remove_passkey": Action(MAILBOXES, _("{person} removed a passkey of {object}")),
    "renew_codes": Action(MAILBOXES, _("{person} made new recovery codes for {object}")),
    "use_code": Action(MAILBOXES, _("{person} used a recovery code of {object}")),
    "create_app_password": Action(MAILBOXES, _("{person} made an app password for {object}")),
    "delete_app_password": Action(MAILBOXES, _("{person} revoked an app password of {object}")),
    "edit_send_as": Action(MAILBOXES, _("{person} changed what {object} may send as")),
    "edit_share": Action(MAILBOXES, _("{person} changed who opens {object}")),
    "create_token": Action(MAILBOXES, _("{person} made an API token for {object}")),
    "delete_token": Action(MAILBOXES, _("{person} revoked an API token of {object}")),
    "create_webhook": Action(ADMINS, _("{person} made a webhook for {object}")),
    "edit_webhook": Action(ADMINS, _("{person} changed a webhook of {object}")),
    "delete_webhook": Action(ADMINS, _("{person} deleted a webhook of {object}")),
    "create_sign_in_link": Action(MAILBOXES, _("{person} made a link that signs in as {object}")),
    # Asked for on the page to sign in on, by whoever typed the address.
    "ask_password": Action(
        MAILBOXES, _("Somebody asked for a link to set a new password for {object}")
    ),
    "invite": Action(MAILBOXES, _("{person} invited {object} to set a password")),
    "withdraw_invitation": Action(MAILBOXES, _("{person} withdrew the invitation of {object}")),
    # Of an address or a domain; of everybody, the network is the object.
    "create_exception": Action(
        MAILBOXES, _("{person} made an exception from the second factor for {object}")
    ),
    "delete_exception": Action(
        MAILBOXES, _("{person} took away an exception from the second factor for {object}")
    ),
    "edit_domain_state": Action(
        DOMAINS,
        _("{person} changed the state of domain {object}"),
        by_result={
            True: _("{person} switched on domain {object}"),
            False: _("{person} switched off domain {object}"),
        },
        written=False,
    ),
    "edit_admin_state": Action(
        ADMINS,
        _("{person} changed the state of administrator {object}"),
        by_result={
            True: _("{person} switched on administrator {object}"),
            False: _("{person} switched off administrator {object}"),
        },
        written=False,
    ),
}

# Several switched on or off in a row, of those kinds that people switch by the dozen.
SWITCHED = {
    ("edit_mailbox_state", True): ngettext_lazy(
        "%(person)s switched on %(n)d mailbox", "%(person)s switched on %(n)d mailboxes", "n"
    ),
    ("edit_mailbox_state", False): ngettext_lazy(
        "%(person)s switched off %(n)d mailbox", "%(person)s switched off %(n)d mailboxes", "n"
    ),
    ("edit_alias_state", True): ngettext_lazy(
        "%(person)s switched on %(n)d alias", "%(person)s switched on %(n)d aliases", "n"
    ),
    ("edit_alias_state", False): ngettext_lazy(
        "%(person)s switched off %(n)d alias", "%(person)s switched off %(n)d aliases", "n"
    ),
}
OF_ANY_ACCOUNT = (
    *("edit_password", "set_factor", "end_factor", "renew_codes", "use_code"),
    *("ask_password", "invite", "withdraw_invitation"),
    *("create_exception", "delete_exception"),
    *("end_app", "add_passkey", "edit_passkey", "remove_passkey"),
    *("create_token", "delete_token", "create_sign_in_link", "hash_password"),
)
WRITTEN = tuple(name for name, action in ACTIONS.items() if action.written)


def of_kind(kind):
    names = [name for name, action in ACTIONS.items() if action.kind == kind]
    return (*names, *OF_ANY_ACCOUNT) if kind == ADMINS else tuple(names)


def kind_of(action, domain):
    """The kind of an entry: what any account does or has done to it is an administrator's where there is no domain."""
    if action in OF_ANY_ACCOUNT and not domain:
        return ADMINS
    return ACTIONS[action].kind if action in ACTIONS else ""


def name_and_client(stored):
    """Part what an entry says of who acted, such as ``ann@example.org (192.0.2.7)``."""
    name, _bracket, client = stored.partition(" (")
    return name, client.rstrip(")")
