from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.readers.passwd_file import with_scheme
from mailadmin.importing.readers.sql import SqlReader
from mailadmin.importing.readers.values import MIB, number, yes
from mailadmin.importing.records import Admin, Alias, AliasDomain, Domain, Leftover, Mailbox, Use

# As numbers, or as PostgreSQL writes them into a CSV file.
ON = "CAST({} AS CHAR) IN ('1', 't', 'true')"
ADMINISTERS = {"SuperAdmins", "DomainAdmins", "Resellers"}


class Modoboa(SqlReader):
    name = "modoboa"
    title = "Modoboa"
    help = "Modoboa's database, of MariaDB, MySQL or SQLite."
    asked = "Modoboa's own queries"
    tables = (
        *("admin_domain", "admin_domainalias", "admin_mailbox", "admin_alias", "core_user"),
        *("modoboa_admin_aliasrecipient",),
    )
    kinds = {
        "mailboxes-that-only-send": (
            DECIDE,
            "Mailboxes that send but take no mail (is_send_only)",
            "They take mail here.",
        ),
        "aliases-that-end": (
            KEEP,
            "Aliases that end on a day (expire_at)",
            "They come along without an end; those that have ended are left out.",
        ),
        "second-factors-left-out": (
            DECIDE,
            "Administrators with a second factor",
            "It is not asked for here: they sign in with the password alone.",
        ),
        "resellers": (
            KEEP,
            "Resellers",
            "They become administrators of their domains.",
        ),
        "transports-left-out": (
            DECIDE,
            "Domains that are relayed to a server that the database does not name",
            "They become backup MX: mail goes to the domain's other MX.",
        ),
    }
    alias_queries = (
        (
            "SELECT r.address FROM modoboa_admin_aliasrecipient r JOIN admin_alias a ON r.alias_id = a.id"
            f" WHERE {ON.format('a.enabled')} AND a.address = {{s}}"
            " AND (a.expire_at IS NULL OR a.expire_at = '' OR a.expire_at > CURRENT_TIMESTAMP)"
        ),
    )
    mailbox_query = (
        "SELECT m.address FROM admin_mailbox m JOIN admin_domain d ON m.domain_id = d.id JOIN core_user u ON m.user_id = u.id"
        f" WHERE d.name = {{d}} AND m.address = {{u}} AND {ON.format('u.is_active')}"
    )
    domain_query = (
        f"SELECT name FROM admin_domain WHERE name = {{s}} AND type = 'domain' AND {ON.format('enabled')}"
        " UNION SELECT d.name FROM admin_domain d JOIN admin_domainalias a ON d.id = a.target_id"
        f" WHERE a.name = {{s}} AND {ON.format('a.enabled')} AND {ON.format('d.enabled')}"
    )

    @classmethod
    def options(cls, parser):
        super().options(parser)
        parser.add_argument(
            "--home",
            metavar="PATH",
            default="",
            help="Home directories as its Dovecot has them, such as /srv/vmail/%%d/%%n (`doveadm user ADDRESS` says it).",
        )
        parser.add_argument(
            "--mail",
            metavar="LOCATION",
            default="maildir:~/Maildir",
            help="Its mail_location (default: %(default)s).",
        )

    def __init__(self, *, home="", mail="", **options):
        super().__init__(**options)
        self.home, self.mail = home, mail

    def records(self):
        yield from self._domains()
        for row in self.rows(
            "SELECT m.address AS address, m.quota AS quota, m.is_send_only AS is_send_only, d.name AS domain,"
            " u.password AS password, u.is_active AS is_active, u.first_name AS first_name, u.last_name AS last_name"
            " FROM admin_mailbox m JOIN admin_domain d ON d.id = m.domain_id JOIN core_user u ON u.id = m.user_id"
        ):
            address = f"{row['address']}@{row['domain']}"
            yield Mailbox(
                address,
                hash=with_scheme(row["password"], "CRYPT"),
                name=f"{row['first_name']} {row['last_name']}".strip(),
                quota=number(row["quota"]) * MIB,
                home=self.home,
                mail=self.mail,
                active=yes(row["is_active"]),
            )
            if yes(row["is_send_only"]):
                yield Leftover("mailboxes-that-only-send", address)
        yield from self._aliases()
        yield from self._administrators()
        for row in self.rows_of("admin_quota"):
            yield Use(row["username"], number(row["bytes"]), number(row["messages"]))

    def _domains(self):
        transports = {
            number(row["id"]): f"{row['service']}:{row['next_hop']}"
            for row in self.rows_of("transport_transport")
        }
        for row in self.rows("SELECT * FROM admin_domain"):
            relayed = row["type"] == "relaydomain"
            transport = transports.get(number(row["transport_id"])) if relayed else None
            if relayed and not transport:
                yield Leftover("transports-left-out", row["name"])
            yield Domain(
                row["name"],
                active=yes(row["enabled"]),
                quota=number(row["quota"]),
                transport=transport or "virtual",
                backupmx=relayed and not transport,
            )
        for row in self.rows(
            "SELECT a.name AS name, d.name AS target, a.enabled AS enabled FROM admin_domainalias a"
            " JOIN admin_domain d ON d.id = a.target_id"
        ):
            yield AliasDomain(row["name"], row["target"], yes(row["enabled"]))

    def _aliases(self):
        ended = "a.expire_at IS NOT NULL AND a.expire_at <> '' AND a.expire_at <= CURRENT_TIMESTAMP"
        for row in self.rows(
            "SELECT a.address AS address, a.enabled AS enabled, a.internal AS internal, a.description AS description,"
            f" r.address AS target FROM modoboa_admin_aliasrecipient r JOIN admin_alias a ON a.id = r.alias_id WHERE NOT ({ended})"
            " ORDER BY r.id"
        ):
            said = "" if yes(row["internal"]) else row["description"] or ""
            yield Alias(row["address"], (row["target"],), yes(row["enabled"]), said)
        for row in self.rows(
            "SELECT address FROM admin_alias WHERE expire_at IS NOT NULL AND expire_at <> ''"
        ):
            yield Leftover("aliases-that-end", row["address"])

    def _administrators(self):
        domains, groups = {}, {}
        for row in self.rows_of(
            "core_objectaccess",
            "SELECT o.user_id AS user_id, d.name AS name FROM core_objectaccess o JOIN admin_domain d ON d.id = o.object_id"
            " JOIN django_content_type c ON c.id = o.content_type_id WHERE c.app_label = 'admin' AND c.model = 'domain'",
        ):
            domains.setdefault(number(row["user_id"]), []).append(row["name"])
        for row in self.rows_of(
            "core_user_groups",
            "SELECT l.user_id AS user_id, g.name AS name FROM core_user_groups l JOIN auth_group g ON g.id = l.group_id"
            " WHERE g.name <> 'SimpleUsers'",
        ):
            groups.setdefault(number(row["user_id"]), set()).add(row["name"])
        for row in self.rows("SELECT * FROM core_user"):
            number_of_user = number(row["id"])
            own = groups.get(number_of_user, set())
            superadmin = yes(row["is_superuser"]) or "SuperAdmins" in own
            if not superadmin and not own & ADMINISTERS:
                continue
            login = row["username"] if "@" in row["username"] else row["email"] or row["username"]
            if "Resellers" in own:
                yield Leftover("resellers", login)
            if yes(row.get("totp_enabled", 0)):
                yield Leftover("second-factors-left-out", login)
            yield Admin(
                login,
                with_scheme(row["password"], "CRYPT"),
                superadmin=superadmin,
                domains=tuple(domains.get(number_of_user, ())),
                active=yes(row["is_active"]),
            )
