from tests.host.facts import PASSWORD, python


def read(machine, subject, folder="INBOX"):
    code = f"""
import sys, time
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login("ann@example.org", {PASSWORD!r})
    for _ in range(300):
        imap.select({folder!r}, readonly=True)
        [found] = imap.search(None, "SUBJECT", '"{subject}"')[1]
        if found:
            break
        time.sleep(0.1)
    sys.stdout.write(imap.fetch(found.split()[0], "(BODY[])")[1][0][1].decode())
"""
    return python(machine, code).replace("\r\n", "\n")


def from_outside(machine, sender, recipient, subject):
    code = f"""
with smtplib.SMTP("192.0.2.25", 25) as smtp:
    smtp.sendmail({sender!r}, [{recipient!r}], "From: {sender}\\nSubject: {subject}\\n\\nhello\\n")
"""
    python(machine, code, elsewhere=True)


def as_ann(machine, recipient, subject):
    code = f"""
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {PASSWORD!r})
    smtp.sendmail("ann@example.org", [{recipient!r}], "From: ann@example.org\\r\\nSubject: {subject}\\r\\n\\r\\nhello\\r\\n")
"""
    python(machine, code)
