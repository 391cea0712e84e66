import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains import main_cf
from domains.flow_services import set_relay_host
from domains.models import Domain, RelayHost
from domains.services import delete_domain, update_domain
from panel.forms import digest
from tests.pages.reading import links, text


def flow(client, name="example.org"):
    return client.get(reverse("domain-flow", args=[name]))


# --- Mail to the domain


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "Mail for its mailboxes is delivered on this server"),
        (
            {"transport": "smtp:[mx.example.net]"},
            "Mail for its mailboxes is handed on to smtp:[mx.example.net]",
        ),
        (
            {"backupmx": True},
            "passed on to the domain’s primary mail server, to which its MX records lead."
            " Mail for any address is accepted",
        ),
        (
            {"backupmx": True, "transport": "smtp:[mx.example.net]"},
            "passed on to smtp:[mx.example.net]. Mail for any address is accepted",
        ),
        (
            {"backupmx": True, "verify_recipients": True},
            "Unknown addresses are refused: Postfix asks the primary server",
        ),
        ({"active": False}, "example.org is off: mail for its addresses is refused."),
    ],
)
def test_the_page_says_what_becomes_of_mail(columns, said, superadmin, example_org):
    update_domain(actor=None, domain=example_org, **columns)

    assert said in text(flow(superadmin))


def test_a_superadmin_hands_a_domain_on(superadmin, example_org):
    page = flow(superadmin)
    address = reverse("domain-delivery", args=["example.org"])
    assert address in links(page)

    done = superadmin.post(address, {"transport": "mx.example.net:2525"}, follow=True)

    assert done.redirect_chain == [(reverse("domain-flow", args=["example.org"]), 302)]
    assert "handed on to smtp:[mx.example.net]:2525" in text(done)
    assert LogEntry.objects.latest("pk").changes == {
        "transport": ["virtual", "smtp:[mx.example.net]:2525"]
    }


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        ("maildrop:", "Postfix has no service “maildrop”."),
        ("smtp:[mx]:x", "“[mx]:x” is no server."),
        ("|/bin/sh", "Write a Postfix transport such as"),
    ],
)
def test_what_postfix_does_not_serve_is_refused_at_its_field(
    transport, said, superadmin, example_org
):
    address = reverse("domain-delivery", args=["example.org"])

    page = superadmin.post(address, {"transport": transport, "backupmx": "on"})

    assert page.status_code == 422
    [error] = page.context["form"].errors["transport"]
    assert error.startswith(said)
    assert Domain.objects.get().backupmx is False


def test_a_domain_admin_sees_the_page_without_what_superadmins_change(admin):
    page = flow(admin)

    assert "Mail for its mailboxes is delivered on this server" in text(page)
    assert reverse("domain-delivery", args=["example.org"]) not in links(page)


# --- Mail from the domain


def relay(client, name="example.org", **values):
    given = {"server": "smtp.example.net", "login": "", "password": "", "spf_include": ""}
    return client.post(reverse("domain-relay", args=[name]), given | values)


def test_a_relay_host_is_named_and_its_password_never_shown(superadmin, example_org):
    done = relay(superadmin, login="ann", password="Tangerine-9", spf_include="include:_spf.A.net.")

    page = superadmin.get(done.url)
    assert "leaves through [smtp.example.net]:587, by TLS" in text(page)
    assert "The login there is ann." in text(page)
    form = superadmin.get(reverse("domain-relay", args=["example.org"]))
    [row] = RelayHost.objects.all()
    assert (row.pk, row.spf_include, row.is_readable) == ("example.org", "_spf.a.net", True)
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.domain) == ("edit_relay_host", "example.org")
    assert entry.changes == {
        "next_hop": ["", "[smtp.example.net]:587"],
        "login": ["", "ann"],
        "spf_include": ["", "_spf.a.net"],
        "relay_password": [None, True],
    }
    for shown in (page.text, form.text, entry.data, f"{vars(row)}"):
        assert "Tangerine" not in shown
    assert row.secret not in page.text + form.text


def test_a_domain_without_a_relay_host_has_that_of_the_server(superadmin, settings):
    settings.MAIL_RELAYHOST = ""
    assert "Mail to the outside goes straight to the recipients’ servers." in text(flow(superadmin))

    settings.MAIL_RELAYHOST = "smtp.example.net"
    said = "leaves through the relay host of this server, smtp.example.net."
    assert said in text(flow(superadmin))


def test_a_domain_admin_sees_the_relay_host_and_not_the_login(admin, example_org):
    set_relay_host(
        actor=None, domain=example_org, server="smtp.example.net", login="ann", password="secret"
    )

    page = flow(admin)
    assert "leaves through [smtp.example.net]:587" in text(page)
    assert "login" not in text(page)
    assert reverse("domain-relay", args=["example.org"]) not in links(page)


