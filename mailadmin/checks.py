from datetime import timedelta

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.db.models.functions import Lower, Trim
from django.db.models.lookups import Exact
from django.utils import timezone

from aliases import functions
from aliases.models import Alias
from domains.models import Domain, RoutingLock
from mailadmin.mailconf import forwards_elsewhere
from mailboxes import sieve, triggers
from mailboxes.models import SERVER, Mailbox, UsageDay
from panel import foreign, server

MARIADB_MINIMUM = (10, 6)
MYSQL_MINIMUM = (8, 4)
SHOWN = 5
DAYS_WITHOUT_SNAPSHOT = timedelta(days=3)


@register(Tags.database)
def check_server(databases=None, **kwargs):
    """MariaDB 10.6 or MySQL 8.4, or later (JSON_TABLE in triggers), in strict mode."""
    errors = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "mysql":
            continue
        minimum = MARIADB_MINIMUM if connection.mysql_is_mariadb else MYSQL_MINIMUM
        if connection.mysql_version < minimum:
            errors.append(
                Error(
                    "The database server is neither MariaDB 10.6 or later nor MySQL 8.4 or later.",
                    hint="Debian 12 and later ship a suitable mariadb-server.",
                    id="mailadmin.E001",
                )
            )
        if "STRICT_TRANS_TABLES" not in connection.sql_mode:
            errors.append(
                Error("The database connection is not in strict mode.", id="mailadmin.E002")
            )
    return errors


@register(Tags.database)
def check_owner(databases=None, **kwargs):
    """The tables are ours, or there are none: checked before anything is written."""
    found = {alias: foreign.owner(connections[alias]) for alias in databases or []}
    return [Error(words, id="mailadmin.E004") for words in found.values() if words]


@register(Tags.database)
def check_creators(databases=None, **kwargs):
    return [
        Error(
            "This database server keeps a binary log, or is part of a Galera cluster, and then lets"
            " only SUPER create triggers and functions.",
            hint=server.HOW_TO_ALLOW,
            id="mailadmin.E003",
        )
        for alias in databases or []
        if not server.may_create(connections[alias]) and not _is_complete(connections[alias])
    ]


@register(Tags.database)
def check_triggers(databases=None, **kwargs):
    """The triggers are those of this release and these settings (they contain RECIPIENT_DELIMITER)."""
    warnings = []
    for alias in databases or []:
        connection = connections[alias]
        places = _places_without(connection, triggers.are_complete)
        if places and not _unapplied(connection):
            warnings.append(
                Warning(
                    "The database triggers are missing, or not those of this release and its settings:"
                    f" {places}.",
                    hint="Run `manage.py recount`.",
                    id="mailadmin.W001",
                )
            )
    return warnings


@register(Tags.database)
def check_functions(databases=None, **kwargs):
    warnings = []
    for alias in databases or []:
        connection = connections[alias]
        places = _places_without(connection, functions.are_complete)
        if places and not _unapplied(connection):
            warnings.append(
                Warning(
                    "The database functions of Postfix's alias map are missing, or not those of this"
                    f" release and its settings: {places}. Without them Postfix defers all mail.",
                    hint="Run `manage.py recount`.",
                    id="mailadmin.W002",
                )
            )
    return warnings


@register(Tags.database)
def check_views(databases=None, **kwargs):
    warnings = []
    for alias in databases or []:
        connection = connections[alias]
        places = _places_without(connection, sieve.are_complete)
        if places and not _unapplied(connection):
            warnings.append(
                Warning(
                    "The views from which Dovecot reads away messages are missing, or not those of this"
                    f" release: {places}. Without them Dovecot defers all mail.",
                    hint="Run `manage.py recount`.",
                    id="mailadmin.W010",
                )
            )
    return warnings


@register(Tags.database)
def check_nodes(databases=None, **kwargs):
    """Each server of a Galera cluster can be asked from here, as the two checks above do."""
    warnings = []
    for alias in databases or []:
        asked = server.ask_nodes(connections[alias], lambda node: True)
        away = ", ".join(node for node, answer in asked.items() if answer is None)
        if away:
            warnings.append(
                Warning(
                    f"A server of the cluster cannot be asked for its triggers and functions: {away}.",
                    hint="It is asked as the panel's SQL user, at its wsrep_node_incoming_address (docs/cluster.md).",
                    id="mailadmin.W006",
                )
            )
    return warnings


