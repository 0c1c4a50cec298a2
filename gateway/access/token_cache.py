"""The cache of tokens that were verified. Each depends on a key, and a user's token also on its issuer."""

import hashlib
import time
from collections.abc import Iterable
from uuid import UUID

from gateway.access.key_cache import Credential

MAX_CACHED_TOKENS = 10_000
CHECK_SECONDS = 60.0
"""How long a verified token is not verified again, for example because its issuer has withdrawn the signing key."""


class TokenCache:
    """The credentials of tokens, by the hash of their text: a text may have several kilobytes."""

    def __init__(self) -> None:
        self._by_hash: dict[bytes, tuple[Credential, float, tuple[UUID, ...]]] = {}
        self._hashes: dict[UUID, set[bytes]] = {}

    def get(self, text: str) -> Credential | None:
        """Return the credential of a token that was verified within the last minute."""
        cached = self._by_hash.get(_hash(text))
        return cached[0] if cached is not None and cached[1] > time.monotonic() else None

    def store(self, text: str, credential: Credential, depends_on: tuple[UUID, ...]) -> None:
        """Remember a credential until a record changes on which it depends."""
        if len(self._by_hash) >= MAX_CACHED_TOKENS:
            self._remove(next(iter(self._by_hash)))
        key = _hash(text)
        self._remove(key)
        self._by_hash[key] = (credential, time.monotonic() + CHECK_SECONDS, depends_on)
        for id in depends_on:
            self._hashes.setdefault(id, set()).add(key)

    def invalidate(self, ids: Iterable[UUID]) -> None:
        """Remove the tokens that depend on these records."""
        for id in ids:
            for key in list(self._hashes.get(id, ())):
                self._remove(key)

    def clear(self) -> None:
        """Remove everything."""
        self._by_hash.clear()
        self._hashes.clear()

    def _remove(self, key: bytes) -> None:
        removed = self._by_hash.pop(key, None)
        for id in removed[2] if removed is not None else ():
            hashes = self._hashes[id]
            hashes.discard(key)
            if not hashes:
                del self._hashes[id]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
