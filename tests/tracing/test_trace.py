import pytest
from django.conf import settings

from aliases.models import Alias
from domains.models import Copy, Domain, RelayHost, SenderRule
from domains.sender_services import set_domain_sender_rule, set_sender_rule
from domains.senders import DEFER, OK, REJECT
from domains.services import create_alias_domain
from mailadmin.tracing.trace import recipient_in, sender_in, trace
from mailboxes.models import Mailbox, QuotaUsage
from tests.tracing.telling import HERE, ROOM, ends, said

MB = settings.QUOTA_MULTIPLIER


def use(mailbox, used):
    QuotaUsage.objects.create(username=mailbox, bytes=used)


def test_a_mailbox_that_is_nearly_full(joe):
    use(joe, 97 * MB)

    assert said("joe@example.org") == [
        HERE,
        "There is a mailbox joe@example.org.",
        ROOM,
        "Delivered to joe@example.org. joe@example.org is at 97 % of its quota.",
    ]


def test_nobody_has_the_name(example_org):
    assert said("zoe@example.org") == [
        HERE,
        "No mailbox or alias has this name.",
        "Refused at once, 550: no such user.",
    ]


def test_a_mailbox_that_is_off_and_an_alias_that_leads_to_it(joe, add_alias):
    add_alias("info@example.org", "joe@example.org")
    Mailbox.objects.filter(pk="joe@example.org").update(active=False)
    Alias.objects.filter(pk="joe@example.org").update(active=False)

    assert said("joe@example.org")[1:] == [
        "The mailbox joe@example.org is off.",
        "Refused at once, 550: no such user.",
    ]
    assert said("info@example.org")[1:] == [
        "The alias info@example.org leads to nobody who takes mail.",
        "Refused at once, 550: no such user.",
    ]


def test_a_full_mailbox_is_refused_at_once_and_bounces_where_postfix_does_not_ask(
    joe, add_mailbox, add_alias
):
    use(joe, 120 * MB)
    add_mailbox("ann@example.org")
    add_alias("both@example.org", "joe@example.org", "ann@example.org")

    assert said("joe@example.org")[2:] == [
        "The mailbox joe@example.org is full.",
        "Refused at once, 552: the mailbox is full.",
    ]
    assert said("both@example.org")[-1] == (
        "Delivered to ann@example.org. Taken and then returned to the sender, because the mailbox is"
        " full: joe@example.org. joe@example.org is at 120 % of its quota."
    )


def test_a_tag_an_alias_domain_and_a_catch_all(joe, add_domain, add_alias):
    source = add_domain("alias.example")
    create_alias_domain(
        actor=None, alias_domain=source, target_domain=Domain.objects.get(pk="example.org")
    )
    add_domain("catch.example")
    add_alias("@catch.example", "joe@example.org")

    assert said("joe+news@alias.example") == [
        "alias.example is a domain of this server.",
        "“+news” is a tag: the name before it counts. The tag stays on the address.",
        "alias.example is an alias domain of example.org: the same name there counts.",
        ROOM,
        "joe+news@alias.example leads to joe+news@example.org.",
        "Delivered to joe+news@example.org.",
    ]
    assert said("any+tag@catch.example")[1:] == [
        "No mailbox or alias has this name.",
        "The catch-all of catch.example takes what has no mailbox or alias.",
        ROOM,
        "any+tag@catch.example leads to joe@example.org.",
        "Delivered to joe@example.org.",
    ]


def test_aliases_of_aliases_with_an_extension_and_what_is_left_out(joe, add_mailbox, add_alias):
    add_alias("team@example.org", "joe@example.org", "x@elsewhere.example")
    add_alias("all@example.org", "team@example.org", "gone@example.org")

    assert said("all+x@example.org")[2:] == [
        "There is an alias all@example.org.",
        "Left out, because nobody takes mail for it: gone@example.org.",
        "all+x@example.org leads to team+x@example.org.",
        "team+x@example.org leads to joe+x@example.org, x+x@elsewhere.example.",
        "Delivered to joe+x@example.org. Sent to another server: x+x@elsewhere.example.",
    ]


