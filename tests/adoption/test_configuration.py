import pytest

from mailadmin.adoption import configuration
from mailadmin.adoption.surroundings import places_that_name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$CONF['encrypt'] = 'md5crypt';", "md5crypt"),
        ('$CONF["encrypt"] = "dovecot:SHA512-CRYPT";', "dovecot:SHA512-CRYPT"),
        ("$CONF [ 'encrypt' ]='it\\'s';", "it's"),
        ("/* $CONF['encrypt'] = 'no'; */ $CONF['encrypt'] = 'yes';", "yes"),
        ("$CONF['encrypt'] = 'one'; # then\n$CONF['encrypt'] = 'two';", "two"),
        ("$CONF['encrypt'] = 5;", 5),
        ("$CONF['encrypt'] = TRUE;", True),
        ("$CONF['encrypt'] = array('a', 'b' => 'c', 'd');", {0: "a", "b": "c", 1: "d"}),
        ("$CONF['encrypt'] = ['a' => ['b' => 'c',],];", {"a": {"b": "c"}}),
    ],
)
def test_a_value_is_read(text, value):
    assert configuration.parse(f"<?php\n{text}")["encrypt"] == value


@pytest.mark.parametrize(
    "text",
    [
        "$CONF['encrypt'] = system('id');",
        "$CONF['encrypt'] = $other;",
        "$CONF['encrypt'] = 'a' . 'b';",
        "$CONF['encrypt'] = array('a', system('id'));",
        "// $CONF['encrypt'] = 'md5';",
        "$text = \"\\$CONF['encrypt'] = 'md5';\";",
        "$CONF['encrypt'] =",
        "$CONF['encrypt'] = array('a'",
    ],
)
def test_what_would_have_to_be_run_is_left_out(text):
    assert "encrypt" not in configuration.parse(f"<?php\n{text}")


def test_later_files_win_and_debians_names_the_database(tmp_path):
    first, second = tmp_path / "config.inc.php", tmp_path / "config.local.php"
    first.write_text("<?php $CONF['encrypt'] = 'md5crypt'; $CONF['domain_path'] = 'NO';")
    second.write_text("<?php $CONF['encrypt'] = 'system'; $dbname = 'mail';")

    found = configuration.read([first, second])

    assert (found["encrypt"], found["domain_path"], found["database_name"]) == (
        "system",
        "NO",
        "mail",
    )
    assert found["domain_in_mailbox"] == "NO"


def test_the_files_that_name_the_database_are_found_and_their_secrets_are_not_shown(tmp_path):
    files = {
        "postfix/sql/alias.cf": "user = postfix\npassword = secret\ndbname = mail\n",
        "dovecot/dovecot-sql.conf.ext": "connect = host=localhost dbname=mail user=x password=secret\n",
        "roundcube/plugins/password.php": "$config['password_db_dsn'] = 'mysql://pw:secret@localhost/mail';\n",
        "cron.d/backup": "0 3 * * * root mysqldump --single-transaction mail > /var/backups/mail.sql\n",
        "postfixadmin/vacation.conf": "$db_type = 'mysql';\n$db_name = 'mail';\n",
        "postfixadmin/dbconfig.inc.php": "<?php\n$dbpass='secret';\n$dbname='mail';\n",
        "default/backup": "DATABASE_URL=mysql://backup:secret@localhost/mail\n",
        "postfix/main.cf": "myhostname = mail.example.org\n",
        "postfix/sql/other.cf": "dbname = mailing\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    places = list(places_that_name("mail", tmp_path))

    assert [place.removeprefix(f"{tmp_path}/") for place in places] == [
        "postfix/sql/alias.cf:3",
        "dovecot/dovecot-sql.conf.ext:1",
        "postfixadmin/dbconfig.inc.php:3",
        "postfixadmin/vacation.conf:2",
        "roundcube/plugins/password.php:1",
        "cron.d/backup:1",
        "default/backup:1",
    ]
