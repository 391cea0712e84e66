import base64
import hashlib

from accounts.passwords import verify_password
from tests.accounts.test_passwords import RAW


def test_digest_md5_hashes_the_login_name_too():
    """``doveadm pw -s DIGEST-MD5 -u ann@example.org`` wrote it; parted at the first @, as Dovecot does."""
    digest = hashlib.md5(f"ann:example.org:{RAW}".encode())
    for stored in (
        f"{{DIGEST-MD5}}{digest.hexdigest()}",
        f"{{DIGEST-MD5.HEX}}{digest.hexdigest()}",
        "{DIGEST-MD5.B64}" + base64.b64encode(digest.digest()).decode(),
    ):
        assert verify_password(RAW, stored, "ann@example.org")[0] is True
        assert verify_password("x" + RAW, stored, "ann@example.org") == (False, None)
        assert verify_password(RAW, stored, "bob@example.org") == (False, None)
        assert verify_password(RAW, stored) == (False, None)
    assert verify_password(RAW, "{DIGEST-MD5}00", "ann@example.org") == (False, None)


def test_who_has_a_digest_md5_signs_in_and_gets_a_better_hash(client, example_org, add_mailbox):
    digest = hashlib.md5(f"ann:example.org:{RAW}".encode()).hexdigest()
    mailbox = add_mailbox("ann@example.org")
    type(mailbox).objects.update(password=f"{{DIGEST-MD5}}{digest}")

    answer = client.post("/login/", {"username": "ann@example.org", "password": RAW})

    assert answer.status_code == 302
    assert type(mailbox).objects.get().password.startswith("{SHA512-CRYPT}$6$")
