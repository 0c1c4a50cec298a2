"""Touch points, and the search of their texts."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import DatabaseFunction, Person, check, choice, document, index, long_text, timestamp, unique
from services.interactions.base import Base
from services.interactions.contact.rules.touch_points import (
    AttachmentDocument,
    AuthorDocument,
    AutomaticKind,
    SentimentDocument,
    TouchPointDirection,
    TouchPointPhase,
)
from services.interactions.sources.tables import SourceRecord

SEARCHED_TEXT = "to_tsvector('simple'::regconfig, (coalesce(subject, '') || ' ') || coalesce(body, ''))"
"""The words of a touch point, in any language, without stems and stop words. PostgreSQL prints the same brackets."""


class TouchPoint(SourceRecord, table=True):
    """A contact with a customer, or with a person without a customer record.

    Its content never changes. Its thread does when an earlier message of it arrives late, and its customer does when it
    becomes known who the author is.
    """

    __tablename__ = "touch_point"
    __table_args__ = (
        unique("source", "source_id"),
        index("customer_id", "occurred_at", "id"),
        index("agent_id", "occurred_at", "id", postgresql_where=text("agent_id is not null")),
        index("channel", "occurred_at", "id"),
        index("occurred_at", "id"),
        index("recorded_at", "id"),
        index("thread_id", "occurred_at", "id", postgresql_where=text("thread_id is not null")),
        index("author_handle", "channel", "id", postgresql_where=text("author_handle is not null")),
        index(
            text(f"({SEARCHED_TEXT})"),
            name="ix_touch_point_searched_text",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
        ),
        check("of_somebody", "customer_id is not null or author is not null"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    author: AuthorDocument | None = document()
    channel: str
    direction: TouchPointDirection = choice(TouchPointDirection, "direction")
    phase: TouchPointPhase | None = choice(TouchPointPhase, "phase")
    subject: str | None
    body: str | None = long_text()
    agent_id: str | None
    duration_seconds: int | None
    occurred_at: datetime = timestamp()
    data: dict[str, Any] | None = document()
    sentiment: SentimentDocument | None = document()
    automatic: AutomaticKind | None = choice(AutomaticKind, "automatic")
    thread: str | None
    reply_to: str | None
    attachments: list[AttachmentDocument] = document(sa_column_kwargs={"server_default": "[]"})
    thread_id: UUID | None
    """Null in records of versions without threads, until a reply arrives."""
    author_handle: str | None
    """The handle of the author, by which the touch points of an author are found."""
    linked_at: datetime | None = timestamp()
    """When the customer became known, if the source did not name it."""


# Full-text search is not leakproof, so row-level security would prevent the use of the index. The function reads as the
# owner, and only the tenant of the transaction. Each call is planned for its words: rare ones are looked up in the
# index of words, and frequent ones are met soon among the newest touch points.
search_touch_points = DatabaseFunction(
    "search_touch_points(text, uuid, integer)",
    f"""
    create or replace function search_touch_points(words text, customer uuid, most integer) returns setof uuid
    language plpgsql stable security definer set search_path = public, pg_temp
    set plan_cache_mode = force_custom_plan as $$
        begin
            if customer is null then
                return query select id from touch_point
                where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                    and {SEARCHED_TEXT} @@ to_tsquery('simple', words)
                order by occurred_at desc, touch_point.id desc limit most;
            else
                return query select id from touch_point
                where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                    and customer_id = customer
                    and {SEARCHED_TEXT} @@ to_tsquery('simple', words)
                order by occurred_at desc, touch_point.id desc limit most;
            end if;
        end
        $$
    """,
)
Base.metadata.info.setdefault("objects", []).append(search_touch_points)