def test_a_forwarding_that_keeps_a_copy_and_an_away_message(joe):
    away = "joe#example.org@autoreply.example.org"
    Alias.objects.filter(pk="joe@example.org").update(
        goto=f"joe@example.org,x@elsewhere.example,{away}"
    )

    assert said("joe@example.org")[3:] == [
        "joe@example.org leads to joe@example.org, x@elsewhere.example.",
        "Away message of PostfixAdmin: its program gets this mail and answers it.",
        "Delivered to joe@example.org. Sent to another server: x@elsewhere.example.",
    ]
    assert ends("joe@example.org")[-1] == (away, "away message")


def test_aliases_in_a_circle_are_put_off(joe, add_alias):
    """Stored by another program; both have a way out, so the map does not leave them out."""
    add_alias("one@example.org", "joe@example.org")
    add_alias("two@example.org", "joe@example.org")
    Alias.objects.filter(pk="one@example.org").update(goto="two@example.org,joe@example.org")
    Alias.objects.filter(pk="two@example.org").update(goto="one@example.org,joe@example.org")

    assert said("one@example.org")[-1] == "Put off, 451: the aliases lead in a circle."


def test_domains_that_take_no_mail_here(example_org, add_domain):
    add_domain("off.example")
    Domain.objects.filter(pk="off.example").update(active=False)

    assert said("a@off.example") == [
        "off.example is off: mail for its addresses is refused.",
        "Refused at once, 554: off.example is off.",
    ]
    assert said("a@elsewhere.example") == [
        "elsewhere.example is not a domain of this server.",
        "Refused at once, 554: not for this server. Who signs in may send there.",
    ]
    assert said("a%elsewhere.example@example.org")[-1] == (
        "Refused at once, 554: it would be relayed to another server."
    )
    assert said(f"root@{settings.MAIL_HOSTNAME}")[-1] == (
        "The accounts of this machine and its /etc/aliases decide: the panel does not know them."
    )


def test_a_backup_mx_and_one_that_is_asked_first(add_domain):
    add_domain("backup.example", backupmx=True)
    add_domain("asked.example", backupmx=True, verify_recipients=True)

    assert said("x@backup.example") == [
        "This server is a backup MX of backup.example.",
        "Passed on to the primary mail server: x@backup.example.",
    ]
    assert said("x@asked.example") == [
        "This server is a backup MX of asked.example.",
        "Postfix asks that server first, and refuses what it does not know.",
        "Taken if the primary mail server knows the address."
        " Passed on to the primary mail server: x@asked.example.",
    ]
    assert trace(None, "x@asked.example").due == ("backup-mx", "verify-recipients")


def test_a_domain_that_is_handed_on_with_the_names_that_it_lists(add_domain, add_alias):
    add_domain("next.example", transport="smtp:[192.0.2.7]")
    add_alias("master@next.example", "master@next.example")

    assert said("master@next.example")[2:] == [
        "Mail for next.example is handed on to smtp:[192.0.2.7].",
        "Handed on to the next server: master@next.example.",
    ]
    assert said("nobody@next.example")[-1] == "Refused at once, 550: no such user."


@pytest.mark.parametrize(
    ("transport", "end"),
    [
        ("error:closed", "Taken and then returned to the sender: joe@example.org."),
        ("retry:later", "Waits in the queue: joe@example.org."),
        ("discard:", "Taken and thrown away: joe@example.org."),
    ],
)
def test_transports_that_deliver_to_nobody(joe, transport, end):
    Domain.objects.filter(pk="example.org").update(transport=transport)

    assert said("joe@example.org")[-1] == end


def test_a_whole_domain_as_target_is_taken_and_returned_later(joe, add_domain, add_alias):
    add_domain("whole.example")
    add_alias("@whole.example", "joe@example.org")
    Alias.objects.filter(pk="@whole.example").update(goto="@example.org")

    assert ends("joe@whole.example") == [("joe@example.org", "mailbox")]
    assert said("zoe@whole.example")[-1] == (
        "Taken, kept for days and then returned to the sender, because nobody has this address:"
        " zoe@example.org."
    )


