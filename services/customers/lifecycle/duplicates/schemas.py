"""Request and response bodies of duplicates and of searches for them."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from chassis import JobState, MergePatch, Problem, RequestBody, Resource
from services.customers.lifecycle import tables
from services.customers.lifecycle.rules.duplicates import DuplicateState
from services.customers.people.rules.likeness import Attribute

Score = Annotated[int, Field(ge=0, le=100, examples=[94])]


class DuplicateMerged(Problem, status=409):
    """The records of the pair were merged.

    Undo the merge first: the pair is then open again.
    """


class DuplicateCreate(RequestBody):
    """Two records that a person takes for the same customer."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120003",
        "other_customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120004",
    }

    customer_id: UUID
    """A record."""
    other_customer_id: UUID
    """The other record."""


class DuplicateUpdate(MergePatch):
    """A decision on a pair."""

    example = {"state": "not_a_duplicate"}
    never_null: ClassVar[frozenset[str]] = frozenset(("state",))

    state: Literal["open", "not_a_duplicate"] | None = None
    """`not_a_duplicate` for records of two customers: no search opens the pair again. `open` to withdraw that."""


class DuplicateEvidence(Resource):
    """The finding about an attribute that both records have."""

    attribute: Attribute
    """The attribute."""
    similarity: Annotated[float, Field(ge=0, le=1, examples=[0.93])]
    """How similar its values are: 1 if they are equal."""
    points: Annotated[float, Field(examples=[8.0])]
    """The points that it adds, or takes away if negative. A sum of 8 points is a score of 50."""


class Duplicate(Resource, row=tables.Duplicate, etag="version"):
    """Two records that may be of the same customer."""

    id: UUID
    """Identifies the pair."""
    version: int
    """Counts the changes. It is the ETag."""
    first_id: UUID
    """The record that was created first."""
    second_id: UUID
    """The other record."""
    state: DuplicateState
    """Open until the records are merged, or a person decides that they are of two customers."""
    score: Score
    """How probable it is, of 100. A search finds pairs from 50."""
    evidence: list[DuplicateEvidence]
    """Why: the attributes that both records have."""
    reported_by: str | None
    """The principal that reported the pair, or null if a search has found it."""
    created_at: datetime
    """When the pair was found or reported."""
    updated_at: datetime
    """When it last changed."""


class DuplicateSearch(Resource):
    """A search for duplicates among the records that are new, or have changed since they were compared."""

    id: UUID
    """Identifies the search."""
    state: JobState
    """The state of the work."""
    compared: int
    """How many records have been compared."""
    total: int | None
    """How many there are to compare, or null until they are counted."""
    found: int
    """How many pairs have been found, those that were known before included."""
    actor: str
    """The principal that started it: `chore:duplicates` if it began by itself."""
    created_at: datetime
    """When it was started."""
    finished_at: datetime | None
    """When it ended, or null."""
