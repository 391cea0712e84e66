import json
import plistlib
import re
import subprocess
from xml.etree import ElementTree

import pytest
from django.conf import settings as configured
from django.urls import reverse

from domains.mail_services import EVERY, SERVICES
from domains.services import create_alias_domain, set_domain_active
from tests.pages.reading import text
from tests.servers.certificate import certify
from tests.servers.processes import find

DEPLOY = configured.BASE_DIR / "deploy"
ADDRESS = "joe@example.org"
OFFERED = {
    ("imap", "993", "SSL"),
    ("pop3", "995", "SSL"),
    ("smtp", "465", "SSL"),
    ("smtp", "587", "STARTTLS"),
}


def asked_by_outlook(client, address):
    body = (
        '<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/'
        f'outlook/requestschema/2006"><Request><EMailAddress>{address}</EMailAddress></Request></Autodiscover>'
    )
    return client.post("/setup/autodiscover.xml", body, content_type="text/xml")


def asked_by_apple(client, address, domain="example.org"):
    return client.get(f"/setup/{domain}/apple.mobileconfig", {"address": address})


def asked_by_thunderbird(client, domain="example.org"):
    return client.get(f"/setup/{domain}/autoconfig.xml")


# --- What is offered


def test_postfix_offers_the_ports_that_are_told():
    entries = re.findall(
        r"(?m)^(submissions?) inet .*\n((?: +-o .*\n)+)", (DEPLOY / "postfix/master.cf").read_text()
    )
    ports = {"submission": "587", "submissions": "465"}  # /etc/services
    found = {
        ("smtp", ports[name], "SSL" if "smtpd_tls_wrappermode=yes" in options else "STARTTLS")
        for name, options in entries
    }

    assert found == {one for one in OFFERED if one[0] == "smtp"}
    assert all("smtpd_sasl_auth_enable=yes" in options for _name, options in entries)


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_dovecot_offers_the_protocols_that_are_told(version):
    text = (DEPLOY / f"dovecot/{version}/dovecot.conf").read_text()
    found = (
        set(re.search(r"(?m)^protocols = (.*)$", text)[1].split())
        if version == "2.3"
        else {
            name for name in ("imap", "pop3", "lmtp") if re.search(rf"(?m)^  {name} = yes$", text)
        }
    )

    assert found == {"imap", "pop3", "lmtp"}
    # 993 and 995 are Dovecot's own while TLS is on.
    assert re.search(r"(?m)^ssl = (yes|required)$", text)


def test_the_table_of_services_has_all_that_is_offered():
    assert {(one.kind, str(one.port), one.encryption) for one in SERVICES} == OFFERED


# --- Thunderbird


def test_thunderbird_reads_all_servers_and_puts_the_address_in(client, example_org):
    answer = asked_by_thunderbird(client)
    root = ElementTree.fromstring(answer.content)
    provider = root.find("emailProvider")
    servers = provider.findall("incomingServer") + provider.findall("outgoingServer")

    assert answer["Content-Type"] == "text/xml; charset=utf-8"
    assert (root.tag, root.get("version"), provider.get("id")) == (
        "clientConfig",
        "1.1",
        "example.org",
    )
    assert provider.findtext("domain") == "example.org"
    assert {
        (one.get("type"), one.findtext("port"), one.findtext("socketType")) for one in servers
    } == OFFERED
    assert {one.findtext("hostname") for one in servers} == {"mail.example.org"}
    assert {one.findtext("username") for one in servers} == {"%EMAILADDRESS%"}
    assert {one.findtext("authentication") for one in servers} == {"password-cleartext"}
    assert [one.get("type") for one in provider.findall("incomingServer")] == ["imap", "pop3"]


def test_the_name_of_the_firm_is_shown_whatever_it_holds(client, example_org, settings):
    settings.FIRM_NAME = "Smith & <Sons>"

    assert (
        ElementTree.fromstring(asked_by_thunderbird(client).content).findtext(".//displayName")
        == "Smith & <Sons>"
    )


