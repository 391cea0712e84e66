import shutil
from pathlib import Path

from django.apps import apps

from mailadmin.adoption.source import SHARED
from mailadmin.checks import MARIADB_MINIMUM
from mailadmin.findings.found import CHANGE, KEEP, STOP, Finding, listed
from panel import foreign, server

OUR_FRAMEWORKS = ("django_", "auth_")
WANTED_RIGHTS = (
    *(
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "CREATE",
        "DROP",
        "ALTER",
        "INDEX",
        "REFERENCES",
        "TRIGGER",
    ),
    *("CREATE ROUTINE", "ALTER ROUTINE", "EXECUTE", "CREATE VIEW"),
)


def find(source, shadow):
    for check in (_tables_missing, _renamed, _server, _cluster, _binary_log, _space):
        yield check(source)
    yield _rights(source, shadow)
    for check in (
        _names_taken,
        _triggers,
        _stray_triggers,
        _foreign_keys,
        _views,
        _engines,
        _columns,
        _other_tables,
    ):
        yield check(source)


def _is_ours(name):
    return name in foreign.our_tables() or name.startswith(OUR_FRAMEWORKS)


def _tables_missing(source):
    return listed(
        "tables-missing",
        STOP,
        "Tables that PostfixAdmin has had since 2.3 are missing",
        "Open its setup.php: it brings an old database up to date.",
        ({"alias_domain", "quota2", "log"}) - source.tables.keys(),
    )


def _renamed(source):
    return listed(
        "tables-renamed",
        CHANGE,
        "Tables with a prefix or other names",
        "Their rows go into tables with PostfixAdmin's own names. Under the names that they have now they are views,"
        " which programs read and write as before.",
        source.renamed.values(),
    )


def _server(source):
    connection = source.connection
    if connection.mysql_is_mariadb and connection.mysql_version >= MARIADB_MINIMUM:
        return None
    return Finding(
        "server-too-old",
        STOP,
        "The database server is not MariaDB 10.6 or later",
        "Copy into a database on another server: see docs/leaving-postfixadmin.md.",
        examples=[".".join(map(str, connection.mysql_version))],
    )


def _cluster(source):
    return listed(
        "cluster",
        STOP,
        "The database server is one of a Galera cluster",
        "What holds writers back while the tables change places was proved on one server only. Let one server alone have"
        " the database, adopt it there, and let the others join again; or copy it to another one: --copy-to.",
        server.nodes(source.connection),
    )


def _binary_log(source):
    if server.may_create(source.connection):
        return None
    return Finding(
        "binary-log",
        STOP,
        "With its binary log the server lets only SUPER create triggers",
        server.HOW_TO_ALLOW,
    )


def _space(source):
    # the copy is a second one of all, and its indexes are larger
    [[size, place]] = source.rows(
        "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0), @@datadir FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE()"
    )
    needed = 2 * int(size)
    try:
        free = shutil.disk_usage(place).free if _is_here(source) and Path(place).is_dir() else None
    except OSError:
        free = None
    megabytes = f"{max(1, round(needed / 1e6)):,} MB in {place}"
    if free is None:
        return Finding(
            "disk",
            KEEP,
            f"The copy takes about {megabytes}",
            "See that there is room: this program cannot.",
        )
    if free < needed:
        return Finding(
            "disk",
            STOP,
            f"The copy takes about {megabytes}",
            f"{free / 1e6:,.0f} MB are free: make room.",
        )
    return None


def _is_here(source):
    return source.connection.settings_dict["HOST"] in {"", "localhost", "127.0.0.1", "::1"} or str(
        source.connection.settings_dict["HOST"]
    ).startswith("/")


def _rights(source, shadow):
    # Only what the grants say for all databases, or for these two, by name.
    grants = [grant for (grant,) in source.rows("SHOW GRANTS")]
    name = source.connection.settings_dict["NAME"]
    missing = []
    for database in (name, shadow):
        escaped = database.replace("_", "\\_")
        places = {" ON *.* TO ", f" ON `{database}`.* TO ", f" ON `{escaped}`.* TO "}
        held = " ".join(
            grant.partition(" ON ")[0]
            for grant in grants
            if any(place in grant for place in places)
        )
        if "ALL PRIVILEGES" in held:
            continue
        words = {
            word.strip() for word in held.removeprefix("GRANT ").replace("GRANT ", ",").split(",")
        }
        if not set(WANTED_RIGHTS) <= words:
            missing.append(database)
    if not missing:
        return None
    [[user]] = source.rows("SELECT CURRENT_USER()")
    account = "@".join(f"'{part}'" for part in user.rsplit("@", 1))
    return Finding(
        "rights",
        STOP,
        "The SQL user may not do all that is needed",
        "As the server's root: "
        + " ".join(f"GRANT ALL ON `{database}`.* TO {account};" for database in missing),
        len(missing),
        missing,
    )


def _names_taken(source):
    return listed(
        "tables-of-our-names",
        STOP,
        "Other tables have names that this panel needs",
        "Rename or drop them; what an attempt to migrate left empty may go.",
        filter(_is_ours, source.others),
    )


def _triggers_of(source, ours):
    sign = "" if ours else "NOT "
    return [
        f"{name} on {table}"
        for name, table in source.rows(
            "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
            f" AND EVENT_OBJECT_TABLE IN %s AND TRIGGER_NAME {sign}LIKE 'mailadmin\\_%%'",
            [source.shared_tables],
        )
    ]


def _triggers(source):
    return listed(
        "triggers-of-the-site",
        STOP,
        "The site's own triggers on these tables",
        "They would stay with the old tables. Drop them, and create them again after the adoption.",
        _triggers_of(source, ours=False),
    )


def _stray_triggers(source):
    return listed(
        "triggers-left-over",
        CHANGE,
        "Triggers of this panel, left by an earlier attempt",
        "Dropped: PostfixAdmin cannot write with them.",
        _triggers_of(source, ours=True),
    )


def _foreign_keys(source):
    return listed(
        "foreign-keys-from-elsewhere",
        CHANGE,
        "Other tables refer to these with foreign keys",
        "Dropped before the switch and created again after it, with the column in the new character set.",
        [f"{table}.{column}" for table, _name, column in source.referring_columns()],
    )


def _views(source):
    views = source.rows(
        "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()"
    )
    return listed(
        "views",
        KEEP,
        "Views",
        "Kept: they go by the tables' names.",
        [name for (name,) in views],
    )


def _engines(source):
    return listed(
        "tables-without-transactions",
        CHANGE,
        "Tables that are not InnoDB",
        "They become InnoDB: only so is nothing half-saved.",
        [
            f"{name} ({engine})"
            for name, engine in source.rows(
                "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
                " AND TABLE_NAME IN %s AND ENGINE <> 'InnoDB'",
                [source.shared_tables],
            )
        ],
    )


def _columns(source):
    known = {
        model._meta.db_table: {f.column for f in model._meta.fields} for model in apps.get_models()
    }
    return listed(
        "columns-of-the-site",
        CHANGE,
        "Columns that only this site has",
        "Kept with their values; one without a default gets an empty one, or this panel could store no row.",
        [
            f"{table}.{column}"
            for table in SHARED
            if table in source.columns
            for column in source.columns[table].keys() - known[table]
        ],
    )


def _other_tables(source):
    return listed(
        "tables-of-others",
        KEEP,
        "Tables that are neither PostfixAdmin's nor this panel's",
        "Left alone.",
        [name for name in source.others if not _is_ours(name)],
    )
