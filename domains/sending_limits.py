"""To how many recipients an hour a login, and all logins of a domain together, may write. Kept by rspamd: deploy/rspamd/sending_limits.lua.

None is the number that the server has for everybody, which stands in rspamd's files.
"""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from panel import helper
from panel.scoping import may_set_sending_limits


def are_kept():
    # only rspamd counts
    return settings.DKIM_SIGNER == "rspamd"


def refuse_others(actor, changes):
    # an administrator of a domain could let a stolen password send as much as it likes
    if "sending_limit" in changes and not may_set_sending_limits(actor):
        raise ValidationError(
            {
                "sending_limit": ValidationError(
                    _("Only a superadmin may say how much somebody sends."), "superadmin"
                )
            }
        )


def refuse_unkept(values, stored=None):
    """Of a program that sends another limit than ``stored`` has, which no page shows then."""
    limit = values.get("sending_limit")
    if limit not in {None, stored and stored.sending_limit} and not are_kept():
        text = _("This server does not limit how much is sent.")
        raise ValidationError({"sending_limit": ValidationError(text, "unkept")})


def tell(changes):
    """Has the helper write rspamd's file now; it does so each minute besides."""
    if "sending_limit" in changes and are_kept():
        helper.after_commit("write-signing-files")
