"""The part of a revert that undoes deals."""

from functools import cache
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint

from chassis import Query, UnitOfWork
from services.customers.base import Base
from services.customers.sales.deals.undoing import remove_deals, restore_deals
from services.customers.sales.deals.upserts import LOCK_DEALS
from services.customers.sales.queries.pipelines import LockedPipeline, lock_pipeline
from services.customers.sales.tables import Deal, DealExternalId, DealStageChange
from services.customers.transfer import tables
from services.customers.transfer.rules.changes import Undoing, Undone

_OWN = {table.__tablename__ for table in (Deal, DealExternalId, DealStageChange, tables.ImportChange)}
"""Tables whose rows belong to the deal itself."""


async def undo_deals(work: UnitOfWork, undoings: dict[UUID, Undoing]) -> Undone:
    """Remove the deals that an import created, and give the others their former values."""
    pipelines = await _lock_pipelines(work, list(undoings))
    deals = {each.id: each for each in await work.fetch(LOCK_DEALS, ids=list(undoings))}
    kept = {id: "changed_since" for id, each in undoings.items() if _has_changed(deals.get(id), each)}
    created = [deals[id] for id, each in undoings.items() if each.removes and id not in kept]
    kept |= dict.fromkeys(await _in_use(work, [deal.id for deal in created]), "in_use")
    removed = [deal for deal in created if deal.id not in kept]
    restored = [(deals[id], each.values) for id, each in undoings.items() if not each.removes and id not in kept]
    refused = await restore_deals(work, pipelines, restored)
    await remove_deals(work, removed)
    return Undone(len(removed), len(restored) - len(refused), kept | dict.fromkeys(refused, "values_refused"))


async def _lock_pipelines(work: UnitOfWork, deal_ids: list[UUID]) -> dict[UUID, LockedPipeline]:
    return {id: await lock_pipeline(work, id) for id in await work.fetch(_PIPELINES, ids=deal_ids)}


def _has_changed(deal: Deal | None, undoing: Undoing) -> bool:
    return deal is None or deal.version != undoing.version


async def _in_use(work: UnitOfWork, ids: list[UUID]) -> set[UUID]:
    """Return the deals to which rows of other records refer: quotes, contracts and the like."""
    used: set[UUID] = set()
    for name, column in _references():
        used |= set(await work.fetch(stored_query(name, column), ids=ids))
    return used


@cache
def stored_query(table: str, column: str) -> Query[UUID]:
    """Return the query for the deals that rows of a table name."""
    return Query(UUID, f"select {column} from {table} where {column} = any(:ids)")


@cache
def _references() -> list[tuple[str, str]]:
    """Return each foreign key to a deal, except those of its own tables."""
    found = []
    for name, table in sorted(Base.metadata.tables.items()):
        for key in table.constraints if name not in _OWN else ():
            if isinstance(key, ForeignKeyConstraint) and key.elements[-1].target_fullname == "deal.id":
                found.append((name, str(key.column_keys[-1])))
    return found


_PIPELINES = Query(UUID, "select distinct pipeline_id from deal where id = any(:ids) order by pipeline_id")
