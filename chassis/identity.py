"""Who asks: the gateway's signed statement about a request, and what a service knows of a tenant.

The gateway turns a credential into an Ed25519 token that lives for seconds and is good for one service. Services
verify it themselves and trust no header beside it.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from chassis import json
from chassis.problems import MissingScope, Unauthenticated

ISSUER = "rapport-gateway"
HEADER = "x-rapport-token"
ALGORITHM = "Ed25519"
CLOCKS_DIFFER_SECONDS = 10
_CACHE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Tenant:
    """What every service knows of a tenant."""

    id: UUID
    name: str
    kind: Literal["live", "sandbox"]
    timezone: str
    currency: str
    region: str
    """The phone region: how a number without a country code is read."""
    clock_at: datetime | None
    """A sandbox's frozen time; None is the wall clock."""

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.timezone)

    def to_claims(self) -> dict[str, Any]:
        """The facts as JSON."""
        return {
            "id": str(self.id),
            "name": self.name,
            "kind": self.kind,
            "timezone": self.timezone,
            "currency": self.currency,
            "region": self.region,
            "clock_at": self.clock_at.isoformat() if self.clock_at else None,
        }

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> "Tenant":
        """The facts from JSON. Raises KeyError or ValueError."""
        clock_at = claims["clock_at"]
        return cls(
            id=UUID(str(claims["id"])),
            name=claims["name"],
            kind=claims["kind"],
            timezone=claims["timezone"],
            currency=claims["currency"],
            region=claims["region"],
            clock_at=datetime.fromisoformat(clock_at) if clock_at else None,
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, for whom, and what they may do."""

    tenant: Tenant
    actor: str
    """The principal: `key:<id>` for an API key."""
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises MissingScope unless the credential has it."""
        if scope not in self.scopes:
            raise MissingScope(f"The scope {scope} is needed.", scope=scope)


class Signer:
    """The gateway's side: makes tokens."""

    def __init__(self, private_key: str, lifetime_seconds: float = 60) -> None:
        self._key = OKPKey.import_key(json.loads(private_key))
        self.lifetime_seconds = lifetime_seconds

    def sign(self, caller: Caller, audience: str) -> str:
        """A token for one service. Costs a signature; the caller keeps it for some seconds."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "iat": now,
            "exp": now + int(self.lifetime_seconds),
            "sub": caller.actor,
            "scopes": sorted(caller.scopes),
            "tenant": caller.tenant.to_claims(),
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])


class Verifier:
    """A service's side: believes nothing but a valid, unexpired token that was made for it."""

    def __init__(self, public_key: str, audience: str) -> None:
        self._key = OKPKey.import_key(json.loads(public_key))
        self._audience = audience
        self._seen: dict[str, tuple[float, Caller]] = {}

    def caller(self, token: str | None) -> Caller:
        """Who asks. A verified token is remembered until it expires: a signature check costs 150 microseconds."""
        if token is None:
            raise Unauthenticated("This service is reached through the gateway.")
        seen = self._seen.get(token)
        if seen is not None and seen[0] > time.time():
            return seen[1]
        expires, caller = self._verify(token)
        if len(self._seen) >= _CACHE_SIZE:
            self._seen.clear()
        self._seen[token] = (expires, caller)
        return caller

    def _verify(self, token: str) -> tuple[float, Caller]:
        requests = jwt.JWTClaimsRegistry(
            leeway=CLOCKS_DIFFER_SECONDS,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            requests.validate(claims)
            caller = Caller(Tenant.from_claims(claims["tenant"]), str(claims["sub"]), frozenset(claims["scopes"]))
            return float(claims["exp"]), caller
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise Unauthenticated("The internal token is not valid.") from error


def new_key_pair() -> tuple[str, str]:
    """A private and a public Ed25519 key as JWK text."""
    key = OKPKey.generate_key("Ed25519")
    return json.dump_text(key.as_dict(private=True)), json.dump_text(key.as_dict(private=False))
