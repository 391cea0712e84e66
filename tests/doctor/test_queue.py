"""Mail that waits, and why: real mail in Postfix's queue."""

import pytest

from mailadmin.doctor.host import Host
from tests.doctor.conftest import ADDRESS
from tests.servers import clients
from tests.servers.processes import wait_until

pytestmark = pytest.mark.django_db
OUTSIDE = "joe@outside.test"


@pytest.fixture
def slow(patient):
    """What waits is not tried again by itself."""
    times = dict.fromkeys(["minimal_backoff_time", "maximal_backoff_time", "queue_run_delay"], "1h")
    patient.postfix.set(**times)
    patient.postfix.reload()
    yield patient
    patient.postfix.drop_queue()


def wait_for(patient, number=1):
    def deferred():
        queue = Host().part("queue")
        return queue["deferred"] >= number and queue

    return wait_until(deferred, f"{number} are deferred")


def lookups_fail(postfix):
    """The map of transports leads to a database that is away."""
    away = postfix.maps / "away.cf"
    text = (postfix.maps / "domains.cf").read_text()
    away.write_text(text.replace("hosts = ", "hosts = inet:127.0.0.1:1\n#"))
    away.chmod(0o640)
    return f"mysql:{away}"


def test_mail_that_waits_since_the_database_was_away(slow, server):
    """Taken before, it waits on though the database is back."""
    slow.postfix.set(defer_transports="lmtp")
    slow.postfix.reload()
    clients.send(server, OUTSIDE, ADDRESS)
    wait_for(slow)
    slow.postfix.set(defer_transports="", transport_maps=lookups_fail(slow.postfix))
    slow.postfix.reload()

    def failed():
        slow.postfix.flush()
        return [reason for reason, _count in Host().part("queue")["reasons"] if "failure" in reason]

    assert wait_until(failed, "a look-up fails") == []
    slow.postfix.set(transport_maps="")
    slow.postfix.reload()
    slow.cure(slow.found()["queue-since-database-was-away"])
    slow.postfix.wait_until_delivered()
    assert slow.found() == {}


def test_a_postfix_that_is_down(patient):
    patient.postfix.stop()

    finding = patient.found()["postfix-down"]
    assert "mail-waits" in {name for names, _why in patient.look().unseen for name in names}
    patient.cure(finding)
    assert patient.found() == {}
