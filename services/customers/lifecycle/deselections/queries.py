"""The de-selection that an operation is about."""

from uuid import UUID

from chassis import Work
from services.customers.lifecycle import tables
from services.customers.lifecycle.deselections.schemas import DeselectionNotInState
from services.customers.lifecycle.rules.deselecting import DeselectionState


async def lock_in_state(work: Work, id: UUID, *states: DeselectionState) -> tables.Deselection:
    """Lock and return a de-selection of a customer that exists. Raises NotFound and DeselectionNotInState."""
    row = await work.get(tables.Deselection, id, for_update=True)
    if row.state not in states or row.expires_at <= work.now:
        raise DeselectionNotInState(f"The de-selection is {row.state}.", state=row.state)
    return row
