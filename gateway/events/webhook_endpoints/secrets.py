"""The stored secrets of an endpoint: signing keys, and the values of its custom headers."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from chassis import Command, Query, UnitOfWork
from chassis.core.clock import clock
from gateway.events import tables
from gateway.events.rules.encryption import Encryption
from gateway.events.rules.retries import SecretPurpose


async def add_secret(
    work: UnitOfWork, encryption: Encryption, endpoint_id: UUID, text: str, purpose: SecretPurpose, name: str = ""
) -> None:
    """Store a secret of an endpoint."""
    await work.insert(
        tables.WebhookSecret(
            endpoint_id=endpoint_id,
            purpose=purpose,
            name=name,
            ciphertext=encryption.encrypt(text, str(endpoint_id)),
            created_at=clock.now(),
        )
    )


async def set_headers(
    work: UnitOfWork, encryption: Encryption, endpoint: tables.WebhookEndpoint, headers: Mapping[str, str | None]
) -> list[str]:
    """Store or, with None, remove custom headers. Returns the names that the endpoint has then."""
    named = {name.lower(): name for name in endpoint.header_names}
    for name, value in headers.items():
        former = named.pop(name.lower(), None)
        if former is not None:
            await work.execute(_REMOVE_HEADER, endpoint_id=endpoint.id, name=former)
        if value is not None:
            named[name.lower()] = name
            await add_secret(work, encryption, endpoint.id, value, "header", name)
    return sorted(named.values())


async def count_signing_keys(work: UnitOfWork, endpoint_id: UUID) -> int:
    """Return how many keys of an endpoint sign."""
    return await work.fetch_row(_COUNT, endpoint_id=endpoint_id, now=clock.now())


async def expire_signing_keys(work: UnitOfWork, endpoint_id: UUID, at: datetime) -> None:
    """Let the present keys of an endpoint end then, unless they end earlier. Those that have ended are deleted."""
    await work.execute(_EXPIRE, endpoint_id=endpoint_id, at=at)
    await work.execute(_DELETE_EXPIRED, endpoint_id=endpoint_id, now=clock.now())


_REMOVE_HEADER = Command(
    "delete from webhook_secret where endpoint_id = :endpoint_id and purpose = 'header' and name = :name"
)
_COUNT = Query(
    int,
    """
    select count(*) from webhook_secret
    where endpoint_id = :endpoint_id and purpose = 'signing' and (expires_at is null or expires_at > :now)
    """,
)
_DELETE_EXPIRED = Command(
    "delete from webhook_secret where endpoint_id = :endpoint_id and purpose = 'signing' and expires_at <= :now"
)
_EXPIRE = Command(
    """
    update webhook_secret set expires_at = least(expires_at, cast(:at as timestamptz))
    where endpoint_id = :endpoint_id and purpose = 'signing'
    """
)
