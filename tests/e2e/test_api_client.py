"""A client that nobody wrote: made of the description that the panel serves, it sells, changes and ends a product."""

import subprocess
import sys
from contextlib import closing
from importlib import import_module

import pytest

from tests.servers import clients
from tests.servers.processes import ROOT

DOMAIN, ADDRESS = "sold.example", "ann@sold.example"
LISTED = "listed.example"
OWNER = "owner@customer.example"
PASSWORD = "tangerine-7-bicycle"
MB = 1_024_000
TOKEN = """
from accounts import tokens
from accounts.models import Admin
from panel.scoping import rights_of
admin = Admin.objects.filter(superadmin=True, active=True).first()
text = tokens.drawn()
tokens.make_token(actor=admin, token=text, name="Billing", rights=sorted(rights_of(admin)))
print(text)
"""

pytestmark = pytest.mark.xdist_group("mail")


class Client:
    """``client.domains.put_domain(...)``: the answer; its ``parsed`` is what the description says it is."""

    def __init__(self, package, url, token):
        self._package = package
        self._client = import_module(f"{package}.client").AuthenticatedClient(
            base_url=url, token=token, raise_on_unexpected_status=True
        )

    def model(self, model, **values):
        return getattr(import_module(f"{self._package}.models"), model)(**values)

    def call(self, group, operation, *arguments, **values):
        module = import_module(f"{self._package}.api.{group}.{operation}")
        return module.sync_detailed(*arguments, client=self._client, **values)

    def close(self):
        self._client.get_httpx_client().close()


@pytest.fixture(scope="module")
def client(panel, accounts, tmp_path_factory):
    directory = tmp_path_factory.mktemp("client")
    config = directory / "config.yml"
    config.write_text("post_hooks: []\n")
    said = subprocess.run(
        [
            ROOT / ".venv/bin/openapi-python-client",
            *("generate", "--url", f"{panel.url}/api/v1/openapi.json", "--meta", "none"),
            *("--output-path", directory / "panel_client", "--config", config),
            "--fail-on-warning",
        ],
        cwd=directory,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    token = panel.manage("shell", "-v", "0", "-c", TOKEN).strip()
    sys.path.insert(0, str(directory))
    with closing(Client("panel_client", panel.url, token)) as client:
        yield client
    sys.path.remove(str(directory))


def test_it_sells_suspends_changes_and_ends_a_domain(client, mail_server):
    body = client.model("DomainBody", description="Customer 1017", mailbox_limit=1)
    tried = client.call("domains", "put_domain", DOMAIN, body=body, dry_run=True)
    assert tried.status_code == 200
    assert client.call("domains", "get_domain", DOMAIN).status_code == 404

    made = client.call("domains", "put_domain", DOMAIN, body=body)
    again = client.call("domains", "put_domain", DOMAIN, body=body)
    assert (made.status_code, again.status_code) == (201, 200)
    assert (made.parsed.domain, made.parsed.mailbox_limit) == (DOMAIN, 1)

    owner = client.model("Administrator", domains=[DOMAIN], password=PASSWORD)
    assert client.call("administrators", "put_administrator", OWNER, body=owner).status_code == 201
    ann = client.model("MailboxBody", name="Ann", quota_bytes=10 * MB, password=PASSWORD)
    assert client.call("mailboxes", "put_mailbox", ADDRESS, body=ann).status_code == 201
    assert clients.may_imap(mail_server, ADDRESS, PASSWORD)

    refused = client.call("mailboxes", "put_mailbox", f"ben@{DOMAIN}", body=ann)
    assert refused.status_code == 422
    assert [error.pointer for error in refused.parsed.errors] == ["/domain"]

    def switch(active):
        patch = client.model("DomainBodyPatch", active=active)
        return client.call("domains", "patch_domain", DOMAIN, body=patch).status_code

    assert switch(False) == 200
    assert not clients.may_imap(mail_server, ADDRESS, PASSWORD)
    assert switch(True) == 200
    assert clients.may_imap(mail_server, ADDRESS, PASSWORD)

    package = client.model("DomainBodyPatch", mailbox_limit=5)
    seen = client.call("domains", "get_domain", DOMAIN)
    changed = client.call(
        "domains", "patch_domain", DOMAIN, body=package, if_match=seen.headers["ETag"]
    )
    late = client.call(
        "domains", "patch_domain", DOMAIN, body=package, if_match=seen.headers["ETag"]
    )
    assert (changed.status_code, changed.parsed.mailbox_limit, late.status_code) == (200, 5, 412)
    assert client.call("mailboxes", "put_mailbox", f"ben@{DOMAIN}", body=ann).status_code == 201

    usage = client.call("usage", "get_domain_usage", DOMAIN).parsed
    assert (usage.mailboxes, usage.allotted_bytes) == (2, 20 * MB)
    link = client.call("administrators", "make_administrator_sign_in_link", OWNER)
    assert link.status_code == 200
    assert link.parsed.url.startswith("http")

    ended = client.call("domains", "delete_domain", DOMAIN)
    assert ended.status_code == 204
    assert not clients.may_imap(mail_server, ADDRESS, PASSWORD)
    client.call("administrators", "delete_administrator", OWNER)


def test_it_reads_a_list_page_by_page_with_a_filter(client):
    body = client.model("DomainBody")
    client.call("domains", "put_domain", LISTED, body=body)
    names = [f"m{number}@{LISTED}" for number in range(5)]
    for name in names:
        ann = client.model("MailboxBody", password=PASSWORD)
        assert client.call("mailboxes", "put_mailbox", name, body=ann).status_code == 201

    found, after = [], {}
    while True:
        page = client.call("mailboxes", "list_mailboxes", domain=LISTED, limit=2, **after).parsed
        found += [row.address for row in page.items]
        if page.next_ is None:
            break
        after = {"after": found[-1]}
    assert found == names

    client.call("domains", "delete_domain", LISTED)
