"""Every page and method against every role and a foreign domain's rows, taken from the URLconf.

A page nobody has written yet fails here until it names its rule.
"""

from urllib.parse import quote

import pytest
from django.apps import apps
from django.urls import URLPattern, get_resolver, reverse

from accounts.services import update_admin
from mailadmin import api
from mailboxes.models import Deleted
from panel.pages import ScopedMixin

PUBLIC = {
    "login",
    "to-provider",
    "provider-return",
    "second-step",
    "passkey-options",
    "healthz",
    "metrics",
    "set_language",
}
# Links to set a password: tests/pages/test_forgotten_password.py.
PUBLIC |= {"password-forgotten", "password-link", "password-link-token"}
# Links that sign in once: tests/api/test_sign_in_links.py. The API's page for people tells nothing of this server.
PUBLIC |= {"sign-in-link", "sign-in-link-token", "api-docs"}
# Operations that a token opens: tests/api/test_matrix.py.
OF_API = {entry.name for entry in api.urls}
# What password managers ask, with a token: tests/api/test_simplelogin.py.
OF_API |= {f"simplelogin-{name}" for name in ("user", "options", "random", "named")}
# What other programs ask for, of a domain: tests/dns, tests/domains/test_client_setup.py.
OF_DOMAINS = {"mta-sts", "autoconfig", "autodiscover", "user-agent-configuration", "apple-profile"}
# What the webmail asks for, with a secret: tests/pages/test_webmail.py.
OF_WEBMAIL = {"webmail-identities", "webmail-password"}
# Mailboxes for identity providers, which a token opens: tests/api/test_scim.py.
OF_SCIM = {
    *("scim-service", "scim-resource-types", "scim-resource-type", "scim-schemas", "scim-schema"),
    *("scim-users", "scim-user"),
}
# Pages about oneself, which take no identifier; what they show begins with a scope all the same.
OWN = {
    "address-preview",
    "address-suggestions",
    "account",
    "own-app-only",
    "own-app-password-new",
    "own-app-passwords",
    "own-away",
    "own-away-end",
    "own-deliveries",
    "own-factor",
    "own-factor-codes",
    "own-factor-off",
    "own-factor-setup",
    "own-fetching",
    "own-fetching-form",
    "own-forwarding",
    "own-mailbox",
    "own-manage",
    "own-manage-code",
    "own-address",
    "own-addresses",
    "own-addresses-edit",
    "own-passkey",
    "own-passkey-add",
    "own-passkey-remove",
    "own-password",
    "password-due",
    "own-room",
    "own-send-as",
    "own-sessions",
    "own-tokens",
    "own-token-new",
    "own-webhooks",
    "own-webhook-new",
    "own-webhook",
    "own-webhook-edit",
    "own-setup",
    "own-sign-ins",
    "own-time-zone",
    "dashboard",
    "search",
    "domain-suggestions",
    "domain-options",
    "domain-places",
    "session-left",
    "preferences",
    "logout",
    "imports",
}
# Of an account's own acts on many rows: tests/pages/test_tasks.py, tests/pages/test_broadcasts.py.
TASKS = {"task", "task-undo", "broadcast-refused"}
# Of files that an account uploaded: tests/file_import.
TASKS |= {"import", "import-columns", "import-result"}
# Of an account's own rows: tests/pages/test_passkeys.py, tests/pages/test_own_addresses.py.
OWN_ROWS = {"own-passkey", "own-passkey-remove", "own-addresses-edit"}
# Of an administrator's own webhooks: tests/pages/test_webhooks.py.
WEBHOOKS = {"own-webhook", "own-webhook-edit"}
METHODS = ("get", "post", "put", "patch", "delete")
EVERY_METHOD = (*METHODS, "head", "options", "trace", "propfind")


def walk(patterns):
    for entry in patterns:
        if isinstance(entry, URLPattern):
            yield entry
        else:
            yield from walk(entry.url_patterns)


PATTERNS = {
    entry.name: entry
    for entry in walk(get_resolver().url_patterns)
    if entry.name not in OF_DOMAINS | OF_WEBMAIL | OF_API | OF_SCIM
}
VIEWS = {name: getattr(entry.callback, "view_class", None) for name, entry in PATTERNS.items()}
SCOPED = sorted(VIEWS.keys() - PUBLIC - OWN - TASKS)
OF_A_ROW = [name for name in SCOPED if "pk" in PATTERNS[name].pattern.converters]
OF_NO_ROW = [name for name in SCOPED if name not in OF_A_ROW]
# They take a form only.
NO_PAGES = {
    "domain-checklist",
    "mailbox-away-end",
    "domain-copy-remove",
    "alias-senders-end",
    "mailbox-send-as-end",
    "mailbox-sharing-end",
    "domain-sender-remove",
    *(name for name in SCOPED if name.endswith("-bulk")),
}
SUPERADMINS_ONLY = [name for name in SCOPED if VIEWS[name].superadmins_only]
RESELLERS_TOO = [name for name in SUPERADMINS_ONLY if VIEWS[name].resellers_too]


