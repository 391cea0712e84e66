from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mailadmin.findings.asking import KEYS, Check, each_key
from mailadmin.findings.found import CHANGE, DECIDE, KEEP, STOP
from panel.addresses import MAX_LOCAL_PART, PLAIN_IN_SQL

# Two columns that say again what the key says.
PARTS = {"mailbox": ("username", "domain"), "alias": ("address", "domain")}
# What an adoption writes into a domain that it makes because rows named it.
MADE_HERE = "(adopted: rows named it, no domain did)"


def _collisions(source):
    # One of two such keys is not as the panel stores it: only these few are compared with all.
    return " UNION ALL ".join(
        f"SELECT CONCAT('{table} ', c.named) FROM (SELECT DISTINCT k(a.{key}) AS named FROM <{table}> a WHERE {_unlike(f'a.{key}')}) c"
        f" JOIN <{table}> b ON k(b.{key}) = c.named GROUP BY c.named HAVING COUNT(*) > 1"
        for table, key in KEYS.items()
    )


def _unlike(key):
    return f"BINARY CONVERT({key} USING utf8mb4) <> BINARY k({key})"


def _redundant(source):
    asked = [
        f"SELECT CONCAT('{table} ', {key}) FROM <{table}>"
        f" WHERE k({part}) <> SUBSTRING_INDEX(k({key}), '@', -1)"
        for table, (key, part) in PARTS.items()
    ]
    asked.append(
        "SELECT CONCAT('mailbox ', username) FROM <mailbox> WHERE k(local_part) <> LEFT(k(username),"
        " CHAR_LENGTH(k(username)) - CHAR_LENGTH(SUBSTRING_INDEX(k(username), '@', -1)) - 1)"
    )
    # UNION: a row that has both wrong is one.
    return " UNION ".join(asked)


def _delimited(source):
    delimiter = settings.RECIPIENT_DELIMITER.replace("'", "''")
    return f"SELECT username FROM <mailbox> WHERE SUBSTRING_INDEX(username, '@', 1) LIKE '_%{delimiter}%'"


_NO_DOMAIN = "LEFT JOIN <domain> d ON k(d.domain) = SUBSTRING_INDEX(k({key}), '@', -1) WHERE d.domain IS NULL"

