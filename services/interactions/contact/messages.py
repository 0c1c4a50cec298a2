"""Messages to customers: requested with permission, sent by a system of the tenant, and what became of them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    Feature,
    Fields,
    Instant,
    MultilineText,
    Page,
    PageParams,
    PersonErased,
    Problem,
    RequestBody,
    Resource,
    ShortLine,
    Subject,
    TimeRange,
    Upserted,
    Work,
    equals,
    of_person,
    paginate,
    recorded_person,
    reject_future,
    time_range,
    uuid7,
)
from services.interactions.contact import tables
from services.interactions.contact.queries.messages import CAUSE_PATTERN, CauseKind, MessageEvent, request_message
from services.interactions.contact.rules import messages as rules
from services.interactions.contact.rules.messages import MessageOutcomeKind, MessageReason, MessageState

feature = Feature("messages")
OWN_CAUSE = "request"
"""The cause of a message that a client has written. Its id is the message's own."""
Sort = Literal["requested_at", "-requested_at"]


class OutcomeEvent(MessageEvent):
    """The fields of the events about outcomes."""

    occurred_at: datetime
    """When it happened."""


class MessageDelivered(OutcomeEvent, type="interactions.message_delivered.v1", partition_key="customer_id"):
    """A message was delivered."""


class MessageFailed(OutcomeEvent, type="interactions.message_failed.v1", partition_key="customer_id"):
    """A message could not be delivered, or came back."""

    reason: Annotated[MessageReason, Field(description="`failed`, or `bounced` if it came back.")]


class MessageClicked(OutcomeEvent, type="interactions.message_clicked.v1", partition_key="customer_id"):
    """The customer opened a link of a message."""


class MessageSuppressed(Problem, status=409):
    """The message was suppressed, so it has no outcomes.

    `reason` says why. Do not send it.
    """


class MessageFields(Fields):
    """The fields of a message that its author chooses."""

    customer_id: UUID
    """The customer."""
    channel: ShortLine
    """The channel, such as `email` or `sms`."""
    purpose: ShortLine | None = None
    """The purpose, which needs permission. Null for a service message, such as a delay."""
    subject: Subject | None = None
    """The subject."""
    body: MultilineText
    """The text."""


