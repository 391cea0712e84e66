import pytest
from django.core.management.base import CommandError

from accounts.models import LogEntry
from domains.models import Domain
from mailboxes.models import Mailbox
from tests.importing import stored
from tests.importing.hand_made import MAIL, findings


def test_everything_comes_along(run, server, secret):
    status, report = run(*server.arguments, *MAIL)

    assert (status, report["written"], report["verdict"]) == (0, True, "Imported.")
    assert stored.domains() == dict.fromkeys(
        ["example.com", "example.info", "example.net", "example.org", "only.example"], True
    )
    assert stored.mailboxes("password", "quota", "maildir") == {
        "ann@example.org": (secret, 1024**3, "example.org/ann/"),
        "bob@example.com": (secret, 0, "example.com/bob/"),
    }
    assert stored.aliases() == {
        "@example.com": ["bob@example.com"],
        "info@example.org": ["ann@example.org", "bob@example.com", "carl@elsewhere.test"],
        "sales@only.example": ["ann@example.org"],
    }
    assert stored.forwardings() == {
        "ann@example.org": ["ann@example.org", "ann@elsewhere.test"],
        "bob@example.com": ["bob@elsewhere.test"],
    }
    assert stored.alias_domains() == {"example.net": "example.org"}
    assert report["mail"] == {"root": "/var/vmail", "mail_location": "maildir:~/Maildir"}
    assert report["proof"]["differences"] == []


def test_each_row_is_in_the_log(run, server):
    run(*server.arguments, *MAIL)

    made = LogEntry.objects.filter(action="create_mailbox").values_list("data", "username")
    assert set(made) == {
        ("ann@example.org", "CLI (localhost)"),
        ("bob@example.com", "CLI (localhost)"),
    }


def test_a_dry_run_proves_it_and_keeps_nothing(run, server):
    status, report = run(*server.arguments, *MAIL, "--dry-run")

    assert (status, report["written"]) == (0, False)
    assert report["verdict"] == "Can be imported. Nothing was written."
    assert report["proof"]["addresses"] == 11
    assert (Domain.objects.count(), Mailbox.objects.count(), LogEntry.objects.count()) == (0, 0, 0)


def test_its_words_name_what_comes_and_where_mail_lies(said, server):
    shown = said(*server.arguments, *MAIL)

    assert "postfix: domains: 5, mailboxes: 2, aliases: 3, forwardings: 2" in shown
    assert "  Below /var/vmail, as VMAIL_ROOT has it.\n" in shown
    assert "11 of 11 addresses lead to the same recipients here as by Postfix's own maps" in shown


def test_the_report_is_a_page_too(run, server, tmp_path):
    server.add("virtual", "root ann\n")
    server.compile("virtual")
    run(*server.arguments, *MAIL, "--html", tmp_path / "report.html")

    page = (tmp_path / "report.html").read_text()
    assert "<h1>Importing from postfix</h1>" in page
    assert "<code>root ann</code>" in page


def test_no_secret_is_in_the_report(said, server, secret, tmp_path, password):
    server.add_user("eve@example.org", "{PLAIN}" + password)

    shown = said(*server.arguments, *MAIL, "--html", tmp_path / "report.html")

    assert secret not in shown + (tmp_path / "report.html").read_text()
    assert password not in shown + (tmp_path / "report.html").read_text()


# --- What is in use


def test_a_domain_that_is_here_already_stops_all_of_it(run, server, example_org):
    status, report = run(*server.arguments, *MAIL)

    assert (status, report["in_the_way"]) == (1, ["domains-here-already"])
    assert stored.domains() == {"example.org": True}


def test_the_other_domains_of_it_can_be_named(run, server, example_org):
    status, report = run(*server.arguments, *MAIL, "--domain", "example.com")

    assert (status, report["proof"]["differences"]) == (0, [])
    assert set(stored.domains()) == {"example.com", "example.org"}
    assert list(stored.mailboxes("name")) == ["bob@example.com"]


