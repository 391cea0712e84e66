from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.adoption import postfixadmin
from tests.adoption.reports import adopt, found
from tests.strangers import own_user, schema

pytestmark = pytest.mark.django_db(transaction=True)


# --- The whole


@pytest.mark.parametrize("release", postfixadmin.RELEASES)
@pytest.mark.parametrize("prefix", ["", "pfx_"])
def test_each_release_is_known_by_its_columns_and_nothing_is_written(elsewhere, release, prefix):
    postfixadmin.create(release, prefix)
    postfixadmin.add_domain("example.org", prefix)
    postfixadmin.add_mailbox("joe@example.org", prefix)
    before = schema()

    status, report = adopt()

    assert (status, report["release"], report["in_the_way"]) == (0, release, [])
    assert ("tables-renamed" in found(report)) == bool(prefix)
    later = ("dkim", "dkim_signing", "totp_exception_address", "mailbox_app_password")
    keys = dict.fromkeys(later, 0) if release != "3.3" else {}
    assert report["rows"] == keys | {
        "domain": 2,
        "admin": 0,
        "domain_admins": 0,
        "alias_domain": 0,
        "mailbox": 1,
        "alias": 1,
        "quota2": 0,
        "log": 0,
        "vacation": 0,
        "fetchmail": 0,
    }
    assert schema() == before


def test_a_clean_site_has_nothing_but_facts_and_the_key_of_its_own_away_messages(site):
    status, report = adopt()

    assert status == 0
    assert report["verdict"] == "Can be adopted."
    changed = {
        name: finding["examples"]
        for name, finding in found(report).items()
        if finding["severity"] != "keep"
    }
    assert changed == {"foreign-keys-from-elsewhere": ["vacation_notification.on_vacation"]}


def test_a_database_that_is_not_postfixadmins_is_refused(elsewhere):
    with pytest.raises(CommandError, match="is not PostfixAdmin's"):
        adopt()


def test_our_own_database_is_not_adopted_again(elsewhere):
    call_command("migrate", "-v", "0")

    with pytest.raises(CommandError, match="already this panel's"):
        adopt()


def test_the_text_and_the_file_for_a_browser_name_what_was_found(site, tmp_path):
    postfixadmin.add_mailbox("Ann@example.org", name="<b>Ann</b>", maildir="<b>/")
    postfixadmin.add_mailbox("bob@example.org", maildir="<b>/")
    out, page = StringIO(), tmp_path / "report.html"

    call_command("adopt", "--config", "/dev/null", "--html", str(page), stdout=out)

    assert "keys-in-capitals" in out.getvalue()
    assert 'id="keys-in-capitals"' in page.read_text()
    assert "<code>&lt;b&gt;/ 2</code>" in page.read_text()


# --- Tables and server


def test_what_hangs_on_the_tables_is_named(elsewhere):
    postfixadmin.create("4.0")
    postfixadmin.run(
        "ALTER TABLE mailbox ADD x_department varchar(60) NOT NULL, ENGINE = MyISAM;\n"
        "CREATE TABLE django_migrations (id int PRIMARY KEY, app varchar(255), name varchar(255), applied datetime);\n"
        "CREATE TABLE posts (id int PRIMARY KEY, domain varchar(255) CHARACTER SET latin1 COLLATE latin1_general_ci,"
        " FOREIGN KEY (domain) REFERENCES domain (domain));\n"
        "CREATE VIEW people AS SELECT username FROM mailbox;\n"
        "CREATE TRIGGER site_one AFTER INSERT ON alias FOR EACH ROW SET @x = 1;\n"
        "CREATE TRIGGER mailadmin_alias_insert BEFORE INSERT ON alias FOR EACH ROW SET @x = 1"
    )

    status, report = adopt()

    assert status == 1
    assert report["in_the_way"] == ["tables-of-our-names", "triggers-of-the-site"]
    assert {name: finding["examples"] for name, finding in found(report).items()} == {
        "tables-of-our-names": ["django_migrations"],
        "triggers-of-the-site": ["site_one on alias"],
        "triggers-left-over": ["mailadmin_alias_insert on alias"],
        "foreign-keys-from-elsewhere": ["posts.domain", "vacation_notification.on_vacation"],
        "views": ["people"],
        "tables-without-transactions": ["mailbox (MyISAM)"],
        "columns-of-the-site": ["mailbox.x_department"],
        "tables-of-others": ["posts"],
    }


