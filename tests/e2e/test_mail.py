import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.e2e import states
from tests.e2e.browsing import (
    Visitors,
    create_alias,
    create_alias_domain,
    create_domain,
    create_mailbox,
    fill,
    message,
    submit,
)
from tests.e2e.test_axe import WITH_AXE, broken_rules
from tests.servers import clients
from tests.servers.mail import HOSTNAME
from tests.servers.processes import wait_until

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
ANNA, BERT = ("anna@town.example", PASSWORD), ("bert@town.example", PASSWORD)
CATO, DORA = ("cato@harbour.example", PASSWORD), ("dora@harbour.example", PASSWORD)
OUTSIDER = "joe@outside.test"

# Where mail for an address arrives.
ROUTES = {
    "bert@town.example": [BERT],
    "BERT@Town.Example": [BERT],
    "bert+lists@town.example": [BERT],
    "sales@town.example": [ANNA, BERT],
    "sales+shop@town.example": [ANNA, BERT],
    "dora@harbour.example": [DORA],
    "dora+tag@harbour.example": [DORA],
    "whoever@harbour.example": [CATO],
    "whoever+tag@harbour.example": [CATO],
    "bert@town-alias.example": [BERT],
    "bert+tag@town-alias.example": [BERT],
    "sales@town-alias.example": [ANNA, BERT],
    "dora@harbour-alias.example": [DORA],
    "dora+tag@harbour-alias.example": [DORA],
    "whoever@harbour-alias.example": [CATO],
}


@pytest.fixture(scope="module")
def office(browser, panel, accounts):
    with Visitors(browser, panel.url) as visitors:
        yield visitors.sign_in(*next(iter(accounts.items())))


@pytest.fixture(scope="module", autouse=True)
def town(office, mail_server):
    for name in ("town.example", "harbour.example", "town-alias.example", "harbour-alias.example"):
        create_domain(office, name)
    for address, password in (ANNA, BERT, CATO, DORA):
        create_mailbox(office, address, password)
    create_alias(office, "sales", "town.example", ANNA[0], BERT[0])
    create_alias(office, "*", "harbour.example", CATO[0])
    create_alias_domain(office, "town-alias.example", "town.example")
    create_alias_domain(office, "harbour-alias.example", "harbour.example")


def settle(mail_server):
    wait_until(lambda: not mail_server.postfix.queue_ids(), "delivery of everything")


def arrived(mail_server, *mailboxes):
    settle(mail_server)
    return {mailbox[0]: sorted(clients.subjects(mail_server, *mailbox)) for mailbox in mailboxes}


def test_the_mail_server_runs_on_what_mailconf_writes(panel, mail_server, accounts):
    owner = mail_server.mail_root.stat()
    options = {
        "hostname": HOSTNAME,
        "mail-root": mail_server.mail_root,
        "vmail-uid": owner.st_uid,
        "vmail-gid": owner.st_gid,
        "tls-cert": mail_server.certificate,
        "tls-key": mail_server.directory / "key.pem",
        "maps": mail_server.postfix.maps,
        "dovecot-conf": mail_server.dovecot.conf,
        "postfix-queue": mail_server.postfix.queue,
        "postfix-user": mail_server.postfix_sql_user,
        "dovecot-user": mail_server.dovecot_sql_user,
    }
    database = mail_server.database | {"PORT": mail_server.gate.port}
    words = panel.manage(
        "mailconf",
        mail_server.files.path,
        "--dry-run",
        "--no-sieve",
        *(f"--{name}={value}" for name, value in options.items()),
        DATABASE_URL="mysql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format_map(database),
        SECRET_KEY=settings.SECRET_KEY,  # of the logins at relay hosts
    )

    assert words.startswith("0 of ")


def test_each_address_arrives_where_it_must_and_only_there(mail_server):
    before = arrived(mail_server, ANNA, BERT, CATO, DORA)
    sent = {
        recipient: clients.send(mail_server, ANNA[0], recipient, login=ANNA) for recipient in ROUTES
    }

    after = arrived(mail_server, ANNA, BERT, CATO, DORA)

    for mailbox in (ANNA, BERT, CATO, DORA):
        due = [sent[recipient] for recipient, goal in ROUTES.items() if mailbox in goal]
        assert after[mailbox[0]] == sorted(before[mailbox[0]] + due)


