"""Encryption of stored secrets: AES-256-GCM, bound to the record that a secret belongs to.

Rapport must know the secrets of webhooks to sign with them, so a hash is not enough. The key is a setting, so that a
copy of the database alone reveals no secret.
"""

import base64
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class CannotDecrypt(Exception):
    """No key opens a stored secret: the setting was changed, or the row belongs to another record."""


class Encryption:
    """Encrypts with the first key, and decrypts with any of them, so that the keys can be replaced in turn."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = [AESGCM(hashlib.sha256(key.encode()).digest()) for key in keys]

    def encrypt(self, text: str, record: str) -> str:
        """Return a text encrypted for a record."""
        nonce = os.urandom(NONCE_BYTES)
        return base64.b64encode(nonce + self._ciphers[0].encrypt(nonce, text.encode(), record.encode())).decode()

    def decrypt(self, encrypted: str, record: str) -> str:
        """Return the text of a record. Raises CannotDecrypt."""
        raw = base64.b64decode(encrypted)
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], record.encode()).decode()
            except InvalidTag:
                continue
        raise CannotDecrypt("No key of WEBHOOK_ENCRYPTION_KEYS decrypts the secret of a webhook endpoint.")
