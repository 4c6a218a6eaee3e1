"""Who really sent it: signatures over the raw body, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from shopkeeper.core.errors import InputError

TOLERANCE_S = 300
"""How far the time of a signature may lie from ours, as Standard Webhooks say."""


def shopify_signature(secret: str, body: bytes) -> str:
    """What Shopify puts into ``X-Shopify-Hmac-Sha256``.

    Examples
    --------
    >>> shopify_signature("hush", b"{}")
    'UFwgrGBPZilFtmKh8TqcovA78LGYb1BdWu9I4Q2oyRg='
    """
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def check_shopify(secret: str, body: bytes, given: str) -> None:
    """Refuse a body whose signature is not Shopify's.

    Raises
    ------
    InputError
        If it is absent or another.
    """
    if not given:
        raise InputError(
            "the request has no X-Shopify-Hmac-Sha256",
            next_step="Only Shopify sends here; create the webhook in its admin or by its API",
        )
    if not hmac.compare_digest(shopify_signature(secret, body).encode(), given.strip().encode()):
        raise InputError(
            "the signature X-Shopify-Hmac-Sha256 does not fit the body",
            next_step="Give the connector the secret of the app that owns the webhook",
        )


def standard_signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """One signature of Standard Webhooks, ``v1,`` and base64."""
    key = _standard_key(secret)
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def check_standard(
    secret: str, message_id: str, timestamp: str, body: bytes, given: str, *, now_s: int
) -> None:
    """Refuse a message that is not signed as Standard Webhooks say.

    Parameters
    ----------
    secret
        ``whsec_`` and base64, or plain text.
    message_id, timestamp, given
        Headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``; the last may hold
        several signatures, separated by blanks.
    body
        As it came.
    now_s
        The moment, seconds UTC.

    Raises
    ------
    InputError
        If a header is absent, the time is too far off, or no signature fits.
    """
    if not message_id or not timestamp or not given:
        raise InputError(
            "webhook-id, webhook-timestamp or webhook-signature is missing",
            next_step="Sign as Standard Webhooks say (standardwebhooks.com)",
        )
    if not timestamp.isdigit() or abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise InputError(
            f"webhook-timestamp {timestamp[:20]} is more than {TOLERANCE_S} seconds off",
            next_step="Set the sender's clock, and sign each attempt anew",
        )
    right = standard_signature(secret, message_id, timestamp, body).encode()
    fits = [hmac.compare_digest(right, x.encode()) for x in given.split()]
    if not any(fits):
        raise InputError(
            "no signature in webhook-signature fits the body",
            next_step="Give the connector the secret the sender signs with",
        )


def _standard_key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(
            "the secret begins with whsec_ and is not base64",
            next_step="Copy it again from the sender",
        ) from error
