"""Who may write to an alias: its columns ``access``, ``access_text`` and ``access_list``. Read by Postfix: deploy/postfix/recipient_access.cf, members.cf.

Postfix asks when a recipient is announced, so mail that another alias sends there is delivered all the same: nothing is taken and then returned.
"""

from django.utils.translation import gettext_lazy as _

EVERYBODY, INTERNAL, MEMBERS, CLOSED, MOVED = "", "internal", "members", "closed", "moved"
SENDS = "sends"  # of a mailbox: it only sends
ACCESS = [
    (EVERYBODY, _("Everybody")),
    (INTERNAL, _("Only those who sign in here")),
    (MEMBERS, _("Only its members")),
    (CLOSED, _("Nobody: it is closed")),
    (MOVED, _("Nobody: it has moved")),
]
NAMES = {EVERYBODY: "everybody"} | {name: name for name, _label in ACCESS if name}  # in commands
WITH_TEXT = {CLOSED, MOVED}
REFUSING = {SENDS, CLOSED, MOVED}
MAX_TEXT = 200
CLOSED_TEXT = "This address is closed"  # if nothing else is said: other servers speak English
