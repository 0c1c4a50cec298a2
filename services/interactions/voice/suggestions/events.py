"""The events and problems of suggestions. No event contains a text that a person wrote."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem


class SuggestionDone(Event, type="interactions.suggestion_done.v1", partition_key="suggestion_id"):
    """A suggestion was carried out. Its author and its voters may want to know: the API lists the voters."""

    suggestion_id: UUID
    """The suggestion."""
    customer_id: UUID | None
    """The customer who made it, or null if staff did."""
    sku: Annotated[str | None, Field(examples=["KETTLE-2"])]
    """The article that it is about, or null."""
    votes: Annotated[int, Field(description="The number of voters.", examples=[12])]
    done_at: datetime
    """When it was done."""


class SuggestionIsDuplicate(Problem, status=409):
    """The suggestion is a duplicate, so it has no state, answer or duplicates of its own.

    `duplicate_of_id` is the original. Change that one, or clear `duplicate_of_id` first.
    """


class SuggestionEnded(Problem, status=409):
    """The suggestion is done or declined, so its votes do not change any more.

    `state` is its state. Post another suggestion.
    """
