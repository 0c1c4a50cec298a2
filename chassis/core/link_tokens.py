"""Link tokens: credentials in the path of a link, for persons who have no login.

A token names its tenant and has 256 random bits. The database keeps only its hash. An operation that takes one in its
path is declared with `public=True`.
"""

import base64
import hashlib
import re
import secrets
from uuid import UUID

_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}")
_IN_PATH = re.compile(r"(?<=/)[A-Za-z0-9_-]{64}(?=/|$)")


def new_link_token(tenant: UUID) -> str:
    """Return a new token of a tenant: 64 characters, which a path can contain as they are."""
    return base64.urlsafe_b64encode(tenant.bytes + secrets.token_bytes(32)).decode()


def tenant_of_link(token: str) -> UUID | None:
    """Return the tenant that a token names, or None if it is no token. Its secret is not checked."""
    return UUID(bytes=base64.urlsafe_b64decode(token)[:16]) if _TOKEN.fullmatch(token) else None


def hash_link_token(token: str) -> bytes:
    """Return the hash that is stored: SHA-256. The secret is random, so a slow hash would protect nothing."""
    return hashlib.sha256(token.encode()).digest()


def without_link_tokens(path: str) -> str:
    """Return a path for a log, in which `{token}` takes the place of tokens."""
    return path if len(path) < 64 else _IN_PATH.sub("{token}", path)
