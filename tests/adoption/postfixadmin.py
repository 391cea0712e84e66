from django.db import connection

# L and U: how its releases store what is a key, and what is read by people.
L = "CHARACTER SET latin1 COLLATE latin1_general_ci"
WHEN = "datetime NOT NULL DEFAULT '2000-01-01 00:00:00'"
STAMP = "timestamp NOT NULL DEFAULT '2000-01-01 00:00:00'"
PERSON = f"""phone varchar(30) {{U}} NOT NULL DEFAULT '', email_other varchar(255) {{U}} NOT NULL DEFAULT '',
  token varchar(255) {{U}} NOT NULL DEFAULT '', token_validity {WHEN}"""
TABLES = f"""
CREATE TABLE {{p}}config (id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(20) NOT NULL DEFAULT '' UNIQUE,
  value varchar(20) NOT NULL DEFAULT '') DEFAULT {L};
CREATE TABLE {{p}}admin (username varchar(255) NOT NULL PRIMARY KEY, password varchar(255) NOT NULL, created {WHEN},
  modified {WHEN}, active tinyint(1) NOT NULL DEFAULT 1, superadmin tinyint(1) NOT NULL DEFAULT 0, {PERSON}{{totp}}) DEFAULT {L};
CREATE TABLE {{p}}domain (domain varchar(255) NOT NULL PRIMARY KEY, description varchar(255) {{U}} NOT NULL,
  aliases int(10) NOT NULL DEFAULT 0, mailboxes int(10) NOT NULL DEFAULT 0, maxquota bigint(20) NOT NULL DEFAULT 0,
  quota bigint(20) NOT NULL DEFAULT 0, transport varchar(255) NOT NULL, backupmx tinyint(1) NOT NULL DEFAULT 0,
  created {WHEN}, modified {WHEN}, active tinyint(1) NOT NULL DEFAULT 1, password_expiry int(11) DEFAULT 0) DEFAULT {L};
CREATE TABLE {{p}}domain_admins (username varchar(255) NOT NULL, domain varchar(255) NOT NULL, created {WHEN},
  active tinyint(1) NOT NULL DEFAULT 1, id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, KEY username (username)) DEFAULT {L};
CREATE TABLE {{p}}mailbox (username varchar(255) NOT NULL PRIMARY KEY, password varchar(255) NOT NULL,
  name varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, maildir varchar(255) NOT NULL,
  quota bigint(20) NOT NULL DEFAULT 0, local_part varchar(255) NOT NULL, domain varchar(255) NOT NULL, created {WHEN},
  modified {WHEN}, active tinyint(1) NOT NULL DEFAULT 1, {PERSON}, password_expiry {WHEN}{{totp}}{{smtp}},
  KEY domain (domain)) DEFAULT {L};
CREATE TABLE {{p}}alias (address varchar(255) NOT NULL PRIMARY KEY, goto text NOT NULL, domain varchar(255) NOT NULL,
  created {WHEN}, modified {WHEN}, active tinyint(1) NOT NULL DEFAULT 1{{description}}, KEY domain (domain)) DEFAULT {L};
CREATE TABLE {{p}}alias_domain (alias_domain varchar(255) NOT NULL DEFAULT '' PRIMARY KEY,
  target_domain varchar(255) NOT NULL DEFAULT '', created {WHEN}, modified {WHEN}, active tinyint(1) NOT NULL DEFAULT 1{{description}},
  KEY active (active), KEY target_domain (target_domain)) DEFAULT {L};
CREATE TABLE {{p}}log (timestamp {WHEN}, username varchar(255) NOT NULL, domain varchar(255) NOT NULL,
  action varchar(255) NOT NULL, data text NOT NULL, id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY,
  KEY timestamp (timestamp), KEY domain_timestamp (domain, timestamp)) DEFAULT {L};
CREATE TABLE {{p}}quota (username varchar(255) NOT NULL, path varchar(100) NOT NULL, current bigint(20) NOT NULL DEFAULT 0,
  PRIMARY KEY (username, path)) DEFAULT {L};
CREATE TABLE {{p}}quota2 (username varchar({{quota2}}) NOT NULL PRIMARY KEY, bytes bigint(20) NOT NULL DEFAULT 0,
  messages int(11) NOT NULL DEFAULT 0) DEFAULT {L};
CREATE TABLE {{p}}vacation (email varchar(255) NOT NULL PRIMARY KEY,
  subject varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  body text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, cache text NOT NULL, domain varchar(255) NOT NULL,
  created {WHEN}, active tinyint(1) NOT NULL DEFAULT 1, modified timestamp NOT NULL DEFAULT current_timestamp(),
  activefrom {STAMP}, activeuntil timestamp NOT NULL DEFAULT '2038-01-18 00:00:00', interval_time int(11) NOT NULL DEFAULT 0,
  KEY email (email)) DEFAULT {L};
CREATE TABLE {{p}}vacation_notification (on_vacation varchar(255) NOT NULL, notified varchar(255) NOT NULL DEFAULT '',
  notified_at timestamp NOT NULL DEFAULT current_timestamp(), PRIMARY KEY (on_vacation, notified),
  CONSTRAINT {{p}}vacation_notification_pkey FOREIGN KEY (on_vacation) REFERENCES {{p}}vacation (email) ON DELETE CASCADE) DEFAULT {L};
CREATE TABLE {{p}}fetchmail (id int(11) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, mailbox varchar(255) NOT NULL,
  src_server varchar(255) NOT NULL,
  src_auth enum('password','kerberos_v5','kerberos','kerberos_v4','gssapi','cram-md5','otp','ntlm','msn','ssh','any') DEFAULT NULL,
  src_user varchar(255) NOT NULL, src_password varchar(255) NOT NULL, src_folder varchar(255) NOT NULL,
  poll_time int(11) unsigned NOT NULL DEFAULT 10, fetchall tinyint(1) unsigned NOT NULL DEFAULT 0,
  keep tinyint(1) unsigned NOT NULL DEFAULT 0, protocol enum('POP3','IMAP','POP2','ETRN','AUTO') DEFAULT NULL,
  usessl tinyint(1) unsigned NOT NULL DEFAULT 0, extra_options text DEFAULT NULL, returned_text text DEFAULT NULL,
  mda varchar(255) NOT NULL, date {STAMP}, sslcertck tinyint(1) NOT NULL DEFAULT 0,
  sslcertpath varchar(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci DEFAULT '', sslfingerprint varchar(255) DEFAULT '',
  domain varchar(255) DEFAULT '', active tinyint(1) NOT NULL DEFAULT 0, created {STAMP},
  modified timestamp NOT NULL DEFAULT current_timestamp(), src_port int(11) NOT NULL DEFAULT 0) DEFAULT {L}
"""
LATER = f"""
CREATE TABLE {{p}}dkim (id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, domain_name varchar(255) NOT NULL,
  description varchar(255) DEFAULT '', selector varchar(63) NOT NULL DEFAULT 'default', private_key text, public_key text,
  created {WHEN}, modified {WHEN}, KEY domain_name (domain_name, description),
  FOREIGN KEY (domain_name) REFERENCES {{p}}domain (domain) ON DELETE CASCADE) DEFAULT {L};
CREATE TABLE {{p}}dkim_signing (id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, author varchar(255) NOT NULL DEFAULT '',
  dkim_id int(11) NOT NULL, created {WHEN}, modified {WHEN}, KEY author (author),
  FOREIGN KEY (dkim_id) REFERENCES {{p}}dkim (id) ON DELETE CASCADE) DEFAULT {L};
CREATE TABLE {{p}}mailbox_app_password (id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, username varchar(255),
  description varchar(255), password_hash varchar(255));
CREATE TABLE {{p}}totp_exception_address (id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, ip varchar(46) NOT NULL,
  username varchar(255), description varchar(255), UNIQUE KEY ip_user (ip, username))
"""
# The number that each writes into its table "config".
RELEASES = {"3.3": 1847, "4.0": 1851, "later than 4.0": 1856}


