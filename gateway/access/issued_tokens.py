"""Issued tokens: short-lived tokens that a key issues for a browser's session or for an end customer.

They are signed and not stored. A token names its key, whose revocation, expiry and scopes limit it: the look-up of the
key, which is cached and invalidated like that of any key, decides about the token too.
"""

from datetime import datetime
from functools import cache
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ValidationError

from chassis.core.clock import clock
from chassis.core.identity import ALGORITHM
from chassis.types import json

ISSUER = "rapport-gateway"
AUDIENCE = "rapport-tokens"
"""Differs from the names of services, so that no token of the gateway can be taken for one of the other kind."""
TYPE = "rapport-token+jwt"
DEFAULT_SECONDS = 900
MAX_SECONDS = 3_600


class IssuedToken(BaseModel):
    """The claims of a token."""

    id: UUID
    key: UUID
    """The key that issued it."""
    scopes: list[str]
    expires_at: datetime
    customer: UUID | None = None
    origin: str | None = None
    """The only origin whose pages may send it."""

    @property
    def actor(self) -> str:
        """The principal."""
        return f"session:{self.id}" if self.customer is None else f"customer:{self.customer}"


class TokenSigner:
    """Signs and verifies issued tokens."""

    def __init__(self, private_key: str) -> None:
        self._key = OKPKey.import_key(json.loads(private_key))

    def sign(self, token: IssuedToken) -> str:
        """Return the text of a token."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(clock.timestamp()),
            "exp": int(token.expires_at.timestamp()),
            **token.model_dump(mode="json", exclude_none=True),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE}, claims, self._key, algorithms=[ALGORITHM])

    def verify(self, text: str) -> IssuedToken | None:
        """Return a token whose signature is right, whether or not it has expired. None for any other text."""
        try:
            token = jwt.decode(text, self._key, algorithms=[ALGORITHM])
            if token.header.get("typ") != TYPE or token.claims.get("aud") != AUDIENCE:
                return None
            return IssuedToken.model_validate({name: token.claims.get(name) for name in IssuedToken.model_fields})
        except (JoseError, ValidationError, ValueError, RecursionError):
            return None


@cache
def token_signer(private_key: str) -> TokenSigner:
    """Return the signer with a key, imported once."""
    return TokenSigner(private_key)