def test_in_an_alias_domain_one_signs_in_as_in_the_domain_it_leads_to(
    client, example_org, add_domain
):
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    root = ElementTree.fromstring(asked_by_thunderbird(client, "twin.example").content)
    [account] = plistlib.loads(asked_by_apple(client, "joe@twin.example", "twin.example").content)[
        "PayloadContent"
    ]

    assert root.findtext(".//username") == "%EMAILLOCALPART%@example.org"
    assert (
        "<LoginName>joe@example.org</LoginName>"
        in asked_by_outlook(client, "joe@twin.example").text
    )
    assert (account["EmailAddress"], account["IncomingMailServerUsername"]) == (
        "joe@twin.example",
        "joe@example.org",
    )


# --- Outlook

SCHEMA = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"


def test_outlook_reads_what_is_encrypted_from_the_first_byte(client, example_org):
    root = ElementTree.fromstring(asked_by_outlook(client, ADDRESS).content)
    found = [
        {child.tag.removeprefix(SCHEMA): child.text for child in one}
        for one in root.iter(f"{SCHEMA}Protocol")
    ]

    assert root.findtext(f".//{SCHEMA}Action") == "settings"
    assert [(one["Type"], one["Port"], one["SSL"], one["LoginName"]) for one in found] == [
        ("IMAP", "993", "on", ADDRESS),
        ("POP3", "995", "on", ADDRESS),
        ("SMTP", "465", "on", ADDRESS),
    ]
    assert {one["Server"] for one in found} == {"mail.example.org"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a/>",
        b"<EMailAddress>joe</EMailAddress>",
        b"\xff",
        b"<" * 20_000,
        b"<EMailAddress>joe@example.org\x00",
    ],
)
def test_what_is_no_question_is_not_found(body, client, example_org):
    assert client.post("/setup/autodiscover.xml", body, content_type="text/xml").status_code == 404


# --- Apple


def test_a_profile_holds_the_account_without_a_password(client, example_org):
    answer = asked_by_apple(client, ADDRESS)
    profile = plistlib.loads(answer.content)
    [account] = profile["PayloadContent"]

    assert answer["Content-Type"] == "application/x-apple-aspen-config"
    assert (profile["PayloadType"], profile["PayloadVersion"]) == ("Configuration", 1)
    assert account["PayloadType"] == "com.apple.mail.managed"
    assert (account["EmailAccountType"], account["EmailAddress"]) == ("EmailTypeIMAP", ADDRESS)
    for way, port in (("Incoming", 993), ("Outgoing", 465)):
        assert account[f"{way}MailServerHostName"] == "mail.example.org"
        assert account[f"{way}MailServerPortNumber"] == port
        assert account[f"{way}MailServerUseSSL"] is True
        assert account[f"{way}MailServerUsername"] == ADDRESS
    assert {"IncomingPassword", "OutgoingPassword"} & account.keys() == set()


def test_newer_apple_programs_read_the_servers_and_that_a_password_is_asked_for(
    client, example_org, settings
):
    settings.FIRM_NAME = "Müller & Co"
    answer = client.get("/setup/example.org/user-agent-configuration.json")

    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.content) == {
        "protocols": {
            "imap": {"host": "mail.example.org"},
            "pop3": {"host": "mail.example.org"},
            "smtp": {"host": "mail.example.org"},
        },
        "authentication": {"password": True},
        "info": {"provider": {"name": "Müller & Co", "shortName": "Müller & Co"}},
    }
    again = client.get("/setup/EXAMPLE.org/user-agent-configuration.json")
    assert again.content == answer.content  # its checksum is in the DNS


def test_what_it_names_is_reached_at_the_usual_ports_encrypted_from_the_first_byte():
    usual = {("imap", 993), ("pop3", 995), ("smtp", 465)}

    assert {(one.kind, one.port) for one in EVERY if one.encryption == "SSL"} == usual


def test_an_alias_domain_has_no_such_file_for_its_login_is_another_address(
    client, example_org, other_net
):
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)

    assert client.get("/setup/other.net/user-agent-configuration.json").status_code == 404


