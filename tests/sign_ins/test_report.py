import json

import pytest

from mailadmin.sign_ins.report import LONGEST, Report, asked_address, read

# As Dovecot 2.3 sends it.
TOLD = {
    "login": "Ann@example.org",
    "remote": "192.0.2.77",
    "protocol": "imap",
    "app": "",
    "pwhash": "0a1",
    "success": True,
    "policy_reject": False,
    "tls": True,
}
NAN = float("nan")


def report(**more):
    return read(json.dumps(TOLD | more), now=1_000)


def test_it_is_read():
    assert report() == Report(
        "ann@example.org", "imap", "192.0.2.77", True, "", 0, "0a1", 1_000, False
    )


def test_the_app_password_is_known_where_it_was_right():
    assert report(app="17").app_password == 17
    assert report(app=17).app_password == 17
    assert report(app="17", success=False).app_password == 0
    assert {report(app=text).app_password for text in ("x", "-1", "9" * 30, None, [1], {})} == {0}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, ""),
        ({"fail_type": "credentials"}, "credentials"),
        ({"fail_type": "credentials", "policy_reject": True}, "policy"),
        ({"fail_type": "<b>" * 9}, ""),
        ({"fail_type": 7}, ""),
    ],
)
def test_why_it_failed(told, reason):
    assert report(success=False, **told).reason == reason
    assert report(success=True, **told).reason == ""


@pytest.mark.parametrize("success", ["true", 1, None, [True]])
def test_only_true_is_a_success(success):
    assert report(success=success).success is False


def test_an_address_is_written_in_one_way():
    assert report(remote="2001:DB8::0001").address == "2001:db8::1"
    assert report(remote="::ffff:192.0.2.77").address == "192.0.2.77"
    assert report(remote="fe80::1%eth0").address == "fe80::1"


@pytest.mark.parametrize(
    "told",
    [
        {"remote": ""},
        {"remote": "192.0.2.777"},
        {"remote": 7},
        {"remote": None},
        {"protocol": ""},
        {"protocol": "x" * 21},
        {"protocol": "<b>"},
        {"protocol": ["imap"]},
        {"login": ""},
        {"login": None},
        {"login": {"a": 1}},
    ],
)
def test_what_lacks_a_part_is_none(told):
    assert report(**told) is None


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff\xfe", b"{", b"[]", b"7", b'"text"', b"null", b"{}"),
        *(b"[" * LONGEST, b'{"a":' * (LONGEST // 5), b"NaN", b"1" * LONGEST),
        b'{,"tls":false}',  # 2.4 with a variable that it does not know
    ],
)
def test_what_is_no_report_is_none_and_no_error(body):
    assert read(body) is None
    assert asked_address(body) is None


def test_who_signs_in_from_this_machine_is_known_as_such():
    assert [report(local=text).from_here for text in ("192.0.2.77", "192.0.2.1", "", None, 7)] == [
        *(True, False, False, False, False)
    ]
    assert report(remote="127.0.0.5").from_here is True
    assert str(asked_address(json.dumps(TOLD | {"local": "192.0.2.1"}))) == "192.0.2.77"
    assert asked_address(json.dumps(TOLD | {"local": "192.0.2.77"})) is None


def test_a_long_login_is_cut():
    assert report(login="A" * 3_000).login == "a" * 255