def test_a_login_may_send_outside_and_a_stranger_may_not(mail_server):
    subject = clients.send(mail_server, ANNA[0], OUTSIDER, login=ANNA)
    settle(mail_server)

    [mail] = [mail for mail in mail_server.outside.received if subject in mail.text]
    assert (mail.sender, mail.recipients) == (ANNA[0], [OUTSIDER])
    for port in (mail_server.smtp_port, mail_server.submission_port):
        code, text = clients.refusal(mail_server, "eve@outside.test", OUTSIDER, port=port)
        assert (code, "Access denied" in text or "access denied" in text) == (554, True)


@pytest.mark.parametrize("recipient", ["nobody@town.example", "nobody@town-alias.example"])
def test_an_unknown_address_is_refused(mail_server, recipient):
    for login in (ANNA, None):
        code, text = clients.refusal(
            mail_server, ANNA[0] if login else OUTSIDER, recipient, login=login
        )
        assert (code, text[:5]) == (550, "5.1.1")


def test_a_mailbox_deactivated_in_the_browser_is_out_at_once(office, mail_server):
    closed = create_mailbox(office, "closed@town.example", PASSWORD)
    assert clients.may_imap(mail_server, *closed)
    assert clients.refusal(mail_server, OUTSIDER, closed[0]) is None

    office.goto(f"/mailboxes/{closed[0]}/state/")
    submit(office)

    expect(office.locator("main .state").first).to_have_text("off")
    assert not clients.may_imap(mail_server, *closed)
    assert not clients.may_submit(mail_server, *closed)
    code, text = clients.refusal(mail_server, OUTSIDER, closed[0])
    assert (code, text[:5]) == (550, "5.1.1")


def test_a_full_mailbox_is_refused_and_shows_up_in_the_panel(office, mail_server):
    small = create_mailbox(office, "small@town.example", PASSWORD, Quota="0.02")
    subject = clients.send(mail_server, OUTSIDER, small[0], size=19_000)
    clients.wait_for(mail_server, *small, subject)

    code, text = clients.refusal(mail_server, OUTSIDER, small[0], size=10_000)

    assert (code, text[:5]) == (552, "5.2.2")
    assert small[0] not in str(arrived(mail_server, ANNA))
    office.goto(f"/mailboxes/{small[0]}/")
    expect(office.locator(".quota").first).to_contain_text("9")
    office.goto("/")
    expect(office.locator("main")).to_contain_text(small[0])


def test_a_user_changes_the_password_and_only_the_new_one_counts(office, visitors, mail_server):
    name, old = create_mailbox(office, "eva@town.example", PASSWORD)
    new = "seven-quiet-otters-8"
    at_home, elsewhere = visitors.sign_in(name, old), visitors.sign_in(name, old)
    assert clients.may_imap(mail_server, name, old)
    assert clients.may_submit(mail_server, name, old)

    at_home.goto("/account/password/")
    fill(at_home, {"Current password": old, "New password": new})
    at_home.get_by_role("button", name="Change password").click()

    expect(at_home.locator(".saved")).to_contain_text("Saved just now")
    for may in (clients.may_imap, clients.may_submit):
        assert not may(mail_server, name, old)
        assert may(mail_server, name, new)
    at_home.reload()
    assert "/account/" in at_home.url
    elsewhere.reload()
    assert "/login/" in elsewhere.url


def test_a_user_forwards_with_and_without_a_copy(office, visitors, mail_server):
    finn = create_mailbox(office, "finn@town.example", PASSWORD)
    page = visitors.sign_in(*finn)

    page.goto("/account/forwarding/")
    page.get_by_role("button", name="Add another").click()
    fill(page, {"Address 1": DORA[0], "Address 2": OUTSIDER})
    page.get_by_role("radio", name="Keep a copy here").check()
    submit(page)
    expect(page.locator(".own-rows")).to_contain_text("copy kept Saved just now")
    with_copy = clients.send(mail_server, "eve@outside.test", finn[0])
    page.goto("/account/forwarding/")
    fill(page, {"Address 1": DORA[0], "Address 2": ""})
    page.get_by_role("radio", name="Do not keep").check()
    settle(mail_server)
    submit(page)
    expect(page.locator(".own-rows")).to_contain_text(f"to {DORA[0]} · no copy kept")
    without = clients.send(mail_server, "eve@outside.test", finn[0])

    subjects = arrived(mail_server, finn, DORA)
    assert subjects[finn[0]] == [with_copy]
    assert {with_copy, without} <= set(subjects[DORA[0]])
    outside = [mail for mail in mail_server.outside.received if with_copy in mail.text]
    assert [mail.recipients for mail in outside] == [[OUTSIDER]]
    assert not any(without in mail.text for mail in mail_server.outside.received)


