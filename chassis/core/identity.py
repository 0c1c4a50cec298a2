"""Identity: a tenant and its facts, the caller of a request, and the signed token that names both.

The gateway turns a credential into an Ed25519 token that lives for seconds and is valid for a single service. Services
verify it themselves and trust no other header.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from chassis.core.clock import clock
from chassis.core.problems import MissingScope, Unauthenticated
from chassis.types import json

ISSUER = "rapport-gateway"
HEADER = "x-rapport-token"
VISITOR = "visitor"
"""The actor of a person with a link instead of a login. It reaches public operations alone."""
ALGORITHM = "Ed25519"
MAX_CLOCK_SKEW_SECONDS = 10
MAX_CACHED_TOKENS = 10_000

TenantKind = TypeAliasType("TenantKind", Literal["live", "sandbox"])


class TenantFacts(BaseModel):
    """The facts of a tenant that every service needs. The gateway's token and `tenant_changed` event carry them."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: Annotated[str, Field(examples=["Tea shop"])]
    """The name of the company."""
    kind: TenantKind
    """A live tenant, or a sandbox for experiments."""
    timezone: Annotated[str, Field(examples=["Europe/Amsterdam"])]
    """The time zone of its days and months: a name of the IANA database."""
    currency: Annotated[str, Field(examples=["EUR"])]
    """The currency of its analytics, by its ISO 4217 code."""
    region: Annotated[str, Field(examples=["NL"])]
    """The phone region: the country for which numbers without a country code are read."""
    clock_at: datetime | None
    """The time to which a sandbox has set its clock, or None for the real time."""
    clock_runs_since: datetime | None
    """The real time since which the clock runs on from `clock_at`, or None if it is frozen there."""

    @model_validator(mode="before")
    @classmethod
    def _add_newer_facts(cls, facts: Any) -> Any:
        """Complete facts that were stored or published before a fact existed."""
        return {"clock_runs_since": None, **facts} if isinstance(facts, dict) else facts

    def now(self) -> datetime:
        """Return the tenant's time: the clock of its sandbox, or else the real time."""
        if self.clock_at is None:
            return clock.now()
        if self.clock_runs_since is None:
            return self.clock_at
        return self.clock_at + (clock.now() - self.clock_runs_since)

    def has_same_clock(self, other: "TenantFacts") -> bool:
        """Return whether both show the same time, now and later."""
        return (self.clock_at, self.clock_runs_since) == (other.clock_at, other.clock_runs_since)


class Tenant(TenantFacts):
    """A tenant: its id and its facts."""

    id: UUID

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.timezone)

    @classmethod
    def unknown(cls, id: UUID) -> Self:
        """Return a tenant whose facts are not known."""
        facts = {"name": "", "kind": "live", "timezone": "UTC", "currency": "EUR", "region": "NL", "clock_at": None}
        return cls.model_validate({"id": id, **facts})

    def not_before(self, time: datetime) -> Self:
        """Return the tenant with a clock that shows at least this time. Only the clock of a sandbox can be behind.

        An event proves that its sandbox has reached the event's time, even if the facts that say so have not arrived.
        """
        if self.kind == "live" or self.now() >= time:
            return self
        return self.model_copy(update={"clock_at": time, "clock_runs_since": None})

    @property
    def facts(self) -> dict[str, Any]:
        """The facts as JSON values, without the id."""
        return self.model_dump(mode="json", exclude={"id"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a request or an event handler, its tenant, and its scopes."""

    tenant: Tenant
    actor: str
    """The principal: `key:<id>`, `session:<id>`, or `user:<issuer>/<subject>`."""
    scopes: frozenset[str]
    owner: UUID | None = None
    """The end user to whom the token belongs: it reaches only what this person owns."""
    expires_at: datetime | None = None

    def require(self, scope: str) -> None:
        """Raise MissingScope unless the credential has this scope."""
        if scope not in self.scopes:
            raise MissingScope(f"The scope {scope} is required.", scope=scope)


OPERATOR_CALLER = Caller(
    Tenant.unknown(UUID(int=0)),
    "operator",
    frozenset(("status:read",)),
)
"""The caller of a request with the operator's token. It belongs to no tenant, and reads the status of the system."""


class Signer:
    """Signs tokens, in the gateway."""

    def __init__(self, private_key: str, lifetime_seconds: float = 60) -> None:
        self._key = OKPKey.import_key(json.loads(private_key))
        self.lifetime_seconds = lifetime_seconds

    def sign(self, caller: Caller, audience: str) -> str:
        """Return a token for a service. Signing is expensive, so callers reuse the token for some seconds."""
        now = int(clock.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "iat": now,
            "exp": now + int(self.lifetime_seconds),
            "sub": caller.actor,
            "scopes": sorted(caller.scopes),
            "tenant": caller.tenant.model_dump(mode="json"),
        }
        if caller.expires_at is not None:
            claims["credential_exp"] = caller.expires_at.timestamp()
        if caller.owner is not None:
            # The scopes move, so that a service that does not know owners' tokens yet refuses them.
            claims |= {"owner": str(caller.owner), "owner_scopes": claims["scopes"], "scopes": []}
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])


class Verifier:
    """Verifies tokens, in a service: valid, unexpired, and issued for this service."""

    def __init__(self, public_key: str, audience: str) -> None:
        self._key = OKPKey.import_key(json.loads(public_key))
        self._audience = audience
        self._cache: dict[str, tuple[float, Caller]] = {}

    def caller(self, token: str | None) -> Caller:
        """Return the caller that a token names. Raises Unauthenticated.

        A verified token is cached until it expires: checking a signature takes longer than reading a record.
        """
        if token is None:
            raise Unauthenticated("This service is reached through the gateway.")
        cached = self._cache.get(token)
        if cached is not None and cached[0] > clock.timestamp():
            return cached[1]
        expires, caller = self._verify(token)
        if len(self._cache) >= MAX_CACHED_TOKENS:
            self._cache.clear()
        self._cache[token] = (expires, caller)
        return caller

    def _verify(self, token: str) -> tuple[float, Caller]:
        registry = jwt.JWTClaimsRegistry(
            now=int(clock.timestamp()),
            leeway=MAX_CLOCK_SKEW_SECONDS,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            registry.validate(claims)
            return float(claims["exp"]), _caller(claims)
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise Unauthenticated("The internal token is invalid.") from error


def _caller(claims: dict[str, Any]) -> Caller:
    """Return the caller of a token. Raises KeyError, TypeError or ValueError."""
    owner, expires = claims.get("owner"), claims.get("credential_exp")
    return Caller(
        Tenant.model_validate(claims["tenant"]),
        str(claims["sub"]),
        frozenset(claims["scopes"] if owner is None else claims["owner_scopes"]),
        None if owner is None else UUID(owner),
        None if expires is None else datetime.fromtimestamp(expires, UTC),
    )


def new_key_pair() -> tuple[str, str]:
    """Return a new private and public Ed25519 key as JWK text."""
    key = OKPKey.generate_key("Ed25519")
    return json.dumps_str(key.as_dict(private=True)), json.dumps_str(key.as_dict(private=False))
