"""Events of merges, as customers publishes them."""

from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7


def customers_merged(
    survivor: UUID, merged: UUID, *, number: int = 1, merge_id: UUID | None = None, **envelope: Any
) -> dict[str, Any]:
    """Return the event of a merge."""
    return _event("customers_merged", survivor, merged, number, merge_id, envelope)


def merge_undone(
    survivor: UUID, merged: UUID, *, number: int = 1, merge_id: UUID | None = None, **envelope: Any
) -> dict[str, Any]:
    """Return the event of its undo."""
    return _event("merge_undone", survivor, merged, number, merge_id, envelope)


def _event(
    name: str, survivor: UUID, merged: UUID, number: int, merge_id: UUID | None, envelope: dict[str, Any]
) -> dict[str, Any]:
    data = {
        "merge_id": str(merge_id or uuid7()),
        "customer_id": str(survivor),
        "merged_id": str(merged),
        "number": number,
    }
    return {"type": f"customers.{name}.v1", "key": survivor, "data": data, **envelope}