def test_a_password_stays_where_server_and_login_do(superadmin, example_org):
    relay(superadmin, login="ann", password="secret")
    row = RelayHost.objects.get()
    assert relay(superadmin, login="ann", spf_include="spf.example.net").status_code == 302
    assert RelayHost.objects.get().secret == row.secret
    assert LogEntry.objects.latest("pk").changes == {"spf_include": ["", "spf.example.net"]}

    for changed in ({"server": "smtp.thief.example", "login": "ann"}, {"login": "bob"}):
        page = relay(superadmin, **changed)
        assert page.status_code == 422
        assert page.context["form"].errors == {
            "password": ["Enter the password of this login at this server."]
        }
    assert RelayHost.objects.get().secret == row.secret


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(superadmin, example_org):
    relay(superadmin, login="ann", password="secret")
    form = superadmin.get(reverse("domain-relay", args=["example.org"])).context["form"]
    digests = " ".join(f"{name}:{digest(form[name].stored)}" for name in form.initial)
    relay(superadmin, server="other.example.net", login="ann", password="secret")

    page = relay(superadmin, server="third.example.net", login="ann", initial_digests=digests)

    assert page.status_code == 422
    assert "Someone else changed this field" in page.context["form"].errors["server"][0]
    assert RelayHost.objects.get().next_hop == "[other.example.net]:587"


def test_without_a_server_there_is_none_any_more(superadmin, example_org):
    relay(superadmin, login="ann", password="secret")

    relay(superadmin, server="")

    assert not RelayHost.objects.exists()
    assert "straight to the recipients’ servers" in text(flow(superadmin))
    entry = LogEntry.objects.latest("pk")
    assert entry.changes == {"next_hop": ["[smtp.example.net]:587", ""], "login": ["ann", ""]}


def test_without_a_login_nothing_of_it_stays(superadmin, example_org):
    relay(superadmin, login="ann", password="secret")

    relay(superadmin)

    row = RelayHost.objects.get()
    assert (row.login, row.salt, row.secret) == ("", "", "")


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"server": "smtp example"}, "server", "“smtp example” is no server."),
        ({"server": "relayhost:x,y"}, "server", "“relayhost:x,y” is no server."),
        ({"server": "smtp.example.net:465"}, "server", "Postfix starts TLS after it has connected"),
        ({"server": "127.0.0.1:25"}, "server", "127.0.0.1:25 is this mail server itself"),
        ({"password": "secret"}, "login", "Enter the login of this password."),
        ({"login": "ann"}, "password", "Enter the password of this login"),
        ({"login": "a:b", "password": "x"}, "login", "Postfix takes at most 200"),
        ({"login": "ann", "password": "a\tb"}, "password", "Postfix takes at most 200"),
        ({"spf_include": "spf example"}, "spf_include", "Write a name such as"),
        ({"spf_include": "example.net -all"}, "spf_include", "Write a name such as"),
    ],
)
def test_what_is_no_relay_host_is_refused_at_its_field(
    values, field, said, superadmin, example_org
):
    page = relay(superadmin, **values)

    assert page.status_code == 422
    [error] = page.context["form"].errors[field]
    assert error.startswith(said)
    assert not RelayHost.objects.exists()


def test_a_password_that_another_secret_key_encrypted_is_told(superadmin, example_org, settings):
    said = "Its password was encrypted with another SECRET_KEY"
    relay(superadmin, login="ann", password="secret")
    assert said not in text(flow(superadmin))

    key, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 60
    set_relay_host(
        actor=None, domain=example_org, server="smtp.example.net", login="ann", password="secret"
    )
    settings.SECRET_KEY = key

    assert said in text(flow(superadmin))


def test_a_deleted_domain_leaves_no_relay_host(example_org):
    set_relay_host(actor=None, domain=example_org, server="smtp.example.net")

    delete_domain(actor=None, domain=example_org)

    assert not RelayHost.objects.exists()


def test_a_relay_host_needs_its_part_of_main_cf(superadmin, example_org):
    relay(superadmin)
    assert "no effect: relay-hosts." in text(flow(superadmin))

    main_cf.remember({"relay-hosts"})
    assert "no effect" not in text(flow(superadmin))


# --- What Postfix does not know yet


def test_the_page_says_that_main_cf_lacks_what_the_domain_needs(superadmin, example_org):
    update_domain(actor=None, domain=example_org, backupmx=True, verify_recipients=True)

    said = text(flow(superadmin))
    assert "does not have this yet, so it has no effect: backup-mx, verify-recipients." in said
    assert "postfix reload" in said

    main_cf.remember({"backup-mx", "weak-hashes"})
    assert "no effect: verify-recipients." in text(flow(superadmin))

    main_cf.remember({"backup-mx", "verify-recipients"})
    assert "no effect" not in text(flow(superadmin))


def test_a_domain_admin_is_told_that_somebody_has_to_reload_postfix(admin, example_org):
    update_domain(actor=None, domain=example_org, transport="relay:")
    assert "Not in effect yet: a superadmin has to reload Postfix first." in text(flow(admin))

    main_cf.remember({"transport"})
    assert "Not in effect" not in text(flow(admin))


def test_a_main_cf_without_a_block_takes_it_away_again(superadmin, example_org):
    update_domain(actor=None, domain=example_org, transport="relay:")
    main_cf.remember({"transport"})
    main_cf.remember(set())

    assert "no effect: transport." in text(flow(superadmin))


def test_a_domain_that_is_delivered_here_needs_nothing_in_main_cf(superadmin):
    assert "main.cf" not in text(flow(superadmin))
