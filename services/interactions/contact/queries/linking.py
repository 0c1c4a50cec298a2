"""Links of records to the customer that their author turned out to be, later than they were recorded."""

from collections.abc import Sequence
from functools import cache
from uuid import UUID

from chassis import SCHEMA, Command, UnitOfWork, current_person_sql
from services.interactions.sources.tables import SourceRecord


async def link_rows(work: UnitOfWork, table: type[SourceRecord], ids: Sequence[UUID], customer_id: UUID) -> None:
    """Link locked rows to a customer: to the survivor of its merges, until they are undone."""
    name = str(table.__tablename__)
    await work.execute(_forget_moves_of(name), ids=list(ids))
    await work.execute(_link_rows_of(name), ids=list(ids), customer=customer_id, now=work.now)


@cache
def _forget_moves_of(table: str) -> Command:
    return Command(f"delete from {SCHEMA}.moved_row where table_name = '{table}' and row_id = any(:ids)")


@cache
def _link_rows_of(table: str) -> Command:
    return Command(
        f"""
        with linked as (
            update {table} set customer_id = {current_person_sql(":customer::uuid")}, linked_at = :now
            where id = any(:ids) returning id
        )
        insert into {SCHEMA}.moved_row (table_name, column_name, row_id, original_id)
        select '{table}', 'customer_id', linked.id, :customer
        from linked join {SCHEMA}.redirect on redirect.id = :customer
        """
    )
