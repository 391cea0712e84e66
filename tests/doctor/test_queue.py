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


def test_mail_of_the_hours_without_the_database(slow, server):
    """It came while the database was away for those who deliver it, and waits though it is back."""
    slow.postfix.set(transport_maps=f"mysql:{slow.postfix.maps}/away.cf")
    text = (slow.postfix.maps / "domains.cf").read_text()
    away = slow.postfix.maps / "away.cf"
    away.write_text(text.replace("hosts = ", "hosts = inet:127.0.0.1:1\n#"))
    slow.postfix.reload()
    clients.send(server, OUTSIDE, ADDRESS)
    print(wait_for(slow))

    slow.postfix.set(transport_maps="")
    slow.postfix.reload()
    found = slow.found()
    print(found)
    slow.cure(found["queue-since-database-was-away"])
    slow.postfix.wait_until_delivered()
    assert slow.found() == {}
