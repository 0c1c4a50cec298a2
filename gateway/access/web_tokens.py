"""JSON Web Tokens before their signature is verified: enough of them to find the issuer and its key."""

import base64
from dataclasses import dataclass
from typing import Any

from chassis.types import json

MAX_TOKEN_LENGTH = 16_384


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """The parts of a token that decide how it is verified. Any client can write them."""

    text: str
    algorithm: str
    key_id: str | None
    type: str
    issuer: str
    audiences: tuple[str, ...]


def parse_token(text: str) -> UnverifiedToken | None:
    """Return the parts of a signed token, or None if the text is not such a token."""
    parts = text.split(".")
    if len(parts) != 3 or len(text) > MAX_TOKEN_LENGTH or not text.isascii():
        return None
    try:
        header, claims = _decode(parts[0]), _decode(parts[1])
    except (ValueError, RecursionError):
        return None
    algorithm, key_id, type = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    texts = (algorithm, type, claims.get("iss"), "" if key_id is None else key_id)
    if not all(isinstance(value, str) for value in texts):
        return None
    names = tuple(name for name in audiences if isinstance(name, str))
    return UnverifiedToken(text, str(algorithm), key_id, str(type), str(claims["iss"]), names)


def _decode(part: str) -> dict[str, Any]:
    """Return the JSON object of a part. Raises ValueError."""
    value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
