"""The history of removed records: who removed them and when stays, and their values do not."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Query, UnitOfWork
from chassis.db.statements import table_name
from chassis.db.tables import Table


async def clear_history(work: UnitOfWork, table: type[Table], ids: Sequence[UUID]) -> None:
    """Remove the values from the history of deleted records. An erasure could not find them without the records."""
    if ids:
        await work.fetch_row(_CLEAR, table=table_name(table), ids=list(ids))


_CLEAR = Query(int, "select clear_removed_history(:table, :ids)")
