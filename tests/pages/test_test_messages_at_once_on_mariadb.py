from threading import Barrier, Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import LogEntry
from mailadmin.tracing.sending import MOST, note_test

pytestmark = pytest.mark.django_db(transaction=True)


def test_many_at_once_are_no_more_than_one_may_send(example_org, make_admin):
    admin = make_admin("it@panel.example", domains=["example.org"])
    for _number in range(MOST - 1):
        note_test(actor=admin, address="joe@example.org")
    together, answers = Barrier(8), []

    def ask():
        try:
            connection.ensure_connection()
            together.wait(20)
            note_test(actor=admin, address="joe@example.org")
            answers.append("sent")
        except ValidationError as error:
            answers.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=ask) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(answers) == ["sent"] + 7 * ["throttled"]
    assert LogEntry.objects.filter(action="send_test").count() == MOST
