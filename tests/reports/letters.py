"""Reports as receivers write them, and messages around them."""

import json
import zipfile
from email.message import EmailMessage
from io import BytesIO

BEGIN, END = 1_795_737_600, 1_795_823_999  # 27 November 2026
DAY = "2026-11-27"

RECORD = """  <record>
    <row>
      <source_ip>{ip}</source_ip>
      <count>{count}</count>
      <policy_evaluated>
        <disposition>{disposition}</disposition>
        <dkim>{dkim}</dkim>
        <spf>{spf}</spf>
      </policy_evaluated>
    </row>
    <identifiers><header_from>example.org</header_from></identifiers>
    <auth_results>
      <dkim><domain>{signer}</domain><selector>s1</selector><result>{signed}</result></dkim>
      <spf><domain>{signer}</domain><result>{signed}</result></spf>
    </auth_results>
  </record>
"""


def record(
    ip, count, dkim="pass", spf="pass", disposition="none", signer="example.org", signed="pass"
):
    return RECORD.format(**locals())


OURS = record("192.0.2.1", 40)
FORGED = record("203.0.113.7", 3, "fail", "fail", "reject", "forger.example", "fail")


def dmarc(
    *records, domain="example.org", number="1", org="google.com", begin=BEGIN, end=END, head=""
):
    """In the form of RFC 7489, as most write it."""
    return f"""<?xml version="1.0" encoding="UTF-8" ?>
{head}<feedback>
  <report_metadata>
    <org_name>{org}</org_name>
    <email>noreply-dmarc-support@google.com</email>
    <extra_contact_info>https://support.google.com/a/answer/2466580</extra_contact_info>
    <report_id>{number}</report_id>
    <date_range><begin>{begin}</begin><end>{end}</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>{domain}</domain><adkim>r</adkim><aspf>s</aspf><p>none</p><sp>none</sp><pct>100</pct>
  </policy_published>
{"".join(records or (OURS, FORGED))}</feedback>
""".encode()


def dmarc_bis(number="bis-1", domain="example.org"):
    """In the form of RFC 9990: a namespace, other elements, one more disposition."""
    return f"""<?xml version="1.0"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <version>1.0</version>
  <report_metadata>
    <org_name>Sample Reporter</org_name>
    <email>report_sender@example-reporter.example</email>
    <report_id>{number}</report_id>
    <date_range><begin>{BEGIN}</begin><end>{END}</end></date_range>
    <generator>Reporter 2.1</generator>
  </report_metadata>
  <policy_published>
    <domain>{domain}</domain><discovery_method>treewalk</discovery_method>
    <p>quarantine</p><np>reject</np><testing>n</testing><fo>1</fo>
  </policy_published>
  <record>
    <row>
      <source_ip>2001:0DB8::0:1</source_ip><count>123</count>
      <policy_evaluated>
        <disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf>
        <reason><type>other</type><comment>none</comment></reason>
      </policy_evaluated>
    </row>
    <identifiers><envelope_from>bounces.example</envelope_from><header_from>example.org</header_from></identifiers>
    <auth_results>
      <dkim><domain>other.example</domain><result>fail</result></dkim>
      <dkim><domain>example.org</domain><selector>abc</selector><result>pass</result></dkim>
      <spf><domain>bounces.example</domain><scope>mfrom</scope><result>fail</result></spf>
    </auth_results>
    <extension><x:own xmlns:x="urn:x"><x:count>7</x:count></x:own></extension>
  </record>
</feedback>
""".encode()


def tls(*policies, number="tls-1", org="Company-X", day=DAY):
    return json.dumps(
        {
            "organization-name": org,
            "date-range": {
                "start-datetime": f"{day}T00:00:00Z",
                "end-datetime": f"{day}T23:59:59Z",
            },
            "contact-info": "sts-reporting@company-x.example",
            "report-id": number,
            "policies": list(policies or [tls_policy()]),
        }
    ).encode()


def tls_policy(domain="example.org", good=5326, details=None, kind="sts"):
    details = DETAILS if details is None else details
    bad = sum(detail["failed-session-count"] for detail in details)
    return {
        "policy": {
            "policy-type": kind,
            "policy-string": ["version: STSv1", "mode: testing"],
            "policy-domain": domain,
            "mx-host": ["*.mail.example.org"],
        },
        "summary": {"total-successful-session-count": good, "total-failure-session-count": bad},
        "failure-details": details,
    }


DETAILS = [
    {
        "result-type": "certificate-expired",
        "sending-mta-ip": "2001:db8:abcd:0012::1",
        "receiving-mx-hostname": "mx1.mail.example.org",
        "failed-session-count": 100,
    },
    {
        "result-type": "starttls-not-supported",
        "sending-mta-ip": "2001:db8:abcd:0013::1",
        "receiving-mx-hostname": "mx2.mail.example.org",
        "receiving-ip": "203.0.113.56",
        "failed-session-count": 200,
        "additional-information": "https://reports.company-x.example/report_info?id=5065427",
    },
]


def zipped(*documents, name="google.com!example.org!1!2.xml", method=zipfile.ZIP_DEFLATED):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for number, document in enumerate(documents):
            archive.writestr(f"{number}{name}", document)
    return packed.getvalue()


def numbered(_value):
    """For ``ids=``: what is packed anew has other bytes in each process, and some of it is long."""
    return "case"


def message(*attachments, kind="application/zip", text="Here is your report."):
    letter = EmailMessage()
    letter["From"] = "noreply-dmarc-support@google.com"
    letter["To"] = "dmarc-reports@mail.example.org"
    letter["Subject"] = "Report domain: example.org Submitter: google.com Report-ID: 1"
    letter.set_content(text)
    maintype, _slash, subtype = kind.partition("/")
    for attachment in attachments:
        letter.add_attachment(attachment, maintype=maintype, subtype=subtype, filename="report")
    return letter.as_bytes()
