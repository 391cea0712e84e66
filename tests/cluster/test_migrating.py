import contextlib

import pytest

from mailboxes import triggers
from tests.cluster.load import DONE, UNAVAILABLE, Load, copies
from tests.cluster.site import NAME
from tests.servers.processes import ROOT

ALLOWED = "SET GLOBAL log_bin_trust_function_creators = {}"


@pytest.fixture
def fresh(site):
    node = site.nodes[2]
    url = f"{node.database_url.removesuffix(NAME)}fresh"
    node.execute("CREATE DATABASE fresh")
    node.execute(f"GRANT ALL ON fresh.* TO {NAME}")
    yield lambda *arguments: site.lone.manage(*arguments, DATABASE_URL=url)
    node.execute("DROP DATABASE fresh")


@pytest.fixture
def forbidden(site):
    node = site.nodes[2]
    node.execute(ALLOWED.format(0))
    yield
    node.execute(ALLOWED.format(1))


def tables(site):
    rows = site.nodes[2].execute(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'fresh'"
    )
    return {name for (name,) in rows}


@pytest.mark.parametrize("command", [["check", "--database", "default"], ["migrate"]])
def test_who_may_not_create_triggers_is_told_before_anything_is_written(
    site, fresh, forbidden, command
):
    with pytest.raises(RuntimeError) as stop:
        fresh(*command)

    words = str(stop.value)
    assert "mailadmin.E003" in words
    for server in (
        "MariaDB: SET GLOBAL log_bin_trust_function_creators = 1",
        "MySQL: SET PERSIST",
        "managed",
    ):
        assert server in words
    assert "cannot be opened" not in words
    assert tables(site) == set()


def test_recount_leaves_the_triggers_that_it_may_not_replace(site, forbidden):
    triggers = "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s"
    before = site.nodes[2].execute(triggers, [NAME])

    with pytest.raises(RuntimeError, match="log_bin_trust_function_creators"):
        site.lone.manage("recount")

    assert site.nodes[2].execute(triggers, [NAME]) == before
    assert before[0][0] > 10


def test_a_migration_that_stopped_half_way_is_not_taken_for_none(site, fresh):
    fresh("migrate", "aliases", "0001", "-v", "0")
    site.nodes[2].execute(ALLOWED.format(0))
    try:
        with pytest.raises(RuntimeError) as stop:
            fresh("check", "--database", "default")
    finally:
        site.nodes[2].execute(ALLOWED.format(1))

    assert "mailadmin.E003" in str(stop.value)
    assert "mailadmin.W003" in str(stop.value)


STORED = (
    "SELECT TRIGGER_NAME, ACTION_STATEMENT, DEFINER FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY TRIGGER_NAME"
)


def ask(panel, **environment):
    panel.manage("snapshot")  # of which the check would speak else
    return panel.manage("check", "--database", "default", "--fail-level", "WARNING", **environment)


def test_the_schema_is_upgraded_while_people_save_and_mail_comes_in(site, mail_server, crowd):
    names = sorted(path.stem for path in ROOT.glob("mailboxes/migrations/0*.py"))
    upgrade = max(name for name in names if name.endswith("_triggers"))
    panel = site.panels[0]
    wanted = site.everywhere(STORED)
    panel.manage("migrate", "mailboxes", names[names.index(upgrade) - 1], "--fake", "-v", "0")
    # As those of an earlier release would be others. Dovecot writes quota2.
    for statement in triggers.statements("mysql").values():
        if " ON quota2 " not in statement:
            earlier = statement.replace(" BEGIN\n", " BEGIN\n  DO 1;\n", 1)
            site.execute(earlier.replace("CREATE", "CREATE OR REPLACE", 1))
    before = copies(mail_server)

    with Load(crowd, mail_server, "upgrade") as load:
        load.go_on(5)
        panel.manage("migrate", "mailboxes", upgrade, "-v", "0")
        panel.manage("migrate", "--fake", "-v", "0")  # the columns that came later are there
        # A lookup that gave way to the change failed, and Postfix before 3.10 leaves that server alone
        # for a minute: mail waits (451).
        mail_server.postfix.reload()
        load.go_on(5)

    assert site.everywhere(STORED) == wanted
    assert {*load.answers.values()} <= {DONE, UNAVAILABLE}
    rows = site.everywhere(
        "SELECT address FROM alias WHERE address LIKE 'upgrade-%' ORDER BY address"
    )
    assert {address for (address,) in rows} - load.unsure == load.saved()
    # What the triggers keep is what a count says.
    leading = "SELECT alias FROM alias_target WHERE alias LIKE 'upgrade-%' ORDER BY alias"
    assert site.everywhere(leading) == rows
    kept, counted = (
        site.everywhere(f"SELECT {number} FROM {table} WHERE domain = 'load.test'")
        for number, table in [("alias_rows", "domain_usage"), ("COUNT(*)", "alias")]
    )
    assert kept == counted
    assert "no issues" in ask(panel)
    # Mail: some had to come again, all that was taken is there.
    assert [words for words in load.refusals if "(5" in words] == []
    mail_server.postfix.wait_until_delivered()
    assert copies(mail_server) == sorted(before + load.copies())
    assert "status=bounced" not in mail_server.postfix.log.read_text()


@pytest.fixture
def one_node_lacks_a_trigger(site):
    """As it was seen: the change failed there, and Galera leaves such an error to the operator."""
    with contextlib.closing(site.nodes[1].connect(NAME)) as connection:
        connection.query("SET SESSION wsrep_on = OFF")
        connection.query("DROP TRIGGER mailadmin_alias_insert")


def test_a_trigger_that_one_node_lacks_is_found_there_and_recount_creates_it(
    site, one_node_lacks_a_trigger
):
    panel, lacking = site.panels[0], site.nodes[1]

    with pytest.raises(RuntimeError) as refusal:
        ask(panel)
    assert "mailadmin.W001" in str(refusal.value)
    assert f": {lacking.host}:{lacking.port}." in str(refusal.value)
    panel.manage("recount")

    assert len(site.everywhere(STORED)) == len(triggers.statements("mysql"))
    assert "no issues" in ask(panel)


def test_a_node_that_cannot_be_asked_is_named(site):
    """For example, the panel's user of this machine is not known there."""
    panel, away = site.panels[0], site.nodes[2]
    with contextlib.closing(away.connect()) as connection:
        connection.query("SET SESSION wsrep_on = OFF")
        connection.query(f"ALTER USER {NAME} ACCOUNT LOCK")
        try:
            with pytest.raises(RuntimeError) as refusal:
                ask(panel)
        finally:
            connection.query(f"ALTER USER {NAME} ACCOUNT UNLOCK")

    assert "mailadmin.W006" in str(refusal.value)
    assert f": {away.host}:{away.port}." in str(refusal.value)
    assert "mailadmin.W001" not in str(refusal.value)
