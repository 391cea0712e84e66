from accounts import letters


def send_welcome(mailbox, **backend_options):
    """Send the welcome mail to a new mailbox; return whether the mail server took it.

    Call it after COMMIT: before that, Postfix refuses the address. A failure is logged and never
    raised, because the mailbox exists anyway.
    """
    return letters.send("welcome", mailbox, [mailbox.pk], backend_options=backend_options)