@register(Tags.database)
def check_upgrade(databases=None, **kwargs):
    return [
        Warning(
            "Nobody can save: triggers are being replaced, or that was stopped half-way.",
            hint="If nothing is running any more, run `manage.py recount`.",
            id="mailadmin.W007",
        )
        for alias in databases or []
        if not _unapplied(connections[alias])
        and RoutingLock.objects.using(alias).filter(upgrading=True).exists()
    ]


@register(Tags.database)
def check_migrations(databases=None, **kwargs):
    warnings = []
    for alias in databases or []:
        missing = _unapplied(connections[alias])
        if missing and _begun(connections[alias]):
            warnings.append(
                Warning(
                    f"Migrations that are not applied yet: {', '.join(missing)}.",
                    hint="`manage.py migrate` applies them.",
                    id="mailadmin.W003",
                )
            )
    return warnings


@register(Tags.database)
def check_rows(databases=None, **kwargs):
    """What other programs write by mistake: reads both tables once."""
    warnings = []
    for alias in databases or []:
        if _unapplied(connections[alias]):
            continue
        mailboxes, aliases = Mailbox.objects.using(alias), Alias.objects.using(alias)
        lost = Exact(Lower(Trim("pk")), F("pk"))
        lost = [*_first_keys(mailboxes.exclude(lost)), *_first_keys(aliases.exclude(lost))]
        if lost:
            names = ", ".join(repr(name) for name in dict.fromkeys(lost))
            warnings.append(
                Warning(
                    "Mailboxes or aliases that no look-up finds, spelled with capitals or blanks by another"
                    f" program, such as {names}.",
                    hint="Write username, address, goto, local_part and domain in lower case, without blanks.",
                    id="mailadmin.W004",
                )
            )
        tiny = _first_keys(mailboxes.with_tiny_quota())
        if tiny:
            warnings.append(
                Warning(
                    "Quotas below 1 MB, as if somebody had written megabytes where bytes are meant, such as"
                    f" {', '.join(tiny)}: nearly all mail to them is refused.",
                    hint="`manage.py mailbox edit ADDRESS --quota MB` sets them.",
                    id="mailadmin.W005",
                )
            )
    return warnings


@register(Tags.database)
def check_snapshots(databases=None, **kwargs):
    warnings = []
    some_days_ago = timezone.now() - DAYS_WITHOUT_SNAPSHOT
    for alias in databases or []:
        if _unapplied(connections[alias]):
            continue
        taken = UsageDay.objects.using(alias).filter(domain=SERVER, day__gte=some_days_ago.date())
        domains = Domain.objects.using(alias).filter(created__lt=some_days_ago)
        if domains.exists() and not taken.exists():
            warnings.append(
                Warning(
                    f"No figures were written down in the last {DAYS_WITHOUT_SNAPSHOT.days} days: the panel's plots stop.",
                    hint="Enable mailadmin-snapshot.timer, or call `manage.py snapshot` some times a day.",
                    id="mailadmin.W008",
                )
            )
    return warnings


@register(Tags.database)
def check_forwarding(databases=None, **kwargs):
    asked = DEFAULT_DB_ALIAS in (databases or []) and settings.SRS is None
    if not asked or _unapplied(connections[DEFAULT_DB_ALIAS]) or not forwards_elsewhere():
        return []
    return [
        Warning(
            "Mail is forwarded to other servers and keeps its sender there, which many of them refuse (SPF).",
            hint="Run deploy/install again: it sets SRS up. By hand: docs/operations.md, Forwarding and SPF."
            " SRS=False in .env says that it is meant so.",
            id="mailadmin.W009",
        )
    ]


def _first_keys(rows):
    return list(rows.order_by("pk").values_list("pk", flat=True)[:SHOWN])


def _unapplied(connection):
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _backwards in plan]


def _begun(connection):
    applied = MigrationExecutor(connection).loader.applied_migrations
    return any(app == "domains" for app, _name in applied)


def _is_complete(connection):
    return (
        not _unapplied(connection)
        and triggers.are_complete(connection)
        and functions.are_complete(connection)
        and sieve.are_complete(connection)
    )


def _places_without(connection, are_complete):
    asked = server.ask_nodes(connection, are_complete)
    lacking = [node for node, complete in asked.items() if complete is False]
    if not lacking and not are_complete(connection):
        lacking = ["this server"]
    return ", ".join(lacking)
