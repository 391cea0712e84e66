import pytest

from mailadmin.doctor import dovecot, maps, postfix
from mailadmin.doctor import host as hosts
from mailadmin.doctor.checking import Finding
from tests.doctor.test_machine import host_with

DOMAINS, MAILBOXES = "proxy:mysql:/etc/postfix/sql/domains.cf", "proxy:mysql:/etc/postfix/sql/mailbox.cf"  # fmt: skip


def table(table, *parameters, **more):
    kind, _colon, path = table.removeprefix("proxy:").partition(":")
    return {"table": f"{kind}:{path}", "kind": kind, "path": path, "parameters": list(parameters)} | {
        "there": True, "mode": "640", "says": "", "answers": False
    } | more  # fmt: skip


def host(maps=(), services=(), secrets=(), **parameters):
    names = ("virtual_mailbox_domains", "virtual_mailbox_maps", "relay_domains", "smtpd_tls_security_level")  # fmt: skip
    known = {"parameters": dict.fromkeys(names, "") | parameters, "services": dict(services)}
    made = host_with(postfix=known, maps=list(maps), secrets=list(secrets))
    made.address = "ann@example.org"
    return made


@pytest.mark.parametrize(
    ("value", "relayed", "found"),
    [
        ("", "", True),
        (DOMAINS, "", True),
        (DOMAINS, "example.net", True),
        (DOMAINS, "example.net, example.org", False),
        ("example.org", "", False),
        (f"/etc/postfix/domains, {DOMAINS}", "", False),
        (f"localhost, {DOMAINS}", "", False),
        (f"static:all {DOMAINS}", "", False),
        ("inline:{ {example.org = x} }", "", False),
        ("inline:{ {example.net = x} }", "", True),
    ],
)
def test_a_domain_is_unknown_only_if_nothing_else_may_name_it(value, relayed, found):
    maps = [table(DOMAINS, "virtual_mailbox_domains")] if DOMAINS in value else []
    ill = host(maps, virtual_mailbox_domains=value, relay_domains=relayed)

    assert bool(list(postfix.domain_not_served(ill))) is found


def test_a_domain_that_a_map_of_relay_domains_knows_is_served():
    maps = [table(DOMAINS, "virtual_mailbox_domains"), table("mysql:/r.cf", "relay_domains", answers=True)]  # fmt: skip

    assert list(postfix.domain_not_served(host(maps, virtual_mailbox_domains=DOMAINS))) == []


def test_a_file_that_was_copied_into_the_chroot_is_no_complaint():
    copied = "updating /etc/hosts => /var/spool/postfix//etc/hosts"

    assert list(postfix.postfix_check(host_with(check=copied))) == []
    assert list(postfix.postfix_check(host_with(check=f"{copied}\nbad owner"))) == [
        {"says": "bad owner"}
    ]


@pytest.mark.parametrize(
    ("value", "why"),
    [(MAILBOXES, "User unknown in virtual mailbox table"), ("", "takes mail for every name")],
)
def test_without_a_map_of_mailboxes_all_is_taken(value, why):
    maps = [table(MAILBOXES, "virtual_mailbox_maps")] if value else []
    [details] = postfix.mailbox_not_served(host(maps, virtual_mailbox_maps=value))

    assert why in Finding("mailbox-not-served", details).say("why")


@pytest.mark.parametrize(
    ("relay", "recipient", "is_open"),
    [
        ("permit_mynetworks, reject_unauth_destination", "", False),
        ("permit_mynetworks, permit_sasl_authenticated, reject", "", False),
        ("permit_mynetworks defer", "", False),
        ("", "permit_mynetworks, reject_unauth_destination", False),
        ("permit_mynetworks, permit, reject", "", True),
        ("permit_mynetworks, warn_if_reject reject_unauth_destination", "", True),
        ("permit_mynetworks, reject_unlisted_recipient", "", True),
    ],
)
def test_who_relays_for_everybody(relay, recipient, is_open):
    ill = host(
        mynetworks="127.0.0.0/8",
        smtpd_relay_restrictions=relay,
        smtpd_recipient_restrictions=recipient,
    )

    assert bool(list(postfix.open_relay(ill))) is is_open


