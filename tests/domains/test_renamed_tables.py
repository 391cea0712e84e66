"""No table is forgotten when a domain gets another name: a new one, or a new column, is found by itself."""

import pytest
from django.db import connection

from domains.models import Domain
from domains.renaming import rename_domain
from mailboxes import triggers
from tests.domains.renamed import (
    NEW,
    NO_NAMES,
    OLD,
    STAYS,
    WITHOUT_NAMES,
    columns_for_names,
    fill,
    rows_naming,
)

pytestmark = pytest.mark.django_db

# What the triggers keep, and so comes out the same when it is computed anew.
KEPT_BY_TRIGGERS = ("alias_target", "full_mailbox", "domain_usage", "word")
# What leads mail on and says who sends it, for as long as the old name is an alias domain.
WITH_AN_ALIAS = {
    "alias_domain": {"alias_domain"},
    "api_token": {"domains"},
    "dkim": {"domain_name"},
    "dkim_signing": {"author"},
    "domain": {"domain"},
    "domain_admins": {"domain"},
    "domain_dns": {"domain", "findings"},
    "domain_role": {"domain"},
    "domain_sender_rule": {"domain"},
    "domain_usage": {"domain"},
    "mail_copy": {"address", "domain"},
    "relay_host": {"domain"},
    "webhook": {"domains"},
    "word": {"row_key", "domain"},
}


@pytest.fixture
def domain(add_domain, add_mailbox, add_alias, make_admin):
    return fill(add_domain, add_mailbox, add_alias, make_admin)


def columns_naming(name):
    return {
        table: set(columns) for table, columns in rows_naming(name).items() if table not in STAYS
    }


def tables():
    with connection.cursor() as cursor:
        return {*connection.introspection.table_names(cursor)}


def test_every_table_and_column_with_room_for_a_name_has_the_old_one_or_says_why_not(domain):
    there = rows_naming(OLD)
    named = {f"{table}.{column}" for table in there for column in there[table]}

    assert tables() - there.keys() - WITHOUT_NAMES == set()
    assert columns_for_names() - named - NO_NAMES == set()


def test_a_name_that_is_given_up_stands_nowhere_but_in_what_is_over(domain):
    before = columns_naming(OLD)

    rename_domain(actor=None, domain=domain, name=NEW, keep_alias=False)

    assert columns_naming(OLD) == {}
    gone = {"idle_mailbox", "domain_dns", "sign_in_link"}  # found anew, or of one sign-in
    assert before.keys() - columns_naming(NEW).keys() - gone == {"panel_session"}
    assert not Domain.objects.filter(pk=OLD).exists()


def test_of_a_name_that_becomes_an_alias_domain_what_its_mail_needs_is_left(domain):
    rename_domain(actor=None, domain=domain, name=NEW)

    assert columns_naming(OLD) == WITH_AN_ALIAS


def test_every_row_is_there_once_and_none_is_lost(domain):
    counted = rows_naming(OLD).keys() - STAYS - {"word"}  # the new name may have other words
    before = {table: rows_in(table) for table in counted}

    rename_domain(actor=None, domain=domain, name=NEW, keep_alias=False)

    lost = {table: before[table] - rows_in(table) for table in counted}
    assert {table: number for table, number in lost.items() if number} == {
        "domain_dns": 1,
        "dkim_signing": 1,
        "idle_mailbox": 1,
        "panel_session": 1,
        "sign_in_link": 1,
    }


def rows_in(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("keep_alias", [True, False])
def test_what_the_triggers_keep_is_as_if_it_were_computed_anew(domain, keep_alias):
    rename_domain(actor=None, domain=domain, name=NEW, keep_alias=keep_alias)
    kept = {table: contents(table) for table in KEPT_BY_TRIGGERS}

    triggers.rebuild(connection)
    triggers.rebuild_words(connection)

    assert {table: contents(table) for table in KEPT_BY_TRIGGERS} == kept


def contents(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        places = [place for place, name in enumerate(names) if name != "id"]
        return sorted(tuple(map(str, map(row.__getitem__, places))) for row in cursor.fetchall())
