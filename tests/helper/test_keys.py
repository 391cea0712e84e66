import grp

import pytest

from tests.helper.conftest import called
from tests.helper.test_helper import ask

PEM = r"-----BEGIN PRIVATE KEY-----\nMIIEvQ+/ab\nAw==\n-----END PRIVATE KEY-----\n"
FIRST = "example.org\texample.org\ts1\t" + PEM


def without_head(text):
    """The file has a head, because rspamd takes no notice of an empty one."""
    head, _end, rest = text.partition("\n")
    assert head == "# Written by deploy/helper."
    return rest


@pytest.fixture
def keys(helper):
    """``keys(row, …)``: the file after the helper read these rows."""

    def write(*rows):
        (helper / "bin/rows").write_text("".join(f"{row}\n" for row in rows))
        answer = ask(helper, "write-signing-files")
        return answer, without_head((helper / "keys/keys.map").read_text())

    yield write
    write()


def test_a_line_for_each_author(keys):
    other = "ann@example.org\texample.org\ts2\t" + PEM

    assert keys(FIRST, other) == (
        {"ok": {"authors": 2, "limits": 0}},
        "example.org example.org:s1:MIIEvQ+/abAw==\nann@example.org example.org:s2:MIIEvQ+/abAw==\n",
    )


def test_an_ed25519_key_comes_besides_as_rspamd_takes_it(keys):
    """The 32 bytes alone; of several keys of a kind for one author, the last one."""
    pem = r"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEILspW6e9JNwL8CriSto52oQ1kvvcF8Y5IAQMhfe1VUvT\n-----END PRIVATE KEY-----\n"
    second = f"example.org\texample.org\te1\t{pem}"
    third = FIRST.replace("s1", "s2")

    assert keys(FIRST, second, third) == (
        {"ok": {"authors": 1, "limits": 0}},
        "example.org example.org:s2:MIIEvQ+/abAw=="
        ",example.org:e1:uylbp70k3AvwKuJK2jnahDWS+9wXxjkgBAyF97VVS9M=\n",
    )


def test_only_its_group_may_read_it_and_only_root_may_write(helper, keys):
    keys(FIRST)
    status = (helper / "keys/keys.map").stat()

    assert (oct(status.st_mode & 0o7777), status.st_uid) == ("0o640", 0)
    assert grp.getgrgid(status.st_gid).gr_name == "daemon"
    assert sorted(path.name for path in (helper / "keys").iterdir()) == ["keys.map", "limits.map"]


def test_it_is_left_alone_while_nothing_differs(helper, keys):
    keys(FIRST)
    before = (helper / "keys/keys.map").stat()
    keys(FIRST)

    assert (helper / "keys/keys.map").stat() == before


@pytest.mark.parametrize(
    "row",
    [
        FIRST.replace("s1", "s1:evil"),
        FIRST.replace("s1", "s 1"),
        FIRST.replace("example.org", "*.org"),
        FIRST.replace("example.org", "/etc/passwd"),
        FIRST.replace("MIIEvQ", "../key"),
        FIRST.replace("MIIEvQ", "a:b"),
        "example.org\texample.org\ts1\tNULL:",
        "example.org\texample.org\ts1\t",
    ],
)
def test_a_row_that_is_no_key_is_left_out(row, keys):
    assert keys(row, FIRST.replace("example.org", "other.example"))[1].splitlines() == [
        "other.example other.example:s1:MIIEvQ+/abAw=="
    ]


def test_it_takes_no_argument_and_asks_the_database_for_its_rows_alone(helper, keys):
    assert ask(helper, "write-signing-files /etc/x") == {"error": "this verb takes no argument"}
    called(helper)
    keys(FIRST)

    command, limits = called(helper)
    assert limits == (
        "mariadb --defaults-file=/signer.cnf -BN -e SELECT sender, recipients FROM sending_limits ORDER BY sender"
    )
    assert command.startswith("mariadb --defaults-file=/signer.cnf -BN -e SELECT a.author, ")


def test_the_numbers_of_those_that_have_one_of_their_own(helper, keys):
    rows = [
        "@example.org\t5000",
        "ann@example.org\t7",
        "ann@\t7",
        "ben@example.org\tx",
        "a b@c.org\t1",
    ]
    (helper / "bin/limits").write_text("".join(f"{row}\n" for row in rows))
    answer, _keys = keys()
    written = without_head((helper / "keys/limits.map").read_text())
    (helper / "bin/limits").write_text("")

    assert answer == {"ok": {"authors": 0, "limits": 2}}
    assert written == "@example.org 5000\nann@example.org 7\n"
