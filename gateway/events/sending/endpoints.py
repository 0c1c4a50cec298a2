"""The endpoint of a lane, ready for requests: with its checked URL and its decrypted secrets."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from yarl import URL

from chassis import Caller, Tenant
from chassis.http.outbound import ForbiddenUrl, OutboundPolicy
from chassis.types.rows import construct
from gateway.events.rules.encryption import Encryption
from gateway.events.rules.signatures import secret_bytes
from gateway.events.webhook_queries import StoredEndpoint

SCHEMES = ("https", "http")


@dataclass(slots=True)
class Endpoint:
    """An endpoint as it was read last."""

    tenant: Tenant
    url: URL | None
    refusal: str
    """Why the URL cannot be called, if it is None."""
    max_per_second: int | None
    is_active: bool
    recovers: bool
    includes_record: bool
    api_key_id: UUID | None
    scopes: frozenset[str]
    keys: list[tuple[bytes, datetime | None]]
    """The keys that sign, the newest first, each with its expiry."""
    headers: list[tuple[str, str]]
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Internal tokens by service, each with the monotonic time until which it is used."""

    def signing_keys(self, now: datetime) -> list[bytes]:
        """Return the keys that sign now."""
        return [key for key, expires_at in self.keys if expires_at is None or expires_at > now]

    def reader(self, scope: str) -> Caller | None:
        """Return the caller that reads records with a scope, or None if the key is not valid or lacks the scope."""
        if self.api_key_id is None or scope not in self.scopes:
            return None
        return Caller(self.tenant, f"key:{self.api_key_id}", frozenset((scope,)))


def endpoint_of(stored: StoredEndpoint, policy: OutboundPolicy, encryption: Encryption) -> Endpoint:
    """Return a stored endpoint. Raises CannotDecrypt."""
    refusal, url = "", None
    try:
        url = policy.require_url(stored.url, SCHEMES)
    except ForbiddenUrl as error:
        refusal = f"the URL {error}"
    keys: list[tuple[bytes, datetime | None]] = []
    headers = []
    for secret in stored.secrets:
        text = encryption.decrypt(secret["ciphertext"], str(stored.id))
        if secret["purpose"] == "header":
            headers.append((secret["name"], text))
        else:
            end = secret["expires_at"]
            keys.append((secret_bytes(text), None if end is None else datetime.fromisoformat(end)))
    return Endpoint(
        tenant=construct(Tenant, stored, id=stored.tenant_id),
        url=url,
        refusal=refusal,
        max_per_second=stored.max_per_second,
        is_active=stored.is_active,
        recovers=stored.recovers,
        includes_record=stored.includes_record,
        api_key_id=stored.api_key_id,
        scopes=frozenset(stored.scopes or ()),
        keys=keys,
        headers=headers,
    )
