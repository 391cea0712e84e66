import pytest
from django.db import connection

from tests.adoption import postfixadmin
from tests.adoption.reports import adopt, examples, found

pytestmark = pytest.mark.django_db(transaction=True)


def test_keys_with_capitals_and_blanks_are_named(site):
    postfixadmin.add_domain("Second.Example")
    postfixadmin.add_mailbox("Ann@Second.Example")
    postfixadmin.add_alias(" lead@example.org", "joe@example.org")

    assert sorted(examples("keys-in-capitals")) == [
        "alias  lead@example.org",
        "alias Ann@Second.Example",
        "domain Second.Example",
        "mailbox Ann@Second.Example",
    ]


def test_keys_that_would_become_one_stop_it(site):
    postfixadmin.add_alias(" info@example.org", "joe@example.org")

    status, report = adopt()

    assert status == 1
    assert report["in_the_way"] == ["keys-that-become-one"]
    assert found(report)["keys-that-become-one"]["examples"] == ["alias info@example.org"]


def test_names_that_are_unusual_are_named(site):
    postfixadmin.add_mailbox("joe/cur@example.org")
    postfixadmin.add_mailbox("a" * 65 + "@example.org")
    postfixadmin.add_alias("café@example.org", "joe@example.org")

    assert examples("names-refused-here") == [
        "mailbox joe/cur@example.org",
        "alias café@example.org",
        "alias joe/cur@example.org",
    ]
    assert examples("keys-not-ascii") == ["alias café@example.org"]
    assert sorted(examples("names-too-long")) == [
        f"{kind} {'a' * 65}@example.org" for kind in ("alias", "mailbox")
    ]


def test_mailboxes_with_the_delimiter_are_for_a_person_to_decide(site):
    postfixadmin.add_mailbox("joe+list@example.org")

    status, report = adopt()
    accepted, _report = adopt("--accept", "names-with-the-delimiter")

    assert (status, accepted) == (1, 0)
    assert found(report)["names-with-the-delimiter"]["examples"] == ["joe+list@example.org"]


def test_what_only_stands_in_the_way_cannot_be_accepted(site):
    postfixadmin.add_alias(" info@example.org", "joe@example.org")

    assert adopt("--accept", "keys-that-become-one")[0] == 1


def test_rows_without_what_they_refer_to_are_named(site):
    postfixadmin.add_mailbox("lost@gone.example")
    postfixadmin.add("alias_domain", alias_domain="new.example", target_domain="old.example")
    postfixadmin.add("domain_admins", username="nobody@example.org", domain="example.org")
    postfixadmin.add("domain_admins", username="boss@example.org", domain="gone.example")

    assert examples("mailboxes-without-domain") == ["lost@gone.example"]
    assert examples("aliases-without-domain") == ["lost@gone.example"]
    assert sorted(examples("alias-domains-without-domain")) == ["new.example", "old.example"]
    assert examples("rights-without-administrator") == ["nobody@example.org example.org"]
    assert examples("rights-without-domain") == ["boss@example.org gone.example"]


def test_rights_that_are_double_or_off_are_named(site):
    postfixadmin.add("domain_admins", username="boss@example.org", domain="example.org", active=0)

    assert examples("rights-twice") == ["boss@example.org example.org"]
    assert examples("rights-off") == ["boss@example.org example.org"]


def test_columns_that_disagree_with_the_key_are_named_once(site):
    postfixadmin.add_domain("second.example")
    postfixadmin.add_mailbox("half@example.org", domain="second.example", local_part="other")
    postfixadmin.add_alias("part@example.org", "joe@example.org", domain="second.example")

    assert sorted(examples("columns-unlike-the-key")) == [
        "alias part@example.org",
        "mailbox half@example.org",
    ]


def test_superadmins_by_only_one_of_two_marks_are_named(site):
    postfixadmin.add_admin("flag@example.org", superadmin=1)
    postfixadmin.add_admin("row@example.org", "ALL")
    postfixadmin.add_admin("both@example.org", "ALL", superadmin=1)

    assert examples("superadmins-by-flag") == ["flag@example.org"]
    assert examples("superadmins-by-row") == ["row@example.org"]
    assert adopt()[1]["in_the_way"] == ["superadmins-by-row"]


