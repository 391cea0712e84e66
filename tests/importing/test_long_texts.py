import pytest

from accounts.passwords import hash_password
from panel.addresses import MAX_TYPED
from tests.commands.test_long_texts import LONG


@pytest.mark.parametrize("long", LONG, ids=range(len(LONG)))
@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("postfix-accounts.cf", "{long}|{secret}"),
        ("postfix-virtual.cf", "{long} ann@example.org"),
        ("postfix-virtual.cf", "info@example.org {long}"),
        ("dovecot-quotas.cf", "{long}:1M"),
    ],
)
def test_a_line_of_a_directory(long, file, line, run, tmp_path, password, longest):
    secret = hash_password(password)
    (tmp_path / "postfix-accounts.cf").write_text(f"ann@example.org|{secret}\n")
    with (tmp_path / file).open("a") as lines:
        lines.write(line.format(long=long, secret=secret) + "\n")

    run("docker-mailserver", tmp_path, "--dry-run")

    assert longest() <= MAX_TYPED


@pytest.mark.parametrize("long", LONG, ids=range(len(LONG)))
@pytest.mark.parametrize("attribute", ["mail", "cn", "shadowAddress", "mailForwardingAddress"])
def test_an_attribute_of_an_entry(long, attribute, run, tmp_path, longest):
    source = tmp_path / "all.ldif"
    source.write_text(
        "dn: mail=ann@example.org,o=x\nobjectClass: mailUser\nmail: ann@example.org\n"
        f"userPassword: {{PLAIN}}x\naccountStatus: active\n{attribute}: {long}\n"
    )

    run("ldif", source, "--dry-run")

    assert longest() <= MAX_TYPED
