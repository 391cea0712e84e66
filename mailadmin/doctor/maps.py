import re

from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import ERROR, Unseen, check

WITH_PASSWORDS = {"mysql", "pgsql", "ldap"}
DENIED = re.compile(r"command denied|[Aa]ccess denied|execute command denied")
UNKNOWN_TYPE = re.compile(r"unsupported dictionary type|Unsupported .* type")


@check(
    "grants-missing",
    ERROR,
    _("the maps’ rights in the database"),
    seen=_("The database refuses the map %(table)s: %(says)s"),
    why=_("Postfix puts off all mail about which it has to ask this map: 451, Temporary lookup failure."),
    mend=_("Write the files anew and give its SQL user the rights, as root of the database:"),
    command="mailadmin mailconf /root/mailconf && mariadb < /root/mailconf/mariadb/grants.sql",
)  # fmt: skip
def grants_missing(host):
    yield from (one for one in _failing(host) if DENIED.search(one["says"]))


@check(
    "map-type-unknown",
    ERROR,
    _("the types of the maps"),
    seen=_("This Postfix does not know the type of %(table)s, which %(parameters)s names."),
    why=_("Newer releases leave “hash:” and “btree:” out. Every mail that needs the map is put off: 451."),
    mend=_("Name the file as a type that is known (`postconf -m`): texthash reads the same text, and needs no postmap."),
    command="postconf %(option)s '%(place)s%(equals)s%(value)s' && postfix reload",
)  # fmt: skip
def map_type_unknown(host):
    for one in _failing(host):
        if UNKNOWN_TYPE.search(one["says"]):
            service, parameter, value = _place_of(host, one["table"])
            if service:  # `postconf -P` takes no blanks
                value = re.sub(r"[\s,]+", ",", value)
            yield one | {
                "option": "-P" if service else "-e",
                "place": f"{service}/{parameter}" if service else parameter,
                "equals": "=" if service else " = ",
                "parameter": parameter,
                "value": re.sub(rf"\b{one['kind']}:", "texthash:", value),
            }


def _place_of(host, table):
    """(the service of master.cf, or "" for main.cf; the parameter; its value) that names the table."""
    known = host.part("postfix")
    for service, parameters in [("", known["parameters"]), *known["services"].items()]:
        for parameter, value in parameters.items():
            if table in re.split(r"[\s,{}]+|proxy:", value):
                return service, parameter, value
    raise Unseen(f"no setting names {table} by itself")


@check(
    "map-fails",
    ERROR,
    _("every map, asked by `postmap -q`"),
    seen=_("The map %(table)s does not answer: %(says)s"),
    why=_("Postfix puts off all mail about which it has to ask this map: 451, Temporary lookup failure."),
    mend=_("Mend what it names. Asked by hand:"),
    command="postmap -q %(key)s %(table)s",
)  # fmt: skip
def map_fails(host):
    for one in _failing(host):
        if not (DENIED.search(one["says"]) or UNKNOWN_TYPE.search(one["says"]) or one["unbuilt"]):
            yield one


@check(
    "map-not-built",
    ERROR,
    _("whether the maps are made of the text as it is now"),
    seen=_("%(table)s is not made of its text, or of an older one."),
    why=_("Postfix reads the made file: what was changed in the text does not count."),
    mend=_("Make it anew:"),
    command="%(maker)s %(table)s",
)
def map_not_built(host):
    for one in host.part("maps"):
        if one["there"] and (one.get("stale") or one.get("built") is False):
            maker = "postalias" if "alias_maps" in one["parameters"] else "postmap"
            yield {"table": one["table"], "maker": maker, "about": one["table"]}


@check(
    "secrets-open",
    ERROR,
    _("whether files with passwords are private"),
    seen=_("Everybody on this machine may read %(file)s, which has a password in it."),
    why=_("Whoever gets hold of any account here reads the database with it."),
    mend=_("Let its program alone read it:"),
    command="chgrp %(group)s %(file)s && chmod 640 %(file)s",
)
def secrets_open(host):
    maps = [one for one in host.part("maps") if one["kind"] in WITH_PASSWORDS and one["there"]]
    files = {one["path"] for one in maps if int(one["mode"], 8) & 4}
    of_postfix = {one["path"] for one in maps}
    for file in sorted(files.union(host.part("secrets"))):
        group = "postfix"
        if file.endswith("/opendkim.conf"):
            group = "opendkim"
        elif file not in of_postfix and "dovecot" in file:
            group = "dovecot"
        yield {"file": file, "group": group, "about": file}


def _failing(host):
    for one in host.part("maps"):
        if one["says"]:
            yield {
                "table": one["table"],
                "kind": one["kind"],
                "says": one["says"],
                "key": one.get("asked", "postmaster"),
                "parameters": ", ".join(one["parameters"]),
                "unbuilt": one.get("built") is False,
                "about": one["table"],
            }
