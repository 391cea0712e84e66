import json
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from domains.models import DomainDNS
from domains.services import set_domain_active

pytestmark = pytest.mark.django_db

FINE = '@ MX 10 mail.host.test.\n@ TXT "v=spf1 mx -all"\n_dmarc TXT "v=DMARC1; p=none"\n'
NO_MX = '@ TXT "v=spf1 mx a:mail.host.test -all"\n_dmarc TXT "v=DMARC1; p=none"\n'
REVERSE = {
    "2.0.192.in-addr.arpa": "25 PTR mail.host.test.",
    "8.b.d.0.1.0.0.2.ip6.arpa": f"{'.'.join('520000000000000000000000')} PTR mail.host.test.",
}


@pytest.fixture
def run(zones, server, settings):
    """``run("@ MX …")`` runs the command while example.org has these records."""
    settings.DNS_CHANGES_TO = "root@host.test"

    def command(records, *args, **others):
        server.stop()
        zones({"example.org": records} | REVERSE | others)
        out = StringIO()
        call_command("checkdns", *args, stdout=out)
        return out.getvalue()

    return command


def test_it_checks_all_domains_that_are_on_and_the_server(run, example_org, add_domain):
    set_domain_active(actor=None, domain=add_domain("off.example"), active=False)
    printed = run(FINE)

    assert {*DomainDNS.objects.values_list("pk", flat=True)} == {"mail.host.test", "example.org"}
    assert "mail.host.test: nothing to mend\n" in printed
    assert "example.org: nothing to mend\n" in printed


def test_it_says_what_is_wrong_and_what_to_do(run, example_org):
    printed = run(NO_MX, "example.org")

    assert "example.org: MX\n" in printed
    assert "  MX: missing. No server is named" in printed


def test_what_should_be_there_is_written_without_asking_for_a_domain_that_is_not_here_yet(settings):
    settings.MAIL_HOSTNAME = "mail.host.test"
    settings.MAIL_ADDRESSES = ["192.0.2.25"]
    settings.DNS_RESOLVERS = ["192.0.2.1:1"]  # nobody
    out = StringIO()

    call_command("checkdns", "--wanted", "New.Example", stdout=out)
    records = [line for line in out.getvalue().splitlines() if line and line[0] != ";"]

    assert records[:5] == [
        "mail.host.test. 3600 IN A 192.0.2.25",
        'mail.host.test. 3600 IN TXT "v=spf1 a -all"',
        "25.2.0.192.in-addr.arpa. 3600 IN PTR mail.host.test.",
        "new.example. 3600 IN MX 10 mail.host.test.",
        'new.example. 3600 IN TXT "v=spf1 a:mail.host.test ~all"',
    ]
    assert not DomainDNS.objects.exists()


def test_it_prints_json(run, example_org):
    [line] = run(NO_MX, "example.org", "--json").splitlines()
    record = json.loads(line)

    assert (record["domain"], record["problems"]) == ("example.org", "MX")
    assert record["records"][0]["wanted"] == ["10 mail.host.test."]


def test_an_unknown_domain_is_an_error(run, example_org):
    with pytest.raises(CommandError, match=r"There is no domain nobody\.example"):
        run(FINE, "nobody.example")


def test_rows_of_domains_that_are_gone_are_forgotten(run, example_org):
    DomainDNS.objects.create(pk="gone.example")
    run(FINE)

    assert not DomainDNS.objects.filter(pk="gone.example").exists()


def test_the_first_mail_says_what_needs_somebody_and_the_next_nothing(run, example_org):
    run(NO_MX, "--mail")
    run(NO_MX, "--mail")
    [message] = mail.outbox

    assert message.to == ["root@host.test"]
    assert message.subject == "mail.host.test: DNS of 1 domain changed"
    assert message.body.startswith("example.org\n  MX: missing. ")
    assert "should be: 10 mail.host.test." in message.body
    assert "DMARC" not in message.body


def test_a_mail_says_only_what_changed_also_for_the_better(run, example_org):
    run(NO_MX, "--mail")
    run(FINE + '@ TXT "v=spf1 -all"', "--mail")
    body = mail.outbox[1].body

    assert "  MX: ok." in body
    assert "  SPF: wrong. There are two records" in body
    assert "SRV" not in body


def test_a_resolver_that_fails_is_no_change(run, example_org):
    run(FINE, "--mail")
    run(None, "--mail")
    run(FINE, "--mail")

    assert mail.outbox == []


def test_without_an_address_nobody_gets_a_mail_and_later_it_is_news(run, example_org, settings):
    settings.DNS_CHANGES_TO = ""
    run(NO_MX, "--mail")
    assert mail.outbox == []
    settings.DNS_CHANGES_TO = "root@host.test"
    run(NO_MX, "--mail")

    assert len(mail.outbox) == 1


def test_what_could_not_be_sent_is_sent_next_time(run, example_org, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(CommandError, match="The mail was not sent"):
        run(NO_MX, "--mail")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    run(NO_MX, "--mail")

    assert len(mail.outbox) == 1
