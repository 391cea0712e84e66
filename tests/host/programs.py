WEBMAIL = "webmail.example.org"

# As 199 other domains have them, and then one for ours: as many lists, and as long, as Postfix is set up for.
FULL_LISTS = """
from domains.models import Domain, DomainSenderRule
from domains.sender_lists import LISTS
from domains.sender_services import set_domain_sender_rule
from domains.senders import MOST_OF_DOMAIN
DomainSenderRule.objects.bulk_create(
    DomainSenderRule(domain=f"d{n}.test", list_number=n, sender=f"s{m}.test", action="REJECT")
    for n in range(1, LISTS) for m in range(MOST_OF_DOMAIN)
)
rule = set_domain_sender_rule(
    actor=None, domain=Domain.objects.get(pk="example.org"), sender="bad.test", action="REJECT", text="Not from there"
)
print(rule.list_number, DomainSenderRule.objects.count())
"""
OFFER = """
with smtplib.SMTP("192.0.2.25", 25) as smtp:
    for sender in ("joe@bad.test", "joe@sub.bad.test", "joe@good.test", "joe@s1.test"):
        smtp.ehlo()
        smtp.mail(sender)
        print(*smtp.rcpt("ann@example.org")[:1], smtp.rcpt("postmaster@example.org")[0])
        smtp.rset()
"""
# {password} is for whoever runs it.
SIGN_IN = f"""
import http.cookiejar, re, urllib.parse
jar = http.cookiejar.CookieJar()
browser = web.build_opener(web.HTTPSHandler(context=context), web.HTTPCookieProcessor(jar))
form = browser.open("https://{WEBMAIL}/").read().decode()
token = re.search(r'name="_token" value="([^"]+)"', form)[1]
fields = dict(_token=token, _task="login", _action="login", _timezone="UTC", _url="", _user="ann@example.org", _pass={{password!r}})
try:
    answer = browser.open("https://{WEBMAIL}/?_task=login", urllib.parse.urlencode(fields).encode())
    page = answer.read().decode()
    print(answer.status, re.search("_task=[a-z]+", answer.url)[0])
except web.HTTPError as error:
    print(error.code)
"""
# A certificate that signs itself, in place of Postfix's; {name} and {days} are for whoever runs it.
ENDING = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
key = serialization.load_pem_private_key(Path("/etc/mailadmin/tls/privkey.pem").read_bytes(), None)
name, now = x509.Name.from_rfc4514_string("CN={name}"), datetime.now(UTC)
made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
made = made.serial_number(1).not_valid_before(now - timedelta(days=80)).not_valid_after(now + timedelta(days={days}))
names = [x509.DNSName("{name}"), x509.DNSName("webmail.example.org")]
made = made.add_extension(x509.SubjectAlternativeName(names), False).sign(key, hashes.SHA256())
Path("/etc/mailadmin/tls/fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
"""
# A server that does not like where mail comes from.
DISTRUSTFUL = """
import socketserver
class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mx.one.test ESMTP\\r\\n")
        for line in self.rfile:
            refused = line.upper().startswith(b"RCPT")
            self.wfile.write(b"450 4.7.1 client [192.0.2.25] blocked using list.test\\r\\n" if refused else b"250 ok\\r\\n")
with socketserver.ThreadingTCPServer(("192.0.2.9", 25), Session) as server:
    print("on", flush=True)
    server.serve_forever()
"""
# The one message that is put off came seven hours ago.
EARLIER = """
import glob, re
[file] = glob.glob("/var/spool/postfix/deferred/*/*")
with open(file, "r+b") as message:
    content = message.read()
    at = re.search(rb"T.(\\d{10}) ", content)
    message.seek(at.start(1))
    message.write(b"%d" % (int(at[1]) - 7 * 3600))
"""
# {password} and {count} are for whoever runs it.
MANY = """
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {password!r})
    for number in range({count}):
        smtp.sendmail("ann@example.org", [f"joe{{number}}@one.test"], "From: ann@example.org\\r\\n\\r\\nbuy\\r\\n")
"""
# One message to thirty people elsewhere. {password} is for whoever runs it.
TO_MANY = """
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {password!r})
    joes = [f"joe{{number}}@one.test" for number in range(30)]
    smtp.sendmail("ann@example.org", joes, "From: ann@example.org\\r\\n\\r\\nbuy\\r\\n")
"""
# What Postfix wrote an hour ago: more than is read at once.
OLD_LINES = """
import time
at = time.strftime("%b %e %H:%M:%S", time.localtime(time.time() - 3600))
with open("{log}", "a") as file:
    file.writelines(f"{{at}} mail postfix/smtpd[9]: connect from unknown[192.0.2.9]\\n" for _ in range(200_000))
"""
# In place of the kernel's clock, which is the real machine's: kept once there is that file.
CLOCK = """
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>
int adjtimex(struct timex *told) {
    memset(told, 0, sizeof *told);
    told->status = access("/run/clock-is-kept", F_OK) ? STA_UNSYNC : 0;
    return 0;
}
"""
# By which protocols a password opens a mailbox. {address} and {password} are for whoever runs it.
WAYS_IN = r"""
import base64, poplib, re
address, password = {address!r}, {password!r}
def imap():
    with imaplib.IMAP4_SSL("192.0.2.25", 993, ssl_context=context) as session:
        session.login(address, password)
def pop3():
    session = poplib.POP3_SSL("192.0.2.25", 995, context=context)
    session.user(address)
    session.pass_(password)
    session.quit()
def smtp():
    with smtplib.SMTP("192.0.2.25", 587) as session:
        session.starttls(context=context)
        session.login(address, password)
def sieve():
    def answer(line):
        said = b""
        while not re.search(rb"(?m)^(OK|NO|BYE)\b.*\r\n", said):
            said += line.recv(4096)
        return re.search(rb"(?m)^(OK|NO|BYE)\b", said)[0]
    with socket.create_connection(("192.0.2.25", 4190)) as line:
        answer(line)
        line.sendall(b"STARTTLS\r\n")
        answer(line)
        with context.wrap_socket(line) as tls:
            answer(tls)
            plain = base64.b64encode("\0".join(["", address, password]).encode()).decode()
            tls.sendall(b'AUTHENTICATE "PLAIN" "' + plain.encode() + b'"\r\n')
            if answer(tls) != b"OK":
                raise imaplib.IMAP4.error("AUTHENTICATIONFAILED")
for way in (imap, pop3, smtp, sieve):
    try:
        way()
        print(way.__name__)
    except (poplib.error_proto, smtplib.SMTPAuthenticationError):
        pass
    except imaplib.IMAP4.error as error:
        if "AUTHENTICATIONFAILED" not in str(error):
            raise
"""
