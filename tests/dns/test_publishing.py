import pytest
from django.core.exceptions import ValidationError

from accounts.models import LogEntry
from domains.dns import states, zone
from domains.dns.asking import Asking
from domains.models import Domain

pytestmark = pytest.mark.django_db

RECORDS = '@ MX 10 mx.old.test.\n@ TXT "v=spf1 -all"\n@ TXT "verification=1"\nwww A 192.0.2.80'


@pytest.fixture
def primary(zones, settings):
    server = zones({"example.org": RECORDS, "old.test": "mx A 198.51.100.1"})
    settings.DNS_UPDATE_SERVER, settings.DNS_UPDATE_KEY = server.address, server.key
    return server


@pytest.fixture
def publish(primary, example_org):
    """``publish("mx", "spf")``: the wanted records of these topics, as the last check found them."""

    def act(*topics):
        domain = Domain.objects.select_related("alias_of").get(pk="example.org")
        found = zone.to_publish(states.findings_of(states.check_and_store(domain)))
        chosen = [one for one in found if one.topic in topics]
        zone.publish(actor=None, domain=domain, findings=chosen)

    return act


def there(name, kind):
    return sorted(value.to_text() for value in Asking().ask(name, kind).values)


def test_what_was_missing_is_added(publish):
    publish("dmarc", "srv")

    assert there("_dmarc.example.org", "TXT") == ['"v=DMARC1; p=none"']
    assert there("_imaps._tcp.example.org", "SRV") == ["0 1 993 mail.host.test."]
    assert there("example.org", "MX") == ["10 mx.old.test."]


def test_another_record_is_replaced_and_texts_beside_it_stay(publish):
    publish("mx", "spf")

    assert there("example.org", "MX") == ["10 mail.host.test."]
    assert there("example.org", "TXT") == ['"v=spf1 a:mail.host.test -all"', '"verification=1"']
    assert there("www.example.org", "A") == ["192.0.2.80"]


def test_what_is_published_is_ok_then(publish):
    publish("mx", "spf", "dmarc", "srv", "client", "uaac")
    row = states.check_and_store(Domain.objects.select_related("alias_of").get())

    assert {one.state for one in states.findings_of(row)} == {"ok"}
    assert row.problems == ""


def test_a_name_that_leads_elsewhere_is_not_overwritten(primary, example_org, settings):
    domain = Domain.objects.select_related("alias_of").get()
    found = states.findings_of(states.check_and_store(domain))
    other = [
        one._replace(state="differs", seen=("192.0.2.80",))
        for one in found
        if one.topic == "client"
    ]

    assert {one.topic for one in zone.to_publish(found)} == {
        *("mx", "spf", "dmarc", "srv", "client", "uaac")
    }
    assert zone.to_publish(other) == []


def test_the_log_says_what_was_there_and_what_is(publish):
    publish("mx")
    entry = LogEntry.objects.get(action="publish_dns")

    assert (entry.domain, entry.changes) == (
        "example.org",
        {"MX example.org": ["10 mx.old.test.", "10 mail.host.test."]},
    )


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("panel:hmac-sha256:d3Jvbmc=", "not_updated"),  # another secret
        ("other:hmac-sha256:d3Jvbmc=", "not_updated"),
        ("panel:hmac-sha512:{}", "not_updated"),
    ],
)
def test_a_wrong_key_changes_nothing_and_leaves_no_entry(key, code, publish, primary, settings):
    settings.DNS_UPDATE_KEY = key.format(primary.secret)

    with pytest.raises(ValidationError) as refusal:
        publish("mx")

    assert refusal.value.code == code
    assert there("example.org", "MX") == ["10 mx.old.test."]
    assert not LogEntry.objects.filter(action="publish_dns").exists()


def test_a_server_that_is_away_is_told(publish, primary, settings):
    settings.DNS_UPDATE_SERVER = "127.0.0.1:1"

    with pytest.raises(ValidationError) as refusal:
        publish("mx")

    assert refusal.value.code == "not_updated"


def test_a_zone_that_the_server_does_not_have_is_told(primary, add_domain):
    domain = add_domain("elsewhere.example")
    found = states.findings_of(states.check_and_store(domain))

    with pytest.raises(ValidationError) as refusal:
        zone.publish(actor=None, domain=domain, findings=found[:1])

    assert refusal.value.code == "no_zone"


def test_without_a_server_and_a_key_nothing_is_sent(publish, settings):
    settings.DNS_UPDATE_KEY = ""

    with pytest.raises(ValidationError) as refusal:
        publish("mx")

    assert refusal.value.code == "not_set_up"


def test_nothing_chosen_is_refused(publish):
    with pytest.raises(ValidationError) as refusal:
        publish()

    assert refusal.value.code == "nothing"


def test_the_zone_file_is_read_by_the_server_itself(publish, primary, zones):
    row = states.check_and_store(Domain.objects.select_related("alias_of").get())
    text = zone.zone_file(states.findings_of(row))
    primary.stop()
    zones({"example.org": text})

    assert there("example.org", "MX") == ["10 mail.host.test."]
    assert there("_dmarc.example.org", "TXT") == ['"v=DMARC1; p=none"']
    assert text.startswith(
        "; MX: Where other servers send mail for this domain.\nexample.org. 3600 IN MX 10 mail"
    )
