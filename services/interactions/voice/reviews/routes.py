"""The operations that record, read, list and answer reviews."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Command,
    Feature,
    Filter,
    Page,
    PageParams,
    PersonErased,
    Reference,
    SourceIdReused,
    TimeRange,
    Upserted,
    Work,
    condition,
    equals,
    of_person,
    paginate,
    time_range,
)
from services.interactions.sources.queries import Content, NewRecord, SentBy, SourceRecorder
from services.interactions.voice import tables
from services.interactions.voice.reviews.events import ReviewRecorded
from services.interactions.voice.reviews.schemas import Review, ReviewAnswerRequest, ReviewCreate, stars_of

feature = Feature("reviews")
Sort = Literal["posted_at", "-posted_at"]
Stars = Annotated[int, Parameter(ge=1, le=5)]
NOT_OF_SOURCE = frozenset(("star_hundredths", "linked_at", "answer", "answered_by", "answered_at"))


def _event(body: ReviewCreate, record: NewRecord) -> ReviewRecorded:
    stars = stars_of(body.star_hundredths)
    return ReviewRecorded.from_row(body, review_id=record.id, stars=stars, recorded_at=record.recorded_at)


def _of_source(content: Content) -> Content:
    return {name: value for name, value in content.items() if name not in NOT_OF_SOURCE}


recorder = SourceRecorder[tables.Review, ReviewCreate](
    tables.Review, to_row=ReviewCreate.to_row, event=_event, occurred_at="posted_at", without_spelling=_of_source
)


@feature.post("/reviews", scope="interactions:write", raises=[PersonErased, SourceIdReused])
async def record_review(work: Work, body: ReviewCreate) -> Upserted[Review]:
    """Record a review or a post. A repeat with the same source id returns the existing review with 200."""
    row, created = await recorder.record(work, body)
    return Upserted(Review.of(row), created)


@feature.get("/reviews", scope="interactions:read")
async def list_reviews(
    work: Work,
    params: PageParams,
    sent_by: SentBy,
    posted_at: Annotated[TimeRange, Depends(time_range("posted_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only reviews of this customer.")] = None,
    sku: Annotated[Reference | None, Parameter(description="Only reviews of this article.")] = None,
    stars: Annotated[list[Stars] | None, Parameter(description="Any of these numbers of stars, rounded.")] = None,
    author: Annotated[Reference | None, Parameter(description="Only those of the author with this handle.")] = None,
    answered: Annotated[bool | None, Parameter(description="Only those with, or without, an answer.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-posted_at",
) -> Page[Review]:
    """List reviews, the newest first."""
    where: list[Filter] = [*of_person(customer_id), *sent_by, *posted_at.filters]
    where += equals(sku=sku, author_handle=author)
    if stars:
        where.append(condition("(star_hundredths + 50) / 100 = any(:stars)", stars=stars))
    if answered is not None:
        where.append(condition("(answered_at is not null) = :answered", answered=answered))
    return await paginate(work, params, tables.Review, Review.of, sort=sort, where=where)


@feature.get("/reviews/{id:uuid}", scope="interactions:read")
async def read_review(work: Work, id: UUID) -> Review:
    """Return a review."""
    return Review.of(await work.get(tables.Review, id))


@feature.put("/reviews/{id:uuid}/answer", scope="interactions:write")
async def answer_review(work: Work, id: UUID, body: ReviewAnswerRequest) -> Review:
    """Store the public answer to a review. It replaces an earlier one."""
    review = await work.get(tables.Review, id, for_update=True)
    answer = {"answer": body.answer, "answered_by": body.answered_by or work.actor, "answered_at": work.now}
    await work.execute(_ANSWER, id=id, **answer)
    return Review.of(review.replace(**answer))


_ANSWER = Command(
    "update review set answer = :answer, answered_by = :answered_by, answered_at = :answered_at where id = :id"
)
