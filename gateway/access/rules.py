"""API keys, the hash of their secret, and the choice of a tenant by name. Plain values in, plain values out."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from typing_extensions import TypeAliasType

RevocationReason = TypeAliasType(
    "RevocationReason", Literal["requested", "creator_revoked", "rotated", "tenant_deleted"]
)
RefusalReason = TypeAliasType("RefusalReason", Literal["expired", "revoked", "wrong_secret"])

_KEY = re.compile(r"^rap_(live|sandbox)_([0-9a-f]{32})_([0-9A-Za-z_-]{43})$")


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """The parts of a key that a client sent. It is not authenticated yet."""

    kind: str
    id: UUID
    secret: str


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def key_text(kind: str, id: UUID, secret: str) -> str:
    """Return the key as it is shown once: `rap_<live|sandbox>_<id>_<secret>`."""
    return f"rap_{kind}_{id.hex}_{secret}"


def parse_key(text: str) -> PresentedKey | None:
    """Return the parts of a key, or None if the text is not a key."""
    match = _KEY.match(text)
    return PresentedKey(match.group(1), UUID(match.group(2)), match.group(3)) if match else None


def hash_secret(secret: str) -> bytes:
    """Return the hash that is stored: SHA-256.

    The secret has 256 random bits, so a slow hash would protect nothing and would delay every request.
    """
    return hashlib.sha256(secret.encode()).digest()


def matches_hash(secret: str, stored: bytes) -> bool:
    """Return whether the secret has the stored hash, in constant time."""
    return hmac.compare_digest(hash_secret(secret), stored)


MAX_ANNOUNCED_KEYS = 200
"""Keys in a payload of NOTIFY, which PostgreSQL limits to 8,000 bytes."""


def keys_payload(ids: Sequence[UUID]) -> str:
    """Return the payload that announces a change of keys."""
    return "keys " + " ".join(id.hex for id in ids)


def tenant_payload(id: UUID) -> str:
    """Return the payload that announces a change of a tenant."""
    return f"tenant {id.hex}"


def issuer_payload(url_id: UUID) -> str:
    """Return the payload that announces a change of an issuer."""
    return f"issuer {url_id.hex}"


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was announced: of keys, of a tenant, or of the issuers with a URL."""

    keys: Sequence[UUID] = ()
    tenant: UUID | None = None
    issuer: UUID | None = None


def parse_payload(payload: str) -> Change | None:
    """Return the change that a payload announces, or None if anything may have changed."""
    subject, *words = payload.split()[: MAX_ANNOUNCED_KEYS + 1] or [""]
    try:
        ids = [UUID(word) for word in words]
    except ValueError:
        return None
    if subject == "keys" and ids:
        return Change(keys=ids)
    if subject in ("tenant", "issuer") and len(ids) == 1:
        return Change(tenant=ids[0]) if subject == "tenant" else Change(issuer=ids[0])
    return None


def url_id(url: str) -> UUID:
    """Return the id by which the issuers with a URL are looked up: the same in every tenant."""
    return uuid5(NAMESPACE_URL, url)


NOT_GRANTABLE = frozenset(("api-keys:write", "customer-tokens:write", "issuers:write", "session-tokens:write"))
"""Scopes of keys alone: a credential that others depend on must be one that can be revoked with them."""
Algorithm = TypeAliasType(
    "Algorithm",
    Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
)
"""Signatures by a private key. With a shared secret, the public key of an issuer could be taken for the secret."""


def claim_values(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of a claim: its value, the items of a list, or the words of a scope claim.

    A dot leads into an object, such as `realm_access.roles`, unless a claim has the name with the dot itself.
    """
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return value.split() if name in ("scope", "scp") else [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def mapped_scopes(
    claims: Mapping[str, Any], rules: Iterable[Mapping[str, Any]], default_scopes: Iterable[str]
) -> frozenset[str]:
    """Return the scopes of a user: the default scopes, and those of each rule whose claim has the rule's value."""
    granted = set(default_scopes)
    for rule in rules:
        if rule["value"] in claim_values(claims, rule["claim"]):
            granted |= set(rule["scopes"])
    return frozenset(granted)


def may_revoke(own_scopes: Set[str], scopes: Set[str], *, is_issued: bool, is_maker: bool) -> bool:
    """Return whether a key may revoke another key with these scopes, or itself.

    `is_issued` is true for itself and for a key that was issued through it. `is_maker` is true for a key through which
    it was issued, which is stronger whatever its scopes are. Expiry does not matter: a revocation grants nothing.
    """
    return is_issued or (not is_maker and scopes <= own_scopes)


@dataclass(frozen=True, slots=True)
class NamedTenant:
    """A tenant's id and name."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """A tenant in the list of all tenants."""

    id: UUID
    name: str
    kind: str
    suspended_at: datetime | None
    deleted_at: datetime | None
    clock_at: datetime | None

    @property
    def state(self) -> str:
        """Its state in a word."""
        return "deleted" if self.deleted_at else "suspended" if self.suspended_at else "active"


class TenantNotFound(LookupError):
    """A name denotes no tenant, or several. The text says what to do."""


def choose_tenant(name: str, candidates: Sequence[NamedTenant]) -> UUID:
    """Return the id of the tenant with this name, among tenants whose names differ from it in case at most.

    A name of the same case takes precedence. Raises TenantNotFound unless exactly one tenant is left.
    """
    matches = [tenant for tenant in candidates if tenant.name == name] or candidates
    if not matches:
        raise TenantNotFound(
            f"No tenant is named {name!r}. Create it by `rapport tenants create`, or pass a tenant's id."
        )
    if len(matches) > 1:
        lines = [f"{tenant.id} {tenant.name}" for tenant in matches]
        raise TenantNotFound(
            "\n".join([f"{len(matches)} tenants are named {name!r}. Pass the id of one of them:", *lines])
        )
    return matches[0].id
