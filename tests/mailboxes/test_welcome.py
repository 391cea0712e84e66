from django.core import mail

from mailboxes.welcome import send_welcome


def test_the_welcome_mail_says_that_no_vacation_program_should_answer(example_org, add_mailbox):
    assert send_welcome(add_mailbox("joe@example.org")) is True

    [message] = mail.outbox
    assert message.message()["Auto-Submitted"] == "auto-generated"  # RFC 3834
    assert message.to == ["joe@example.org"]
