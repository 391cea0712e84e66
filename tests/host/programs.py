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
