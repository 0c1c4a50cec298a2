"""The event feed: every event of a tenant, in an order that never changes, as pages or as a stream.

The gateway reads the topics of all services, and adds each event to its table once. The same ids and the same JSON are
on Kafka, in webhooks and here. A receiver keeps the id of the last event that it has processed, and asks for those
after it: a place in the feed survives restarts and holds in every replica.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Header, Request, Response
from fastapi import Query as Parameter

from chassis import (
    Feature,
    FieldError,
    JsonObject,
    MalformedRequest,
    Page,
    Problem,
    Resource,
    Running,
    ShortLine,
    UnitOfWork,
    ValidationFailed,
    Work,
    json,
)
from chassis.core.clock import clock
from chassis.core.events import WholeEvent
from chassis.core.field_errors import did_you_mean
from chassis.types.codes import FieldCode
from chassis.types.ids import first_uuid7_at
from gateway import contracts
from gateway.events import tables
from gateway.events.planning import plan_deliveries
from gateway.events.queries import Place, Selection, append, end_of_feed, place_after, read_after
from gateway.events.rules.event_types import PUBLISHERS, UNKNOWN_EVENT_TYPE, TypePattern, unknown_patterns
from gateway.events.streams import EventStream, asks_for_stream
from gateway.settings import Settings

feature = Feature("event-feed")

MAX_LIMIT = 1_000
LATEST = "latest"
AFTER_PATTERN = f"^({LATEST}|[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}})$"
UNKNOWN_EVENT = FieldCode(
    "unknown_event",
    "The feed contains no event with this id.",
    "Send the id of an event that you have received, or nothing to start at the beginning.",
)


class UnknownEvent(MalformedRequest, status=400):
    """The feed contains no event with the id in `after` or `Last-Event-ID`.

    Send the id of an event that you have received, or nothing to start at the beginning.
    """


class EventNoLongerKept(Problem, status=410):
    """The event in `after` is older than the events that the feed keeps, so events after it may be missing.

    Read the records again that you keep, and start with the events after `latest`.
    """


class CloudEvent(Resource):
    """An event in the JSON format of CloudEvents 1.0.

    `sequence` increases with each change of a record, and gaps are normal. Further attributes may be present, such as
    `traceparent`.
    """

    specversion: Literal["1.0"]
    """The version of CloudEvents."""
    id: UUID
    """Identifies the event. A repeat has the same id."""
    source: str
    """The publishing service."""
    type: str
    """The type of the event, with its version."""
    time: datetime
    """When the event was published."""
    subject: str
    """The customer, or the record itself if there is none."""
    tenantid: UUID
    """The tenant."""
    sequence: str
    """Increases with each change of a record. Gaps are normal."""
    actor: str
    """The principal of the change: `key:<id>` for an API key."""
    datacontenttype: Literal["application/json"]
    """The media type of the data."""
    data: JsonObject
    """The data of the event, by its type."""


async def add_to_feed(work: UnitOfWork, events: Sequence[WholeEvent]) -> None:
    """Add events to the end of the feed, and plan their deliveries in the same transaction."""
    added = await append(work, [(event.envelope, event.data) for event in events])
    if added.first is not None and added.last is not None:
        await plan_deliveries(work, added.first, added.last)


for publisher in PUBLISHERS:
    # A class for each service, because a reader names the topics that it reads by its types.
    pattern = f"{publisher}.*"
    feature.on_batch(type(f"Any{publisher.capitalize()}Event", (WholeEvent,), {}, type=pattern))(add_to_feed)


feature.keep(tables.FeedEvent, "recorded_at", days="event_feed_days", order_by="position")


@feature.get("/events", scope="events:read", raises=[UnknownEvent, EventNoLongerKept])
async def list_events(
    work: Work,
    running: Running,
    request: Request,
    response: Response,
    after: Annotated[
        str | None,
        Parameter(
            pattern=AFTER_PATTERN,
            description="The id of the last event that was processed, or `latest` to leave out all present events. "
            "Without it, the feed starts with its first event.",
            examples=["01890a5d-ac96-774b-bcce-b302099a8057"],
        ),
    ] = None,
    types: Annotated[
        list[TypePattern],
        Parameter(max_length=50, description="Only events of these types, or of a service, as in `loyalty.*`."),
    ] = [],  # noqa: B006 - FastAPI copies it
    subject: Annotated[
        ShortLine | None, Parameter(description="Only events about this subject, which is mostly a customer's id.")
    ] = None,
    limit: Annotated[int, Parameter(ge=1, le=MAX_LIMIT, description="Maximum events of a page.")] = 100,
    last_event_id: Annotated[
        UUID | None, Header(description="The same as `after`. Browsers send it when they continue a stream.")
    ] = None,
) -> Page[CloudEvent] | EventStream:
    """List every event of the tenant, oldest first, with the same ids and content as on Kafka and in webhooks.

    Keep `next_cursor`, and send it as `after` to read what comes next. The last page has one too. With
    `Accept: text/event-stream`, the response is a stream of server-sent events that goes on with each new event.
    """
    settings = running.settings
    assert isinstance(settings, Settings)
    _require_known(types, contracts.event_types(settings.contracts))
    place = await _place(work, settings, str(last_event_id) if last_event_id else after)
    selection = Selection(types, subject)
    if asks_for_stream(request):
        return EventStream(running, work.caller, place, selection)
    # Read before the events: all events up to here are visible to the next statement.
    end = await end_of_feed(work) if types or subject else place
    events = await read_after(work, place, selection, limit)
    if events:
        last = events[-1]
        place = Place(last.position, last.id)
    if len(events) < limit and end is not None and (place is None or end.position > place.position):
        place = end  # so that the next request need not pass the events of other types again
    cursor = None if place is None else str(place.id)
    if cursor is not None:
        parameters = [pair for pair in request.query_params.multi_items() if pair[0] != "after"]
        query = urlencode([*parameters, ("after", cursor)])
        response.headers["Link"] = f'<{request.scope["path"]}?{query}>; rel="next"'
    items: list[Any] = [json.Written(event.to_json(work.tenant.id)) for event in events]
    return Page.model_construct(items=items, next_cursor=cursor)


def _require_known(patterns: Sequence[str], types: Collection[str]) -> None:
    """Raise ValidationFailed for a pattern that matches no type."""
    unknown = unknown_patterns(patterns, types)
    if unknown:
        detail = f"{unknown[0]} is not a type of event{did_you_mean(unknown[0], list(types))}"
        error = FieldError(location="query", pointer="/types", code=UNKNOWN_EVENT_TYPE, detail=detail)
        raise ValidationFailed(detail, errors=[error])


async def _place(work: UnitOfWork, settings: Settings, after: str | None) -> Place | None:
    """Return the place after an event. Raises UnknownEvent and EventNoLongerKept."""
    if after is None:
        return None
    if after == LATEST:
        return await end_of_feed(work)
    id = UUID(after)
    place = await place_after(work, id)
    if place is not None:
        return place
    days = settings.event_feed_days
    if days is not None and id < first_uuid7_at(clock.now() - timedelta(days=days)):
        end = await end_of_feed(work)
        raise EventNoLongerKept(f"The feed keeps events for {days} days.", latest=None if end is None else str(end.id))
    error = FieldError(location="query", pointer="/after", code=UNKNOWN_EVENT, detail="not in the feed")
    raise UnknownEvent(errors=[error])
