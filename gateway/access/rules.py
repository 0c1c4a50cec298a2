"""API keys, the hash of their secret, and the choice of a tenant by name. Plain values in, plain values out."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

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


def parse_payload(payload: str) -> tuple[list[UUID], UUID | None] | None:
    """Return the changed keys, and the changed tenant if any. None means that anything may have changed."""
    subject, *words = payload.split()[: MAX_ANNOUNCED_KEYS + 1] or [""]
    try:
        ids = [UUID(word) for word in words]
    except ValueError:
        return None
    if subject == "keys" and ids:
        return ids, None
    return ([], ids[0]) if subject == "tenant" and len(ids) == 1 else None


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