def test_copies_of_what_comes_in_and_of_what_is_sent(joe, add_mailbox):
    add_mailbox("archive@example.org")
    add_mailbox("boss@example.org")
    Copy.objects.create(domain="example.org", direction="to", address="@example.org", goto="archive@example.org")  # fmt: skip
    Copy.objects.create(domain="example.org", direction="from", address="joe@example.org", goto="boss@example.org")  # fmt: skip

    assert "A copy goes to archive@example.org." in said("joe@example.org")
    assert [address for address, _kind in ends("x@elsewhere.example", "joe@example.org")] == [
        "x@elsewhere.example",
        "boss@example.org",
    ]


def test_senders_that_are_refused_put_off_and_let_in(joe, rules):
    assert said("joe@example.org", "x@sub.bad.example") == [
        "A rule of this server refuses the sender x@sub.bad.example.",
        "Refused at once, 554: a rule refuses this sender. “Not from there”",
    ]
    assert said("joe@example.org", "x@slow.example")[-1] == (
        "Put off, 450: a rule makes this sender wait. “Access denied”"
    )
    assert said("joe@example.org", "friend+tag@bad.example")[0] == (
        "A rule of this server lets the sender friend+tag@bad.example in."
    )
    for address, sender in (("postmaster@example.org", "x@bad.example"), ("joe@example.org", "")):
        assert "sender" not in said(address, sender)[0]


def test_one_of_ours_sends_to_the_outside(joe):
    RelayHost.objects.create(domain="example.org", next_hop="[relay.example]:587")

    assert said("x@elsewhere.example", "joe+shop@example.org") == [
        "Who signs in as joe@example.org may send as joe+shop@example.org.",
        "elsewhere.example is not a domain of this server.",
        "[relay.example]:587 is the relay host of example.org: mail to the outside leaves through it.",
        "Sent to another server, through the relay host: x@elsewhere.example.",
    ]


def test_to_a_domain_that_is_off_ones_own_people_write_as_to_any_other_server(joe, add_domain):
    add_domain("off.example")
    Domain.objects.filter(pk="off.example").update(active=False)

    assert said("x@off.example", "joe@example.org")[1:] == [
        "off.example is not a domain of this server.",
        "Sent to another server: x@off.example.",
    ]


def test_a_domain_s_own_list_of_senders_counts_for_the_domain_alone(joe, add_domain, add_mailbox):
    add_domain("other.example")
    add_mailbox("ann@other.example")
    for sender, action in (("bad.test", REJECT), ("friend@bad.test", OK), ("slow.test", DEFER)):
        set_domain_sender_rule(actor=None, domain=joe.domain, sender=sender, action=action)
    set_sender_rule(actor=None, sender="worst@bad.test", action=OK)

    refused = "A rule of example.org refuses the sender x@sub.bad.test."
    assert said("joe+tag@example.org", "x@sub.bad.test")[0] == refused
    assert said("joe@example.org", "worst@bad.test")[:2] == [
        "A rule of this server lets the sender worst@bad.test in.",
        "A rule of example.org refuses the sender worst@bad.test.",
    ]
    assert said("joe@example.org", "a@slow.test")[-1].startswith("Put off, 450")
    assert said("joe@example.org", "friend+tag@bad.test")[0] == (
        "A rule of example.org lets the sender friend+tag@bad.test in."
    )
    for address, sender in (
        ("ann@other.example", "x@bad.test"),
        ("abuse@example.org", "x@bad.test"),
        ("joe@example.org", ""),
    ):
        assert "sender" not in said(address, sender)[0]


def test_a_sender_of_ours_as_whom_nobody_may_send(joe):
    Mailbox.objects.filter(pk="joe@example.org").update(smtp_active=False)

    assert said("x@elsewhere.example", "joe@example.org") == [
        "Nobody who signs in may send as joe@example.org.",
        "Refused at once, 553: nobody may send with this sender.",
    ]


