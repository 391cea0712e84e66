from base64 import b64encode
from hashlib import sha256

import pytest

from domains.client_setup import user_agent_configuration
from domains.dns import checks
from domains.models import AliasDomain, Domain, RelayHost

OURS = "@ MX 10 mail.host.test.\n"


@pytest.fixture
def found(zones):
    """``found("@ MX …")`` gives the findings of example.org with these records, by topic; of ``topic`` the first."""

    def of(records, others=None, domain=None, relay=None, **fields):
        zones({"example.org": records} | (others or {}))
        domain = domain or alone(name="example.org", **fields)
        return {one.topic: one for one in reversed(checks.check_domain(domain, relay=relay))}

    return of


def alone(**fields):
    domain = Domain(**fields)
    domain._state.fields_cache["alias_of"] = None  # as read with select_related
    return domain


def why(finding):
    return finding.state, finding.reason


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (OURS, ("ok", "ok")),
        ("@ MX 10 MAIL.HOST.TEST.", ("ok", "ok")),
        ("@ MX 10 mx\nmx A 192.0.2.25", ("ok", "ok")),  # another name of the same server
        ("", ("missing", "missing")),
        ("@ MX 0 .", ("wrong", "null")),
        ("@ MX 10 mx.filter.test.", ("wrong", "elsewhere")),
        ("@ MX 5 mx.filter.test.\n@ MX 10 mail.host.test.", ("differs", "others first")),
        ("@ MX 10 mail.host.test.\n@ MX 20 mx.filter.test.", ("differs", "others")),
        ("@ MX 10 mail.host.test.\n@ MX 10 mx.filter.test.", ("differs", "others")),
    ],
)
def test_mx(records, expected, found):
    filters = {"filter.test": "mx A 198.51.100.1"}

    assert why(found(records, filters)["mx"]) == expected


def test_a_backup_is_only_one_of_the_servers_and_knows_nothing_of_other_records(found):
    all_found = found(
        "@ MX 5 mx.other.test.\n@ MX 10 mail.host.test.",
        {"other.test": "mx A 198.51.100.1"},
        backupmx=True,
    )

    assert {topic: why(one) for topic, one in all_found.items()} == {"mx": ("ok", "backup")}


@pytest.mark.parametrize(
    ("spf", "state", "reason", "wanted"),
    [
        ("v=spf1 mx -all", "ok", "ok", "v=spf1 mx -all"),
        ("v=spf1 -all", "wrong", "fail", "v=spf1 a:mail.host.test -all"),
        (
            "v=spf1 ip4:192.0.2.25 ~all",
            "wrong",
            "softfail",
            "v=spf1 a:mail.host.test ip4:192.0.2.25 ~all",
        ),
        ("v=spf1 ?all", "differs", "neutral", "v=spf1 a:mail.host.test ?all"),
    ],
)
def test_spf_must_pass_for_each_address_of_the_server(spf, state, reason, wanted, found):
    spf = found(f'{OURS}@ TXT "{spf}"')["spf"]

    assert (spf.state, spf.reason, spf.wanted) == (state, reason, (f'"{wanted}"',))


def test_spf_that_knows_only_one_address_names_the_other(found):
    spf = found(f'{OURS}@ TXT "v=spf1 ip4:192.0.2.25 -all"')["spf"]

    assert spf.details["addresses"] == "2001:db8::25"


def test_a_broken_spf_record_is_wrong_and_says_which_term(found):
    spf = found(f'{OURS}@ TXT "v=spf1 mx ipv4:192.0.2.1 -all"')["spf"]

    assert (why(spf), spf.details["term"]) == (("wrong", "syntax"), "ipv4:192.0.2.1")


def test_with_a_relay_host_its_addresses_must_pass(found, settings):
    settings.MAIL_RELAYHOST = "relay.example.net"
    there = {"example.net": "relay A 198.51.100.7"}
    spf = found(f'{OURS}@ TXT "v=spf1 mx -all"', there)["spf"]

    assert (why(spf), spf.details["addresses"]) == (("wrong", "fail"), "198.51.100.7")
    assert spf.wanted == ('"v=spf1 a:relay.example.net mx -all"',)


def test_with_a_relay_host_of_the_domain_its_addresses_must_pass(found, settings):
    settings.MAIL_RELAYHOST = "relay.example.net"
    there = {"example.net": "relay A 198.51.100.7\nown A 198.51.100.8"}
    relay = RelayHost(next_hop="[own.example.net]:587")
    spf = found(f'{OURS}@ TXT "v=spf1 mx -all"', there, relay=relay)["spf"]

    assert (why(spf), spf.details["addresses"]) == (("wrong", "fail"), "198.51.100.8")
    assert spf.wanted == ('"v=spf1 a:own.example.net mx -all"',)


