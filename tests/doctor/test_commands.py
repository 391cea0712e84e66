import pytest

from mailadmin.doctor import dovecot
from mailadmin.doctor.checking import Finding, Unseen
from tests.doctor.test_machine import host_with

ROOT = "/var/vmail"


def step(path, mode="755", owner=0):
    return {"path": path, "mode": mode, "uid": owner, "gid": owner, "there": True}


def user(home, *path, **more):
    return {"uid": "5000", "gid": "5000", "home": home, "says": "", "path": list(path)} | more


def opening(settings, told):
    settings.VMAIL_ROOT = ROOT
    found = list(dovecot.mail_not_writable(host_with(user=told)))
    return [Finding("mail-not-writable", one).say("command") for one in found]


@pytest.mark.parametrize("parent", ["/var", "/srv", "/home", "/"])
def test_where_the_root_of_the_mail_is_missing_nothing_above_it_is_given_away(settings, parent):
    settings.VMAIL_ROOT = f"{parent.rstrip('/')}/vmail"
    told = user(f"{settings.VMAIL_ROOT}/example.org/ann", step("/"), step(parent))

    assert list(dovecot.mail_not_writable(host_with(user=told))) == []


def test_the_root_of_the_mail_and_what_lies_in_it_is_given_to_its_user(settings):
    home = f"{ROOT}/example.org/ann"
    root = user(home, step("/"), step("/var"), step(ROOT))
    domain = user(home, step("/"), step("/var"), step(ROOT, "700", 5000), step(f"{ROOT}/example.org"))  # fmt: skip

    assert opening(settings, root) == [f"chown -R 5000:5000 {ROOT} && chmod u+rwx {ROOT}"]
    assert opening(settings, domain) == [
        f"chown -R 5000:5000 {ROOT}/example.org && chmod u+rwx {ROOT}/example.org"
    ]


def test_a_directory_of_the_system_is_opened_and_not_given_away(settings):
    told = user(f"{ROOT}/example.org/ann", step("/"), step("/var", "700"), step(ROOT, "700", 5000))

    assert opening(settings, told) == ["chmod o+x /var"]


def test_mail_that_lies_elsewhere_gets_a_directory_of_its_own(settings):
    missing = user("/srv/mail/a b", step("/"), step("/srv"))
    there = user("/srv", step("/"), step("/srv"))

    assert opening(settings, missing) == ["install -d -m 700 -o 5000 -g 5000 '/srv/mail/a b'"]
    assert opening(settings, there) == [f"namei -l /srv    # not below VMAIL_ROOT of .env, {ROOT}"]


@pytest.mark.parametrize("check", [dovecot.mail_open, dovecot.mail_root_missing])
def test_what_systemd_hides_from_the_helper_is_not_said_to_be_missing(check):
    host = host_with(mail={"root": "/home/vmail", "path": [step("/"), step("/home", "0")], "hidden": "/home"})  # fmt: skip

    with pytest.raises(Unseen, match="sees nothing in /home"):
        list(check(host))


def test_mail_in_a_home_that_is_hidden_is_not_judged():
    told = user("/home/vmail/x", step("/"), step("/home", "0"), hidden="/home")

    with pytest.raises(Unseen, match="sees nothing in /home"):
        list(dovecot.mail_not_writable(host_with(user=told)))


@pytest.mark.parametrize(
    ("name", "details", "command"),
    [
        ("map-fails", {"key": "a&b@example.org", "table": "mysql:/x.cf"}, "postmap -q 'a&b@example.org' mysql:/x.cf"),
        ("map-not-built", {"maker": "postmap", "table": "hash:/$(id)"}, "postmap 'hash:/$(id)'"),
        ("mail-open", {"path": "/var/v mail"}, "chmod o= '/var/v mail'"),
        ("own-domain-in-mydestination", {"rest": "a'b, c"}, """postconf -e 'mydestination = a'"'"'b, c' && postfix reload"""),
        ("delimiter-differs", {"wanted": "+"}, "postconf -e 'recipient_delimiter = +' && postfix reload"),
        ("disk-nearly-full", {"path": "/;id"}, "du -axh --max-depth=2 '/;id' | sort -h | tail"),
        ("webmail-waits-too-long", {"setting": "imap_timeout", "file": "/a b"}, """printf '%s\\n' "\\$config['imap_timeout'] = 60;" >> '/a b'"""),
    ],
)  # fmt: skip
def test_details_are_quoted_for_the_shell(name, details, command):
    assert Finding(name, details).say("command") == command
