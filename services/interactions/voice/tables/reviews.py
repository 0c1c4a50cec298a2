"""Reviews and posts of other platforms."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import text

from chassis import Person, bigint, check, document, index, long_text, timestamp, unique
from services.interactions.sources.tables import SourceRecord
from services.interactions.voice.rules.reviews import RatingDocument


class Review(SourceRecord, table=True):
    """A review or a post, with or without a rating.

    Its content never changes. Its customer does when it becomes known who the author is, and staff may answer it.
    """

    __tablename__ = "review"
    __table_args__ = (
        unique("source", "source_id"),
        check("stars", "star_hundredths between 100 and 500"),
        check("rated", "(rating is null) = (star_hundredths is null)"),
        check("answered", "(answer is null) = (answered_at is null) and (answer is null) = (answered_by is null)"),
        index("customer_id", "posted_at", "id", postgresql_where=text("customer_id is not null")),
        index("sku", "posted_at", "id", postgresql_where=text("sku is not null")),
        index("author_handle", "posted_at", "id", postgresql_where=text("author_handle is not null")),
        index("posted_at", "id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    rating: RatingDocument | None = document()
    star_hundredths: int | None = bigint(nullable=True)
    """The rating from 100 to 500, on whichever scale it was given."""
    sku: str | None
    title: str | None
    text: str | None = long_text()
    author_handle: str | None
    url: str | None
    posted_at: datetime = timestamp()
    linked_at: datetime | None = timestamp(nullable=True)
    """When the customer became known, if the source did not name it."""
    answer: str | None = long_text()
    answered_by: str | None
    answered_at: datetime | None = timestamp(nullable=True)