def test_own_aliases_that_are_missing_or_out_of_step_are_named(site):
    postfixadmin.add_mailbox("off@example.org", active=0)
    postfixadmin.add_mailbox("bare@example.org")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM alias WHERE address = 'bare@example.org'")

    assert examples("own-aliases-missing") == ["bare@example.org"]
    assert examples("own-aliases-out-of-step") == ["off@example.org"]


def test_recipients_that_do_not_exist_are_named_but_not_those_that_a_catch_all_takes(site):
    postfixadmin.add_domain("second.example")
    postfixadmin.add_domain("other.example")
    postfixadmin.add("alias_domain", alias_domain="other.example", target_domain="example.org")
    postfixadmin.add_alias("@second.example", "joe@example.org")
    postfixadmin.add_alias(
        "team@example.org",
        "Joe@Example.org,gone@example.org, any@second.example,a@elsewhere.example,joe@other.example",
    )
    postfixadmin.add_alias("none@example.org", " , ")
    postfixadmin.add_domain("far.example", backupmx=1)
    postfixadmin.add_alias("more@example.org", "joe+list@example.org,who@far.example")
    postfixadmin.add_alias("off@example.org", "gone@example.org", active=0)

    assert examples("recipients-that-do-not-exist") == ["team@example.org to gone@example.org"]
    assert examples("aliases-that-lead-nowhere") == ["none@example.org"]


def test_recipients_in_domains_that_are_off_are_named(site):
    postfixadmin.add_domain("Off.example", active=0)
    postfixadmin.add_alias("info2@example.org", "joe@example.org, Joe@off.example")
    postfixadmin.add_alias("idle@example.org", "joe@off.example", active=0)
    postfixadmin.add_alias("abuse@off.example", "joe@off.example")

    assert examples("recipients-in-domains-that-are-off") == [
        "info2@example.org to joe@off.example"
    ]


def test_alias_domains_in_a_chain_are_named(site):
    for name in ("one.example", "two.example"):
        postfixadmin.add_domain(name)
    postfixadmin.add("alias_domain", alias_domain="one.example", target_domain="example.org")
    postfixadmin.add("alias_domain", alias_domain="two.example", target_domain="one.example")

    assert examples("alias-domains-in-a-chain") == ["two.example to one.example"]


@pytest.mark.parametrize(
    ("transport", "named"),
    [
        ("virtual", False),
        ("smtp:[mx.example.org]:25", False),
        ("", False),
        ("Smtp:mx", True),
        ("smtp:mx, x", True),
    ],
)
def test_transports_that_our_forms_refuse_are_named(site, transport, named):
    postfixadmin.add_domain("second.example", transport=transport)

    assert ("transports-refused-here" in found(adopt()[1])) is named


def test_away_messages_of_its_vacation_program_are_named(site, tmp_path):
    config = tmp_path / "config.local.php"
    config.write_text("<?php $CONF['vacation_domain'] = 'autoreply.example.org';")
    postfixadmin.add_alias(
        "grace@example.org", "grace@example.org,grace#example.org@autoreply.example.org"
    )

    assert found(adopt("--config", str(config))[1])["away-messages"]["examples"] == [
        "grace@example.org"
    ]


def test_unusual_quotas_and_directories_are_named(site):
    postfixadmin.add_mailbox("minus@example.org", quota=-1)
    postfixadmin.add_mailbox("tiny@example.org", quota=2048)
    postfixadmin.add_mailbox("root@example.org", maildir="/var/mail/root/")
    postfixadmin.add_mailbox("up@example.org", maildir="../../etc/")
    postfixadmin.add_mailbox("twin@example.org", maildir="example.org/joe/")
    postfixadmin.add_mailbox("deep@example.org", maildir="example.org/tiny/cur/")
    postfixadmin.add_mailbox("open@example.org", maildir="example.org/open")

    assert examples("quotas-below-zero") == ["minus@example.org"]
    assert examples("quotas-tiny") == ["tiny@example.org"]
    assert sorted(examples("directories-that-escape")) == [
        "root@example.org /var/mail/root/",
        "up@example.org ../../etc/",
    ]
    assert examples("directories-shared") == ["example.org/joe/ 2"]
    assert examples("directories-in-one-another") == ["deep@example.org in tiny@example.org"]
    assert examples("directories-without-slash") == ["open@example.org example.org/open"]


