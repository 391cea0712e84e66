"""A log file is followed without gap and without double, whatever happens to the file and to the follower."""

import os
import shutil

import pytest

from domains.deliveries import Delivery, DeliveryDay, LogPosition
from mailadmin.deliveries.files import FileLog
from mailadmin.deliveries.follower import Follower
from mailadmin.deliveries.writing import Taken


@pytest.fixture(autouse=True)
def domains(example_org):
    pass


def delivered():
    return list(Delivery.objects.order_by("pk").values_list("queue_id", flat=True))


def some(log, number=3):
    return [log.delivers() for _ in range(number)]


def test_each_line_is_read_once(log, follow):
    first = some(log)
    follow()
    follow()
    second = some(log)
    follow()

    assert delivered() == first + second
    assert DeliveryDay.objects.get(domain="example.org").incoming == 6


def test_half_a_line_waits_for_its_end(log, follow):
    queue_id = log.comes_in()
    log.saved(queue_id, "ann@example.org")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-40])
    follow()
    assert delivered() == []

    log.path.write_bytes(whole)
    follow()

    assert delivered() == [queue_id]


def test_a_file_that_is_renamed(log, follow):
    first = some(log)
    follow()
    second = some(log)
    log.path.rename(log.path.with_name("mail.log.1"))
    log.path.touch()
    third = some(log)

    follow()

    assert delivered() == first + second + third


def test_a_file_that_is_copied_and_emptied(log, follow):
    first = some(log)
    follow()
    second = some(log)
    shutil.copy(log.path, log.path.with_name("mail.log.1"))
    os.truncate(log.path, 0)
    third = some(log, 9)  # longer than before

    follow()

    assert delivered() == first + second + third


def test_a_file_that_was_rotated_twice(log, follow):
    first = some(log)
    follow()
    second = some(log)
    log.path.rename(log.path.with_name("mail.log.2"))
    log.path.touch()
    third = some(log)
    log.path.rename(log.path.with_name("mail.log.1"))
    log.path.touch()
    fourth = some(log)
    os.utime(log.path.with_name("mail.log.2"), (1, 1))

    follow()

    assert delivered() == first + second + third + fourth


def test_a_renamed_file_is_written_to_until_the_new_one_has_lines(log, follow):
    first = some(log)
    follow()
    old = log.path.with_name("mail.log.1")
    log.path.rename(old)
    (new := log.path).touch()
    log.path = old
    second = some(log)
    follow()
    third = some(log)  # Postfix was not told yet
    follow()
    log.path = new
    fourth = some(log)

    follow()

    assert delivered() == first + second + third + fourth


def test_an_empty_file_that_is_filled_and_rotated(log, follow):
    follow()
    first = some(log)
    log.path.rename(log.path.with_name("mail.log.1"))
    log.path.touch()
    second = some(log)

    follow()

    assert delivered() == first + second


def test_a_file_that_is_gone_comes_back(log, follow):
    first = some(log)
    follow()
    log.path.unlink()
    follow()
    log.second = 5
    second = some(log)

    follow()

    assert delivered() == first + second


def test_a_log_that_is_not_there_yet(log, follow):
    log.path.unlink()
    follow()
    first = some(log)

    follow()

    assert delivered() == first


def test_after_lines_were_lost_the_next_ones_of_the_same_second_are_read(log, db):
    first = some(log)
    follower = Follower([FileLog(log.path)], "here")
    follower.run(follow=False)
    log.path.unlink()
    log.path.touch()
    log.second = 5
    second = some(log)
    follower.run(follow=False)
    third = some(log)  # in the second of the line that was read last
    log.second = 4
    fourth = some(log)  # Dovecot's clock and Postfix's are not one

    follower.run(follow=False)

    assert delivered() == first + second + third + fourth


def test_the_last_line_of_a_renamed_file_may_come_after_its_end_was_read(log, db):
    old, new = log.path.with_name("mail.log.1"), log.path
    late = []

    class JustBeforeTheNewOne(FileLog):
        def _go_on(self, path, end):
            if path == old and not late:
                log.path = old
                late.extend(some(log, 1))
            return super()._go_on(path, end)

    first = some(log)
    follower = Follower([JustBeforeTheNewOne(log.path)], "here")
    follower.step()
    new.rename(old)
    second = some(log)

    follower.run(follow=False)

    assert delivered() == first + late + second


def test_what_is_not_committed_is_read_again(log, db, monkeypatch):
    first = some(log)
    follower = Follower([FileLog(log.path)], "here")

    def fails(*arguments):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("mailadmin.deliveries.writing._store_open", fails)  # the last act but one
        with pytest.raises(RuntimeError):
            follower.step()
    assert delivered() == []

    follower.run(follow=False)

    assert delivered() == first


def test_a_second_follower_of_a_machine_is_noticed_before_it_stores_anything(log, follow):
    some(log)
    one, other = (Follower([FileLog(log.path)], "here") for _ in range(2))
    one.begin()
    other.begin()
    one.step()

    with pytest.raises(Taken):
        other.step()

    assert len(delivered()) == 3


def test_two_machines_have_a_position_each(log, follow):
    some(log)
    Follower([FileLog(log.path)], "one").run(follow=False)
    Follower([FileLog(log.path)], "two").run(follow=False)

    assert LogPosition.objects.count() == 2
