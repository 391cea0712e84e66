import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains.dns import states
from domains.dns.findings import Finding
from domains.models import DomainDNS
from domains.services import delete_domain, set_domain_active
from tests.pages.reading import buttons, links, text, told

RECORDS = '@ MX 10 mail.host.test.\n@ TXT "v=spf1 -all"'


@pytest.fixture
def superadmin(example_org, make_admin, sign_in):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def admin(example_org, other_net, make_admin, sign_in):
    return sign_in(make_admin("theirs@example.org", domains=["example.org"]))


def page_of(name="example.org"):
    return reverse("domain-dns", args=[name])


def found(name, *findings):
    return states.store(name=name, findings=findings)


WRONG = Finding(
    "spf",
    "example.org",
    "TXT",
    ('"v=spf1 a:mail.example.org -all"',),
    ('"v=spf1 -all"',),
    "wrong",
    "fail",
    {"addresses": "192.0.2.25"},
)
MISSING = Finding(
    "dmarc", "_dmarc.example.org", "TXT", ('"v=DMARC1; p=none"',), (), "missing", "missing"
)
FINE = Finding("mx", "example.org", "MX", ("10 mail.example.org.",), ("10 mail.example.org.",))


def test_a_domain_that_was_never_checked_asks_to_be(admin):
    page = admin.get(page_of())

    assert "Not checked yet" in text(page)
    assert "Check now" in text(page)


def test_no_page_asks_the_dns(superadmin, settings, monkeypatch):
    found("example.org", WRONG)
    found("mail.example.org", FINE)
    monkeypatch.setattr("domains.dns.asking._resolver", None)  # who asks, fails
    pages = [page_of(), reverse("dns-host"), reverse("dashboard"), reverse("domain-list")]
    pages += [
        reverse(name, args=["example.org"])
        for name in ("domain-dns-zone", "domain-dns-publish", "domain-settings")
    ]

    assert [superadmin.get(page).status_code for page in pages] == [200] * len(pages)


def test_the_button_checks_and_tells(admin, zones):
    zones({"example.org": RECORDS})
    answer = admin.post(page_of())

    assert (answer.status_code, answer.url) == (302, page_of())
    assert told(answer) == ["Checked. To be mended: SPF."]
    said = text(admin.get(page_of()))
    assert "Last checked: just now. To be mended: SPF." in said
    assert "SPF example.org wrong" in said
    assert "Mail from 192.0.2.25, 2001:db8::25, which this server sends, is refused" in said
    assert 'example.org. 3600 IN TXT "v=spf1 a:mail.host.test -all"' in said
    assert "MX example.org ok" in said


def test_a_resolver_that_fails_is_told_and_nothing_is_missing(admin, zones):
    zones({"example.org": None})
    answer = admin.post(page_of())
    said = text(admin.get(page_of()))

    assert told(answer) == ["Checked. Some of it could not be asked: no resolver answered."]
    assert "could not be asked" in said
    assert "missing" not in said
    assert DomainDNS.objects.get().problems == ""


def test_what_could_not_be_asked_stays_a_problem(admin, zones):
    found("example.org", WRONG)
    zones({"example.org": None})
    admin.post(page_of())

    assert DomainDNS.objects.get().problems == "SPF"
    assert 'IN TXT "v=spf1 a:mail.example.org -all"' in text(admin.get(page_of()))


