"""What a page changes a program can change as well: each page that takes a form has operations here, or a reason why not."""

import pytest

from mailadmin.api import api
from tests.pages.test_access import OF_DOMAINS, PATTERNS, VIEWS

OPERATIONS = {
    "admin-create": {"put_administrator"},
    "admin-delete": {"delete_administrator"},
    "admin-edit": {"patch_administrator"},
    "admin-factor": {"reset_administrator_factor"},
    "admin-invite": {"invite_administrator", "withdraw_administrator_invitation"},
    "admin-password": {"set_administrator_password"},
    "admin-state": {"patch_administrator"},
    "alias-create": {"put_alias"},
    "alias-delete": {"delete_alias"},
    "alias-edit": {"patch_alias"},
    "alias-ending": {"put_alias_last_day", "delete_alias_last_day"},
    "alias-rename": {"rename_alias"},
    "alias-senders": {"put_send_as"},
    "alias-senders-end": {"end_send_as"},
    "alias-state": {"patch_alias"},
    "aliasdomain-create": {"put_alias_domain"},
    "aliasdomain-delete": {"delete_alias_domain"},
    "aliasdomain-edit": {"patch_alias_domain"},
    "aliasdomain-own": {"own_alias_domain"},
    "aliasdomain-state": {"patch_alias_domain"},
    "deleted-remove": {"remove_deleted"},
    "deleted-restore": {"restore_deleted"},
    "domain-copy": {"put_copy"},
    "domain-copy-remove": {"delete_copy"},
    "domain-create": {"put_domain"},
    "domain-delete": {"delete_domain"},
    "domain-delivery": {"patch_domain"},
    "domain-dkim-create": {"create_dkim_keys"},
    "domain-dkim-delete": {"delete_dkim_key"},
    "domain-dkim-sign": {"sign_with_dkim_key"},
    "domain-dns": {"patch_domain_dns"},
    "domain-edit": {"patch_domain"},
    "domain-join": {"join_domains"},
    "domain-new-address": {"put_mailbox", "put_alias"},
    "domain-own-addresses": {"put_domain_own_addresses_limit"},
    "domain-relay": {"put_relay_host", "delete_relay_host"},
    "domain-rename": {"rename_domain"},
    "domain-sender": {"put_domain_sender_rule"},
    "domain-sender-remove": {"delete_domain_sender_rule"},
    "domain-state": {"patch_domain"},
    "import": {"check_import", "run_import", "stop_import", "patch_import_line", "delete_import"},
    "import-columns": {"make_import"},
    "import-result": {"hand_out_import_result"},
    "imports": {"make_import"},
    "mailbox-app-passwords": {"delete_app_password"},
    "mailbox-away": {"put_away_message"},
    "mailbox-away-end": {"end_away_message"},
    "mailbox-create": {"put_mailbox", "put_alias"},
    "mailbox-delete": {"delete_mailbox"},
    "mailbox-edit": {"patch_mailbox"},
    "mailbox-ending": {"put_mailbox_last_day", "delete_mailbox_last_day"},
    "mailbox-factor": {"reset_mailbox_factor"},
    "mailbox-fetching": {"delete_fetch"},
    "mailbox-fetching-form": {"add_fetch", "patch_fetch"},
    "mailbox-forwarding": {"put_forwarding"},
    "mailbox-invite": {"invite_mailbox_user", "withdraw_mailbox_invitation"},
    "mailbox-own-addresses": {"put_mailbox_own_addresses_limit"},
    "mailbox-password": {"set_mailbox_password"},
    "mailbox-rename": {"rename_mailbox"},
    "mailbox-send-as": {"put_send_as"},
    "mailbox-send-as-end": {"end_send_as"},
    "mailbox-senders": {"put_send_as"},
    "mailbox-sessions": {"end_mailbox_sessions"},
    "mailbox-sharing": {"put_share"},
    "mailbox-sharing-end": {"end_share"},
    "mailbox-state": {"patch_mailbox"},
    "own-addresses": {"draw_own_address", "patch_own_address", "delete_own_address"},
    "own-addresses-edit": {"patch_own_address"},
    "own-app-passwords": {"delete_app_password"},
    "own-away": {"put_away_message"},
    "own-away-end": {"end_away_message"},
    "own-fetching": {"delete_fetch"},
    "own-fetching-form": {"add_fetch", "patch_fetch"},
    "own-forwarding": {"put_forwarding"},
    "own-send-as": {"put_send_as", "end_send_as", "end_share"},
    "own-tokens": {"revoke_token"},
    "own-webhook": {
        *("delete_webhook", "patch_webhook", "renew_webhook_secret"),
        *("send_webhook_event_again", "test_webhook"),
    },
    "own-webhook-edit": {"patch_webhook"},
    "own-webhook-new": {"make_webhook"},
    "server-networks": {"let_network_in"},
    "server-senders": {"put_sender_rule", "delete_sender_rule"},
}
# Who has only a token has shown no password, and no code.
PASSWORD = "asks for the account’s own password, or a code"
BROWSER = "is about somebody at a browser"
MANY = "is one act on many rows, each of which has an operation"
ASKS = "changes nothing that anybody decides: it looks anew"
MAIL = "is mail: a program hands its own to the mail server by SMTP, and `mailadmin broadcast` sends one to many"
REASONS = {
    "broadcast": MAIL,
    "mailbox-message": MAIL,
    "admin-bulk": MANY,
    "alias-bulk": MANY,
    "aliasdomain-bulk": MANY,
    "address-bulk": MANY,
    "domain-bulk": MANY,
    "mailbox-bulk": MANY,
    "findings": MANY,
    "task": MANY,
    "task-undo": MANY,
    "address-preview": "saves nothing: dry_run tells more",
    "domain-checklist": BROWSER,
    "domain-dns-publish": "writes into the zone of another server, which no dry run and no transaction takes back",
    "dns-host": ASKS,
    "server-disk": ASKS,
    "server": "is for whoever runs this server, with its command line",
    "letter": "is a text that somebody reads before it is used",
    "factor-exceptions": PASSWORD,
    "login": BROWSER,
    "logout": BROWSER,
    "own-address": PASSWORD,
    "own-app-only": PASSWORD,
    "own-mailbox": BROWSER,
    "own-manage": BROWSER,
    "own-manage-code": BROWSER,
    "own-app-password-new": PASSWORD,
    "own-factor-codes": PASSWORD,
    "own-factor-off": PASSWORD,
    "own-factor-setup": PASSWORD,
    "own-passkey": PASSWORD,
    "own-passkey-add": PASSWORD,
    "own-passkey-remove": PASSWORD,
    "own-password": PASSWORD,
    "own-sessions": BROWSER,
    "own-time-zone": BROWSER,
    "own-token-new": PASSWORD,
    "passkey-options": BROWSER,
    "password-due": PASSWORD,
    "password-forgotten": BROWSER,
    "password-link": BROWSER,
    "preferences": BROWSER,
    "second-step": BROWSER,
    "session-left": BROWSER,
    "set_language": BROWSER,
    "sign-in-link": BROWSER,
    "trace": "sends a test message, whose way somebody watches",
}
FUNCTIONS = {"address-preview", "passkey-options", "preferences", "session-left", "set_language"}


def takes_a_form(name):
    view = VIEWS[name]
    if view is None:
        return name in FUNCTIONS
    return hasattr(view, "post") and "post" in view.http_method_names


FORMS = {name for name in PATTERNS if takes_a_form(name)}


def test_each_page_that_takes_a_form_has_an_operation_or_a_reason():
    assert OPERATIONS.keys() & REASONS.keys() == set()
    assert OPERATIONS.keys() | REASONS.keys() == FORMS


def test_a_function_that_answers_a_form_is_looked_at_too():
    reading = {"api-docs", "healthz", "metrics", "domain-suggestions", "domain-options"}
    reading |= {"domain-places", "address-suggestions"} | OF_DOMAINS
    assert {name for name, view in VIEWS.items() if view is None} - reading == FUNCTIONS


@pytest.mark.parametrize("page", sorted(OPERATIONS))
def test_the_operations_of_a_page_are_there(page):
    assert OPERATIONS[page] - api.rights.keys() == set()
