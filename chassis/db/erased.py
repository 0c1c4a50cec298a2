"""Erased persons: their ids stay, so that nothing is recorded for them again."""

from collections.abc import Collection
from uuid import UUID

from chassis.core.problems import PersonErased
from chassis.db.statements import Query
from chassis.db.tables import SCHEMA
from chassis.db.unit_of_work import UnitOfWork


async def find_erased(work: UnitOfWork, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the persons that were erased."""
    return set(await work.select(_ERASED, ids=list(ids)))


async def reject_erased(work: UnitOfWork, id: UUID) -> None:
    """Raise PersonErased if the person was erased."""
    if await find_erased(work, [id]):
        raise PersonErased


_ERASED = Query(UUID, f"select person_id from {SCHEMA}.erased_person where person_id = any(:ids)")
