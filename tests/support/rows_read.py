"""Count the rows of a table that statements read, by PostgreSQL's own account of their plans."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chassis.db.pool import Connection
from chassis.types import json
from tests.support.service import ServiceUnderTest

VISITED = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
Sent = list[tuple[str, tuple[Any, ...]]]


@contextmanager
def queries() -> Iterator[Sent]:
    """Record each query that this process sends through a pool, with its values."""
    sent: Sent = []

    def recording(name: str) -> Any:
        send = getattr(Connection, name)

        async def record(self: Connection, query: str, *args: Any, **options: Any) -> Any:
            sent.append((query, args))
            return await send(self, query, *args, **options)

        return record

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fetch", "fetchrow"):
            patch.setattr(Connection, name, recording(name))
        yield sent


async def rows_read(service: ServiceUnderTest, sent: Sent, table: str) -> int:
    """Run the recorded queries of a table again. Return how many of its rows PostgreSQL visits for them."""
    total = 0
    for query, args in sent:
        if f" {table} " in f" {' '.join(query.split())} ":
            (row,) = await service.rows(f"explain (analyze, format json) {query}", *args)
            plan = row["QUERY PLAN"]
            total += _rows(json.loads(plan) if isinstance(plan, str) else plan, table)
    return total


def _rows(node: Any, table: str) -> int:
    if isinstance(node, list):
        return sum(_rows(item, table) for item in node)
    if not isinstance(node, dict):
        return 0
    below = sum(_rows(value, table) for value in node.values())
    if node.get("Relation Name") != table:
        return below
    visited: float = sum(node.get(name, 0) for name in VISITED)
    return below + int(visited * node["Actual Loops"])