def test_a_welcome_mail_makes_the_mailbox_appear(office, mail_server):
    gina = create_mailbox(office, "gina@town.example", PASSWORD, **{"Send a welcome mail": True})

    assert len(arrived(mail_server, gina)[gina[0]]) == 1


def test_a_deleted_mailbox_leaves_the_aliases_it_was_in(office, mail_server):
    hugo = create_mailbox(office, "hugo@town.example", PASSWORD)
    create_alias(office, "crew", "town.example", hugo[0], ANNA[0])
    first = clients.send(mail_server, OUTSIDER, "crew@town.example")
    assert first in arrived(mail_server, hugo)[hugo[0]]

    office.goto(f"/mailboxes/{hugo[0]}/delete/")
    expect(office.locator("main")).to_contain_text("crew@town.example")
    office.locator("[name=drop]").check()
    submit(office)

    assert hugo[0] in message(office)
    assert not clients.may_imap(mail_server, *hugo)
    assert clients.refusal(mail_server, OUTSIDER, hugo[0])[0] == 550
    assert clients.refusal(mail_server, OUTSIDER, "crew@town.example") is None
    office.goto("/aliases/crew@town.example/")
    expect(office.locator("main")).to_contain_text(ANNA[0])
    settle(mail_server)
    assert "status=bounced" not in mail_server.postfix.log.read_text()


def test_a_domain_admin_sees_nothing_of_other_domains(office, visitors):
    create_domain(office, "quiet.example")
    ida = create_mailbox(office, "ida@quiet.example", PASSWORD)
    login = ("keeper@outside.test", PASSWORD)
    office.goto("/administrators/new/")
    fill(office, {"E-mail address": login[0], "Password": PASSWORD, "Domains": "quiet.example"})
    submit(office)
    keeper = visitors.sign_in(*login)

    lists = ["/", "/domains/", "/mailboxes/", "/aliases/", "/alias-domains/", "/log/"]
    forms = ["/mailboxes/new/", "/aliases/new/", "/alias-domains/new/", "/account/"]
    # These repeat what was asked for, so they are asked for less than an address.
    searches = [
        "/search/?q=cato",
        "/search/?q=ha",
        "/mailboxes/?q=cato",
        "/domains/suggestions/?domain=ha",
    ]
    for path in lists + forms + searches:
        assert keeper.goto(path).status == 200, path
        for foreign in ("town.example", "harbour", "brightwater", "cato@"):
            assert foreign not in keeper.content(), path
    for path in ["/mailboxes/?domain=harbour.example", "/log/?domain=harbour.example"]:
        assert keeper.goto(path).status == 200
        expect(keeper.locator("main")).not_to_contain_text("cato")
    foreign = [
        "/domains/harbour.example/",
        f"/mailboxes/{CATO[0]}/",
        f"/mailboxes/{CATO[0]}/delete/",
    ]
    foreign += ["/aliases/sales@town.example/", "/administrators/", "/domains/new/"]
    for path in foreign:
        assert keeper.goto(path).status == 404, path

    keeper.goto("/search/?q=ida")
    expect(keeper.locator("main")).to_contain_text(ida[0])
    keeper.goto("/mailboxes/")
    assert keeper.locator("#list tbody th a").all_inner_texts() == [ida[0]]


def test_axe_finds_nothing_of_a_broadcast_message_that_is_sent(mail_server, visitors, accounts):
    page = visitors.sign_in(*next(iter(accounts.items())), **WITH_AXE)

    assert not broken_rules(page, states.BROADCAST, states.broadcast_is_done)
