import http.client
import json

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import WARNING, check
from mailadmin.doctor.dovecot import files_anew
from panel.derived_keys import policy_secret

SECONDS = 5


@check(
    "sign-ins-away",
    WARNING,
    _("whether sign-ins to mail are kept"),
    seen=_("Nobody keeps what Dovecot reports of sign-ins, at %(place)s: %(says)s"),
    why=_("People sign in all the same, but nobody sees who did, and networks that guess passwords are let in."),
    mend=_("Start its service, and look at what it says:"),
    command="systemctl restart mailadmin-signins; journalctl -u mailadmin-signins -n 5",
    page="server-networks",
)  # fmt: skip
def sign_ins_away(host):
    if settings.SIGN_INS and (says := _answer(settings.SIGN_INS)):
        yield {"place": settings.SIGN_INS, "says": says}


def _answer(place):
    """What is wrong with it, or ""."""
    name, _colon, port = place.rpartition(":")
    connection = http.client.HTTPConnection(name, int(port), timeout=SECONDS)
    secret = policy_secret(settings.SECRET_KEY)
    try:
        connection.request("GET", "/", headers={"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        text = answer.read(4096)
        return json.loads(text)["says"][:300] if answer.status == 200 else f"HTTP {answer.status}"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    except (ValueError, KeyError, TypeError):
        return "HTTP, but another program"
    finally:
        connection.close()


@check(
    "sign-ins-not-reported",
    WARNING,
    _("whether Dovecot reports sign-ins"),
    seen=_("Dovecot does not report sign-ins to %(place)s."),
    why=_("Nobody sees who signs in to mail, and networks that guess passwords are let in."),
    mend=_("Use the shipped dovecot.conf, or take over its lines auth_policy_…:"),
    command="%(command)s",
    page="server-networks",
)  # fmt: skip
def sign_ins_not_reported(host):
    if settings.SIGN_INS:
        url = host.part("dovecot")["policy"].get("url", "")
        if url != f"http://{settings.SIGN_INS}":
            yield {"place": settings.SIGN_INS, "command": files_anew(host)}