def test_a_relay_host_that_is_an_address_is_named_as_one(found):
    spf = found(OURS, relay=RelayHost(next_hop="[2001:db8::7]:587"))["spf"]

    assert spf.wanted == ('"v=spf1 ip6:2001:db8::7 ~all"',)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 include:spf.example.net -all", ("ok", "included")),
        ("v=spf1 include:parent.example.net -all", ("ok", "included")),
        ("v=spf1 redirect=parent.example.net", ("ok", "included")),
        ("v=spf1 mx -all", ("wrong", "not included")),
        ("v=spf1 -all include:spf.example.net", ("wrong", "not included")),
        ("v=spf1 include:spf.example.net ipv4:1 -all", ("wrong", "syntax")),
    ],
)
def test_what_the_provider_says_must_be_included(record, expected, found):
    there = {
        "example.net": 'spf TXT "v=spf1 ip4:198.51.100.0/24 -all"\n'
        'parent TXT "v=spf1 include:spf.example.net -all"'
    }
    relay = RelayHost(next_hop="[smtp.example.net]:587", spf_include="spf.example.net")
    spf = found(f'{OURS}@ TXT "{record}"', there, relay=relay)["spf"]

    assert why(spf) == expected
    if expected == ("wrong", "not included"):
        assert spf.wanted[0].startswith('"v=spf1 include:spf.example.net ')


def test_the_addresses_of_the_settings_count_before_those_of_the_name(found, settings):
    settings.MAIL_ADDRESSES = ["203.0.113.9"]
    spf = found(f'{OURS}@ TXT "v=spf1 mx -all"')["spf"]

    assert (why(spf), spf.details["addresses"]) == (("wrong", "fail"), "203.0.113.9")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("", ("missing", "missing")),
        ('_dmarc TXT "v=DMARC1; p=none"', ("ok", "none")),
        ('_dmarc TXT "v=DMARC1;p=REJECT;"', ("ok", "reject")),
        ('_dmarc TXT "v=DMARC1; rua=mailto:a@example.org"', ("wrong", "syntax")),
        ('_dmarc TXT "v=DMARC1; p=block"', ("wrong", "syntax")),
        ('_dmarc TXT "v=DMARC1; p"', ("wrong", "syntax")),
        (
            '_dmarc TXT "v=DMARC1; p=none"\n_dmarc TXT "v=DMARC1; p=reject"',
            ("wrong", "two records"),
        ),
        ('_dmarc TXT "v=spf1 -all"', ("missing", "missing")),
    ],
)
def test_dmarc(records, expected, found):
    assert why(found(OURS + records)["dmarc"]) == expected


def test_the_dmarc_record_of_the_domain_above_covers_this_one(found):
    zones = {"sub.example.org": OURS}
    dmarc = found('_dmarc TXT "v=DMARC1; p=reject"', zones, alone(name="sub.example.org"))["dmarc"]

    assert (why(dmarc), dmarc.details) == (("ok", "covered"), {"domain": "example.org"})


def test_reports_to_another_domain_need_its_permission(found):
    record = '_dmarc TXT "v=DMARC1; p=none; rua=mailto:d@reports.test!10m, mailto:own@example.org"'
    reports = found(OURS + record, {"reports.test": ""})["reports"]

    assert (why(reports), reports.name) == (
        ("missing", "missing"),
        "example.org._report._dmarc.reports.test",
    )
    assert reports.wanted == ('"v=DMARC1"',)


def test_a_permission_for_all_domains_is_one(found):
    record = '_dmarc TXT "v=DMARC1; p=none; rua=mailto:d@reports.test"'
    reports = found(OURS + record, {"reports.test": '*._report._dmarc TXT "v=DMARC1"'})["reports"]

    assert why(reports) == ("ok", "ok")


def test_reports_are_asked_for_where_the_settings_say(found, settings):
    settings.REPORTS_TO = "reports@host.test"
    all_found = found(OURS)

    assert all_found["dmarc"].wanted == ('"v=DMARC1; p=none; rua=mailto:reports@host.test"',)
    assert all_found["tlsrpt"].wanted == ('"v=TLSRPTv1; rua=mailto:reports@host.test"',)
    assert all_found["reports"].name == "example.org._report._dmarc.host.test"


def test_what_nobody_asked_for_is_not_missing(found):
    assert {"tlsrpt", "mtasts", "reports"} & found(OURS).keys() == set()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=TLSRPTv1; rua=mailto:tls@example.org", ("ok", "ok")),
        ("v=TLSRPTv1; rua=", ("wrong", "syntax")),
    ],
)
def test_tls_reports(record, expected, found):
    assert why(found(f'{OURS}_smtp._tls TXT "{record}"')["tlsrpt"]) == expected


