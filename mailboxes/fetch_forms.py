from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from mailboxes import fetching
from mailboxes.fetch_rows import IMAP, PLAIN, TLS
from panel.forms import ActorForm

ANY = {"server": "imap.example.net", "login": "any", "password": "any"}
NAME_INPUT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class RemoteMailboxForm(ActorForm):
    """From where mail is fetched. ``instance`` is the mailbox here, ``remote`` the RemoteMailbox or None."""

    protocol = forms.ChoiceField(label=_("Kind"), choices=fetching.KINDS.items(), initial=IMAP)
    server = forms.CharField(
        label=_("Server"),
        max_length=255,
        help_text=_("Such as imap.example.net."),
        widget=forms.TextInput(NAME_INPUT),
    )
    tls = forms.ChoiceField(label=_("Encryption"), choices=fetching.SECURITY.items(), initial=TLS)
    port = forms.IntegerField(
        label=_("Port"), required=False, help_text=_("Empty: the usual one of this kind.")
    )
    login = forms.CharField(
        label=_("Login there"), max_length=255, widget=forms.TextInput(NAME_INPUT)
    )
    password = forms.CharField(
        label=_("Password there"),
        max_length=fetching.SECRET_BYTES,
        required=False,
        strip=False,
        help_text=_("Stored and never shown."),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    folder = forms.CharField(
        label=_("Folder"),
        max_length=255,
        required=False,
        help_text=_("By IMAP alone. Empty: the inbox."),
        widget=forms.TextInput(NAME_INPUT),
    )
    keep = forms.TypedChoiceField(
        label=_("What becomes of the mail there"),
        choices=[("1", _("It stays there, too")), ("0", _("It is deleted there once it is here"))],
        coerce=lambda text: text == "1",
        initial="1",
    )
    fetchall = forms.BooleanField(
        label=_("Mail that was read there, too"),
        required=False,
        initial=True,
        help_text=_("By IMAP alone. If not ticked, what somebody reads there first does not come."),
    )
    poll_time = forms.TypedChoiceField(
        label=_("How often"), choices=fetching.MINUTES.items(), coerce=int, initial=10
    )
    active = forms.BooleanField(label=_("On"), required=False, initial=True)

    def __init__(self, *args, remote=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.remote = remote
        if not settings.FETCHMAIL_PLAIN and not (remote and remote.tls == PLAIN):
            kinds = fetching.SECURITY.items()
            self.fields["tls"].choices = [kind for kind in kinds if kind[0] != PLAIN]
        # What PostfixAdmin wrote can be kept: kinds that are not known here, any number, fields that are empty.
        if remote and remote.protocol not in fetching.KINDS:
            known = [(remote.protocol or "", remote.protocol or "?")]
            self.fields["protocol"].choices = [*known, *fetching.KINDS.items()]
            self.fields["protocol"].required = bool(remote.protocol)
        for name, stored in (("server", "src_server"), ("login", "src_user")):
            self.fields[name].required = remote is None or bool(getattr(remote, stored))
        if remote and remote.poll_time not in fetching.MINUTES:
            words = ngettext("Every %(n)d minute", "Every %(n)d minutes", remote.poll_time)
            known = [(remote.poll_time, words % {"n": remote.poll_time})]
            self.fields["poll_time"].choices = [*known, *fetching.MINUTES.items()]
        self.fields["password"].required = remote is None
        if remote:
            self.fields["password"].help_text = _("Stored and never shown. Empty: as it is.")

    def check(self):
        # In place of what could not be read: something with which nothing is wrong.
        row = self.remote
        values = {"server": row.src_server, "login": row.src_user, "password": ""} if row else ANY
        values = values | {
            name: self.cleaned_data[name] for name in self.fields if name in self.cleaned_data
        }
        fetching.check_remote(mailbox=self.instance, stored=row, **values)

    def save(self):
        if self.remote:
            return fetching.change_remote(actor=self.actor, remote=self.remote, **self.cleaned_data)
        return fetching.add_remote(actor=self.actor, mailbox=self.instance, **self.cleaned_data)


def initial(row):
    return {
        "protocol": row.protocol,
        "server": row.src_server,
        "tls": row.tls,
        "port": row.src_port or None,
        "login": row.src_user,
        "folder": row.src_folder,
        "keep": "1" if row.keep else "0",
        "fetchall": row.fetchall,
        "poll_time": row.poll_time,
        "active": row.active,
    }