def key_of(name):
    """The example.org row that a page is about, by the first word of its name."""
    return {
        "domain": "example.org",
        "mailbox": "joe@example.org",
        "alias": "sales@example.org",
        "address": "sales@example.org",
        "aliasdomain": "alias.example.org",
        "admin": "theirs@example.org",
        "letter": "welcome",
        "deleted": str(getattr(Deleted.objects.first(), "pk", 0)),
    }[name.partition("-")[0]]


def contents():
    own = ("accounts", "domains", "aliases", "mailboxes")
    models = [model for model in apps.get_models() if model._meta.app_label in own]
    return {model.__name__: list(model.objects.order_by("pk").values_list()) for model in models}


def answer(client, method, address):
    return client.generic(method.upper(), address).status_code


def address_of(name):
    if name in TASKS | OWN_ROWS | WEBHOOKS:
        return reverse(name, args=["1"])
    return reverse(name, args=[key_of(name)]) if name in OF_A_ROW else reverse(name)


def test_only_these_pages_open_without_signing_in():
    open_pages = {
        name
        for name, entry in PATTERNS.items()
        if not getattr(entry.callback, "login_required", True)
    }
    assert open_pages == PUBLIC


@pytest.mark.parametrize("name", SCOPED)
def test_every_other_page_names_its_scope(name):
    assert issubclass(VIEWS[name], ScopedMixin)
    assert VIEWS[name].scope in {"visible_to", "manageable_by", "resold_by"}


@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - PUBLIC))
def test_a_stranger_is_sent_to_the_login_and_changes_nothing(name, client, world):
    address = address_of(name)
    before = contents()

    for method in METHODS:
        response = getattr(client, method)(address)
        assert (response.status_code, response.url) == (302, f"/login/?next={quote(address)}")

    assert contents() == before


@pytest.mark.parametrize(
    "role", ["foreign admin", "foreign reseller", "mailbox user", "foreign mailbox user"]
)
@pytest.mark.parametrize("name", OF_A_ROW)
def test_a_row_of_a_foreign_domain_does_not_exist(name, role, sign_in, world):
    client = sign_in(world[role])
    before = contents()

    answers = {method: answer(client, method, address_of(name)) for method in EVERY_METHOD}

    assert answers == dict.fromkeys(EVERY_METHOD, 404)
    assert contents() == before


@pytest.mark.parametrize("name", OF_A_ROW)
def test_a_missing_row_does_not_exist_whatever_the_method(name, sign_in, world):
    client = sign_in(world["superadmin"])
    missing = reverse(name, args=["nobody@nowhere.example"])

    answers = {method: answer(client, method, missing) for method in EVERY_METHOD}

    assert answers == dict.fromkeys(EVERY_METHOD, 404)


@pytest.mark.parametrize("role", ["mailbox user", "foreign mailbox user"])
@pytest.mark.parametrize("name", OF_NO_ROW)
def test_administration_does_not_exist_for_mailbox_users(name, role, sign_in, world):
    client = sign_in(world[role])
    before = contents()

    answers = {method: answer(client, method, address_of(name)) for method in EVERY_METHOD}

    assert answers == dict.fromkeys(EVERY_METHOD, 404)
    assert contents() == before


@pytest.mark.parametrize("role", ["own admin", "foreign admin"])
@pytest.mark.parametrize("name", SUPERADMINS_ONLY)
def test_superadmins_pages_do_not_exist_for_domain_admins(name, role, sign_in, world):
    client = sign_in(world[role])
    before = contents()

    answers = {method: answer(client, method, address_of(name)) for method in EVERY_METHOD}

    assert answers == dict.fromkeys(EVERY_METHOD, 404)
    assert contents() == before


def test_these_pages_of_superadmins_are_open_to_resellers():
    assert [
        *("domain-bulk", "domain-checklist", "domain-create", "domain-delete", "domain-edit"),
        "domain-state",
    ] == RESELLERS_TOO


@pytest.mark.parametrize("role", ["reseller", "foreign reseller"])
@pytest.mark.parametrize("name", [name for name in SUPERADMINS_ONLY if name not in RESELLERS_TOO])
def test_superadmins_other_pages_do_not_exist_for_resellers(name, role, sign_in, world):
    client = sign_in(world[role])
    before = contents()

    answers = {method: answer(client, method, address_of(name)) for method in EVERY_METHOD}

    assert answers == dict.fromkeys(EVERY_METHOD, 404)
    assert contents() == before