def test_zero_dates_are_named(site):
    postfixadmin.add_mailbox(
        "old@example.org", created="0000-00-00 00:00:00", modified="0000-00-00 00:00:00"
    )

    assert examples("zero-dates") == ["mailbox old@example.org"]


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("secret", "passwords-in-clear"),
        ("!", "passwords-in-clear"),
        ("", "passwords-in-clear"),
        ("{PLAIN}secret", "passwords-marked-plain"),
        ("{CLEARTEXT}secret", "passwords-marked-plain"),
        ("$1$c9809462$fC8eUPU8lq7WtlIQpvhZ70", "passwords-with-one-salt"),
        ("{NTLM}0123456789abcdef", "passwords-of-unknown-schemes"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "passwords-weak"),
        ("{SHA512}abc", "passwords-weak"),
        ("abJnggxhB/yWI", "passwords-weak"),
        ("{SHA512-CRYPT.B64}JDYk", None),
        ("$2y$10$abcdefghijklmnopqrstuv", None),
    ],
)
def test_passwords_are_told_apart(site, stored, name):
    with connection.cursor() as cursor:
        for table in ("admin", "mailbox"):
            cursor.execute(f"UPDATE {table} SET password = '$6$saltsaltsalt$x'")
    postfixadmin.add_mailbox("pw@example.org", password=stored)

    named = [
        key
        for key, finding in found(adopt()[1]).items()
        if key.startswith("passwords-") and finding["examples"] == ["mailbox pw@example.org"]
    ]
    assert named == ([name] if name else [])


def test_second_factors_come_along_and_stop_nothing(elsewhere):
    postfixadmin.create("4.0")
    postfixadmin.add_domain("example.org")
    postfixadmin.add_admin("boss@example.org", totp_secret="JBSWY3DPEHPK3PXP", superadmin=1)
    postfixadmin.add_admin("none@example.org", totp_secret="")
    postfixadmin.add_mailbox("joe@example.org", totp_secret="JBSWY3DPEHPK3PXP")

    status, report = adopt()

    assert (status, report["in_the_way"]) == (0, [])
    assert sorted(found(report)["second-factors"]["examples"]) == [
        "admin boss@example.org",
        "mailbox joe@example.org",
    ]


def test_mail_loops_are_named_also_through_an_alias_domain_and_a_catch_all(site):
    postfixadmin.add_domain("other.example")
    postfixadmin.add("alias_domain", alias_domain="other.example", target_domain="example.org")
    postfixadmin.add_alias("round@example.org", "joe@example.org,Trip@Example.org")
    postfixadmin.add_alias("Trip@example.org", "round@example.org")
    postfixadmin.add_alias("away@example.org", "back@other.example")
    postfixadmin.add_alias("back@example.org", "away@example.org")
    postfixadmin.add_alias("leads@example.org", "round@example.org")
    postfixadmin.add_alias("off@example.org", "on@example.org", active=0)
    postfixadmin.add_alias("on@example.org", "off@example.org")
    postfixadmin.add_domain("all.example")
    postfixadmin.add_alias("@all.example", "in@all.example")
    postfixadmin.add_alias("in@all.example", "nobody@all.example")

    [finding] = [f for name, f in found(adopt()[1]).items() if name == "mail-loops"]

    assert finding["count"] == 5
    assert sorted(finding["examples"]) == [
        "away@example.org → back@other.example → back@example.org → away@example.org",
        "back@example.org → away@example.org → back@other.example → back@example.org",
        "in@all.example → nobody@all.example → in@all.example",
        "round@example.org → trip@example.org → round@example.org",
        "trip@example.org → round@example.org → trip@example.org",
    ]
