"""Signatures of webhooks by Standard Webhooks 1.0, and the secrets that they need.

The signature covers the id, the time and the bytes of the body, so that a receiver detects changes and repeats.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
GENERATED_BYTES = 32
MIN_BYTES, MAX_BYTES = 24, 64
"""The length of a secret that the standard recommends."""


def new_secret() -> str:
    """Return a new secret as text: `whsec_`, and random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(GENERATED_BYTES)).decode()


def secret_bytes(text: str) -> bytes:
    """Return the key of a secret. Raises ValueError unless it is `whsec_` and 24 to 64 bytes in base64."""
    if not text.startswith(PREFIX):
        raise ValueError(f"a secret begins with {PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"a secret is base64 after {PREFIX}") from None
    if not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise ValueError(f"a secret has {MIN_BYTES} to {MAX_BYTES} bytes")
    return key


def signatures(keys: Iterable[bytes], id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: a signature for each key, divided by blanks."""
    signed = f"{id}.{timestamp}.".encode() + body
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
