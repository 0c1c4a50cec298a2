"""The events and problems of reviews. No event contains a text of their author."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.interactions.sources.queries import SourceId, SourceName


class ReviewRecorded(Event, type="interactions.review_recorded.v1", partition_key="subject_id"):
    """A review or a post was recorded. Its texts are read from the API, because they may name a person."""

    review_id: UUID
    """The review."""
    customer_id: UUID | None
    """The customer who wrote it, or null if the author is not known."""
    sku: Annotated[str | None, Field(examples=["KETTLE-2"])]
    """The article that it is about, or null."""
    stars: Annotated[float | None, Field(description="The rating from 1 to 5, or null.", examples=[4.2])]
    posted_at: datetime
    """When it was posted."""
    source: SourceName
    """The platform."""
    source_id: SourceId
    """The id of the review on that platform."""
    recorded_at: datetime
    """When it was recorded."""

    @property
    def subject_id(self) -> UUID:
        """The customer, or the review itself if it has none."""
        return self.customer_id or self.review_id


class ReviewLinked(Event, type="interactions.review_linked.v1", partition_key="customer_id"):
    """The author of a review turned out to be a customer."""

    review_id: UUID
    """The review."""
    customer_id: UUID
    """The customer."""
    previous_customer_id: UUID | None
    """The customer to whom it was linked by mistake before, or null."""
    linked_at: datetime
    """When it was linked."""


class ReviewerNamedBySource(Problem, status=409):
    """The platform has named the customer of the review, so it is not linked to another.

    If the platform is wrong, merge the two customers.
    """
