import pytest

from mailadmin.deliveries.files import FileLog
from mailadmin.deliveries.follower import Follower
from tests.deliveries.lines import Log


@pytest.fixture(autouse=True)
def log_is_followed(settings, tmp_path):
    settings.DELIVERY_LOGS = [str(tmp_path / "mail.log")]


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "mail.log")


@pytest.fixture
def follow(log, db):
    """``follow()``: as one run of the command, from what is stored."""

    def run(path=log.path):
        follower = Follower([FileLog(path)], "here")
        follower.run(follow=False)

    return run