def test_a_rule_about_a_sender_of_ours_is_for_those_who_do_not_sign_in(joe):
    SenderRule.objects.create(sender="example.org", action="REJECT")

    found = said("joe@example.org", "joe@example.org")

    assert found[0] == (
        "Without signing in, the sender joe@example.org is refused by a rule of this server."
    )
    assert found[-1] == "Delivered to joe@example.org."


@pytest.mark.parametrize(
    ("typed", "address", "sender"),
    [
        ("Joe <Joe@Example.ORG>", "joe@example.org", "joe@example.org"),
        ("<>", "", ""),
        ("@example.org", "", None),
        ("joe", "", None),
    ],
)
def test_addresses_as_people_type_them(typed, address, sender):
    assert (recipient_in(typed), sender_in(typed)) == (address, sender)


def test_a_mail_to_very_many_says_the_first_and_how_many_more(example_org, add_mailbox, add_alias):
    names = [f"n{number}@example.org" for number in range(60)]
    for name in names:
        add_alias(name, f"{name.partition('@')[0]}@elsewhere.example")
    add_alias("all@example.org", *names)

    found = said("all@example.org")

    assert len(found) == 52
    assert found[-2:] == [
        "and 13 more",
        "Sent to another server: n0@elsewhere.example, n1@elsewhere.example, n2@elsewhere.example and 57 more.",
    ]
    assert "… (+10)" in found[2]


def test_a_mailbox_that_only_sends_refuses_although_there_is_a_catch_all(
    joe, add_mailbox, add_alias
):
    add_mailbox("ann@example.org")
    add_alias("@example.org", "ann@example.org")
    add_alias("both@example.org", "joe@example.org", "ann@example.org")
    Mailbox.objects.filter(pk="joe@example.org").update(receives=False)

    for address in ("joe@example.org", "joe+tag@example.org"):
        assert said(address)[-1] == (
            "Refused at once, 550: a mailbox that only sends."
            " “5.2.1 This address only sends mail and receives none”"
        )
    assert said("both@example.org")[-1] == "Delivered to joe@example.org and ann@example.org."
    assert trace(None, "joe@example.org").due == ("recipient-access",)


def test_an_alias_that_is_closed_and_one_that_has_moved(joe, add_alias):
    add_alias("@example.org", "joe@example.org")
    add_alias("old@example.org", "joe@example.org", access="closed", access_text="No more")
    add_alias("gone@example.org", "joe@example.org", access="moved", access_text="new@other.net")

    assert said("old+tag@example.org") == [
        HERE,
        "The alias behind old+tag@example.org is closed.",
        "Refused at once, 550: the alias is closed. “5.2.1 No more”",
    ]
    assert said("gone@example.org")[1:] == [
        "The alias behind gone@example.org has moved.",
        "Refused at once, 551: the alias has moved. “5.1.6 This address has moved to new@other.net”",
    ]
    assert trace(None, "old@example.org").due == ("recipient-access",)


def test_an_alias_for_those_who_sign_in(joe, add_alias):
    add_alias("team@example.org", "joe@example.org", access="internal")

    assert said("team@example.org")[1:] == [
        "team@example.org takes mail only from those who sign in here.",
        "There is an alias team@example.org.",
        ROOM,
        "Refused at once, 554: it takes mail only from those who sign in here.",
    ]
    assert said("team@example.org", "joe@example.org")[-1] == "Delivered to joe@example.org."


def test_an_alias_for_its_members(joe, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_alias("team@example.org", "joe@example.org", "zoe@elsewhere.example", access="members")

    assert said("team@example.org", "who@elsewhere.example")[1:] == [
        "team@example.org takes mail from its members only.",
        "who@elsewhere.example is no member.",
        "Refused at once, 554: it takes mail from its members only.",
    ]
    assert "zoe@elsewhere.example is a member." in said("team@example.org", "zoe@elsewhere.example")
    assert trace(None, "team@example.org", "zoe@elsewhere.example").reply.code == 250
    assert trace(None, "team@example.org", "joe@example.org").reply.code == 250
    assert trace(None, "team@example.org", "ann@example.org").reply.code == 554
    assert trace(None, "team@example.org", "").reply.code == 554
    assert trace(None, "team@example.org").due == ("members", "recipient-access")
