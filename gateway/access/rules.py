"""API keys, the hash of their secret, and the choice of a tenant by name. Plain values in, plain values out."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class NamedTenant:
    """A tenant's id and name."""

    id: UUID
    name: str


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
