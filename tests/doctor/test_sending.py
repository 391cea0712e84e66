import pytest

from mailadmin.tracing.sending import send_test
from tests.contract.world import PASSWORD
from tests.doctor.conftest import ADDRESS
from tests.servers import clients
from tests.servers.processes import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def through(server, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.smtp_port
    settings.DEFAULT_FROM_EMAIL = "postmaster@example.org"


def test_it_arrives_and_the_log_has_it_under_the_id_that_is_told(server, through):
    said = send_test(actor=None, address=ADDRESS)

    assert said.reply == f"250 2.0.0 Ok: queued as {said.queue_id}"
    server.postfix.wait_for_log(rf"{said.queue_id}: to=<{ADDRESS}>.*status=sent")

    def arrived():
        with clients.imap(server, ADDRESS, PASSWORD) as session:
            session.select()
            return session.search(None, "SUBJECT", '"Test message"')[1] != [b""]

    wait_until(arrived, "the message is there")


def test_nobody_is_refused_at_once(server, through):
    said = send_test(actor=None, address="zoe@example.org")

    assert said.queue_id == ""
    assert said.reply.startswith("550 5.1.1 <zoe@example.org>: Recipient address rejected:")
