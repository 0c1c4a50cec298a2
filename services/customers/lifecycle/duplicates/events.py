"""The event of duplicates."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from chassis import Event
from services.customers.lifecycle import tables
from services.customers.people.rules.likeness import Attribute


class DuplicateFound(Event, type="customers.duplicate_found.v1", partition_key="customer_id"):
    """Two records may be of the same customer: a search has found the pair, or a person has reported it.

    A pair is published once, whatever is decided about it. If a change refutes it and another change confirms it, it is
    a new pair. When the event arrives, a record may have been merged or erased.
    """

    duplicate_id: UUID
    """The pair."""
    customer_id: UUID
    """The record that was created first."""
    other_customer_id: UUID
    """The other record."""
    score: Annotated[int, Field(description="How probable it is, of 100.", examples=[94])]
    attributes: Annotated[
        list[Attribute],
        Field(description="The attributes of both records that speak for it.", examples=[["name", "birth_date"]]),
    ]
    reported: bool
    """True if a person has reported the pair, and false if a search has found it."""
    found_at: datetime
    """When it was found or reported."""

    @classmethod
    def of(cls, pair: tables.Duplicate) -> Self:
        """Build the event of a new pair."""
        return cls.from_row(
            pair,
            duplicate_id=pair.id,
            customer_id=pair.first_id,
            other_customer_id=pair.second_id,
            attributes=[evidence["attribute"] for evidence in pair.evidence if evidence["points"] > 0],
            reported=pair.reported_by is not None,
            found_at=pair.created_at,
        )