def test_the_same_account_replaces_itself_on_the_device(client, example_org):
    first, second = (plistlib.loads(asked_by_apple(client, ADDRESS).content) for _time in range(2))
    other = plistlib.loads(asked_by_apple(client, "ann@example.org").content)

    assert first == second
    assert first["PayloadUUID"] != other["PayloadUUID"]
    assert first["PayloadIdentifier"] != other["PayloadIdentifier"]


def test_a_signed_profile_is_verified_by_openssl(client, example_org, settings, tmp_path):
    unsigned = asked_by_apple(client, ADDRESS).content
    certificate, key, file = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "signed"
    certify("panel.example.org", certificate, key)
    settings.PROFILE_CERTIFICATE, settings.PROFILE_KEY = str(certificate), str(key)
    file.write_bytes(asked_by_apple(client, ADDRESS).content)
    command = [
        find("openssl"),
        "smime",
        "-verify",
        "-inform",
        "der",
        "-in",
        file,
        "-CAfile",
        certificate,
    ]
    run = subprocess.run([*command, "-purpose", "any"], capture_output=True)

    assert (run.returncode, run.stdout) == (0, unsigned), run.stderr
    file.write_bytes(file.read_bytes().replace(b"mail.example.org", b"evil.example.org"))
    assert subprocess.run([*command, "-purpose", "any"], capture_output=True).returncode != 0


# --- What nobody is told


def test_the_answer_is_the_same_whether_a_mailbox_exists_or_not(client, example_org, add_mailbox):
    add_mailbox("joe@example.org")
    for ask in (asked_by_outlook, asked_by_apple):
        there, not_there = ask(client, "joe@example.org"), ask(client, "zoe@example.org")
        assert there.status_code == not_there.status_code == 200
        without = re.compile(r"<string>[0-9A-F-]{36}</string>|joe|zoe")
        assert without.sub("", there.text) == without.sub("", not_there.text)


@pytest.mark.parametrize(
    "name", ["foreign.example", "off.example", "backup.example", "handed-on.example", "x'y", "ALL"]
)
def test_a_domain_whose_mailboxes_are_not_here_is_not_found(name, client, add_domain):
    set_domain_active(actor=None, domain=add_domain("off.example"), active=False)
    add_domain("backup.example", backupmx=True)
    add_domain("handed-on.example", transport="smtp:[mx.example.net]")
    answers = [
        asked_by_thunderbird(client, name),
        asked_by_outlook(client, f"joe@{name}"),
        asked_by_apple(client, f"joe@{name}", name),
        client.get(f"/setup/{name}/user-agent-configuration.json"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


@pytest.mark.parametrize(
    "address", ["", "joe", "joe@other.net", "joe@example.org\r\nX: y", "<joe@example.org>"]
)
def test_a_profile_is_for_addresses_of_its_domain(address, client, example_org, other_net):
    assert asked_by_apple(client, address).status_code == 404


def test_files_are_only_read(client, example_org):
    assert client.post("/setup/example.org/autoconfig.xml").status_code == 405
    assert client.post("/setup/example.org/apple.mobileconfig").status_code == 405
    assert client.post("/setup/example.org/user-agent-configuration.json").status_code == 405
    assert client.get("/setup/autodiscover.xml").status_code == 405


# --- The user's page


def test_the_page_leads_to_the_profile_and_shows_its_code(sign_in, add_mailbox, example_org):
    client = sign_in(add_mailbox(ADDRESS))
    page = client.get(reverse("own-setup"), {"app": "iphone"})
    [link] = re.findall(r'href="(http://testserver/setup/[^"]+)"', page.text)

    assert (
        link == "http://testserver/setup/example.org/apple.mobileconfig?address=joe%40example.org"
    )
    assert plistlib.loads(client.get(link).content)["PayloadDescription"] == ADDRESS
    assert page.text.count('<img class="qr-code" src="data:image/svg+xml') == 1
    assert "Download profile" in text(page)


def test_other_programs_are_shown_no_profile_nor_who_may_not_send(
    sign_in, add_mailbox, example_org
):
    client = sign_in(add_mailbox(ADDRESS, smtp_active=False))

    assert "qr-code" not in client.get(reverse("own-setup"), {"app": "outlook"}).text
    assert "qr-code" not in client.get(reverse("own-setup"), {"app": "iphone"}).text
