"""Keys of passkeys as MariaDB compares them, and one answer sent several times at once: threads with connections of their own."""

import pytest
from django.db import IntegrityError

from accounts import factors
from accounts.models import Passkey
from tests.accounts.test_passkeys import added, fresh, shown, signs_in
from tests.authenticator import Device
from tests.test_concurrency_on_mariadb import ROUNDS, at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def joe(add_mailbox, add_domain):
    add_domain("example.org")
    return add_mailbox("joe@example.org")


@pytest.mark.parametrize("counts", [True, False])
def test_an_answer_sent_four_times_at_once_is_taken_once(counts, joe):
    device = added(joe, Device(counts=counts))
    for _round in range(ROUNDS):
        answer, account = shown(joe, device), fresh(joe)

        outcome = at_once(*[lambda a=account, t=answer: factors.use(a, t)] * 4)

        assert outcome == ["done", "wrong_code", "wrong_code", "wrong_code"]


def test_ids_are_told_apart_byte_for_byte_at_any_length(joe):
    devices = [Device() for _number in range(3)]
    ends = [b"\x69\xb7\x1d", b"\x69\xb7\x1c", b"\xff\x00\x80"]
    for device, end in zip(devices, ends, strict=True):
        device.credential = b"\x00" * 1_020 + end
        added(joe, device, code=shown(joe, devices[0]) if device is not devices[0] else "")

    assert [signs_in(device) for device in devices] == [joe] * 3
    with pytest.raises(IntegrityError):
        Passkey.objects.create(digest=Passkey.objects.first().digest, name="twice")
