"""End sessions on other machines, by the HTTP API of their doveadm. Each line of the file is a URL and its key, which opens everything there."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from refused import Refused

SECONDS = 10
BYTES = 1_000_000  # of an answer
NOBODY = 68  # is signed in by that name


def kick(file, mask):
    """On all of them; return what they say. Raises Refused if one of them did not do it: the others did."""
    hosts = listed(file)
    with ThreadPoolExecutor(len(hosts)) as pool:
        told = list(pool.map(lambda host: kick_at(*host, mask), hosts))
    failed = [reason for reason in told if reason]
    if failed:
        raise Refused("; ".join(failed))
    return ""


def listed(file):
    status = file.stat()
    if status.st_mode & 0o077:
        raise Refused(f"{file} may be read by others than root")
    lines = [line.split() for line in file.read_text().splitlines()]
    hosts = [tuple(words) for words in lines if words and not words[0].startswith("#")]
    if not hosts or not all(len(words) == 2 for words in hosts):
        raise Refused(f"{file} has not a URL and a key in each line")
    return hosts


def kick_at(url, key, mask):
    """Return why it was not done, or ""."""
    try:
        place = urlsplit(url)
        kind = {"http": HTTPConnection, "https": HTTPSConnection}[place.scheme]
        connection = kind(place.hostname, place.port, timeout=SECONDS)
        try:
            said = answer_of(connection, key, mask)
        finally:
            connection.close()
        [[word, told, _tag]] = said
        done = word == "doveadmResponse" or told.get("exitCode") == NOBODY
    except (OSError, HTTPException, ValueError, KeyError, AttributeError, TypeError) as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if done else f"{url}: {word} {told}"


def answer_of(connection, key, mask):
    secret = base64.b64encode(key.encode()).decode()
    headers = {"Authorization": f"X-Dovecot-API {secret}", "Content-Type": "application/json"}
    body = json.dumps([["kick", {"mask": [mask]}, "kick"]])
    connection.request("POST", "/doveadm/v1", body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise HTTPException(f"status {answer.status}")
    return json.loads(answer.read(BYTES))
