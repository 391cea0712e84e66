"""Whatever the API takes stands in the file, or is left out for a reason that docs/state-file.md says."""

import re
from pathlib import Path

import pytest

from mailadmin.api import api
from mailadmin.state.kinds import OF_DOMAINS, OF_SERVER
from panel.api.schemas import settable
from tests.servers.processes import ROOT

DOMAIN, MAILBOX, ALIAS = "/domains/{name}", "/mailboxes/{address}", "/aliases/{address}"
IN_FILE = {
    "/administrators/{name}": "administrators",
    "/alias-domains/{name}": "domains.alias_domains",
    ALIAS: "domains.aliases",
    f"{ALIAS}/last-day": "domains.aliases.last_day",
    "/copies/{direction}/{address}": "domains.copies",
    DOMAIN: "domains",
    f"{DOMAIN}/own-addresses-limit": "domains.own_addresses_limit",
    f"{DOMAIN}/relay-host": "domains.relay_host",
    f"{DOMAIN}/sender-rules/{{sender}}": "domains.sender_rules",
    MAILBOX: "domains.mailboxes",
    f"{MAILBOX}/away-message": "domains.mailboxes.away_message",
    f"{MAILBOX}/fetches/{{number}}": "domains.fetches",
    f"{MAILBOX}/forwarding": "domains.mailboxes.forwarding",
    f"{MAILBOX}/last-day": "domains.mailboxes.last_day",
    f"{MAILBOX}/own-addresses-limit": "domains.mailboxes.own_addresses_limit",
    "/send-as/{sender}/by/{address}": "domains.send_as",
    "/sender-rules/{sender}": "sender_rules",
    "/shares/{address}/with/{person}": "domains.shares",
}
# An act on what stands in the file, whose outcome does.
ACT = "acts"
# A word for each as docs/state-file.md has it.
LEFT_OUT = {
    "/administrators/{name}/invitation": "invitations",
    "/administrators/{name}/second-factor": "second factors",
    "/administrators/{name}/password": ACT,
    "/administrators/{name}/sign-in-link": "links",
    f"{ALIAS}/rename": ACT,
    "/deleted/{number}": "deleted",
    "/deleted/{number}/restore": "deleted",
    f"{DOMAIN}/dkim-keys": "DKIM keys",
    f"{DOMAIN}/dkim-keys/{{selector}}": "DKIM keys",
    f"{DOMAIN}/dkim-keys/{{selector}}/sign": "DKIM keys",
    f"{DOMAIN}/dns": "MX records",
    f"{DOMAIN}/join": ACT,
    f"{DOMAIN}/rename": ACT,
    "/alias-domains/{name}/own": ACT,
    "/imports": "imports",
    "/imports/{number}": "imports",
    "/imports/{number}/check": "imports",
    "/imports/{number}/lines/{line}": "imports",
    "/imports/{number}/result": "imports",
    "/imports/{number}/run": "imports",
    "/imports/{number}/stop": "imports",
    f"{MAILBOX}/app-passwords/{{number}}": "app passwords",
    f"{MAILBOX}/end-sessions": "sessions",
    f"{MAILBOX}/fetches": ACT,
    f"{MAILBOX}/invitation": "invitations",
    f"{MAILBOX}/password": ACT,
    f"{MAILBOX}/rename": ACT,
    f"{MAILBOX}/second-factor": "second factors",
    f"{MAILBOX}/sign-in-link": "links",
    "/own-addresses": "addresses of one’s own",
    "/own-addresses/{address}": "addresses of one’s own",
    "/refused-networks/{network}": "refused networks",
    "/tokens/{number}": "tokens",
    "/webhooks": "webhooks",
    "/webhooks/{number}": "webhooks",
    "/webhooks/{number}/answers/{answer}/again": "webhooks",
    "/webhooks/{number}/secret": "webhooks",
    "/webhooks/{number}/test": "webhooks",
}
# What only pages set, which ask for more than a token.
LEFT_OUT_BESIDES = {"networks without a second factor", "texts of mail"}
# Of a new row alone; "password_hash" and --secrets tell what there is of passwords.
NOT_TOLD = {"role_target", "password"}


def written_paths():
    paths = api.get_openapi_schema(path_prefix="/")["paths"]
    changing = {"put", "patch", "post", "delete"}
    return {re.sub(r"^/+", "/", path) for path, found in paths.items() if changing & found.keys()}


def places():
    """Each list and each part of the file."""
    for kinds, before in ((OF_SERVER, ""), (OF_DOMAINS, "domains.")):
        for kind in kinds:
            yield f"{before}{kind.list}", kind.resource, kind
            for part in kind.parts:
                yield f"{before}{kind.list}.{part.member}", part.resource, part


PLACES = {place: (resource, what) for place, resource, what in places()}


def test_whatever_the_api_changes_stands_in_the_file_or_has_a_reason():
    assert IN_FILE.keys() & LEFT_OUT.keys() == set()
    assert IN_FILE.keys() | LEFT_OUT.keys() == written_paths()


def test_the_file_has_these_places_and_no_others():
    assert set(IN_FILE.values()) == PLACES.keys()


def test_the_docs_say_what_is_left_out():
    text = Path(ROOT, "docs/state-file.md").read_text()
    left_out = text.partition("## What is left out")[2].partition("\n## ")[0].lower()
    words = {*LEFT_OUT.values(), *LEFT_OUT_BESIDES} - {ACT}
    assert [word for word in sorted(words) if word.lower() not in left_out] == []


@pytest.mark.parametrize("place", sorted(PLACES))
def test_the_resource_of_a_place_is_that_of_the_api(place):
    """Its body is what the API's PUT or PATCH takes."""
    schema = api.get_openapi_schema(path_prefix="/")
    [path] = [path for path, found in IN_FILE.items() if found == place]
    name = PLACES[place][0].body.__name__
    operations = {re.sub(r"^/+", "/", key): value for key, value in schema["paths"].items()}[path]
    how = operations.get("put") or operations["patch"]
    body = how["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert body.rpartition("/")[2].removesuffix("Patch") == name


@pytest.mark.parametrize("place", sorted(PLACES))
def test_the_docs_name_each_place(place):
    text = Path(ROOT, "docs/state-file.md").read_text()
    assert f"`{place.rpartition('.')[2]}`" in text


def test_each_member_that_the_api_takes_is_told(everything, exported):
    """Of a server that has one of each."""
    state = exported()
    for place, (resource, _what) in PLACES.items():
        found = [state]
        for name in place.split("."):
            found = [row for told in found for row in _rows(told.get(name, []))]
        assert found, place
        for told in found:
            assert set(settable(resource.body)) - NOT_TOLD - told.keys() == set(), place


def _rows(told):
    return told if isinstance(told, list) else [told]
