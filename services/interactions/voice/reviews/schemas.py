"""Request and response bodies of reviews."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from chassis import Fields, Instant, Line, MultilineText, Reference, RequestBody, Resource, Subject
from services.interactions.sources.queries import Content, RecordFields
from services.interactions.voice import tables
from services.interactions.voice.rules.reviews import HIGHEST_STARS, LOWEST_STARS, hundredths_of_stars

Bound = Annotated[int, Field(strict=True, ge=-1_000, le=1_000)]


class RatingFields(Fields):
    """A rating on its scale."""

    value: Annotated[float, Field(strict=True, ge=-1_000, le=1_000, allow_inf_nan=False, examples=[4.5])]
    """The rating. It is not outside of the scale."""
    lowest: Bound = LOWEST_STARS
    """The worst rating of the scale."""
    highest: Bound = HIGHEST_STARS
    """The best rating of the scale."""


class ReviewRatingCreate(RatingFields, RequestBody):
    """A rating on its scale: from 1 to 5, if no other is stated."""

    @model_validator(mode="after")
    def _require_value_on_scale(self) -> Self:
        if self.lowest >= self.highest:
            raise ValueError("the lowest rating of the scale must be below the highest")
        if not self.lowest <= self.value <= self.highest:
            raise ValueError("the rating is outside of its scale")
        return self


class ReviewRating(RatingFields, Resource):
    """A rating on its scale."""


class ReviewFields(RecordFields):
    """The fields of a review."""

    sku: Reference | None = None
    """The stock keeping unit of the article that it is about."""
    title: Line | None = None
    """The title."""
    text: MultilineText | None = None
    """The text."""
    author_handle: Reference | None = None
    """The name or handle of the author on the platform."""
    url: Annotated[Subject, Field(examples=["https://reviews.example.com/4711"])] | None = None
    """Where it is published."""
    posted_at: Instant
    """When it was posted."""


class ReviewCreate(ReviewFields, RequestBody):
    """A review or a post to record. It has a rating or a text."""

    example = {
        "source": "reviews.example.com",
        "source_id": "4711",
        "sku": "KETTLE-2",
        "rating": {"value": 8, "lowest": 1, "highest": 10},
        "title": "Quiet",
        "text": "Too quiet for me.",
        "author_handle": "@ada",
        "posted_at": "2026-03-01T10:00:00Z",
    }

    rating: ReviewRatingCreate | None = None
    """The rating."""

    @model_validator(mode="after")
    def _require_content(self) -> Self:
        if self.rating is None and self.text is None:
            raise ValueError("a rating or a text is expected")
        return self

    @property
    def star_hundredths(self) -> int | None:
        """The rating in hundredths of stars, or None without a rating."""
        return None if self.rating is None else hundredths_of_stars(**self.rating.values())

    def to_row(self) -> Content:
        """Return the columns of the review. The last ones are not those of its source."""
        unanswered = {"linked_at": None, "answer": None, "answered_by": None, "answered_at": None}
        return self.values() | {"star_hundredths": self.star_hundredths, **unanswered}


class Review(ReviewFields, Resource, row=tables.Review, computed=("stars",)):
    """A review or a post."""

    id: UUID
    """Identifies the review."""
    rating: ReviewRating | None
    """The rating on its own scale, or null."""
    stars: float | None
    """The rating from 1 to 5, to a hundredth, or null."""
    linked_at: datetime | None
    """When the author turned out to be the customer, or null if the platform named the customer."""
    answer: str | None
    """The public answer, or null."""
    answered_by: str | None
    """The member of staff or the principal that answered, or null."""
    answered_at: datetime | None
    """When it was answered, or null."""
    recorded_at: datetime
    """When it was recorded."""

    @classmethod
    def of(cls, row: tables.Review) -> Self:
        """Return the resource of a row."""
        return cls.from_row(row, stars=stars_of(row.star_hundredths))


class ReviewAnswerRequest(RequestBody):
    """The answer to a review."""

    example = {"answer": "The next model whistles.", "answered_by": "agent-7"}

    answer: MultilineText
    """The public answer."""
    answered_by: Reference | None = None
    """The member of staff, by an id of your own. Default: the caller."""


class ReviewLinkRequest(RequestBody):
    """The customer that has turned out to be the author."""

    example = {"customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002"}

    customer_id: UUID
    """The customer."""


def stars_of(hundredths: int | None) -> float | None:
    """Return stars from hundredths of them."""
    return None if hundredths is None else hundredths / 100