@pytest.mark.parametrize(
    "name",
    [n for n in OF_NO_ROW if not n.endswith("-bulk") and n not in SUPERADMINS_ONLY],
)
def test_lists_and_forms_of_a_foreign_admin_show_nothing_of_this_domain(name, sign_in, world):
    client = sign_in(world["foreign admin"])

    page = client.get(address_of(name), {"domain": "example.org", "q": "joe", "target": ""})

    assert page.status_code == 200
    shown = page.getvalue()  # the log as a table is a stream
    assert b"joe@example.org" not in shown
    assert b"sales@example.org" not in shown


@pytest.mark.parametrize(
    "name",
    ["dashboard", "search", "account", "domain-suggestions", "domain-options", "domain-places"],
)
def test_pages_about_oneself_show_a_foreign_admin_nothing_of_this_domain(name, sign_in, world):
    client = sign_in(world["foreign admin"])

    asked = [{"q": text} for text in ("joe", "sales", "ex", "root")]
    pages = [client.get(reverse(name), query, follow=True) for query in asked]

    assert {page.status_code for page in pages} == {200}
    for page in pages:
        assert b"joe@example.org" not in page.content
        assert b"sales@example.org" not in page.content
        assert b'="example.org"' not in page.content


@pytest.mark.parametrize(
    ("name", "role"),
    [(name, "superadmin") for name in SCOPED]
    + [(name, "own admin") for name in SCOPED if name not in SUPERADMINS_ONLY]
    + [(name, "reseller") for name in RESELLERS_TOO],
)
def test_those_who_may_open_a_page_can(name, role, sign_in, world):
    client = sign_in(world[role])
    before = contents()

    response = client.get(address_of(name))

    assert response.status_code == (405 if name in NO_PAGES else 200)
    assert contents() == before


@pytest.mark.parametrize("name", SCOPED)
def test_no_method_but_post_changes_anything_even_for_a_superadmin(name, sign_in, world):
    client = sign_in(world["superadmin"])
    before = contents()

    for method in ("get", "head", "options", "put", "patch", "delete"):
        response = getattr(client, method)(address_of(name))
        assert response.status_code in {200, 405, 422}

    assert contents() == before


@pytest.mark.parametrize("name", [name for name in SCOPED if name.endswith("-bulk")])
@pytest.mark.parametrize("action", ["activate", "deactivate", "delete"])
def test_a_bulk_action_with_one_foreign_row_does_nothing_at_all(name, action, sign_in, world):
    client = sign_in(world["foreign admin"])
    before = contents()
    keys = ["ann@other.net", key_of(name)]

    response = client.post(reverse(name), {"action": action, "selected": keys, "confirmed": "1"})

    assert response.status_code == 404
    assert contents() == before


def test_a_row_is_gone_at_once_when_the_domain_is_taken_from_its_admin(sign_in, world):
    client = sign_in(world["own admin"])
    assert client.get(reverse("mailbox", args=["joe@example.org"])).status_code == 200

    update_admin(actor=None, admin=world["own admin"], domains=["other.net"])

    assert client.get(reverse("mailbox", args=["joe@example.org"])).status_code == 404


def test_a_deactivated_admin_is_signed_out_at_once(sign_in, world):
    client = sign_in(world["own admin"])

    update_admin(actor=None, admin=world["own admin"], active=False)

    assert client.get(reverse("dashboard")).status_code == 302


@pytest.mark.parametrize("fields", [{"domain": "example.org"}, {"domain": "EXAMPLE.ORG"}])
def test_a_foreign_admin_cannot_create_in_this_domain(fields, sign_in, world, password):
    client = sign_in(world["foreign admin"])
    before = contents()

    mailbox = {"local_part": "new", "password": password, "quota_mb": "1", "active": "on"} | fields
    alias = {"local_part": "new", "targets": "ann@other.net", "active": "on"} | fields
    links = {"alias_domain": "example.org", "target_domain": "other.net"}
    answers = [
        client.post(reverse("mailbox-create"), mailbox).status_code,
        client.post(reverse("alias-create"), alias).status_code,
        client.post(reverse("aliasdomain-create"), links).status_code,
    ]

    assert answers == [422, 422, 422]
    assert contents() == before


def test_fields_nobody_shows_are_not_written(sign_in, world):
    client = sign_in(world["own admin"])
    address = reverse("mailbox-edit", args=["joe@example.org"])

    extra = {
        "maildir": "/etc/",
        "domain": "other.net",
        "username": "x@other.net",
        "totp_secret": "x",
    }
    client.post(
        address, {"name": "Joe", "quota_mb": "0", "active": "on", "smtp_active": "on"} | extra
    )

    mailbox = world["mailbox user"]
    mailbox.refresh_from_db()
    assert (mailbox.name, mailbox.maildir, mailbox.domain_id, mailbox.totp_secret) == (
        "Joe",
        "example.org/joe/",
        "example.org",
        None,
    )