def test_the_id_of_mta_sts_follows_the_policy(found, settings, server):
    settings.MTA_STS = "testing"
    [wanted] = found(OURS)["mtasts"].wanted
    server.stop()
    settings.MTA_STS = "enforce"
    sts = found(f"{OURS}_mta-sts TXT {wanted}")["mtasts"]

    assert why(sts) == ("differs", "id")
    server.stop()
    assert why(found(f"{OURS}_mta-sts TXT {sts.wanted[0]}")["mtasts"]) == ("ok", "ok")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("_imaps._tcp SRV 0 1 993 mail.host.test.", ("ok", "ok")),
        ("_imaps._tcp SRV 10 5 993 mail.host.test.", ("ok", "ok")),
        ("_imaps._tcp SRV 0 1 143 mail.host.test.", ("differs", "elsewhere")),
        ("_imaps._tcp SRV 0 0 0 .", ("differs", "elsewhere")),
        ("", ("missing", "missing")),
    ],
)
def test_srv(record, expected, found):
    assert why(found(OURS + record)["srv"]) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("autoconfig CNAME mail.host.test.", ("ok", "ok")),
        ("autoconfig A 192.0.2.25", ("ok", "ok")),
        ("autoconfig A 198.51.100.1", ("differs", "elsewhere")),
        ("autoconfig CNAME www\nwww A 198.51.100.1", ("differs", "elsewhere")),
        ("", ("missing", "missing")),
    ],
)
def test_the_name_that_mail_programs_ask(record, expected, found):
    client = found(OURS + record)["client"]

    assert (client.name, why(client), client.needs_somebody) == (
        "autoconfig.example.org",
        expected,
        False,
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=UAAC1; a=sha256; d={}", ("ok", "ok")),
        ("v=UAAC1;a=sha256;d={};", ("ok", "ok")),
        ("v=UAAC1; a=sha256; d=b3RoZXI=", ("differs", "checksum")),
        ("v=spf1 -all", ("missing", "missing")),
    ],
)
def test_the_checksum_of_the_file_for_apple_programs(record, expected, found, settings):
    settings.FIRM_NAME = "Town Mail"
    content = user_agent_configuration(alone(name="example.org"))
    digest = b64encode(sha256(content).digest()).decode()
    uaac = found(f'{OURS}_ua-auto-config TXT "{record.format(digest)}"')["uaac"]

    assert (uaac.name, why(uaac)) == ("_ua-auto-config.example.org", expected)
    if expected[0] != "ok":
        assert uaac.wanted == (f'"v=UAAC1; a=sha256; d={digest}"',)
        assert not uaac.needs_somebody


def test_a_new_name_of_the_firm_needs_a_new_checksum(found, settings, server):
    [record] = found(OURS)["uaac"].wanted
    server.stop()
    settings.FIRM_NAME = "Another"

    assert why(found(f"{OURS}_ua-auto-config TXT {record}")["uaac"]) == ("differs", "checksum")


def test_while_one_record_follows_another_either_may_be_the_files(found, server):
    [record] = found(OURS)["uaac"].wanted
    server.stop()
    both = f'_ua-auto-config TXT {record}\n_ua-auto-config TXT "v=UAAC1; a=sha256; d=b3RoZXI="'

    assert why(found(OURS + both)["uaac"]) == ("ok", "ok")


def test_the_policy_of_mta_sts_is_fetched_from_here(found, settings):
    settings.MTA_STS = "enforce"
    policy = found(OURS)["policy"]

    assert (policy.name, why(policy)) == ("mta-sts.example.org", ("missing", "missing"))
    assert policy.wanted == ("mail.host.test.",)


def test_an_alias_domain_has_no_mailboxes_to_be_set_up(found):
    domain = alone(name="example.org")
    domain._state.fields_cache["alias_of"] = AliasDomain(target_domain_id="other.net")

    assert found(OURS, domain=domain).keys() == {"mx", "spf", "dmarc"}


def test_a_domain_with_letters_of_another_language_is_asked_for_as_it_is_stored(found):
    name = "xn--mller-kva.example"
    mx = found("", {name: OURS}, alone(name=name))["mx"]

    assert (mx.name, why(mx)) == (name, ("ok", "ok"))


def test_what_could_not_be_asked_is_never_missing(found):
    all_found = found("", {"broken.example": None}, alone(name="broken.example"))

    assert {why(one) for one in all_found.values()} == {("not asked", "not asked")}
    assert not any(one.needs_somebody for one in all_found.values())
