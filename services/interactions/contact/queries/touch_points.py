"""The recording of touch points, by their sources and from e-mails."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from chassis import (
    MAX_COUNT,
    Event,
    Fields,
    Instant,
    JsonObject,
    Line,
    MultilineText,
    Problem,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    Subject,
    UnitOfWork,
)
from services.interactions.contact import tables
from services.interactions.contact.queries.payload_schemas import check_payloads
from services.interactions.contact.queries.threads import join_threads
from services.interactions.contact.rules.touch_points import AutomaticKind, TouchPointDirection, TouchPointPhase
from services.interactions.sources.queries import (
    Content,
    NewRecord,
    Prepare,
    RecordFields,
    SourceId,
    SourceName,
    SourceRecorder,
)

MAX_ATTACHMENTS = 100


class TouchPointRecorded(Event, type="interactions.touch_point_recorded.v1", partition_key="subject_id"):
    """A contact with a customer took place. Its texts are read from the API, because they may name a person."""

    touch_point_id: UUID
    """The touch point."""
    customer_id: UUID | None
    """The customer."""
    channel: Annotated[str, Field(examples=["phone"])]
    """The channel."""
    direction: TouchPointDirection
    """From the customer, or to the customer."""
    phase: TouchPointPhase | None
    """Before, during or after a purchase, or null."""
    agent_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The employee, or null."""
    duration_seconds: Annotated[int | None, Field(examples=[180])]
    """The duration in seconds, or null."""
    sentiment: Annotated[float | None, Field(examples=[-0.5])]
    """The mood, from -1 to 1, or null if it was not judged."""
    automatic: AutomaticKind | None
    """What a machine has sent, or null for a person."""
    occurred_at: datetime
    """When it happened."""
    source: SourceName
    """The system that sent the record."""
    source_id: SourceId
    """The id of the record in that system."""
    recorded_at: datetime
    """When it was recorded."""

    @property
    def subject_id(self) -> UUID:
        """The customer, or the touch point itself if it has none."""
        return self.customer_id or self.touch_point_id


class AuthorFields(Fields):
    """The fields of an author."""

    handle: Reference
    """The name of the account, such as `@ada`."""
    display_name: Line | None = None
    """The name that the account shows."""


class AuthorCreate(AuthorFields, RequestBody):
    """A person without a customer record. Only a handle is known."""


class Author(AuthorFields, Resource):
    """A person with a known handle."""


class SentimentFields(Fields):
    """The fields of a sentiment."""

    score: Annotated[float, Field(strict=True, ge=-1, le=1, allow_inf_nan=False)]
    """The mood, from -1 (very negative) over 0 (neutral) to 1 (very positive)."""
    given_by: Reference
    """The employee, the customer or the program that judged it."""


class SentimentCreate(SentimentFields, RequestBody):
    """A judgement of the mood of a contact."""


class Sentiment(SentimentFields, Resource):
    """A judgement of the mood of a contact, and who gave it."""


