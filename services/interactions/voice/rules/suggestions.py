"""The states of suggestions, and the keys of voters."""

from typing import Literal
from uuid import UUID

from typing_extensions import TypeAliasType

SuggestionState = TypeAliasType("SuggestionState", Literal["new", "considered", "planned", "done", "declined"])


def voter_key(customer_id: UUID | None, staff_id: str | None) -> str:
    """Return the key by which a voter is recognized. Customers and staff do not share keys."""
    return f"customer:{customer_id}" if customer_id is not None else f"staff:{staff_id}"
