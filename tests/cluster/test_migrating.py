"""Tables, triggers and functions on a cluster: made, missed, and made anew."""

import pytest

from mailboxes import triggers
from tests.cluster.load import DONE, UNAVAILABLE, Load, copies
from tests.cluster.site import NAME
from tests.servers.processes import ROOT, wait_until

ALLOWED = "SET GLOBAL log_bin_trust_function_creators = {}"


@pytest.fixture
def fresh(site):
    """Call manage.py on an empty database of the cluster, as a user without SUPER."""
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


@pytest.fixture
def as_before_the_last_migration(site):
    *_earlier, before_last, _last = sorted(ROOT.glob("mailboxes/migrations/0*.py"))
    site.panels[0].manage("migrate", "mailboxes", before_last.stem, "-v", "0")
    return ["migrate", "-v", "0"]


@pytest.fixture
def with_triggers_of_another_user(site):
    for statement in triggers.statements("mysql").values():
        site.execute(statement.replace("CREATE", "CREATE OR REPLACE", 1))
    return ["recount"]


@pytest.mark.parametrize("state", ["as_before_the_last_migration", "with_triggers_of_another_user"])
def test_triggers_are_made_anew_while_people_save_and_mail_comes_in(
    site, mail_server, crowd, request, state
):
    command = request.getfixturevalue(state)
    before = copies(mail_server)
    prefix = command[0]
    # A lookup that gave way to a change of the schema failed, and Postfix before 3.10 leaves that server
    # alone for a minute: mail waits (451).
    mail_server.postfix.reload()
    with Load(crowd, mail_server, prefix) as load:
        load.go_on(5)
        site.panels[0].manage(*command)
        mail_server.postfix.reload()
        load.go_on(5)

    assert {*load.answers.values()} <= {DONE, UNAVAILABLE}
    rows = site.everywhere(
        "SELECT address FROM alias WHERE address LIKE %s ORDER BY address", [f"{prefix}-%"]
    )
    assert {address for (address,) in rows} - load.unsure == load.saved()
    logged = "SELECT data FROM log WHERE action = 'create_alias' AND data LIKE %s ORDER BY data"
    assert site.everywhere(logged, [f"{prefix}-%"]) == rows
    # What the triggers keep is what a count says.
    leading = "SELECT alias FROM alias_target WHERE alias LIKE %s ORDER BY alias"
    assert site.everywhere(leading, [f"{prefix}-%"]) == rows
    kept, counted = (
        site.everywhere(f"SELECT {number} FROM {table} WHERE domain = 'load.test'")
        for number, table in [("alias_rows", "domain_usage"), ("COUNT(*)", "alias")]
    )
    assert kept == counted
    assert "no issues" in site.panels[0].manage("check", "--database", "default")
    # Mail: some had to come again, all that was taken is there.
    assert [words for words in load.refusals if "(5" in words] == []
    wait_until(lambda: mail_server.postfix.queue_ids() == [], "the queue is empty", seconds=120)
    assert copies(mail_server) == sorted(before + load.copies())
    assert "status=bounced" not in mail_server.postfix.log.read_text()
