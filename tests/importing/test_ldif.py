import base64

import pytest
from django.core.management.base import CommandError

from mailadmin.importing.readers.ldif import entries
from tests.importing import stored
from tests.importing.ldif import tree

SSHA = "{SSHA512}" + base64.b64encode(b"d" * 64 + b"salt1234").decode()
IREDMAIL = tree(SSHA)


@pytest.fixture
def ldif(tmp_path):
    def write(text):
        path = tmp_path / "tree.ldif"
        path.write_text(text)
        return path

    return write


def test_iredmails_tree_comes_along(run, ldif):
    status, report = run("ldif", ldif(IREDMAIL))

    assert (status, report["findings"]) == (0, [])
    assert stored.mailboxes("password", "quota", "maildir", "active", "name") == {
        "ann@example.org": (
            *(SSHA, 104_857_600, "vmail1/example.org/a/n/n/ann-2020/"),
            *(True, "Änn"),
        ),
        "bob@example.org": (SSHA, 0, "vmail1/example.org/b/o/b/bob-2020/", False, ""),
    }
    assert stored.aliases() == {
        "@example.org": ["ann@example.org"],
        "a.smith@example.org": ["ann@example.org"],
        "staff@example.org": ["ann@example.org"],
    }
    assert stored.forwardings() == {"ann@example.org": ["ann@example.org", "ann@elsewhere.test"]}
    assert stored.alias_domains() == {"example.net": "example.org"}
    assert stored.administrators() == {
        "ann@example.org": ["example.org"],
        "root@example.org": "all",
    }
    assert report["mail"] == {"root": "/var/vmail", "mail_location": "maildir:~/Maildir"}


def test_another_directory_is_read_by_the_names_of_its_attributes(run, ldif):
    path = ldif(
        "dn: dc=example.org\nassociatedDomain: example.org\n\n"
        f"dn: uid=ann\nmailAddress: ann@example.org\nuserPassword: {SSHA}\n"
        "quotaBytes: 5M\nmailAlternateAddress: a@example.org\nmailEnabled: TRUE\n"
    )
    status, _report = run(
        *("ldif", path, "--attribute", "domain=associatedDomain"),
        *("--attribute", "address=mailAddress", "--attribute", "quota=quotaBytes"),
        *("--attribute", "alias=mailAlternateAddress", "--attribute", "active=mailEnabled"),
    )

    assert status == 0
    assert stored.mailboxes("quota", "active") == {"ann@example.org": (5 * 1024**2, True)}
    assert stored.aliases() == {"a@example.org": ["ann@example.org"]}


def test_a_mailing_list_of_a_program_is_a_persons_to_decide(refused, ldif):
    text = "dn: mail=all\nobjectClass: mailMailingList\nmail: all@example.org\n"

    assert refused("ldif", ldif(f"{IREDMAIL}\n{text}")) == {"mailing-lists": ["all@example.org"]}


def test_lines_go_on_and_values_may_be_encoded(ldif):
    path = ldif(
        "# a comment\n that goes on\nname: two\n  words\nbin;lang-en:: w6Q=\nurl:< file:///x\n\n\nname: next"
    )

    assert list(entries(path.read_text().splitlines())) == [
        {"name": ["two words"], "bin": ["ä"]},
        {"name": ["next"]},
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/nowhere.ldif"], "there is no such file"),
        (["FILE", "--attribute", "x=y"], "There is no x"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(run, ldif, arguments, said):
    path = ldif(IREDMAIL)

    with pytest.raises(CommandError, match=said):
        run("ldif", *(path if word == "FILE" else word for word in arguments))
