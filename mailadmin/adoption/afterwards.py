"""After the tables have changed places: counters, checks and look-ups once more, of the old tables
and of those in place.

Others go on writing into the new tables alone, so what they wrote since is told apart from what
went wrong.
"""

import re
from copy import copy

from mailadmin.adoption import proof
from mailadmin.adoption import shadow as copies
from mailadmin.adoption.switch import BEFORE
from panel.addresses import split_address, without_extension

# Each statement sees one moment, so that no writer is in the way.
UNLIKE = (
    "SELECT u.domain FROM domain_usage u"
    " LEFT JOIN (SELECT domain, COUNT(*) AS number, SUM(GREATEST(quota, 0)) AS allotted FROM mailbox GROUP BY domain) m"
    " ON m.domain = u.domain"
    " LEFT JOIN (SELECT domain, COUNT(*) AS number FROM alias GROUP BY domain) a ON a.domain = u.domain"
    " WHERE u.mailboxes <> COALESCE(m.number, 0) OR u.allotted <> COALESCE(m.allotted, 0)"
    " OR u.alias_rows <> COALESCE(a.number, 0)"
    " UNION SELECT d.domain FROM domain d LEFT JOIN domain_usage u ON u.domain = d.domain WHERE u.domain IS NULL"
)
WRITTEN = (("alias", "address"), ("mailbox", "username"), ("domain", "domain"))
MOST = 10_000  # entries of the log that are looked through


def miscounted(source):
    return [name for (name,) in source.rows(UNLIKE)]


def prove(source, shadow, files=(), track=iter):
    """Return a Proof, and how many look-ups answer otherwise because somebody wrote since."""
    # A run that goes on after it was stopped finds the tables in place, with other names.
    source = copy(source)
    source.tables = shadow.remembered("names")
    _show_old_tables(source, shadow)
    try:
        proved = proof.prove(
            proof.Both(source, shadow.name, source.connection.settings_dict["NAME"]), files, track
        )
    finally:
        copies.drop_views(shadow)
    written = _Written(source, shadow)
    differences = proved.differences
    proved.differences = [found for found in differences if not written.explains(found[1])]
    since = len(differences) - len(proved.differences)
    proved.questions -= since
    return proved, since


def _show_old_tables(source, shadow):
    copies.drop_views(shadow)
    there = shadow.tables()
    for name, known in source.tables.items():
        if f"{BEFORE}{name}" in there:
            copies.show(shadow, known, shadow.quoted(f"{BEFORE}{name}"))
    copies.show_others(source, shadow)


class _Written:
    """What PostfixAdmin, this panel and their log say was written since the tables changed places.

    A script that stores neither a date nor an entry is not known: what it did is listed, for a person to look at.
    """

    def __init__(self, source, shadow):
        self.source, self.moment = source, shadow.remembered("switched")
        found = source.rows(
            f"SELECT data FROM log WHERE id > %s ORDER BY id LIMIT {MOST}",
            [shadow.remembered("last log")],
        )
        # PostfixAdmin writes addresses there, this panel JSON.
        self.logged = {
            word for (text,) in found for word in re.split(r'[\s",{}\[\]()]+', text.lower())
        }

    def explains(self, key):
        names = self._names(key)
        return not self.logged.isdisjoint(names) or any(
            self.source.rows(
                f"SELECT 1 FROM {table} WHERE {column} IN %s AND GREATEST(created, modified) >= %s LIMIT 1",
                [names, self.moment],
            )
            for table, column in WRITTEN
        )

    def _names(self, key):
        domain = split_address(key)[1] or key
        names = {key, without_extension(key), f"@{domain}", domain}
        links = self.source.rows(
            "SELECT target_domain FROM alias_domain WHERE alias_domain = %s", [domain]
        )
        for (target,) in links:
            local_part = split_address(key)[0]
            address = f"{local_part}@{target}"
            names |= {target, address, without_extension(address), f"@{target}"}
        return sorted(names)
