"""What a browser answers of a passkey, checked: https://www.w3.org/TR/webauthn-3/ sections 7.1 and 7.2.

Imported where it is needed alone: the library takes 5 MB of each process.
"""

import hashlib
import logging
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import (
    base64url_to_bytes,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)

from accounts import challenges
from accounts.factors import COPIED, WRONG
from accounts.models import Passkey
from accounts.passkey_requests import base64url
from panel.transactions import in_transaction

logger = logging.getLogger(__name__)


class Answer(NamedTuple):
    passkey: Passkey
    handle: bytes | None  # what the device says whose it is
    made: int  # when its challenge was, in microseconds
    sign_count: int
    backed_up: bool


def registered(account, text):
    """A Passkey of ``account``, not saved, or None if the answer is not one to what this browser was asked."""
    try:
        credential = parse_registration_credential_json(text)
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
        purpose = challenges.adding(account)
        made = challenges.issued(challenge, purpose, account.challenges_of)
        if made is None:
            return None
        found = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=challenges.site(),
            expected_origin=challenges.origin(),
        )
    except Exception as error:  # noqa: BLE001 -- the parsers raise whatever a hostile text makes them
        logger.info("no passkey for %s: %s", account.pk, error)
        return None
    transports = [one.value for one in credential.response.transports or ()]
    return Passkey(
        kind=account.account_kind,
        username=account.pk,
        digest=_digest(found.credential_id),
        credential=base64url(found.credential_id),
        public_key=base64url(found.credential_public_key),
        sign_count=found.sign_count,
        last_challenge=made,
        transports=",".join(dict.fromkeys(transports)),
        backed_up=found.credential_backed_up,
    )


def _digest(credential_id):
    return hashlib.sha256(credential_id).hexdigest()


def answered(text, purpose, browser, *, verified=False):
    """The Answer, or None: no passkey of ours, of another place or time, for something else, by another key."""
    try:
        credential = parse_authentication_credential_json(text)
        passkey = Passkey.objects.filter(digest=_digest(credential.raw_id)).first()
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
        made = challenges.issued(challenge, purpose, browser)
        if passkey is None or made is None:
            return None
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=challenges.site(),
            expected_origin=challenges.origin(),
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=0,  # compared in take(): after the signature, and said apart
            require_user_verification=verified,
        )
    except Exception as error:  # noqa: BLE001 -- as above
        logger.info("no answer of a passkey: %s", error)
        return None
    handle = credential.response.user_handle
    return Answer(passkey, handle, made, found.new_sign_count, found.credential_backed_up)


def is_of(answer, account):
    passkey, handle = answer.passkey, answer.handle
    if not account.passkey_handle:  # of a former account of this name
        return False
    if (passkey.kind, passkey.username) != (account.account_kind, account.pk):
        return False
    return handle is None or handle == bytes.fromhex(account.passkey_handle)


@in_transaction
def take(answer):
    """Use the challenge up. Raises ``wrong_code``, or ``passkey_copied`` if the counter went back; the caller counts both.

    The condition is the database's: so no second server takes it either.
    """
    passkey = Passkey.objects.filter(pk=answer.passkey.pk).first()
    if (
        passkey is None or answer.made <= passkey.last_challenge
    ):  # the second of two clicks is no copy
        raise refused()
    if (passkey.sign_count or answer.sign_count) and answer.sign_count <= passkey.sign_count:
        logger.warning(
            "the counter of passkey %r of %s went back from %d to %d",
            *(passkey.name, passkey.username, passkey.sign_count, answer.sign_count),
        )
        raise ValidationError(
            _(
                "This passkey was refused: there may be a copy of it. Use another way, and remove it."
            ),
            COPIED,
        )
    rows = Passkey.objects.filter(
        pk=passkey.pk, sign_count=passkey.sign_count, last_challenge__lt=answer.made
    )
    if not rows.update(
        sign_count=answer.sign_count,
        last_challenge=answer.made,
        backed_up=answer.backed_up,
        last_used=timezone.now(),
    ):
        raise refused()


def refused():
    return ValidationError(
        _("This passkey was not taken. Try again; it may have taken too long."), WRONG
    )


def use(account, text):
    """As a second factor of ``account``."""
    answer = answered(text, challenges.showing(account), account.challenges_of)
    if answer is None or not is_of(answer, account):
        raise refused()
    take(answer)
