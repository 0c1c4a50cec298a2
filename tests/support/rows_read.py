"""Count the rows of a table that statements read, by PostgreSQL's own account of their plans."""

from typing import Any

from chassis.types import json
from tests.support.round_trips import Sent
from tests.support.service import ServiceUnderTest

VISITED = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")


async def rows_read(service: ServiceUnderTest, sent: Sent, table: str) -> int:
    """Run the recorded queries of a table again. Return how many of its rows PostgreSQL visits for them."""
    total = 0
    for name, query, args in sent:
        if name in ("fetch", "fetchrow") and f" {table} " in f" {' '.join(query.split())} ":
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
