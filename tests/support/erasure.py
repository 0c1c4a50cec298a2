"""Erasures in a single service: the event that asks for one, the answer, and a search for texts in every table."""

from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7
from tests.support.service import Published, ServiceUnderTest

_BODY = "decode(substring(to_jsonb(each)->>'body' from 3), 'hex')"
_VALUE = "decode(substring(to_jsonb(each)->>'value' from 3), 'hex')"
_ALL_TEXT = f"each::text || coalesce(convert_from({_BODY}, 'UTF8'), '') || coalesce(convert_from({_VALUE}, 'UTF8'), '')"
"""SQL for the texts of a row, those of stored responses and dead letters included."""


def erasure_of(*customers: UUID | str) -> dict[str, Any]:
    """Return the event by which the customers service asks to erase a customer, and those merged into it."""
    ids = [str(id) for id in customers]
    data = {"erasure_id": str(uuid7()), "customer_id": ids[0], "customer_ids": ids}
    return {"type": "customers.customer_erased.v1", "key": ids[0], "data": data}


async def erase(service: ServiceUnderTest, *customers: UUID | str) -> dict[tuple[str, str], int]:
    """Erase customers in a service. Return the number of rows in its answer, by table and action."""
    await service.published()
    await service.deliver(erasure_of(*customers))
    answer = (await service.published())[-1]
    assert answer.type == f"{service.service.name}.erasure_completed.v1"
    return rows_of(answer)


def rows_of(answer: Published) -> dict[tuple[str, str], int]:
    """Return the number of rows in an answer, by table and action."""
    return {(each["table"], each["action"]): each["rows"] for each in answer.data["tables"]}


async def tables_with(service: ServiceUnderTest, *texts: str) -> list[str]:
    """Return every table of the service in which a row of the tenant contains one of the texts, in any case."""
    tables = await service.rows(
        "select quote_ident(nspname) || '.' || quote_ident(relname) as name from pg_class "
        "join pg_namespace on pg_namespace.oid = relnamespace where relkind = 'r' and nspname in ('public', 'chassis') "
        "and exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'tenant_id')"
    )
    found = []
    for table in (row["name"] for row in tables):
        statement = f"select {_ALL_TEXT} as text from {table} as each where tenant_id = $1"
        rows = await service.rows(statement, service.tenant.id)
        if any(text.lower() in row["text"].lower() for row in rows for text in texts):
            found.append(table)
    return sorted(found)
