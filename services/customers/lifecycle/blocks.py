"""Blocks: erased persons who must not be recorded again, known by keyed hashes of their contact points and ids.

An erasure with `block` creates one. Every request that writes records asks for them (`BlockList`).
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import Command, Feature, Page, PageParams, Resource, Work, equals, paginate
from services.customers.people import tables

feature = Feature("blocks")


class Block(Resource, row=tables.Block):
    """A person who must not be recorded again. Nothing in it identifies the person."""

    id: UUID
    """Identifies the block."""
    erasure_id: UUID
    """The erasure that created it."""
    identities: int
    """The number of e-mail addresses, phone numbers and external ids by which the person is recognized."""
    actor: str
    """The principal that requested the erasure."""
    created_at: datetime
    """When it was created."""


@feature.get("/blocks", scope="customers:read")
async def list_blocks(
    work: Work,
    params: PageParams,
    erasure_id: Annotated[UUID | None, Parameter(description="Only the block of this erasure.")] = None,
) -> Page[Block]:
    """List the persons who must not be recorded again, newest first."""
    where = equals(erasure_id=erasure_id)
    return await paginate(work, params, tables.Block, Block, sort="-created_at", where=where)


@feature.get("/blocks/{id:uuid}", scope="customers:read")
async def read_block(work: Work, id: UUID) -> Block:
    """Return a block."""
    return Block.from_row(await work.get(tables.Block, id))


@feature.delete("/blocks/{id:uuid}", scope="customers:erase", status_code=204)
async def remove_block(work: Work, id: UUID) -> None:
    """Remove a block, so that the person may be recorded again. Another block of the same address stays in force."""
    block = await work.get(tables.Block, id, for_update=True)
    await work.execute(_DELETE, id=id)
    work.audit("deleted", tables.Block, id, {"erasure_id": [str(block.erasure_id), None]})


_DELETE = Command("delete from block where id = :id")
