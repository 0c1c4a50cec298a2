"""Planning of deliveries: from events of the feed to a row for each endpoint that wants them.

The rows are inserted in the transaction that adds the events to the feed. So an event is delivered to each endpoint
that was enabled then, and the unique key prevents a second delivery.
"""

from datetime import datetime
from uuid import UUID

from chassis import Command, Query, UnitOfWork
from chassis.types.ids import first_uuid7_at
from gateway.events.webhook_queries import CHANNEL

RECOVERY_BATCH_SIZE = 1_000


async def plan_deliveries(work: UnitOfWork, first_position: int, last_position: int) -> None:
    """Insert the deliveries of events that this transaction has added to the feed, and wake the workers."""
    await work.fetch_row(_PLAN, first=first_position, last=last_position, channel=CHANNEL)


async def wake_lane(work: UnitOfWork, endpoint_id: UUID) -> None:
    """Make a worker look at an endpoint's deliveries as soon as this transaction commits."""
    await work.execute(_WAKE, id=endpoint_id)
    await announce_endpoint(work, endpoint_id)


async def announce_endpoint(work: UnitOfWork, endpoint_id: UUID) -> None:
    """Make the workers read an endpoint again as soon as this transaction commits."""
    await work.execute(_NOTIFY, channel=CHANNEL, payload=str(endpoint_id))


async def start_recovery(work: UnitOfWork, endpoint_id: UUID, since: datetime) -> None:
    """Let the workers plan every event since a time that was not delivered, a batch at a time."""
    await work.execute(_START_RECOVERY, id=endpoint_id, after=first_uuid7_at(since))
    await wake_lane(work, endpoint_id)


async def plan_recovery(work: UnitOfWork, endpoint_id: UUID) -> bool:
    """Plan a batch of a recovery: events without a delivery, and those whose delivery has failed.

    Returns whether there is more to plan.
    """
    more = await work.fetch(_RECOVER, endpoint_id=endpoint_id, most=RECOVERY_BATCH_SIZE)
    return bool(more and more[0])


_MATCHES = r"""
    like any (array(select replace(replace(pattern, '_', '\_'), '*', '%') from unnest(endpoint.event_types) as pattern))
"""
# Lanes are locked in the order of their ids, as the workers do. They are locked after the insertion, so that a worker
# that releases a lane meanwhile either sees the deliveries or waits here and is then woken.
_PLAN = Query(
    int,
    rf"""
    with event as materialized (
        select position, id, type, subject from feed_event where position between :first and :last
    ), wanted as materialized (
        select endpoint.id as endpoint_id, endpoint.ordered, present.type
        from (select distinct type from event) as present
        join webhook_endpoint as endpoint on present.type {_MATCHES}
        where endpoint.state = 'enabled' and endpoint.deleted_at is null
    ), planned as (
        insert into delivery (endpoint_id, event_id, event_type, subject, position, in_order, state, attempts, failures,
                              created_at, due_at)
        select wanted.endpoint_id, event.id, event.type, event.subject, event.position, wanted.ordered, 'pending', 0, 0,
               now(), now()
        from event join wanted on wanted.type = event.type order by event.position
        on conflict (tenant_id, event_id, endpoint_id) do nothing
        returning endpoint_id
    ), locked as (
        select id from webhook_lane where id in (select endpoint_id from planned) order by id for no key update
    ), woken as (
        update webhook_lane set due_at = least(due_at, greatest(now(), paused_until))
        from locked where webhook_lane.id = locked.id
        returning webhook_lane.id
    )
    select count(pg_notify(:channel, '')) from (select from woken limit 1) as first
    """,
)
_WAKE = Command("update webhook_lane set due_at = least(due_at, greatest(now(), paused_until)) where id = :id")
_NOTIFY = Command("select pg_notify(:channel, :payload)")
_START_RECOVERY = Command(
    "update webhook_lane set recover_after = least(recover_after, cast(:after as uuid)) where id = :id"
)
_RECOVER = Query(
    bool,
    rf"""
    with lane as (
        select id, recover_after from webhook_lane where id = :endpoint_id and recover_after is not null
        for no key update
    ), event as materialized (
        select event.position, event.id, event.type, event.subject
        from lane join feed_event as event on event.id > lane.recover_after order by event.id limit :most
    ), planned as (
        insert into delivery (endpoint_id, event_id, event_type, subject, position, in_order, state, attempts, failures,
                              created_at, due_at)
        select endpoint.id, event.id, event.type, event.subject, event.position, endpoint.ordered, 'pending', 0, 0,
               now(), now()
        from event join webhook_endpoint as endpoint on endpoint.id = :endpoint_id and event.type {_MATCHES}
        order by event.position
        on conflict (tenant_id, event_id, endpoint_id) do update
        set state = 'pending', failures = 0, due_at = now(), finished_at = null where delivery.state = 'failed'
    )
    update webhook_lane
    set recover_after = case when (select count(*) from event) = :most then (
        select id from event order by id desc limit 1
    ) end
    from lane where webhook_lane.id = lane.id
    returning webhook_lane.recover_after is not null
    """,
)
