import json

import pytest
import yaml
from django.core.management import CommandError

from tests.commands.conftest import run as run

# One of each, and all that one of each has. Two domains that lack something of each other.
EVERYTHING = """
mailadmin: 1
domains:
- domain: example.org
  relay_host: {server: "[smtp.example.net]:587", login: shop, password: geranium-4-window, spf_include: spf.example.net}
  own_addresses_limit: {most: 3}
  mailboxes:
  - address: ann@example.org
    name: Ann Lee
    password: tangerine-7-bicycle
    app_only: true
    pop3: false
    forwarding: {targets: [ann@elsewhere.example], keep_copy: true}
    away_message: {subject: Back on Monday, text: I am away., first_day: 2036-08-01, last_day: 2036-08-14, every_days: 3}
    last_day: {last_day: 2036-12-31, then: lead, forward_to: bob@other.net, forward_days: 9}
    own_addresses_limit: {most: 0}
  - {address: eve@example.org, password: tangerine-7-bicycle}
  aliases:
  - address: sales@example.org
    targets: [ann@example.org]
    access: moved
    access_text: shop@other.net
    last_day: {last_day: 2036-05-05, then: delete}
  alias_domains:
  - alias_domain: old.example
  shares:
  - {mailbox: ann@example.org, person: bob@other.net, may_write: false}
  - {mailbox: ann@example.org, person: eve@example.org, send_as: false}
  send_as:
  - {mailbox: ann@example.org, sender: "@other.net"}
  copies:
  - {address: "@example.org", direction: to, copy_to: bob@other.net}
  - {address: ann@example.org, direction: from, copy_to: archive@elsewhere.example}
  sender_rules:
  - {sender: worse.example, action: reject, text: Not from here}
  fetches:
  - {mailbox: ann@example.org, server: imap.example.net, login: Ann, password: geranium-4-window}
  - {mailbox: ann@example.org, server: imap.example.net, login: Ann, folder: Lists, password: geranium-4-window, port: 1993, keep: false}
- domain: other.net
  mailboxes:
  - {address: bob@other.net, password: tangerine-7-bicycle}
  send_as:
  - {mailbox: bob@other.net, sender: sales@example.org}
- domain: old.example
sender_rules:
- {sender: bad.example, action: defer, text: Later}
administrators:
- {username: it@example.org, domains: [example.org], password: tangerine-7-bicycle}
"""


@pytest.fixture
def offered(settings):
    """The server fetches mail and answers for who is away."""
    settings.FETCHMAIL_TO = "127.0.0.1:10025"
    settings.AWAY_MESSAGES = True


@pytest.fixture
def everything(offered, apply, db):
    assert apply(EVERYTHING)[0] == 0
    return yaml.safe_load(EVERYTHING)


@pytest.fixture
def exported(run):
    """``exported()`` returns what `export` writes, as a dictionary."""

    def read(*arguments):
        return json.loads(run("export", "--format", "json", *arguments))

    return read


@pytest.fixture
def apply(run, tmp_path):
    """``apply(state, "--prune")`` returns the exit status and what was printed."""

    def act(state, *options):
        path = tmp_path / "state.json"
        path.write_text(state if isinstance(state, str) else json.dumps(state))
        try:
            return 0, run("apply", str(path), *options).splitlines()
        except SystemExit as stopped:
            return stopped.code, run.screen.splitlines()
        except CommandError as error:
            return error.returncode, [*run.screen.splitlines(), *str(error).splitlines()]

    return act