class AttachmentFields(Fields):
    """The fields of an attachment."""

    name: Line | None = None
    """The name of the file."""
    media_type: ShortLine | None = None
    """Its media type, such as `application/pdf`."""
    size_bytes: Annotated[int, Field(strict=True, ge=0, le=MAX_COUNT)] | None = None
    """Its size in bytes."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """The SHA-256 of its content, in hexadecimal digits."""
    url: Annotated[Subject, Field(examples=["https://files.example.com/4711"])] | None = None
    """Where the file is stored: a URL, or a reference of your own. The file itself is not sent."""


class AttachmentCreate(AttachmentFields, RequestBody):
    """A file that belongs to a contact. It is stored elsewhere."""


class Attachment(AttachmentFields, Resource):
    """A file that belongs to a contact. It is stored elsewhere."""


class TouchPointFields(RecordFields):
    """The fields of a touch point."""

    channel: ShortLine
    """The channel, such as `email`, `phone` or `store`."""
    direction: TouchPointDirection
    """From the customer, or to the customer."""
    phase: TouchPointPhase | None = None
    """Before, during or after a purchase."""
    subject: Subject | None = None
    """The subject of the message, or of the conversation."""
    body: MultilineText | None = None
    """The text of the message, or notes of the conversation."""
    agent_id: Reference | None = None
    """The employee, by an id of your own."""
    duration_seconds: int | None = None
    """The duration in seconds."""
    occurred_at: Instant
    """When the contact took place."""
    data: JsonObject | None = None
    """Further details: a JSON object of at most 65,536 bytes, which satisfies the schema of the channel, if any."""
    automatic: AutomaticKind | None = None
    """What a machine has sent: an automatic reply, a notification, or a notice of failed delivery."""
    thread: Reference | None = None
    """Your own id of the conversation, such as that of a chat. The touch points of a source with it are a thread."""
    reply_to: Reference | None = None
    """The `source_id` of the touch point that this one answers. It may arrive later."""


class TouchPointCreate(TouchPointFields, RequestBody):
    """A touch point to record."""

    example = {
        "source": "phone",
        "source_id": "call-4711",
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "channel": "phone",
        "direction": "inbound",
        "phase": "after",
        "subject": "Delivery",
        "body": "Asked when the parcel arrives.",
        "agent_id": "agent-7",
        "duration_seconds": 180,
        "occurred_at": "2026-03-02T15:30:00Z",
        "sentiment": {"score": -0.5, "given_by": "agent-7"},
    }

    author: AuthorCreate | None = None
    """The person, if there is no customer record."""
    duration_seconds: Annotated[int, Field(strict=True, ge=0, le=31_622_400)] | None = None
    """The duration in seconds."""
    sentiment: SentimentCreate | None = None
    """The mood, if a person or a program judged it."""
    attachments: list[AttachmentCreate] = Field(default=[], max_length=MAX_ATTACHMENTS)
    """Files that belong to the contact, by reference."""

    @model_validator(mode="after")
    def _require_party(self) -> Self:
        if self.customer_id is None and self.author is None:
            raise ValueError("a customer_id or an author is expected")
        if self.thread is not None and self.reply_to is not None:
            raise ValueError("a thread or a reply_to is expected, not both")
        return self


class TouchPoint(TouchPointFields, Resource, row=tables.TouchPoint):
    """A touch point as recorded."""

    id: UUID
    """Identifies the touch point."""
    author: Author | None
    """The person, if the source knows no customer record."""
    sentiment: Sentiment | None
    """The mood, if a person or a program judged it."""
    attachments: list[Attachment]
    """Files that belong to the contact, by reference."""
    thread_id: UUID | None
    """The thread. Null in a touch point of an older version, until a reply to it arrives."""
    linked_at: datetime | None
    """When the author turned out to be the customer, or null if the source named the customer."""
    recorded_at: datetime
    """When the touch point was recorded."""


def _to_row(body: TouchPointCreate) -> Content:
    # The hashes of the first touch points begin with these two columns, so those of a repeat have to as well.
    columns = {"customer_id": body.customer_id, "author": None} | body.values()
    handle = None if body.author is None else body.author.handle
    return columns | {"thread_id": None, "author_handle": handle, "linked_at": None}


def _hashed(content: Content) -> Content:
    """Return the columns that the hash covers. Those of later versions count if they have a value."""
    return {
        name: value
        for name, value in content.items()
        if name not in _DERIVED and (name not in _ADDED_LATER or (value is not None and value != []))
    }


_DERIVED = frozenset(("thread_id", "author_handle", "linked_at"))
_ADDED_LATER = frozenset(("sentiment", "automatic", "thread", "reply_to", "attachments"))


def _event(body: TouchPointCreate, record: NewRecord) -> TouchPointRecorded:
    sentiment = None if body.sentiment is None else body.sentiment.score
    return TouchPointRecorded.from_row(
        body, touch_point_id=record.id, recorded_at=record.recorded_at, sentiment=sentiment
    )


async def _prepare(work: UnitOfWork, items: Sequence[tuple[TouchPointCreate, NewRecord]]) -> Mapping[UUID, Problem]:
    problems = await check_payloads(work, [record for _, record in items])
    await join_threads(work, [record for _, record in items if record.id not in problems])
    return problems


def touch_point_recorder(prepare: Prepare[TouchPointCreate]) -> SourceRecorder[tables.TouchPoint, TouchPointCreate]:
    """Return a recorder of touch points, which completes new ones."""
    return SourceRecorder(
        tables.TouchPoint,
        to_row=_to_row,
        event=_event,
        occurred_at="occurred_at",
        without_spelling=_hashed,
        prepare=prepare,
    )


recorder = touch_point_recorder(_prepare)
"""Records the touch points that sources send."""
