import re
from itertools import islice

from django.utils.translation import gettext_lazy as _

from aliases.loops import all_hops, loop_through
from aliases.models import AliasTarget
from domains.models import LOCAL_TRANSPORTS
from mailadmin.findings.asking import Check
from mailadmin.findings.found import KEEP
from panel.tasks import COUNTED

TOGETHER = 1_000  # aliases whose ways are read at once


def _away(source):
    domain = str(source.configuration["vacation_domain"])
    if not re.fullmatch(r"[\w.-]+", domain, re.ASCII):
        return ""
    return f"SELECT address FROM <alias> WHERE goto LIKE '%#%@{domain}%'"


def _loops(source):
    # rows, not a query: what leads where is known to aliases/lookup.py alone, and only of the
    # panel's own tables
    return list(islice(_in_loops(), COUNTED + 1)) if source.is_ours else ""


def _in_loops():
    names, last = AliasTarget.objects.order_by("alias").values_list("alias", flat=True), ""
    while some := list(names.filter(alias__gt=last).distinct()[:TOGETHER]):
        last, hops = some[-1], all_hops(some)
        for name in some:
            if path := loop_through(name, hops):
                yield name, " → ".join(["", *path[1:]]).strip()


_LOCAL_TRANSPORTS = ", ".join(f"'{transport}'" for transport in LOCAL_TRANSPORTS)

CHECKS = [
    Check(
        "own-aliases-missing",
        KEEP,
        _("Mailboxes without an alias of their own"),
        "Kept. If their domain has a catch-all, it took their mail; here the mailbox gets it.",
        "SELECT m.username FROM <mailbox> m LEFT JOIN <alias> a ON k(a.address) = k(m.username)"
        " WHERE a.address IS NULL",
        row="mailbox",
        why=_(
            "With this panel’s maps they get their mail all the same. With PostfixAdmin’s maps a catch-all of the domain takes it."
        ),
    ),
    Check(
        "own-aliases-out-of-step",
        KEEP,
        "Mailboxes that are on with their own alias off, or the reverse",
        "Kept as they are.",
        "SELECT m.username FROM <mailbox> m JOIN <alias> a ON k(a.address) = k(m.username)"
        " WHERE m.active <> a.active",
    ),
    Check(
        "aliases-that-lead-nowhere",
        KEEP,
        _("Aliases without a recipient"),
        "Kept: mail for them is refused.",
        "SELECT address FROM <alias> WHERE active = 1 AND TRIM(REPLACE(goto, ',', ' ')) = ''",
        row="alias",
        why=_(
            "Postfix does not find them: mail is refused, or goes to the catch-all of the domain. Whoever looks at the list sees an alias that is on."
        ),
    ),
    Check(
        "recipients-that-do-not-exist",
        KEEP,
        _("Recipients that do not exist"),
        "Kept. PostfixAdmin's maps accept such mail and bounce it; ours leave these recipients out.",
        "SELECT t.alias, 'to' AS leads, t.target FROM <targets> t"
        " JOIN <alias> a ON k(a.address) = t.alias AND a.active = 1"
        " JOIN <domain> d ON k(d.domain) = t.domain AND d.active = 1 AND d.backupmx = 0"
        f" AND d.transport IN ({_LOCAL_TRANSPORTS})"
        " LEFT JOIN <alias_domain> ad ON k(ad.alias_domain) = t.domain"
        " LEFT JOIN <alias> x ON k(x.address) = t.target LEFT JOIN <alias> y ON k(y.address) = t.bare"
        " LEFT JOIN <mailbox> m ON k(m.username) = t.bare"
        " LEFT JOIN <alias> c ON k(c.address) = CONCAT('@', t.domain) AND k(c.address) <> t.alias"
        " WHERE t.unmatched = 1 AND t.target LIKE '_%@%' AND ad.alias_domain IS NULL AND x.address IS NULL"
        " AND y.address IS NULL AND m.username IS NULL AND c.address IS NULL",
        ("alias_domain",),
        row="alias",
        why=_(
            "They lie in domains of this server, but no mailbox and no alias has their name. Postfix leaves them out, so nobody gets this mail; an alias that leads to nobody else refuses it."
        ),
    ),
    Check(
        "recipients-in-domains-that-are-off",
        KEEP,
        _("Recipients in domains that are switched off"),
        "Kept. PostfixAdmin's maps send such mail away, to wherever the name of the domain leads; ours leave these recipients out.",
        # Outer joins, and conditions that do not make them inner ones: the targets are read, and the others by their keys. An alias
        # that is off with its own domain is no surprise.
        "SELECT t.alias, 'to' AS leads, t.target FROM <targets> t LEFT JOIN <alias> a ON k(a.address) = t.alias"
        " LEFT JOIN <domain> d ON k(d.domain) = t.domain"
        " WHERE COALESCE(a.active, 0) = 1 AND COALESCE(d.active, 1) = 0"
        " AND SUBSTRING_INDEX(t.alias, '@', -1) <> t.domain",
        row="alias",
        why=_(
            "Postfix leaves them out as long as their domain is off, so nobody gets this mail; an alias that leads to nobody else refuses it."
        ),
    ),
    Check(
        "mail-loops",
        KEEP,
        _("Aliases and forwardings in a loop"),
        "Kept.",
        _loops,
        row="alias",
        why=_(
            "Their mail reaches nobody: Postfix expands them until it gives up. This panel refuses such a list; another program has stored it."
        ),
    ),
    Check(
        "alias-domains-in-a-chain",
        KEEP,
        "Alias domains that lead to an alias domain",
        "Kept: their addresses are looked up in the first target only, as before.",
        "SELECT CONCAT(a.alias_domain, ' to ', a.target_domain) FROM <alias_domain> a JOIN <alias_domain> b"
        " ON k(b.alias_domain) = k(a.target_domain)",
        ("alias_domain",),
    ),
    Check(
        "transports-refused-here",
        KEEP,
        "Domains with a transport that the forms of this panel refuse",
        "Kept as it is. Whoever changes the domain here has to write another one.",
        r"""SELECT CONCAT(domain, ' ', transport) FROM <domain> WHERE CONVERT(transport USING utf8mb4) COLLATE utf8mb4_bin NOT REGEXP"""
        r""" '^([a-z][a-z0-9_-]*(:[^[:space:],"\\\\'']*)?)?$'""",
    ),
    Check(
        "away-messages",
        KEEP,
        "Aliases through which PostfixAdmin's vacation program answers",
        "Kept: its program goes on answering. Here such a recipient is shown as its away message.",
        _away,
        ("vacation",),
    ),
]
