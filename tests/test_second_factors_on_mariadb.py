"""A code of a second factor that is sent twice at once is taken once: threads with connections of their own."""

import time

import pyotp
import pytest

from accounts import factors, totp
from accounts.models import RecoveryCode, SecondFactor
from mailboxes.models import Mailbox
from tests.test_concurrency_on_mariadb import ROUNDS, at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def joe(add_mailbox, add_domain):
    add_domain("example.org")
    return add_mailbox("joe@example.org")


@pytest.mark.parametrize("known", [True, False])
def test_a_code_sent_four_times_at_once_is_taken_once(known, joe, monkeypatch):
    now = int(time.time())
    monkeypatch.setattr("accounts.totp.time.time", lambda: now)
    for number in range(ROUNDS):
        secret = pyotp.random_base32()
        Mailbox.objects.update(totp_secret=totp.encrypted(secret))
        SecondFactor.objects.all().delete()
        if known:
            SecondFactor.objects.create(kind="mailbox", username=joe.pk, last_step=number)
        code = pyotp.TOTP(secret).at(now)

        outcome = at_once(*[lambda code=code: factors.use(joe, code)] * 4)

        assert outcome == ["done", "wrong_code", "wrong_code", "wrong_code"]
        assert SecondFactor.objects.get().last_step == now // 30


def test_a_recovery_code_sent_four_times_at_once_is_taken_once(joe):
    Mailbox.objects.update(totp_secret=totp.encrypted(pyotp.random_base32()))
    for number in range(ROUNDS):
        code = f"abcd-efgh-jkmn-pqr{number}"
        RecoveryCode.objects.create(kind="mailbox", username=joe.pk, digest=totp.digest(code))

        outcome = at_once(*[lambda code=code: factors.use(joe, code)] * 4)

        assert outcome == ["done", "wrong_code", "wrong_code", "wrong_code"]
    assert RecoveryCode.objects.count() == 0