def test_a_domain_that_it_does_not_have_is_a_mistake(refused, server):
    assert refused(*server.arguments, *MAIL, "--domain", "exmaple.org") == {
        "domains-not-there": ["exmaple.org"]
    }


def test_an_alias_domain_may_lead_to_a_domain_that_is_here(run, server, example_org, add_mailbox):
    add_mailbox("ann@example.org")
    status, _report = run(*server.arguments, "--domain", "example.net", "--accept", "differences")

    assert status == 0
    assert stored.alias_domains() == {"example.net": "example.org"}


def test_a_second_run_writes_nothing(run, server):
    run(*server.arguments, *MAIL)
    entries = LogEntry.objects.count()

    status, report = run(*server.arguments, *MAIL)

    assert (status, report["written"]) == (1, False)
    assert LogEntry.objects.count() == entries


def test_without_a_map_of_mailboxes_those_of_dovecot_are_all(run, server):
    main = (server.directory / "main.cf").read_text()
    server.write("main.cf", main.replace(f"hash:{server.directory}/boxes", ""))
    status, report = run(*server.arguments, *MAIL)

    assert (status, report["proof"]["differences"]) == (0, [])


# --- What does not fit


def test_a_name_with_the_delimiter_is_a_persons_to_decide(refused, run, server, secret):
    server.add_user("eve+work@example.org", secret)

    assert refused(*server.arguments, *MAIL) == {"addresses-refused-here": ["eve+work@example.org"]}
    run(*server.arguments, *MAIL, "--accept", "addresses-refused-here")
    assert "eve+work@example.org" not in stored.mailboxes("name")


@pytest.mark.parametrize(
    "target", ["|/usr/bin/vacation", "/var/mail/archive", ":include:/etc/list", "root"]
)
def test_a_command_a_file_or_a_bare_name_is_no_recipient(refused, run, server, target):
    server.add("virtual", f"list@example.org ann@example.org, {target}\n")
    server.compile("virtual")

    assert refused(*server.arguments, *MAIL) == {
        "targets-refused-here": [f"list@example.org to {target}"]
    }
    accept = ["--accept", "targets-refused-here", "--accept", "differences"]
    assert run(*server.arguments, *MAIL, *accept)[0] == 0
    assert stored.aliases()["list@example.org"] == ["ann@example.org"]


def test_regular_expressions_are_listed_and_what_they_answer_shows_in_the_proof(
    refused, run, server
):
    rules = f"regexp:{server.directory}/rules"
    server.write("rules", "/^nobody-of-this-name@example.org$/ ann@example.org\n")
    main = (server.directory / "main.cf").read_text()
    server.write("main.cf", main.replace("/virtual\n", f"/virtual, {rules}\n"))

    assert refused(*server.arguments, *MAIL) == {
        "maps-left-out": [f"virtual_alias_domains: {rules}", f"virtual_alias_maps: {rules}"]
    }
    status, report = run(*server.arguments, *MAIL, "--accept", "maps-left-out")
    assert (status, report["written"]) == (1, False)
    assert {
        "asked": "mail",
        "address": "nobody-of-this-name@example.org",
        "there": "ann@elsewhere.test, ann@example.org",
        "here": "nobody",
    } in report["proof"]["differences"]


def test_a_loop_is_refused_with_its_path(run, server):
    server.add("virtual", "a@example.org b@example.org\nb@example.org a@example.org\n")
    server.compile("virtual")
    status, report = run(*server.arguments, *MAIL)

    assert (status, report["written"]) == (1, False)
    [refused] = report["refused"]
    assert refused["row"] == "b@example.org"
    assert "mail loop" in refused["reason"]
    assert stored.domains() == {}


def test_what_leads_only_to_itself_without_a_mailbox_is_nobodys(refused, server):
    server.add("virtual", "x@example.org x@example.org\n")
    server.compile("virtual")

    assert refused(*server.arguments, *MAIL) == {"aliases-to-themselves": ["x@example.org"]}


