"""API keys: how they read, and how a secret is kept. Plain values in, plain values out."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

_KEY = re.compile(r"^rap_(live|sandbox)_([0-9a-f]{32})_([0-9A-Za-z_-]{43})$")


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as somebody sent it; nothing is proved yet."""

    kind: str
    id: UUID
    secret: str


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def key_text(kind: str, id: UUID, secret: str) -> str:
    """The key as it is shown once: `rap_<live|sandbox>_<id>_<secret>`."""
    return f"rap_{kind}_{id.hex}_{secret}"


def parse_key(text: str) -> PresentedKey | None:
    """The parts of a key, or None when it is none."""
    found = _KEY.match(text)
    return PresentedKey(found.group(1), UUID(found.group(2)), found.group(3)) if found else None


def hash_of(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, stored: bytes) -> bool:
    """Whether the secret is the one that was stored, in constant time."""
    return hmac.compare_digest(hash_of(secret), stored)