@pytest.mark.parametrize("name", ["domain-dns", "domain-dns-zone", "domain-dns-publish"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_page_of_a_foreign_domain_does_not_exist(name, method, admin):
    assert getattr(admin, method)(reverse(name, args=["other.net"])).status_code == 404


def test_only_superadmins_see_the_server_and_publish(admin):
    publish = reverse("domain-dns-publish", args=["example.org"])

    assert [admin.get(page).status_code for page in (reverse("dns-host"), publish)] == [404, 404]
    assert reverse("dns-host") not in links(admin.get(page_of()))


def test_the_server_is_checked_from_its_own_page(superadmin, zones):
    zones({"2.0.192.in-addr.arpa": "25 PTR other.test.", "8.b.d.0.1.0.0.2.ip6.arpa": ""})
    superadmin.post(reverse("dns-host"))
    said = text(superadmin.get(reverse("dns-host")))

    assert "PTR 25.2.0.192.in-addr.arpa wrong" in said
    assert DomainDNS.objects.get(pk="mail.host.test").problems == "PTR"


def test_texts_of_strangers_are_only_text(admin):
    evil = '"v=spf1 <script>alert(1)</script>"'
    found("example.org", WRONG._replace(seen=(evil,), details={"addresses": "<b>"}))
    html = admin.get(page_of()).content.decode()

    assert "<script>alert" not in html
    assert "Mail from &lt;b&gt;" in html


def test_the_zone_file_is_a_file(admin):
    found("example.org", WRONG, MISSING, FINE)
    answer = admin.get(reverse("domain-dns-zone", args=["example.org"]))

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="example.org.zone"'
    assert [line for line in answer.content.decode().splitlines() if line and line[0] != ";"] == [
        'example.org. 3600 IN TXT "v=spf1 a:mail.example.org -all"',
        '_dmarc.example.org. 3600 IN TXT "v=DMARC1; p=none"',
        "example.org. 3600 IN MX 10 mail.example.org.",
    ]


def test_the_domain_list_names_what_is_to_be_mended(superadmin, add_domain):
    add_domain("fine.example")
    found("example.org", WRONG)
    found("fine.example", FINE, MISSING)  # DMARC helps, but mail flows without
    said = text(superadmin.get(reverse("domain-list")))

    assert said.count("DNS: SPF") == 1
    assert said.count("DNS:") == 1


def test_home_names_what_is_to_be_mended_and_leads_there(superadmin, other_net, settings):
    found("example.org", WRONG)
    found(
        settings.MAIL_HOSTNAME,
        Finding("ptr", "25.2.0.192.in-addr.arpa", "PTR", state="missing", reason="missing"),
    )
    page = superadmin.get(reverse("dashboard"))

    assert "example.org DNS to be mended: SPF" in text(page)
    assert {page_of(), reverse("dns-host")} <= {*links(page)}


def test_home_of_an_admin_names_only_own_domains(
    make_admin, sign_in, example_org, other_net, add_domain, settings
):
    add_domain("mine.example")
    for name in ("example.org", "other.net", settings.MAIL_HOSTNAME):
        found(name, WRONG)
    client = sign_in(make_admin(domains=["example.org", "mine.example"]))
    said = text(client.get(reverse("dashboard")))

    assert said.count("DNS to be mended") == 1
    assert "example.org DNS to be mended: SPF" in said


def test_where_nothing_can_be_published_no_button_says_so(superadmin, settings):
    url = reverse("domain-dns-publish", args=["example.org"])
    found("example.org", MISSING)
    page = superadmin.get(url)
    assert "Set DNS_UPDATE_SERVER and DNS_UPDATE_KEY, or copy the records by hand." in text(page)
    assert (buttons(page), links(page)[-1]) == ([], page_of())

    settings.DNS_UPDATE_SERVER, settings.DNS_UPDATE_KEY = "192.0.2.1", "panel:hmac-sha256:d3Jvbmc="
    assert buttons(superadmin.get(url)) == ["Publish"]
    found("example.org", FINE)
    page = superadmin.get(url)
    assert "There is nothing to publish" in text(page)
    assert (buttons(page), links(page)[-1]) == ([], page_of())


def test_publishing_ticks_only_what_is_missing(superadmin, zones, settings):
    server = zones({"example.org": RECORDS})
    settings.DNS_UPDATE_SERVER, settings.DNS_UPDATE_KEY = server.address, server.key
    superadmin.post(page_of())
    url = reverse("domain-dns-publish", args=["example.org"])
    choices = superadmin.get(url).context["choices"]

    assert {one["key"]: one["ticked"] for one in choices} == {
        "spf example.org": False,
        "dmarc _dmarc.example.org": True,
        "client autoconfig.example.org": True,
        "client autodiscover.example.org": True,
        "client ua-auto-config.example.org": True,
        "uaac _ua-auto-config.example.org": True,
        **{
            f"srv {name}._tcp.example.org": True
            for name in ("_imaps", "_pop3s", "_submissions", "_submission")
        },
    }
    answer = superadmin.post(url, {"record": ["spf example.org"]})
    superadmin.post(page_of())
    assert (answer.status_code, answer.url) == (302, page_of())
    assert DomainDNS.objects.get().problems == ""


def test_a_refused_update_is_told_on_the_page(superadmin, zones, settings):
    server = zones({"example.org": RECORDS})
    settings.DNS_UPDATE_SERVER, settings.DNS_UPDATE_KEY = (
        server.address,
        "panel:hmac-sha256:d3Jvbmc=",
    )
    superadmin.post(page_of())
    answer = superadmin.post(
        reverse("domain-dns-publish", args=["example.org"]), {"record": ["spf example.org"]}
    )

    assert answer.status_code == 422
    assert "Nothing was changed." in text(answer)


@pytest.mark.parametrize("mode", ["testing", "enforce"])
def test_the_policy_of_mta_sts_is_for_everybody_and_names_this_server(
    mode, client, example_org, settings
):
    settings.MTA_STS = mode
    answer = client.get("/setup/example.org/mta-sts.txt")

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode().split("\r\n") == [
        "version: STSv1",
        f"mode: {mode}",
        "mx: mail.example.org",
        "max_age: 604800",
        "",
    ]


def test_there_is_no_policy_for_foreign_domains_and_without_the_setting(
    client, example_org, settings
):
    assert client.get("/setup/example.org/mta-sts.txt").status_code == 404
    settings.MTA_STS = "enforce"
    assert client.get("/setup/foreign.example/mta-sts.txt").status_code == 404
    set_domain_active(actor=None, domain=example_org, active=False)
    assert client.get("/setup/example.org/mta-sts.txt").status_code == 404


FILTER = "@ MX 10 mx.filter.test."
ELSEWHERE = {"filter.test": "mx A 198.51.100.1"}


def test_an_mx_that_is_meant_so_needs_nobody_until_it_changes(admin, zones, server):
    zones({"example.org": FILTER} | ELSEWHERE)
    admin.post(page_of())
    assert "MX" in DomainDNS.objects.get().problems
    assert "say that it is meant so" in text(admin.get(page_of()))

    answer = admin.post(page_of(), {"meant": "1"})

    assert told(answer) == ["Noted. These MX records need nobody any more."]
    assert "somebody said that it is meant so" in text(admin.get(page_of()))
    assert "MX" not in DomainDNS.objects.get().problems
    admin.post(page_of())  # a check finds it as before
    assert "MX" not in DomainDNS.objects.get().problems
    zone = admin.get(reverse("domain-dns-zone", args=["example.org"])).content.decode()
    assert "example.org. 3600 IN MX 10 mx.filter.test." in zone
    server.stop()
    zones({"example.org": "@ MX 10 mx2.filter.test."} | {"filter.test": "mx2 A 198.51.100.2"})
    admin.post(page_of())
    assert "MX" in DomainDNS.objects.get().problems


def test_that_an_mx_is_meant_so_is_logged_and_can_be_taken_back(admin, zones):
    zones({"example.org": FILTER} | ELSEWHERE)
    admin.post(page_of())
    admin.post(page_of(), {"meant": "1"})

    answer = admin.post(page_of(), {"meant": "0"})

    assert told(answer)[-1] == "Noted. These MX records need somebody."
    assert "MX" in DomainDNS.objects.get().problems
    [mx] = [one for one in states.findings_of(DomainDNS.objects.get()) if one.topic == "mx"]
    assert (mx.state, mx.wanted) == ("wrong", ("10 mail.host.test.",))
    entries = LogEntry.objects.filter(action__endswith="_mx").order_by("pk")
    assert [(entry.action, entry.data, entry.changes) for entry in entries] == [
        ("mean_mx", "example.org", {"MX": [None, "10 mx.filter.test."]}),
        ("judge_mx", "example.org", {"MX": ["10 mx.filter.test.", None]}),
    ]


def test_an_mx_that_leads_here_cannot_be_meant_otherwise(admin):
    found("example.org", FINE)

    answer = admin.post(page_of(), {"meant": "1"})

    assert told(answer) == [
        "The MX records are not what they were when the page was made. Look at it again."
    ]
    assert DomainDNS.objects.get().meant == []


def test_a_deleted_domain_leaves_nothing(example_org):
    found("example.org", WRONG)
    delete_domain(actor=None, domain=example_org)

    assert not DomainDNS.objects.exists()