@pytest.mark.parametrize(
    ("level", "of_service", "found"),
    [("encrypt", {}, []), ("may", {}, ["submission/inet"]), ("encrypt", {"smtpd_tls_security_level": "may"}, ["submission/inet"])],
)  # fmt: skip
def test_a_login_without_tls_by_main_cf_and_by_the_service(level, of_service, found):
    service = {"program": "smtpd", "chroot": "n"} | of_service
    ill = host(
        services={"submission/inet": service},
        smtpd_sasl_auth_enable="yes",
        smtpd_tls_auth_only="no",
        smtpd_tls_security_level=level,
    )

    assert [one["service"] for one in postfix.submission_in_clear(ill)] == found


@pytest.mark.parametrize(
    ("of_service", "command"),
    [
        ({}, "postconf -e 'smtpd_tls_auth_only = yes' && postfix reload"),
        (
            {"smtpd_tls_auth_only": "no"},
            "postconf -P 'submission/inet/smtpd_tls_auth_only = yes' && postfix reload",
        ),
    ],
)
def test_tls_before_a_login_is_asked_for_where_it_was_left_out(of_service, command):
    ill = host(
        services={"submission/inet": {"program": "smtpd", "chroot": "n"} | of_service},
        smtpd_sasl_auth_enable="yes",
        smtpd_tls_auth_only="no",
    )

    [one] = postfix.submission_in_clear(ill)
    assert Finding("submission-in-clear", one).say("command") == command


@pytest.mark.parametrize(
    ("version", "by_hand"),
    [
        ("2.3.19.1", "mailadmin mailconf /root/mailconf    # then /root/mailconf/dovecot/2.3/ to"),
        ("2.4.1-4", "mailadmin mailconf /root/mailconf    # then /root/mailconf/dovecot/2.4/ to"),
    ],
)
def test_shipped_files_come_back_by_what_wrote_them(version, by_hand, monkeypatch, tmp_path):
    settings = "passdb {\n  driver = pam\n}\n"

    def command():
        ill = host_with(dovecot={"version": version, "settings": settings})
        [one] = dovecot.passdb_without_sql(ill)
        return Finding("passdb-without-sql", one).say("command")

    monkeypatch.setattr(hosts, "INSTALLED", tmp_path / "not here")
    assert command().startswith(by_hand)
    monkeypatch.setattr(hosts, "INSTALLED", tmp_path)
    assert command() == f"{hosts.DEPLOY}/install --ours"


def test_who_reads_a_file_with_a_password():
    open_map = table("mysql:/etc/mailadmin/dovecot.cf", "virtual_mailbox_maps", mode="644")
    ill = host([open_map], secrets=["/etc/opendkim.conf", "/etc/dovecot/sql.conf", "/etc/postfix/x.cf"])  # fmt: skip

    assert {one["file"]: one["group"] for one in maps.secrets_open(ill)} == {
        "/etc/mailadmin/dovecot.cf": "postfix",
        "/etc/opendkim.conf": "opendkim",
        "/etc/dovecot/sql.conf": "dovecot",
        "/etc/postfix/x.cf": "postfix",
    }


def test_an_unknown_type_is_mended_where_it_stands():
    unknown = table("hash:/a", "canonical_maps", says="fatal: unsupported dictionary type: hash")
    of_service = {"program": "cleanup", "chroot": "n", "canonical_maps": "proxy:hash:/a, hash:/ab"}
    in_main = host([unknown], canonical_maps="hash:/a")
    in_master = host([unknown], {"cleanup/unix": of_service}, canonical_maps="texthash:/b")

    said = [
        Finding("map-type-unknown", one).say("command")
        for ill in (in_main, in_master)
        for one in maps.map_type_unknown(ill)
    ]
    assert said == [
        "postconf -e 'canonical_maps = texthash:/a' && postfix reload",
        "postconf -P cleanup/unix/canonical_maps=proxy:texthash:/a,texthash:/ab && postfix reload",
    ]