class MessageCreate(MessageFields, RequestBody):
    """A message to send."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "channel": "email",
        "subject": "Your delivery",
        "body": "The kettle arrives tomorrow.",
    }


class Message(MessageFields, Resource, row=tables.Message):
    """A message to a customer."""

    id: UUID
    """Identifies the message."""
    html: str | None
    """The text as HTML, or null."""
    recipient: str | None
    """The address or number to which it was requested."""
    cause_kind: CauseKind
    cause_id: UUID
    """The record that caused it."""
    receipt_id: UUID | None
    """The consent receipt that decided."""
    state: MessageState
    """The state. A suppressed message is never sent."""
    reason: MessageReason | None
    """Why it was suppressed or failed."""
    actor: str
    """The principal that requested it."""
    requested_at: datetime
    """When it was requested."""
    settled_at: datetime | None
    """When it was suppressed, delivered or failed."""


class OutcomeFields(Fields):
    """The fields of an outcome."""

    outcome: MessageOutcomeKind
    """What happened. Each outcome of a message is recorded once."""
    detail: ShortLine | None = None
    """Details of a failure, such as the code of the mail server."""


class MessageOutcomeCreate(OutcomeFields, RequestBody):
    """An outcome to record."""

    example = {"outcome": "bounced", "detail": "550 5.1.1", "occurred_at": "2026-03-01T10:00:00Z"}

    occurred_at: Instant | None = None
    """When it happened. Default: now."""


class MessageOutcome(OutcomeFields, Resource, row=tables.MessageOutcome):
    """An outcome of a message."""

    message_id: UUID
    """The message."""
    occurred_at: datetime
    """When it happened."""
    recorded_at: datetime
    """When it was recorded."""


@feature.post(
    "/messages",
    scope="interactions:write",
    status_code=201,
    raises=[PersonErased],
    idempotency_key="required",
)
async def send_message(work: Work, body: MessageCreate) -> Message:
    """Request a message to a customer. It is suppressed, with the reason, if its purpose is not permitted.

    A permitted message is published as `interactions.message_requested.v1`, for the system that sends it.
    """
    message = await request_message(work, **body.values(), cause_kind=OWN_CAUSE, cause_id=uuid7())
    return Message.from_row(message)


@feature.get("/messages", scope="interactions:read")
async def list_messages(
    work: Work,
    params: PageParams,
    requested_at: Annotated[TimeRange, Depends(time_range("requested_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only messages to this customer.")] = None,
    state: Annotated[MessageState | None, Parameter(description="Only messages in this state.")] = None,
    channel: Annotated[ShortLine | None, Parameter(description="Only messages on this channel.")] = None,
    cause_kind: Annotated[
        str | None, Parameter(pattern=CAUSE_PATTERN, description="Only messages with a cause of this kind.")
    ] = None,
    cause_id: Annotated[UUID | None, Parameter(description="Only the message with this cause.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-requested_at",
) -> Page[Message]:
    """List messages, newest first."""
    columns = equals(state=state, channel=channel, cause_kind=cause_kind, cause_id=cause_id)
    where = [*of_person(customer_id), *columns, *requested_at.filters]
    return await paginate(work, params, tables.Message, Message, sort=sort, where=where)


@feature.get("/messages/{id:uuid}", scope="interactions:read")
async def read_message(work: Work, id: UUID) -> Message:
    """Return a message."""
    return Message.from_row(await work.get(tables.Message, id))


@feature.get("/messages/{id:uuid}/outcomes", scope="interactions:read")
async def list_message_outcomes(work: Work, id: UUID, params: PageParams) -> Page[MessageOutcome]:
    """List the outcomes of a message in the order in which they were recorded."""
    await work.get(tables.Message, id)
    return await paginate(work, params, tables.MessageOutcome, MessageOutcome, where=equals(message_id=id))


@feature.post("/messages/{id:uuid}/outcomes", scope="interactions:write", raises=[MessageSuppressed])
async def record_message_outcome(work: Work, id: UUID, body: MessageOutcomeCreate) -> Upserted[MessageOutcome]:
    """Record what became of a message. A repeat of the same outcome returns the first with 200.

    The outcomes may be reported in any order: a bounce counts more than a delivery, and a delivery more than a failure.
    """
    message = await work.get(tables.Message, id, for_update=True)
    if message.state == "suppressed":
        raise MessageSuppressed(f"The message was suppressed: {message.reason}.", reason=message.reason)
    outcomes = {row.outcome: row for row in await work.find_all(tables.MessageOutcome, message_id=id)}
    if body.outcome in outcomes:
        return Upserted(MessageOutcome.from_row(outcomes[body.outcome]), created=False)
    if body.occurred_at is not None:
        reject_future(work, body.occurred_at, "/occurred_at")
    occurred_at = min(body.occurred_at or work.now, work.now)
    row = await work.insert(
        tables.MessageOutcome(
            message_id=id, outcome=body.outcome, detail=body.detail, occurred_at=occurred_at, recorded_at=work.now
        )
    )
    await _settle(work, message, {*outcomes, body.outcome}, occurred_at)
    await _publish(work, message, row)
    return Upserted(MessageOutcome.from_row(row), created=True)


async def _settle(work: Work, message: tables.Message, outcomes: set[MessageOutcomeKind], at: datetime) -> None:
    state, reason = rules.state_after(outcomes)
    if state != message.state or reason != message.reason:
        settled_at = at if state in rules.SETTLED else None
        await work.update(message, state=state, reason=reason, settled_at=settled_at)


async def _publish(work: Work, message: tables.Message, outcome: tables.MessageOutcome) -> None:
    """Publish a delivery, a failure or a click, under the customer for whom the message was requested."""
    customer_id = await recorded_person(work, message)
    known = {"message_id": message.id, "customer_id": customer_id, "occurred_at": outcome.occurred_at}
    if outcome.outcome in ("failed", "bounced"):
        work.publish(MessageFailed.from_row(message, reason=outcome.outcome, **known))
    elif outcome.outcome == "delivered":
        work.publish(MessageDelivered.from_row(message, **known))
    elif outcome.outcome == "clicked":
        work.publish(MessageClicked.from_row(message, **known))
