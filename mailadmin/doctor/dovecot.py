import re
import shlex
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import ERROR, WARNING, Unseen, check
from mailboxes.models import AppPassword, Mailbox, Vacation

PASSDB = re.compile(r"^passdb(?: (\S+))? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
NOBODY_THERE = re.compile(r"auth-client\S* failed: (?:No such file|Connection refused)")
AWAY_MESSAGES = re.compile(r"\bsieve_vacation\b")
APP_PASSWORDS = re.compile(r"mailadmin-sql-app\.conf|mailbox_app_password")
DRIVER = re.compile(r"^\s*driver = (\S+)", re.MULTILINE)


@check(
    "dovecot-refuses",
    ERROR,
    _("Dovecot’s settings"),
    seen=_("Dovecot does not take its settings: %(says)s"),
    why=_("It does not start again, and no mail is delivered or read then."),
    mend=_("Mend the line it names; this says nothing once all is well:"),
    command="doveconf -n > /dev/null",
)
def dovecot_refuses(host):
    if says := host.failure("dovecot"):
        yield {"says": says}


@check(
    "dovecot-down",
    ERROR,
    _("whether Dovecot is running"),
    seen=_("Dovecot is not running."),
    why=_("Nobody can read mail or sign in to send any, and what comes in waits in the queue."),
    mend=_("Start it, and look at why it ended:"),
    command="systemctl restart dovecot; journalctl -u dovecot -n 20",
)
def dovecot_down(host):
    if _is_down(host):
        yield {}


def _is_down(host):
    return bool(NOBODY_THERE.search(host.part("login")["says"]))


@check(
    "passdb-without-sql",
    ERROR,
    _("whom Dovecot asks about passwords"),
    seen=_("Dovecot does not ask the panel’s database about passwords, only: %(drivers)s."),
    why=_("Nobody of the panel can sign in: “check pass; user unknown” in the log."),
    mend=_("Use the shipped dovecot.conf, or put its passdb and userdb with driver sql into yours in place of the others:"),
    command="%(command)s",
)  # fmt: skip
def passdb_without_sql(host):
    if (drivers := _drivers(host)) and "sql" not in drivers:
        yield {"drivers": ", ".join(drivers), "command": files_anew(host)}


def files_anew(host):
    if host.files_anew:
        return host.files_anew
    release = "2.3" if host.part("dovecot")["version"].startswith("2.3") else "2.4"
    return f"mailadmin mailconf /root/mailconf    # then /root/mailconf/dovecot/{release}/ to /etc/dovecot; systemctl reload dovecot"


@check(
    "pam-before-sql",
    WARNING,
    _("the order in which Dovecot asks about passwords"),
    seen=_("Dovecot asks PAM about each password before it asks the panel’s database."),
    why=_("Each sign-in waits for PAM’s delay and writes “check pass; user unknown” into the log."),
    mend=_("Take the passdb with driver pam out of Dovecot’s settings (auth-system.conf.ext), then:"),
    command="systemctl reload dovecot",
)  # fmt: skip
def pam_before_sql(host):
    drivers = _drivers(host)
    if "sql" in drivers and "pam" in drivers[: drivers.index("sql")]:
        yield {}


@check(
    "app-passwords-not-asked",
    ERROR,
    _("whether Dovecot asks about app passwords"),
    seen=_("Dovecot does not ask the panel’s database about app passwords."),
    why=_("App passwords open nothing, and where a mailbox is set to them only, its main password goes on opening everything."),
    mend=_("Use the shipped dovecot.conf, or put its passdb for app passwords before the other one, whose query is a new one, too:"),
    command="%(command)s",
)  # fmt: skip
def app_passwords_not_asked(host):
    if "sql" in _drivers(host) and not APP_PASSWORDS.search(host.part("dovecot")["settings"]):
        made = AppPassword.objects.exclude(protocols="")
        if made.exists() or Mailbox.objects.filter(app_only=True).exists():
            yield {"command": files_anew(host)}


@check(
    "away-messages-not-sent",
    WARNING,
    _("whether Dovecot answers for people who are away"),
    seen=_("Somebody is away, and Dovecot does not answer by the panel’s database."),
    why=_("Whoever writes gets no answer, though the panel says so. Mail is delivered all the same."),
    mend=_("Use the shipped dovecot.conf with its part for away messages, and give Dovecot’s SQL user its rights (grants.sql); or say AWAY_MESSAGES=False in .env:"),
    command="%(command)s",
)  # fmt: skip
def away_messages_not_sent(host):
    if AWAY_MESSAGES.search(host.part("dovecot")["settings"]) or "sql" not in _drivers(host):
        return
    if settings.AWAY_MESSAGES and Vacation.objects.answering().exists():
        yield {"command": files_anew(host)}


def _drivers(host):
    """Of those that know the mailboxes' own passwords, in their order."""
    found = []
    for name, block in PASSDB.findall(host.part("dovecot")["settings"]):
        if APP_PASSWORDS.search(block):
            continue
        named = DRIVER.search(block)
        found.append(named[1] if named else name)
    return found


@check(
    "login-fails",
    ERROR,
    _("a sign-in, by `doveadm auth test`"),
    seen=_("Dovecot cannot ask about a password: %(says)s"),
    why=_("Nobody can sign in, to read mail or to send it."),
    mend=_("Its log says why; mostly the database is away, or refuses its SQL user: then give that user its password and rights again, as root of the database:"),
    command="doveadm log errors | tail; mailadmin mailconf /root/mailconf && mariadb < /root/mailconf/mariadb/grants.sql && doveadm reload",
)  # fmt: skip
def login_fails(host):
    says = host.part("login")["says"]
    # The right answer to a login name that does not exist.
    fine = "auth failed" in says and "temp" not in says
    if not fine and not _is_down(host):
        yield {"says": " ".join(says.split())[:300]}


@check(
    "user-unknown-to-dovecot",
    ERROR,
    _("whether Dovecot knows the panel’s mailboxes"),
    seen=_("Dovecot does not know the mailbox %(address)s: %(says)s"),
    why=_("Postfix takes its mail and cannot deliver it; its user cannot read it."),
    mend=_("Let Dovecot read the panel’s database (userdb with driver sql, as the shipped file has it):"),
    command="%(command)s",
    page="mailbox-list",
)  # fmt: skip
def user_unknown_to_dovecot(host):
    user = host.part("user")
    if host.address and not user["home"] and not _is_down(host):
        says = " ".join(user["says"].split())[:300]
        yield {"address": host.address, "says": says, "command": files_anew(host)}


@check(
    "mail-not-writable",
    ERROR,
    _("whether mail can be written where it lies"),
    seen=_("Dovecot writes mail as user %(uid)s, group %(gid)s, which lacks +%(bit)s on %(path)s (mode %(mode)s, owner %(owner)s)."),
    why=_("Mail waits in the queue (“Permission denied”, “maildir access problem”), and nobody can read any."),
    mend=_("Give it to that user:"),
    command="%(command)s",
)  # fmt: skip
def mail_not_writable(host):
    user = host.part("user")
    _refuse_hidden(user)
    if not user.get("path") or not user["uid"].isdigit():
        return
    uid, gid = int(user["uid"]), int(user["gid"])
    last = user["path"][-1]
    for step in user["path"]:
        bits = _bits(step, uid, gid)
        if not bits & 1 or (step is last and not bits & 2):
            if command := _opening(user, step, uid, gid, enters=bool(bits & 1)):
                yield {
                    "uid": uid,
                    "gid": gid,
                    "bit": "w" if bits & 1 else "x",
                    "path": step["path"],
                    "mode": step["mode"],
                    "owner": f"{step['uid']}:{step['gid']}",
                    "command": command,
                    "about": step["path"],
                }
            return


def _opening(user, step, uid, gid, *, enters):
    """The command that lets Dovecot in. Only what lies in the directory of the mail is given away: above it is the system's."""
    root, home, path = Path(settings.VMAIL_ROOT), Path(user["home"]), Path(step["path"])
    quoted = shlex.quote(step["path"])
    if path.is_relative_to(root):
        return f"chown -R {uid}:{gid} {quoted} && chmod u+rwx {quoted}"
    if not enters:
        return f"chmod o+x {quoted}"
    if home.is_relative_to(root):
        return ""  # the root itself is missing, which another check says
    if path == home:
        return f"namei -l {quoted}    # not below VMAIL_ROOT of .env, {shlex.quote(str(root))}"
    return f"install -d -m 700 -o {uid} -g {gid} {shlex.quote(str(home))}"


def _refuse_hidden(part):
    if where := part.get("hidden"):
        raise Unseen(
            f"the helper sees nothing in {where} (ProtectHome): run `mailadmin doctor` as root"
        )


def _bits(step, uid, gid):
    shift = 6 if step["uid"] == uid else 3 if step["gid"] == gid else 0
    return int(step["mode"], 8) >> shift & 7


@check(
    "mail-open",
    ERROR,
    _("whether mail is private"),
    seen=_("Everybody on this machine may look into %(path)s (mode %(mode)s)."),
    why=_("It holds everybody’s mail."),
    mend=_("Close it:"),
    command="chmod o= %(path)s",
)
def mail_open(host):
    mail = host.part("mail")
    _refuse_hidden(mail)
    step = mail["path"][-1]
    if step["path"] == mail["root"] and int(step["mode"], 8) & 7:
        yield {"path": step["path"], "mode": step["mode"]}


@check(
    "mail-root-missing",
    ERROR,
    _("whether the directory of the mail is there"),
    seen=_("The directory of the mail, %(root)s, is not there."),
    why=_("No mail can be delivered. Perhaps a disk is not mounted: then what is delivered now is hidden once it is."),
    mend=_("Mount it (VMAIL_ROOT in .env names it), or make it:"),
    command="install -d -m 700 -o %(uid)s -g %(gid)s %(root)s",
)  # fmt: skip
def mail_root_missing(host):
    mail = host.part("mail")
    _refuse_hidden(mail)
    if mail["path"][-1]["path"] != mail["root"]:
        ids = {"uid": settings.VMAIL_UID, "gid": settings.VMAIL_GID}
        yield {"root": mail["root"], **ids}


@check(
    "mail-not-mounted",
    ERROR,
    _("whether the disks of the mail are mounted"),
    seen=_("Nothing is mounted on %(path)s, and /etc/fstab says that something is. Mail lies there (%(root)s)."),
    why=_("Dovecot finds empty mailboxes, mail programs forget what they had, and new mail lies under the mount later, where nobody sees it."),
    mend=_("Mount it. What was delivered meanwhile is then hidden below: stop Dovecot and move it away before, and deliver it anew. Mount:"),
    command="mount %(path)s",
)  # fmt: skip
def mail_not_mounted(host):
    mail = host.part("mail")
    _refuse_hidden(mail)
    for path in mail.get("unmounted", []):
        yield {"path": path, "root": mail["root"], "about": path}


@check(
    "auth-policy-away",
    ERROR,
    _("the server that Dovecot asks about each sign-in (auth policy)"),
    seen=_("Dovecot asks %(url)s about each sign-in, and that does not answer: %(says)s"),
    why=_("Each sign-in waits for it, and with auth_policy_reject_on_fail = yes all are refused."),
    mend=_("Start that server, or take auth_policy_server_url out of Dovecot’s settings, then:"),
    command="systemctl reload dovecot",
)
def auth_policy_away(host):
    policy = host.part("dovecot")["policy"]
    is_ours = policy.get("url") == f"http://{settings.SIGN_INS}"
    if policy.get("says") and not is_ours:  # else sign-ins-away says it
        yield policy
