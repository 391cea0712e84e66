import pytest
from django.conf import settings

from domains.models import SenderRule

MB = settings.QUOTA_MULTIPLIER


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox("joe@example.org", quota=100 * MB)


@pytest.fixture
def rules(db):
    SenderRule.objects.create(sender="bad.example", action="REJECT", text="Not from there")
    SenderRule.objects.create(sender="friend@bad.example", action="OK")
    SenderRule.objects.create(sender="slow.example", action="DEFER")
