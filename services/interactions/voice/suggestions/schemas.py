"""Request and response bodies of suggestions."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator

from chassis import Fields, Line, MergePatch, MultilineText, Reference, RequestBody, Resource, ShortLine
from services.interactions.voice import tables
from services.interactions.voice.rules.suggestions import SuggestionState


class SuggestionFields(Fields):
    """The fields that are null if nothing is known."""

    sku: Reference | None = None
    """The stock keeping unit of the article that it is about."""
    topic: ShortLine | None = None
    """Another subject that it is about, such as `opening hours`."""


class PartyFields(Fields):
    """A customer, or a member of staff."""

    customer_id: UUID | None = None
    """The customer."""
    staff_id: Reference | None = None
    """The member of staff, by an id of your own."""


class PartyCreate(PartyFields):
    """A customer, or a member of staff."""

    @model_validator(mode="after")
    def _require_one_party(self) -> Self:
        if (self.customer_id is None) == (self.staff_id is None):
            raise ValueError("a customer_id or a staff_id is expected, and not both")
        return self


class SuggestionCreate(PartyCreate, SuggestionFields, RequestBody):
    """A suggestion to post."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "title": "A kettle that whistles",
        "description": "The new one is so quiet that I forget it.",
        "sku": "KETTLE-2",
    }

    title: Line
    """The suggestion in a line."""
    description: MultilineText
    """The suggestion."""


class SuggestionUpdate(SuggestionFields, MergePatch):
    """Fields to change: null clears a field."""

    example = {"state": "planned", "answer": "The next model whistles."}
    never_null: ClassVar[frozenset[str]] = frozenset(("title", "description", "state"))

    title: Line | None = None
    """The suggestion in a line."""
    description: MultilineText | None = None
    """The suggestion."""
    state: SuggestionState | None = None
    """How far it has come. A declined suggestion has an answer."""
    answer: MultilineText | None = None
    """The public answer."""
    duplicate_of_id: UUID | None = None
    """The suggestion that it repeats. Its voters then count for that one, each once."""


class Suggestion(PartyFields, SuggestionFields, Resource, row=tables.Suggestion, etag="version"):
    """A suggestion of a customer or of staff."""

    id: UUID
    """Identifies the suggestion."""
    version: int
    """Counts the changes, also those of the votes. It is the ETag."""
    title: str
    """The suggestion in a line. Empty if the customer was erased."""
    description: str
    """The suggestion. Empty if the customer was erased."""
    state: SuggestionState
    """How far it has come."""
    answer: str | None
    """The public answer, or null."""
    duplicate_of_id: UUID | None
    """The original that it repeats, or null. An original is no duplicate itself."""
    votes: int
    """The number of voters, each counted once, with those of its duplicates. 0 for a duplicate."""
    done_at: datetime | None
    """When it was done, or null."""
    created_at: datetime
    """When it was posted."""
    updated_at: datetime
    """When its fields last changed."""


class SuggestionVoteRequest(PartyCreate, RequestBody):
    """The customer or the member of staff whose vote it is."""

    example = {"customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002"}


class SuggestionVote(PartyFields, Resource, row=tables.SuggestionVote):
    """A vote for a suggestion, or for a duplicate of it."""

    id: UUID
    """Identifies the vote."""
    suggestion_id: UUID
    """The suggestion for which it was cast."""
    voted_at: datetime
    """When it was cast."""


class SuggestionTally(Resource):
    """The votes of a suggestion after a vote."""

    suggestion_id: UUID
    """The suggestion for which the vote counts: the original, if the vote is for a duplicate."""
    votes: int
    """The number of voters."""
    has_voted: bool
    """Whether the voter has a vote for it, or for one of its duplicates."""
