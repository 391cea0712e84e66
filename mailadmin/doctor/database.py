from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import ERROR, WARNING, check
from panel import server
from panel.fields import ByteForByteMixin

MINUTES = timedelta(minutes=2)
BYTE_FOR_BYTE = "utf8mb4_bin"


@check(
    "database-away",
    ERROR,
    _("the connection to the database"),
    seen=_("The panel cannot reach its database: %(says)s"),
    why=_("No page works, mail waits in the queue, and nobody can sign in."),
    mend=_("Start the server, or mend DATABASE_URL in .env:"),
    command="systemctl restart mariadb; journalctl -u mariadb -n 20",
)
def database_away(host):
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        yield {"says": " ".join(map(str, error.args))}


@check(
    "database-time-zone",
    WARNING,
    _("the database’s time zone"),
    seen=_("The database says that it is %(is)s, in %(zone)s it is %(wanted)s."),
    why=_("Postfix and Dovecot compare with the database’s time, the panel writes that of TIME_ZONE: passwords end hours too early or too late."),
    mend=_("Give the server the time zone of .env, and put the same line under [mariadbd] in /etc/mysql/mariadb.conf.d/ as default_time_zone:"),
    command="%(load)smariadb -e \"SET GLOBAL time_zone = '%(name)s'\"",
)  # fmt: skip
def database_time_zone(host):
    if connection.vendor != "mysql":
        return
    zone = settings.TIME_ZONE
    name = "+00:00" if zone in {"UTC", "Etc/UTC"} else zone
    [[of_server, is_now, known]] = _rows(
        "SELECT @@global.time_zone, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@global.time_zone),"
        " CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', %s)",
        name,
    )
    wanted = datetime.now(ZoneInfo(zone))
    if abs(is_now - wanted.replace(tzinfo=None)) > MINUTES:
        load = "" if known else "mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql && "
        yield {
            "is": f"{is_now:%H:%M} ({of_server})",
            "zone": zone,
            "wanted": f"{wanted:%H:%M}",
            "load": load,
            "name": name,
        }


@check(
    "key-collation",
    ERROR,
    _("how the database compares addresses"),
    seen=_("The column %(column)s is compared as %(is)s, not byte for byte."),
    why=_("Mail for ü1@example.org would reach u1@example.org, and no index answers the maps’ questions."),
    mend=_("Let it be compared byte for byte; nobody may write to the table meanwhile:"),
    command="mariadb %(database)s -e \"SET foreign_key_checks = 0; ALTER TABLE %(table)s MODIFY %(name)s %(type)s COLLATE utf8mb4_bin %(rest)s\"",
)  # fmt: skip
def key_collation(host):
    if connection.vendor != "mysql":
        return
    rows = _rows(
        "SELECT TABLE_NAME, COLUMN_NAME, COLLATION_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT"
        " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLLATION_NAME IS NOT NULL"
        " AND GENERATION_EXPRESSION IS NULL AND COLLATION_NAME <> %s",
        BYTE_FOR_BYTE,
    )
    ours = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, ByteForByteMixin)
    }
    for table, name, collation, kind, nullable, default in rows:
        if (table, name) in ours:
            rest = "" if nullable == "YES" else "NOT NULL"
            if default is not None and default != "NULL":
                rest += f" DEFAULT {default}"
            yield {
                "column": f"{table}.{name}",
                "is": collation,
                "database": connection.settings_dict["NAME"],
                "table": table,
                "name": name,
                "type": kind,
                "rest": rest,
                "about": f"{table}.{name}",
            }


@check(
    "trigger-of-another",
    ERROR,
    _("with whose rights the database keeps the counters"),
    seen=_("The trigger %(trigger)s runs with the rights of %(definer)s, who is not the panel’s SQL user %(user)s."),
    why=_("If that user is gone, as after a move to another server, nobody can save: “The user specified as a definer does not exist”."),
    mend=_("Make the triggers anew as the panel’s user:"),
    command="mailadmin recount",
)  # fmt: skip
def trigger_of_another(host):
    if connection.vendor != "mysql":
        return
    rows = _rows(
        "SELECT MIN(TRIGGER_NAME), DEFINER, CURRENT_USER() FROM information_schema.TRIGGERS"
        " WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'mailadmin\\_%%' AND DEFINER <> CURRENT_USER()"
        " GROUP BY DEFINER",
    )
    for trigger, definer, user in rows:
        if _may_be_gone(definer, user):
            yield {"trigger": trigger, "definer": definer, "user": user, "about": definer}


def _may_be_gone(definer, user):
    # Few SQL users may read mysql.user. To others, a definer with the panel's own name counts as
    # the panel on another machine.
    try:
        return not _rows("SELECT 1 FROM mysql.user WHERE CONCAT(User, '@', Host) = %s", definer)
    except DatabaseError:
        return definer.rpartition("@")[0] != user.rpartition("@")[0]


@check(
    "binary-log-without-trust",
    WARNING,
    _("whether the next upgrade may change triggers"),
    seen=_("The database keeps a binary log, or is part of a cluster, and does not trust who makes triggers and functions."),
    why=_("The next `migrate` or `recount` that touches one is refused."),
    mend=_("Let it trust them, and put the same line under [mariadbd] in a file of /etc/mysql/mariadb.conf.d/ (on every node of a cluster):"),
    command="mariadb -e \"SET GLOBAL log_bin_trust_function_creators = 1\"",
)  # fmt: skip
def binary_log_without_trust(host):
    if not server.may_create(connection):
        yield {}


@check(
    "database-cannot-save",
    ERROR,
    _("whether the database takes changes"),
    seen=_("The database server does not take changes now: %(state)s."),
    why=_("Pages can be read, and nothing can be saved; Dovecot’s figures stop."),
    mend=_("Somebody made it so. Once you know why:"),
    command="mariadb -e 'SET GLOBAL read_only = 0'",
)
def database_cannot_save(host):
    if (state := server.trouble(connection)) == "read_only":
        yield {"state": state}


@check(
    "node-out-of-cluster",
    ERROR,
    _("whether this node is in step with its cluster of databases"),
    seen=_("This node is not in step with its cluster: “%(comment)s”, “%(status)s”; it sees this many nodes: %(size)s."),
    why=_("It takes no changes, or what it answers is old; one that is cut off answers nothing, and mail waits."),
    mend=_("One that gets its data, or gives it to another, comes back by itself: watch it. One taken out by hand (wsrep_desync) or cut off comes back by what follows; if the others are gone, see docs/cluster.md:"),
    command="%(command)s",
)  # fmt: skip
def node_out_of_cluster(host):
    if server.trouble(connection) == "not_synced":
        names = ("wsrep_local_state_comment", "wsrep_cluster_status", "wsrep_cluster_size")
        said = dict(_rows(f"SHOW GLOBAL STATUS WHERE Variable_name IN {names}"))
        comment, status, size = (said[name] for name in names)
        command = _into_step(comment, status)
        yield {"comment": comment, "status": status, "size": size, "command": command}


def _into_step(comment, status):
    if status != "Primary":
        return "systemctl restart mariadb"
    if comment.startswith("Donor"):
        return "mariadb -e 'SET GLOBAL wsrep_desync = OFF'"
    # It gets its data: a restart would begin that anew.
    return "mariadb -e \"SHOW STATUS LIKE 'wsrep_local_%'\""


def _rows(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
