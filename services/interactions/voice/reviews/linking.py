"""The customer of a review becomes known later: the platform knows its author by a handle alone."""

from uuid import UUID

from chassis import Feature, PersonErased, Work, current_person, reject_erased
from services.interactions.contact.queries.linking import link_rows
from services.interactions.voice import tables
from services.interactions.voice.reviews.events import ReviewerNamedBySource, ReviewLinked
from services.interactions.voice.reviews.schemas import Review, ReviewLinkRequest

feature = Feature("reviews")


@feature.post("/reviews/{id:uuid}/link", scope="interactions:write", raises=[PersonErased, ReviewerNamedBySource])
async def link_review(work: Work, id: UUID, body: ReviewLinkRequest) -> Review:
    """Link a review to the customer that its author turned out to be. Another link replaces a wrong one."""
    review = await work.get(tables.Review, id, for_update=True)
    await reject_erased(work, body.customer_id)
    customer = await current_person(work, body.customer_id)
    if review.customer_id == customer:
        return Review.of(review)
    if review.customer_id is not None and review.linked_at is None:
        raise ReviewerNamedBySource(f"The customer is {review.customer_id}.", pointer="/customer_id")
    await link_rows(work, tables.Review, [id], body.customer_id)
    work.publish(
        ReviewLinked(
            review_id=id,
            customer_id=body.customer_id,
            previous_customer_id=review.customer_id,
            linked_at=work.now,
        )
    )
    return Review.of(review.replace(customer_id=customer, linked_at=work.now))