@pytest.fixture
def few(site):
    with own_user(site):
        yield site


def test_a_right_that_is_missing_is_told_with_the_statement_that_gives_it(few):
    status, report = adopt()

    assert (status, report["in_the_way"]) == (1, ["rights"])
    finding = found(report)["rights"]
    assert finding["examples"] == [f"{few}_adopt"]
    assert f"GRANT ALL ON `{few}_adopt`.* TO '{few}'@'%';" in finding["does"]


# --- What stands around


def settings_of(report):
    return {
        setting["name"]: (setting["wanted"], setting["right"]) for setting in report["settings"]
    }


def test_the_settings_follow_from_its_configuration(site, tmp_path):
    config = tmp_path / "config.inc.php"
    config.write_text(
        """<?php
        // $CONF['quota_multiplier'] = '1000000';
        $CONF['quota_multiplier'] = '1048576';
        $CONF['domain_path'] = 'NO'; # flat
        $CONF["encrypt"] = "cleartext";
        $CONF['default_aliases'] = array('postmaster' => 'root@example.org', 'abuse' => 'root@example.org');
        """
    )

    wanted = settings_of(adopt("--config", str(config))[1])

    assert wanted["QUOTA_MULTIPLIER"] == ("1048576", False)
    assert wanted["MAILDIR_LAYOUT"] == ("{username}/", False)
    assert wanted["PASSWORD_DEFAULT_SCHEME"] == ("PLAIN", False)
    assert wanted["ROLE_ADDRESSES"] == ("abuse,postmaster", False)


def test_the_stored_quotas_tell_the_multiplier_where_the_configuration_does_not(site):
    postfixadmin.add_mailbox("ann@example.org", quota=10 * 1_048_576)

    assert settings_of(adopt()[1])["QUOTA_MULTIPLIER"] == ("1048576", False)


def test_the_line_for_postfixadmin_is_told_where_it_would_refuse_our_passwords(site, tmp_path):
    config = tmp_path / "config.local.php"
    config.write_text("<?php $CONF['encrypt'] = 'dovecot:SHA512-CRYPT';")

    assert (
        adopt()[1]["line_for_postfixadmin"]
        == "$CONF['encrypt'] = 'php_crypt:SHA512::{SHA512-CRYPT}';"
    )
    assert adopt("--config", str(config))[1]["line_for_postfixadmin"] is None


@pytest.mark.parametrize("encrypt", ["md5", "cleartext", "authlib"])
def test_where_no_line_lets_postfixadmin_read_both_kinds_it_is_said(site, tmp_path, encrypt):
    config = tmp_path / "config.local.php"
    config.write_text(f"<?php $CONF['encrypt'] = '{encrypt}';")

    report = adopt("--config", str(config))[1]

    assert report["line_for_postfixadmin"] is None
    assert "no setting lets it read both" in found(report)["encrypt-of-one-kind"]["does"]
    assert "encrypt-of-one-kind" not in found(adopt()[1])


def test_where_its_figures_are_in_the_older_table_it_is_said(site, tmp_path):
    config = tmp_path / "config.local.php"
    config.write_text("<?php $CONF['new_quota_table'] = 'NO';")

    assert "figures-in-the-older-table" in found(adopt("--config", str(config))[1])
    assert "figures-in-the-older-table" not in found(adopt()[1])


def test_what_cannot_be_undone_is_said_before_anything_is_done(site):
    assert len(adopt()[1]["not_undone"]) == 4


def test_a_configuration_that_cannot_be_read_is_named(site):
    with pytest.raises(CommandError, match=r"/nowhere/config\.inc\.php: No such file"):
        call_command("adopt", "--config", "/nowhere/config.inc.php", stdout=StringIO())
