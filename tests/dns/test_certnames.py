from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from domains.services import create_alias_domain, set_domain_active

HERE = "autoconfig A 192.0.2.25\nautodiscover AAAA 2001:db8::25\nmta-sts A 192.0.2.25\n"


@pytest.fixture
def run(db, settings):
    settings.ALLOWED_HOSTS = ["mail.host.test", ".host.test", "127.0.0.1", "[::1]"]

    def run():
        output = StringIO()
        call_command("certnames", stdout=output)
        return output.getvalue().splitlines()

    return run


def test_each_domain_has_a_line_with_what_leads_here(run, zones, add_domain, settings):
    for name in ("example.org", "half.example", "away.example", "off.example"):
        add_domain(name)
    set_domain_active(actor=None, domain=add_domain("asleep.example"), active=False)
    zones(
        {
            "example.org": HERE,
            "half.example": "autoconfig A 192.0.2.25\nautodiscover A 198.51.100.1",
            "away.example": "autoconfig A 198.51.100.1",
            "off.example": "",
            "asleep.example": HERE,
        }
    )

    assert run() == [
        "mail.host.test",
        "autoconfig.example.org autodiscover.example.org",
        "autoconfig.half.example",
    ]
    settings.MTA_STS = "enforce"
    assert "autoconfig.example.org autodiscover.example.org mta-sts.example.org" in run()


def test_the_host_has_its_other_names_too_if_they_lead_here(run, zones, settings):
    settings.WEBMAIL_URL = "https://webmail.host.test/"
    settings.ALLOWED_HOSTS = ["panel.host.test", "elsewhere.host.test"]
    zones(
        {
            "panel.host.test": "@ A 192.0.2.25",
            "webmail.host.test": "@ AAAA 2001:db8::25",
            "elsewhere.host.test": "@ A 198.51.100.1",
        }
    )

    assert run() == ["mail.host.test panel.host.test webmail.host.test"]


def test_an_alias_domain_has_names_and_one_that_is_handed_on_has_none(run, zones, add_domain):
    target = add_domain("example.org")
    create_alias_domain(actor=None, alias_domain=add_domain("alias.example"), target_domain=target)
    add_domain("backup.example", backupmx=True)
    zones({"example.org": "", "alias.example": HERE, "backup.example": HERE})

    assert run() == ["mail.host.test", "autoconfig.alias.example autodiscover.alias.example"]


def test_of_a_domain_that_could_not_be_asked_nothing_is_said(run, zones, add_domain, capsys):
    add_domain("example.org")
    add_domain("broken.example")
    zones({"example.org": HERE, "broken.example": None})

    output = StringIO()
    with pytest.raises(CommandError, match=r"No resolver answered for broken\.example\."):
        call_command("certnames", stdout=output)
    assert "broken" not in output.getvalue()
    assert "autoconfig.example.org" in output.getvalue()
