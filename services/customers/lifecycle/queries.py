"""Writes that the features of the area share: the end of a relationship with its events, and blocks."""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import Command, Query, UnitOfWork
from services.customers.lifecycle import tables
from services.customers.lifecycle.rules import REASON_PATTERN, lifecycle_after_end
from services.customers.people.customers.changes import publish_updated
from services.customers.people.queries import HASHES, CustomerEvent
from services.customers.people.rules.stages import Lifecycle
from services.customers.people.tables import Block, Customer


class RelationshipEnded(CustomerEvent, type="customers.relationship_ended.v1", partition_key="customer_id"):
    """The relationship with a customer ended. The competitor and the note are read from the API."""

    relationship_end_id: UUID
    """The end."""
    reason: Annotated[
        str,
        Field(
            pattern=REASON_PATTERN,
            description="The reason: one that every tenant has, or one of the tenant's own.",
            examples=["price"],
        ),
    ]
    ended_at: datetime
    """When the relationship ended."""
    previous_lifecycle: Lifecycle
    """The stage of the relationship before."""


class RelationshipResumed(CustomerEvent, type="customers.relationship_resumed.v1", partition_key="customer_id"):
    """An ended relationship was resumed."""

    relationship_end_id: UUID
    """The end that is no longer in force."""
    reason: Annotated[
        str, Field(pattern=REASON_PATTERN, description="The reason for which it had ended.", examples=["price"])
    ]
    ended_at: datetime
    """When it had ended."""
    resumed_at: datetime
    """When it was resumed."""
    lifecycle: Lifecycle
    """The stage of the relationship now, which is that before the end."""


async def find_end_in_force(work: UnitOfWork, customer_id: UUID) -> tables.RelationshipEnd | None:
    """Return the end of a customer that was not resumed, or None. The caller has locked the customer."""
    return next(iter(await work.fetch(_END_IN_FORCE, customer_id=customer_id)), None)


async def insert_end(
    work: UnitOfWork,
    customer: Customer,
    *,
    reason: str,
    ended_at: datetime,
    competitor: str | None = None,
    note: str | None = None,
) -> tables.RelationshipEnd:
    """End the relationship with a customer that the caller has locked, and publish it. Returns the stored end."""
    row = await work.insert(
        tables.RelationshipEnd(
            customer_id=customer.id,
            reason=reason,
            competitor=competitor,
            note=note,
            ended_at=ended_at,
            actor=work.actor,
            previous_lifecycle=customer.lifecycle,
        )
    )
    await change_state(work, customer, state="ended", lifecycle=lifecycle_after_end(customer.lifecycle))
    work.publish(RelationshipEnded.from_row(row, relationship_end_id=row.id, external_ids=customer.external_ids))
    return row


async def change_state(work: UnitOfWork, customer: Customer, **changes: Any) -> Customer:
    """Change the state and the stage of a locked customer, and publish the change. Returns the row as stored."""
    after = await work.update(customer, **changes)
    changed = [name for name, value in changes.items() if getattr(customer, name) != value]
    publish_updated(work, customer, after, changed)
    return after


async def block(work: UnitOfWork, erasure_id: UUID, actor: str, identities: Collection[str]) -> None:
    """Store keyed hashes of the identities of a person who must not be recorded again."""
    key = secrets.token_bytes(HASH_BLOCK_BYTES)
    await work.execute(
        _CREATE_KEY, inner_pad=bytes(byte ^ 0x36 for byte in key), outer_pad=bytes(byte ^ 0x5C for byte in key)
    )
    row = await work.insert(Block(erasure_id=erasure_id, identities=len(identities), actor=actor, created_at=work.now))
    await work.execute(_STORE_HASHES, block_id=row.id, identities=sorted(identities))


async def ids_of(work: UnitOfWork, customer_id: UUID) -> list[UUID]:
    """Return the id of a customer, and the ids of the records that were merged into it, sorted."""
    return sorted(await work.select(_MERGED, id=customer_id))


HASH_BLOCK_BYTES = 64
_CREATE_KEY = Command(
    """
    insert into block_key (inner_pad, outer_pad) values (:inner_pad, :outer_pad)
    on conflict (tenant_id) do nothing
    """
)
_STORE_HASHES = Command(
    f"insert into blocked_identity (block_id, hash) select :block_id, hash from ({HASHES}) as blocked"
)
_MERGED = Query(
    UUID,
    """
    with recursive merged(id) as (
        select :id::uuid
        union
        select customer.id from customer join merged on merged_into = merged.id
    )
    select id from merged
    """,
)
_END_IN_FORCE = Query(
    tables.RelationshipEnd,
    "select * from relationship_end where customer_id = :customer_id and resumed_at is null for no key update",
)
