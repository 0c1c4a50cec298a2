"""User tokens: JSON Web Tokens of a tenant's identity provider (OpenID Connect, RFC 7519, RFC 8725)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.jwt import Claims, JWTClaimsRegistry

from chassis import Tenant
from chassis.core.clock import clock
from chassis.core.problems import Unauthenticated
from gateway.access.issuer_cache import Issuers, StoredIssuer
from gateway.access.key_sets import KeySets
from gateway.access.web_tokens import UnverifiedToken

TYPES = frozenset(("jwt", "at+jwt", "application/at+jwt"))
"""Of ID tokens and access tokens. Tokens of other types, such as those that announce a logout, are no credentials."""
MAX_SUBJECT_LENGTH = 255
FindCustomer = Callable[[Tenant, str, str], Awaitable[UUID | None]]
"""Returns the customer of a tenant with an external id: its source and its id there."""


@dataclass(frozen=True, slots=True)
class VerifiedUser:
    """A user whose token has a valid signature. It may have expired."""

    issuer: StoredIssuer
    subject: str
    claims: Claims
    expires_at: float


class _Registry(JWSRegistry):
    """Accepts the algorithms of an issuer, and headers of any name."""

    max_header_length = 8_192

    def get_alg(self, name: str) -> Any:
        """Return an algorithm. EdDSA gets no warning: its newer names are not common yet."""
        if self.allowed is None or name not in self.allowed:
            raise Unauthenticated(f"The issuer does not sign with {name[:20]}.")
        return self.algorithms[name]


async def verify_user(key_sets: KeySets, issuers: Issuers, token: UnverifiedToken) -> VerifiedUser:
    """Return the user of a token. Raises Unauthenticated with the reason, and IssuerUnavailable."""
    issuer = _choose_issuer(issuers, token)
    if token.type.lower() not in TYPES:
        raise Unauthenticated(f"A token of the type {token.type[:40]} is not a credential.")
    if token.algorithm not in issuer.algorithms:
        raise Unauthenticated("The token's algorithm is not among those of the issuer.")
    key = await key_sets.find(issuer.url, token.key_id, token.algorithm)
    registry = _Registry(algorithms=issuer.algorithms, strict_check_header=False)
    try:
        claims = jwt.decode(token.text, key, registry=registry).claims
        _claims_registry(issuer).validate({name: value for name, value in claims.items() if name != "exp"})
    except (JoseError, ValueError, RecursionError) as error:
        raise Unauthenticated(
            f"The token is not valid: {getattr(error, 'description', None) or 'malformed'}."
        ) from None
    subject, expires = claims["sub"], claims.get("exp")
    if not isinstance(expires, (int, float)) or isinstance(expires, bool):
        raise Unauthenticated("The token has no expiry.")
    if not (subject.isascii() and subject.isprintable() and 0 < len(subject) <= MAX_SUBJECT_LENGTH):
        raise Unauthenticated("The token's subject must be up to 255 printable ASCII characters.")
    return VerifiedUser(issuer, subject, claims, float(expires) + issuer.clock_skew_seconds)


def _claims_registry(issuer: StoredIssuer) -> JWTClaimsRegistry:
    return JWTClaimsRegistry(
        now=int(clock.timestamp()),
        leeway=issuer.clock_skew_seconds,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "value": issuer.audience},
        sub={"essential": True},
    )


def _choose_issuer(issuers: Issuers, token: UnverifiedToken) -> StoredIssuer:
    """Return the issuer with the token's audience. A token for the audiences of several issuers is ambiguous."""
    fitting = [issuer for issuer in issuers if issuer.audience in token.audiences]
    if len(fitting) != 1:
        raise Unauthenticated("The token's audience is not that of a single registered issuer.")
    return fitting[0]
