import email
import json

import pytest

from tests.servers import clients
from tests.servers.processes import wait_until
from tests.webmail.roundcube import Webmail

pytestmark = pytest.mark.xdist_group("webmail")

BEN, SHOP = "ben@mill.example", "shop@mill.example"
JOE, EVE = "joe@elsewhere.test", "eve@elsewhere.test"


@pytest.fixture(scope="module")
def password(site):
    site.manage("domain", "add", "mill.example")
    made = json.loads(site.manage("mailbox", "add", BEN, "--generate", "--json"))
    site.manage("alias", "add", SHOP, BEN)
    return made["password"]


@pytest.fixture(scope="module")
def webmail(site, password, visitors):
    return Webmail(visitors, site.webmail_url, BEN).sign_in(password)


def answers(site, address):
    """What left for ``address``, as messages with their envelope sender."""
    return [
        (mail.sender, email.message_from_string(mail.text))
        for mail in site.mail_server.outside.received
        if mail.recipients == [address]
    ]


def wait_for_answers(site, address, count):
    wait_until(lambda: len(answers(site, address)) >= count, f"{count} answers to {address}")
    return answers(site, address)


def test_who_is_out_of_office_answers_each_sender_once_under_the_alias_too(webmail, password, site):
    said = webmail.set_out_of_office("Away", "Back in May.")
    assert said == "Out-of-office data saved successfully."

    for _number in range(2):
        subject = clients.send(site.mail_server, JOE, BEN)
        clients.wait_for(site.mail_server, BEN, password, subject)
    clients.send(site.mail_server, EVE, SHOP)
    [(sender, answer)] = wait_for_answers(site, EVE, 1)

    assert (sender, answer["Subject"], answer["To"]) == ("", "Away", f"<{EVE}>")
    assert answer["Auto-Submitted"].startswith("auto-replied")
    assert answer.get_payload().strip() == "Back in May."
    assert len(wait_for_answers(site, JOE, 1)) == 1


def test_who_is_back_answers_nobody_by_itself(webmail, password, site):
    webmail.set_out_of_office("Away", "Back in May.", on=False)
    before = len(answers(site, "kim@elsewhere.test"))
    subject = clients.send(site.mail_server, "kim@elsewhere.test", BEN)
    clients.wait_for(site.mail_server, BEN, password, subject)
    webmail.set_out_of_office("Away again", "Back in June.")
    clients.send(site.mail_server, "lee@elsewhere.test", BEN)
    wait_for_answers(site, "lee@elsewhere.test", 1)  # later, and so Kim's would be there

    assert len(answers(site, "kim@elsewhere.test")) == before


def test_a_filter_files_mail_and_spam_goes_to_junk_before_it(webmail, password, site):
    mail_server = site.mail_server
    webmail.file_everything_into("Trash")
    subject = clients.send(mail_server, "ann@elsewhere.test", BEN)
    with clients.smtp(mail_server, mail_server.smtp_port) as session:
        spam = f"To: <{BEN}>\r\nSubject: cheap\r\nX-Spam: Yes\r\n\r\nBuy\r\n"
        session.sendmail("spam@elsewhere.test", [BEN], spam)

    def there(folder):
        return clients.subjects(mail_server, BEN, password, folder)

    wait_until(lambda: "cheap" in there("Junk"), "spam in Junk")
    wait_until(lambda: subject in there("Trash"), "mail in Trash")
    assert "cheap" not in there("Trash") + there("INBOX")
    assert subject not in there("INBOX")
