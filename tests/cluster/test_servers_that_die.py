import smtplib

import pytest

from tests.cluster.load import DONE, UNAVAILABLE, Load, copies
from tests.servers.clients import send
from tests.servers.processes import wait_until


@pytest.mark.parametrize("number", [0, 1, 2])
def test_nothing_is_lost_or_doubled_when_a_node_dies(site, mail_server, crowd, number):
    node = site.nodes[number]
    before = copies(mail_server)
    # Postfix before 3.10 leaves a server alone for a minute that did not answer once.
    mail_server.postfix.reload()

    with Load(crowd, mail_server, f"node{number}") as load:
        load.go_on(5)
        node.kill()
        load.go_on(12)
        node.start(site.nodes)
        load.go_on(5)

    # What was said to be saved is there once, and nothing else is, but for what nobody could know.
    assert {*load.answers.values()} <= {DONE, UNAVAILABLE}
    rows = site.everywhere(
        "SELECT address FROM alias WHERE address LIKE %s ORDER BY address", [f"node{number}-%"]
    )
    stored = {address for (address,) in rows}
    assert stored - load.unsure == load.saved()
    logged = site.everywhere(
        "SELECT data FROM log WHERE action = 'create_alias' AND data LIKE %s ORDER BY data",
        [f"node{number}-%"],
    )
    assert logged == rows
    # Mail: all was taken at once, and each message is there as often as it has recipients.
    assert load.refusals == []
    mail_server.postfix.wait_until_delivered()
    assert copies(mail_server) == sorted(before + load.copies())
    assert "status=bounced" not in mail_server.postfix.log.read_text()


def test_a_node_that_lost_the_others_neither_saves_nor_bounces(site, mail_server, crowd):
    first, *others = site.nodes
    for node in others:
        node.kill()
    wait_until(lambda: first.status("wsrep_cluster_status") == "non-Primary", "the node is alone")

    health = site.stranger(site.panels[0])
    wait_until(lambda: health.get("/healthz").body == b"database away\n", "the balancer is told")
    assert crowd[0].get("/mailboxes/").status == UNAVAILABLE
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(mail_server, "joe@elsewhere.test", "ann@load.test")
    assert [code for code, _text in refusal.value.recipients.values()] == [451]

    # Somebody has to say that this one is the cluster now (docs/cluster.md).
    first.execute("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'")
    for node in others:
        node.start(site.nodes)
    for person in crowd:
        wait_until(lambda: person.get("/mailboxes/").status == 200, "the panel is back")  # noqa: B023
