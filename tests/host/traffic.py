"""What the world does with a mail host: python3 traffic.py LOGIN PASSWORD

Mail from outside on port 25 and from a user on 587, and sign-ins by IMAP, again and again; a line for each answer.
A message that was not taken is offered again, with the same Message-ID, as servers and people do.
"""

import imaplib
import itertools
import smtplib
import ssl
import sys
import threading
import time

CONTEXT = ssl._create_unverified_context()
LOGIN, PASSWORD = sys.argv[1:]
EVERYBODY = f"everybody@{LOGIN.partition('@')[2]}"


def offer(port, name):
    sender = "someone@outside.test" if port == 25 else LOGIN
    with smtplib.SMTP("192.0.2.25", port, timeout=20) as smtp:
        if port == 587:
            smtp.starttls(context=CONTEXT)
            smtp.login(LOGIN, PASSWORD)
        smtp.sendmail(sender, [EVERYBODY], f"Message-ID: <{name}>\nSubject: hello\n\nhello\n")


def send(port):
    for number in itertools.count():
        name = f"{port}-{number}@traffic.test"
        while True:
            try:
                offer(port, name)
            except (smtplib.SMTPException, OSError) as error:
                answer = (getattr(error, "smtp_code", 0), getattr(error, "smtp_error", b""))
                if hasattr(error, "recipients"):
                    answer = next(iter(error.recipients.values()))
                print(f"{port} refused {answer[0]} {answer[1].decode()!r}", flush=True)
                time.sleep(0.3)
            else:
                print(f"{port} taken {name}", flush=True)
                break
        time.sleep(0.1)


def sign_in():
    while True:
        try:
            with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=CONTEXT, timeout=180) as imap:
                imap.login(LOGIN, PASSWORD)
            print("imap in", flush=True)
        except imaplib.IMAP4.error as error:
            print(f"imap refused {error}", flush=True)
        except OSError as error:
            print(f"imap away {error}", flush=True)
        time.sleep(0.3)


for act, arguments in [(send, (25,)), (send, (587,)), (sign_in, ())]:
    threading.Thread(target=act, args=arguments, daemon=True).start()
time.sleep(600)