def test_an_alias_in_a_domain_that_is_not_its_own_is_named(refused, server):
    server.add("virtual", "joe@foreign.example ann@example.org\n")
    server.compile("virtual")

    assert refused(*server.arguments, *MAIL) == {
        "aliases-of-other-domains": ["joe@foreign.example"]
    }


def test_a_mailbox_in_a_domain_that_postfix_does_not_name_comes_switched_off(run, server, secret):
    server.add_user("joe@lost.example", secret)
    _status, report = run(*server.arguments, *MAIL)

    assert findings(report) == {"domains-made": ["lost.example"]}
    assert stored.domains()["lost.example"] is False


def test_a_user_whom_postfix_does_not_know_shows_in_the_proof(run, server, secret):
    server.add("users", f"eve@example.com:{secret}::::::\n")
    status, report = run(*server.arguments, *MAIL)

    assert (status, report["written"]) == (1, False)
    assert report["proof"]["differences"] == [
        {
            "asked": "mail",
            "address": "eve@example.com",
            "there": "bob@elsewhere.test",
            "here": "eve@example.com",
        }
    ]


def test_users_of_the_machine_stay_there(run, server, secret):
    server.add("users", f"root:{secret}::::::\n")
    _status, report = run(*server.arguments, *MAIL)

    assert findings(report) == {"names-without-domain": ["root"]}


def test_a_domain_of_another_server_keeps_its_transport(run, server):
    main = (server.directory / "main.cf").read_text()
    server.write(
        "main.cf",
        main
        + f"relay_domains = relayed.example backup.example\ntransport_maps = texthash:{server.directory}/transport\n",
    )
    server.write("transport", "relayed.example smtp:[192.0.2.1]:25\ngmail.com smtp:[192.0.2.2]\n")
    _status, report = run(*server.arguments, *MAIL)

    rows = Domain.objects.filter(pk__in=["relayed.example", "backup.example"]).order_by("pk")
    assert list(rows.values_list("pk", "transport", "backupmx")) == [
        ("backup.example", "virtual", True),
        ("relayed.example", "smtp:[192.0.2.1]:25", False),
    ]
    assert findings(report) == {"transports-of-others": ["gmail.com smtp:[192.0.2.2]"]}


def test_without_a_compiled_map_its_text_is_read(run, server):
    (server.directory / "virtual.db").unlink()

    assert run(*server.arguments, *MAIL)[0] == 0
    assert "info@example.org" in stored.aliases()


def test_a_file_for_each_domain_holds_bare_names(run, server, secret):
    for domain in ("example.org", "example.info"):
        (server.directory / domain).mkdir()
        server.write(f"{domain}/passwd", f"joe:{secret}:5000:5000::::\n")
        server.add("boxes", f"joe@{domain} x\n")
    server.compile("boxes")
    users = server.directory / "%d" / "passwd"
    run(
        *("postfix", "--config", server.directory, "--users", users),
        *("--home", "/var/vmail/%d/%n", *MAIL),
    )

    found = stored.mailboxes("maildir")
    assert found["joe@example.org"] == "example.org/joe/"
    assert found["joe@example.info"] == "example.info/joe/"


def test_a_mailbox_whose_mail_a_catch_all_took_shows_in_the_proof(run, server, secret):
    # Postfix asks virtual_alias_maps first, and nothing there names the mailbox itself.
    server.add_user("joe@example.com", secret)
    status, report = run(*server.arguments, *MAIL)

    assert (status, report["written"]) == (1, False)
    assert report["proof"]["differences"] == [
        {
            "asked": "mail",
            "address": "joe@example.com",
            "there": "bob@elsewhere.test",
            "here": "joe@example.com",
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "/nowhere"], "/nowhere/main.cf"),
        (["--users", "/nowhere/users"], "/nowhere/users: there is no such file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(run, server, arguments, said):
    with pytest.raises(CommandError, match=said):
        run(*server.arguments, *arguments)