CHECKS = [
    Check(
        "keys-that-become-one",
        STOP,
        "Keys that differ only in blanks or capitals",
        "Two rows cannot have one key: rename or delete one of each in PostfixAdmin.",
        _collisions,
    ),
    Check(
        "keys-in-capitals",
        CHANGE,
        "Keys with capitals or blanks around them",
        "Stored in small letters and without the blanks, as Postfix asks for them. Who signs in to PostfixAdmin types small letters from then on.",
        each_key(f"KEY <> 'ALL' AND {_unlike('KEY')}"),
    ),
    Check(
        "keys-not-ascii",
        KEEP,
        "Keys that are not ASCII",
        "Kept. Mail reaches them only from servers that speak SMTPUTF8, and only where Postfix does.",
        each_key("LENGTH(CONVERT(KEY USING utf8mb4)) <> CHAR_LENGTH(KEY)"),
    ),
    Check(
        "names-refused-here",
        KEEP,
        "Names that the forms of this panel refuse",
        "Kept, and mail for them is delivered as before. This panel makes no new ones of the kind.",
        "SELECT CONCAT('mailbox ', username) FROM <mailbox>"
        f" WHERE k(username) NOT REGEXP '^[{PLAIN_IN_SQL}]+$' OR username NOT LIKE '_%@_%'"
        " UNION ALL SELECT CONCAT('alias ', address) FROM <alias>"
        f" WHERE k(address) NOT REGEXP '^[{PLAIN_IN_SQL}]+$' OR address NOT LIKE '%@_%'",
    ),
    Check(
        "names-too-long",
        KEEP,
        "Names of more than 64 characters before the @",
        "Kept. RFC 5321 allows no longer ones: through a catch-all they are refused here.",
        each_key(
            f"KEY LIKE '%@%' AND CHAR_LENGTH(SUBSTRING_INDEX(KEY, '@', 1)) > {MAX_LOCAL_PART}"
        ),
    ),
    Check(
        "names-with-the-delimiter",
        DECIDE,
        _("Mailboxes with the recipient delimiter in their name"),
        "With this panel's maps mail for them would be read as mail for the name before the delimiter. Keep PostfixAdmin's mailbox map for now and say"
        " --accept names-with-the-delimiter: then the panel's page “Findings” gives each another name, to which the old one leads.",
        _delimited,
        row="mailbox",
        why=_(
            "Postfix and Dovecot read what stands from the delimiter on as a tag, and give their mail to the name before it, or refuse it. Under another name, to which the old one leads as an alias, they get it."
        ),
    ),
    Check(
        "mailboxes-without-domain",
        CHANGE,
        _("Mailboxes in a domain that has no row"),
        "A domain that is off is made for each: sign-ins and what the maps answer stay as they were.",
        f"SELECT m.username FROM <mailbox> m {_NO_DOMAIN.format(key='m.username')}",
        row="mailbox",
        why=_("Postfix refuses their mail, and no administrator of a domain sees them."),
    ),
    Check(
        "aliases-without-domain",
        CHANGE,
        _("Aliases in a domain that has no row"),
        "A domain that is off is made for each: what the maps answer stays as it was.",
        f"SELECT a.address FROM <alias> a {_NO_DOMAIN.format(key='a.address')}",
        row="alias",
        why=_("Postfix does not know the domain, so it never asks for them."),
    ),
    Check(
        "alias-domains-without-domain",
        CHANGE,
        _("Names or targets of alias domains that have no row"),
        "A domain that is off is made for each.",
        " UNION ".join(
            f"SELECT {key} FROM <alias_domain> a {_NO_DOMAIN.format(key=key)}"
            for key in ("a.alias_domain", "a.target_domain")
        ),
        ("alias_domain",),
        row="missing",
        why=_(
            "Postfix refuses mail for an alias domain unless both it and its target are domains."
        ),
    ),
    Check(
        "rights-without-administrator",
        CHANGE,
        "Rights of administrators who have no account",
        "They stay in the old table only: nobody has them.",
        "SELECT CONCAT(r.username, ' ', r.domain) FROM <domain_admins> r LEFT JOIN <admin> a"
        " ON k(a.username) = k(r.username) WHERE a.username IS NULL",
    ),
    Check(
        "rights-without-domain",
        KEEP,
        _("Rights for domains that have no row"),
        "Kept: they give nothing.",
        "SELECT r.username, r.domain FROM <domain_admins> r LEFT JOIN <domain> d"
        " ON k(d.domain) = k(r.domain) WHERE d.domain IS NULL AND r.domain <> 'ALL'",
        row="admin",
        why=_(
            "They give nothing today, but whoever adds a domain of that name gives it to these administrators."
        ),
    ),
    Check(
        "domains-of-orphans",
        KEEP,
        _("Domains that are here only because rows named them"),
        "Made by an earlier adoption, and off.",
        f"SELECT domain FROM <domain> WHERE description = '{MADE_HERE}' AND active = 0",
        row="domain",
        why=_(
            "The adoption made them, switched off, for mailboxes, aliases and alias domains whose domain had no row. Switch on what is meant to be here; delete the rest."
        ),
    ),
    Check(
        "storage-without-mailbox",
        KEEP,
        _("Storage figures of mailboxes that do not exist"),
        "Kept: nobody reads them.",
        "SELECT q.username, q.bytes FROM <quota2> q LEFT JOIN <mailbox> m ON k(m.username) = k(q.username)"
        " WHERE m.username IS NULL",
        ("quota2",),
        row="figures",
        why=_(
            "A new mailbox of the same name begins with these figures until Dovecot counts anew."
        ),
    ),
    Check(
        "rights-twice",
        KEEP,
        "Rights that are stored more than once",
        "Kept: they count once.",
        "SELECT CONCAT(k(username), ' ', k(domain)) FROM <domain_admins> GROUP BY k(username), k(domain)"
        " HAVING COUNT(*) > 1",
    ),
    Check(
        "rights-off",
        KEEP,
        "Rights that are switched off",
        "Kept: they give nothing, as in PostfixAdmin.",
        "SELECT CONCAT(username, ' ', domain) FROM <domain_admins> WHERE active = 0",
    ),
    Check(
        "columns-unlike-the-key",
        CHANGE,
        "Rows whose columns “domain” or “local_part” do not agree with the address",
        "The address decides; the columns are written anew.",
        _redundant,
    ),
    Check(
        "superadmins-by-flag",
        KEEP,
        "Superadmins without the row ALL",
        "They are superadmins here too.",
        "SELECT a.username FROM <admin> a LEFT JOIN <domain_admins> r ON k(r.username) = k(a.username)"
        " AND r.domain = 'ALL' WHERE a.superadmin = 1 AND r.username IS NULL",
        (("admin", "superadmin"),),
    ),
    Check(
        "superadmins-by-row",
        DECIDE,
        "Administrators with the row ALL who are not marked as superadmins",
        "Here they would manage nothing. Mark them in PostfixAdmin, take the row away, or say --accept superadmins-by-row.",
        "SELECT a.username FROM <admin> a JOIN <domain_admins> r ON k(r.username) = k(a.username)"
        " AND r.domain = 'ALL' WHERE a.superadmin = 0",
        (("admin", "superadmin"),),
    ),
]
