from django.conf import settings

from accounts import factors
from accounts.factor_exceptions import add_exception
from accounts.letter_texts import set_text
from accounts.models import LogEntry
from accounts.services import hash_in_place
from aliases.renaming import rename_alias
from aliases.services import delete_alias
from domains.copy_services import add_copy
from domains.sender_services import set_domain_sender_rule, set_sender_rule
from domains.services import create_alias_domain, delete_domain, update_domain
from mailadmin import log_words
from mailadmin.log_links import url_of
from mailadmin.tracing.sending import note_test
from mailboxes.endings import remove_ending, set_ending, today
from mailboxes.own_aliases import set_limit
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox, set_mailbox_active, update_mailbox
from tests.pages.reading import links, log, text

MB = settings.QUOTA_MULTIPLIER


def test_what_the_services_write_reads_as_sentences(sign_in, root, example_org, add_mailbox):
    mailbox = add_mailbox("joe@example.org", name="Joe")
    set_mailbox_active(actor=root, mailbox=mailbox, active=False)
    update_domain(actor=root, domain=example_org, backupmx=True)

    said = text(log(sign_in(root)))

    assert "CLI created mailbox joe@example.org Details Name: Joe" in said
    assert "root switched off joe@example.org Details localhost" in said
    assert "root changed domain example.org Backup MX: no → yes" in said


def test_a_state_changed_along_with_other_fields_is_not_left_out(
    sign_in, root, example_org, add_mailbox
):
    mailbox = add_mailbox("joe@example.org", name="Joe")
    update_mailbox(actor=root, mailbox=mailbox, name="Joseph", active=False)
    add_mailbox("new@example.org", active=False, smtp_active=False)

    said = text(log(sign_in(root)))

    assert "root changed mailbox joe@example.org Details Name: Joe → Joseph On: yes → no" in said
    assert "CLI created mailbox new@example.org Details May send: no On: no" in said


def test_of_what_was_deleted_the_log_shows_what_was_set(root, example_org, add_mailbox, add_alias):
    joe = add_mailbox("joe@example.org", name="Joe", phone="+33 1", active=False)
    sales = add_alias("sales@example.org", "x@elsewhere.example", description="Questions")
    delete_mailbox(actor=root, mailbox=joe)
    delete_alias(actor=root, alias=sales)

    deleted = LogEntry.objects.visible_to(root).filter(action__startswith="delete")

    assert {
        entry.action: [str(field) for field, _old, _new in log_words.changes(entry)]
        for entry in deleted
    } == {
        "delete_mailbox": ["Name", "Phone", "On", "Maildir"],
        "delete_alias": ["Recipients", "Description"],
    }


def test_of_a_deleted_domain_the_log_shows_what_it_takes_to_make_it_again(
    sign_in, root, add_domain, add_mailbox, make_admin
):
    domain = add_domain("example.org", mailboxes=50, aliases=-1, maxquota=1024, backupmx=True)
    target = add_domain("xn--mller-kva.example")
    make_admin("ann@example.org", domains=["example.org"])
    add_mailbox("joe@example.org", quota=MB)
    create_alias_domain(actor=root, alias_domain=domain, target_domain=target)
    delete_domain(actor=root, domain=domain)

    said = text(log(sign_in(root), action="delete_domain"))

    assert (
        "root deleted domain example.org Details Mailboxes deleted: 1 Target domain: müller.example Aliases: none allowed Mailboxes: 50"
        " Largest mailbox quota: 1 GB Transport: virtual Backup MX: yes"
        " Administrators: ann@example.org"
    ) in said


def test_what_happens_to_second_factors_reads_as_sentences_with_links_that_lead_somewhere(
    sign_in, root, example_org, add_mailbox, make_admin, shows
):
    joe, admin = add_mailbox("joe@example.org"), make_admin("it@example.org")
    for account in (joe, admin):
        shows(account)
        factors.reset(actor=root, account=account)
    for whose in ("joe@example.org", "example.org", ""):
        add_exception(actor=root, network="192.0.2.7", whose=whose)
    client = sign_in(root)

    page = log(client)

    assert "root took away the second factor of joe@example.org" in text(page)
    assert "root@example.org took away the second factor of it@example.org" in text(page)
    for whose in (
        ("root made", "joe@example.org"),
        ("root made", "example.org"),
        ("root@example.org made", "192.0.2.7"),
    ):
        assert " an exception from the second factor for ".join(whose) in text(page)
    led = [link for link in links(page) if link.startswith(("/mailboxes/j", "/adm", "/exc"))]
    assert {client.get(link).status_code for link in led} == {200}
    assert {"/mailboxes/joe@example.org/", "/administrators/it@example.org/"} <= set(led)


def test_what_an_entry_links_to_exists(
    sign_in, root, example_org, other_net, add_mailbox, add_alias, make_admin
):
    joe, sales = add_mailbox("joe@example.org"), add_alias("sales@example.org", "joe@example.org")
    moved, boss = add_mailbox("moved@example.org"), add_mailbox("boss@example.org")
    left = add_alias("left@example.org", "joe@example.org")
    admin = make_admin("it@example.org", domains=["example.org"])
    LogEntry.objects.all().delete()
    letter = {"kind": "welcome", "language": "en", "subject": "Hello", "body": "{text}"}
    for account in (joe, admin):
        type(account).objects.filter(pk=account.pk).update(password="{PLAIN}tangerine-7-bicycle")
        hash_in_place(actor=root, account=account)
    for address in ("joe@example.org", "nobody@example.org", "ann@elsewhere.example"):
        note_test(actor=root, address=address)
    for row in (joe, sales):
        set_ending(actor=root, row=row, last_day=today(), action="off")
    remove_ending(actor=root, row=joe)
    for row in (joe, example_org):
        set_limit(actor=root, row=row, most=3)
    for local_part in ("joe", ""):
        add_copy(
            actor=root, domain=example_org, direction="to", goto=boss.pk, local_part=local_part
        )
    for domain in ("", "example.org"):
        set_text(actor=root, domain=domain, **letter)
    set_sender_rule(actor=root, sender="spam@elsewhere.example", action="REJECT")
    set_domain_sender_rule(
        actor=root, domain=example_org, sender="spam@elsewhere.example", action="REJECT"
    )
    rename_mailbox(actor=root, mailbox=moved, local_part="moved", domain=other_net)
    rename_alias(actor=root, alias=left, local_part="left", domain=other_net)
    LogEntry.objects.record(root, "let_in_network", target="192.0.2.0/24")
    gone = {"domain": "example.org", "target": "gone@example.org"}
    LogEntry.objects.record(root, "remove_deleted", **gone)
    admin.refresh_from_db()

    for account, others in (
        (root, {"/server/networks/", "/server/senders/", "/server/letters/"}),
        (admin, set()),
    ):
        client = sign_in(account)
        entries = LogEntry.objects.visible_to(account)
        led = {link for link in links(log(client, size=75)) if link in {*map(url_of, entries)}}
        assert {link: client.get(link).status_code for link in led} == dict.fromkeys(led, 200)
        assert {
            "/trace/?address=nobody%40example.org",
            "/domains/example.org/flow/",
        } | others <= led
    assert url_of(LogEntry.objects.get(action="edit_letter", domain="example.org")) == ""
    assert url_of(LogEntry.objects.get(action="remove_deleted")) == ""