def script(release, prefix=""):
    later, newest = release != "3.3", release == "later than 4.0"
    text = TABLES + (";" + LATER if later else "")
    return text.format(
        p=prefix,
        U="CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci"
        if release == "3.3"
        else "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        totp=", totp_secret varchar(255) DEFAULT NULL" if later else "",
        smtp=", smtp_active tinyint(1) NOT NULL DEFAULT 1" if later else "",
        quota2=100 if later else 255,
        description=", description varchar(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT ''"
        if newest
        else "",
    )


def run(text):
    with connection.cursor() as cursor:
        for statement in filter(str.strip, text.split(";\n")):
            cursor.execute(statement)


def create(release="3.3", prefix=""):
    """Its tables, empty but for the row of the release and the domain ALL, which setup.php makes."""
    run(script(release, prefix))
    run(f"INSERT INTO {prefix}config (name, value) VALUES ('version', '{RELEASES[release]}')")
    run(f"INSERT INTO {prefix}domain (domain, description, transport) VALUES ('ALL', '', '')")


def add_domain(name, prefix="", **columns):
    _insert(
        f"{prefix}domain", {"domain": name, "description": "", "transport": "virtual"} | columns
    )


def add_mailbox(address, prefix="", **columns):
    local_part, _at, domain = address.rpartition("@")
    row = {
        "username": address,
        "password": "$1$abcdefgh$oTbI6f2eHtcCWNfqZ0OWq.",
        "name": "",
        "maildir": f"{domain}/{local_part}/",
        "local_part": local_part,
        "domain": domain,
    }
    _insert(f"{prefix}mailbox", row | columns)
    add_alias(address, address, prefix)


def add_alias(address, goto, prefix="", **columns):
    row = {"address": address, "goto": goto, "domain": address.rpartition("@")[2]}
    _insert(f"{prefix}alias", row | columns)


def add_admin(name, *domains, prefix="", **columns):
    _insert(
        f"{prefix}admin",
        {"username": name, "password": "$1$abcdefgh$oTbI6f2eHtcCWNfqZ0OWq."} | columns,
    )
    for domain in domains:
        _insert(f"{prefix}domain_admins", {"username": name, "domain": domain})


def add(table, **row):
    _insert(table, row)


def _insert(table, row):
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = ''")  # zero dates, as older servers took them
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
        cursor.execute("SET SESSION sql_mode = 'STRICT_TRANS_TABLES'")
