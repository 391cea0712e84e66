"""What a browser shall ask a device for, as JSON: https://www.w3.org/TR/webauthn-3/ section 5.1."""

import json
from base64 import urlsafe_b64encode

from django.conf import settings

from accounts import challenges
from accounts.models import Passkey
from panel.addresses import display_address

MILLISECONDS = 300_000  # that a browser waits for the person
EDDSA, ES256, RS256 = ALGORITHMS = (-8, -7, -257)


def adding(account, handle):
    """A new passkey, which the device keeps itself if it can; attestation is not asked for."""
    name = display_address(account.pk)
    named = name if account.is_mailbox_user else f"{name} (admin)"
    return _text(
        challenges.new(challenges.adding(account), account.challenges_of),
        rp={"id": challenges.site(), "name": settings.FIRM_NAME or "Mailadmin"},
        user={"id": base64url(bytes.fromhex(handle)), "name": named, "displayName": named},
        pubKeyCredParams=[{"type": "public-key", "alg": number} for number in ALGORITHMS],
        excludeCredentials=_of(account),
        authenticatorSelection={"residentKey": "preferred", "userVerification": "preferred"},
        attestation="none",
    )


def showing(account):
    return _text(
        challenges.new(challenges.showing(account), account.challenges_of),
        rpId=challenges.site(),
        allowCredentials=_of(account),
        userVerification="preferred",
    )


def signing_in(browser):
    """Any passkey of this site; and the device must know its owner, by a PIN, a finger, a face."""
    return _text(
        challenges.new(challenges.SIGN_IN, browser),
        rpId=challenges.site(),
        userVerification="required",
    )


def base64url(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _text(challenge, **asked):
    return json.dumps(asked | {"challenge": base64url(challenge), "timeout": MILLISECONDS})


def _of(account):
    if not account.passkey_handle:  # what there is, is a former account's of this name
        return []
    rows = Passkey.objects.of(account).values_list("credential", "transports")
    return [
        {"type": "public-key", "id": credential, "transports": [*filter(None, kinds.split(","))]}
        for credential, kinds in rows
    ]
