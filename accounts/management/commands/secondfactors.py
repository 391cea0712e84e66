from accounts import factors, totp, webhooks
from accounts.models import Admin
from mailboxes.models import Mailbox
from panel.commands import PanelCommand
from panel.output import as_json

READABLE, IN_CLEAR, OLDER, LOST = "as now", "in clear", "under an older key", "unreadable"
WORDS = {
    READABLE: "stored as they shall be",
    IN_CLEAR: "in clear, as PostfixAdmin stores them",
    OLDER: "encrypted with another key than the first",
    LOST: "unreadable: neither a key in FACTOR_KEYS nor SECRET_KEY fits. factor-reset lets these people in",
}


class Command(PanelCommand):
    help = (
        "Say how many accounts have a second factor, and how their secrets are stored. --encrypt stores all with the first of"
        " FACTOR_KEYS (SECRET_KEY where there are none), after a change of the key or when PostfixAdmin is gone; those of webhooks, too."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--encrypt",
            action="store_true",
            help="Store all that can be read as it shall be now. The sessions of these accounts end.",
        )
        self.json_option(parser)

    def act(self, *, encrypt, json, **options):
        counts, stored = dict.fromkeys(WORDS, 0), 0
        for account in self.accounts():
            secret = totp.decrypted(account.totp_secret)
            if encrypt and secret is not None:
                stored += factors.store_as_now(account, secret)
                account.refresh_from_db(fields=["totp_secret"])
            counts[self.state(account, secret)] += 1
        hooks = webhooks.store_secrets_as_now() if encrypt else 0
        if json:
            self.stdout.write(as_json({**counts, "stored": stored, "webhooks": hooks}))
            return
        self.stdout.write(f"Accounts with a second factor: {sum(counts.values())}.")
        for state, number in counts.items():
            if number:
                self.stdout.write(f"{number:>7} {WORDS[state]}.")
        if encrypt:
            self.stdout.write(f"Stored anew: {stored}.")
        if hooks:
            self.stdout.write(f"Secrets of webhooks stored anew: {hooks}.")

    def accounts(self):
        for model in (Admin, Mailbox):
            rows = model.objects.exclude(totp_secret=None).exclude(totp_secret="").order_by("pk")
            yield from rows.iterator()

    def state(self, account, secret):
        if secret is None:
            return LOST
        if not totp.is_encrypted(account.totp_secret):
            return READABLE if factors.is_stored_in_clear() else IN_CLEAR
        return READABLE if totp.is_under_first_key(account.totp_secret) else OLDER
