"""Reads and writes of the webhook workers. A worker serves all tenants, so these are functions of the owner.

Only the worker's login may call them. Locks on lanes are taken in the order of their ids, here and where deliveries are
planned, so that they cannot wait for one another in a circle.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Command, DatabaseFunction, Query, TenantFacts
from gateway.base import Base

CHANNEL = "rapport_webhooks"
"""The NOTIFY channel of new deliveries. The payload is empty, or the id of an endpoint that has changed."""
MAX_LOAD_BYTES = 500_000
"""Maximum size of the events that a lane loads at a time. Its first event may be larger."""


@dataclass(frozen=True, slots=True)
class ClaimedLane:
    """A lane that a worker has leased."""

    tenant_id: UUID
    id: UUID
    failures: int
    failing_since: datetime | None
    last_failure_at: datetime | None
    paused_until: datetime | None


class StoredEndpoint(TenantFacts):
    """An endpoint as a worker needs it, with its secrets and the facts of its tenant."""

    tenant_id: UUID
    id: UUID
    url: str
    max_per_second: int | None
    is_active: bool
    recovers: bool
    """True if events since a time are to be planned."""
    includes_record: bool
    api_key_id: UUID | None
    """The key with which records are read, or its successor. Null if it is not valid any longer."""
    scopes: list[str] | None
    secrets: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that is to be sent, with its event."""

    tenant_id: UUID
    endpoint_id: UUID
    id: UUID
    failures: int
    is_test: bool
    event_id: UUID
    type: str
    subject: str
    time: datetime
    sequence: int
    actor: str
    traceparent: str | None
    data: str | None
    """Null if the feed does not contain the event any longer."""


_CLAIM = DatabaseFunction(
    "claim_webhook_lanes(uuid, bigint, double precision)",
    """
    create or replace function claim_webhook_lanes(
        owner uuid, most bigint, lease_seconds double precision, out tenant_id uuid, out id uuid, out failures bigint,
        out failing_since timestamptz, out last_failure_at timestamptz, out paused_until timestamptz
    )
    returns setof record
    language sql security definer set search_path = public, pg_temp as $$
        with free as (
            select lane.tenant_id, lane.id from webhook_lane as lane
            where lane.due_at <= now() and (lane.leased_until is null or lane.leased_until < now())
            order by lane.due_at limit most for no key update skip locked
        )
        update webhook_lane as lane
        set leased_by = owner, leased_until = clock_timestamp() + make_interval(secs => lease_seconds)
        from free where lane.tenant_id = free.tenant_id and lane.id = free.id
        returning lane.tenant_id, lane.id, lane.failures, lane.failing_since, lane.last_failure_at, lane.paused_until
    $$
    """,
)
_HOLD = DatabaseFunction(
    "hold_webhook_lanes(uuid, double precision, uuid[], uuid[])",
    """
    create or replace function hold_webhook_lanes(
        owner uuid, lease_seconds double precision, tenants uuid[], ids uuid[], out id uuid
    )
    returns setof uuid
    language sql security definer set search_path = public, pg_temp as $$
        with mine as (
            select lane.tenant_id, lane.id
            from unnest(tenants, ids) as held(tenant_id, id)
            join webhook_lane as lane on lane.tenant_id = held.tenant_id and lane.id = held.id
            where lane.leased_by = owner order by lane.id for no key update of lane
        )
        update webhook_lane as lane set leased_until = clock_timestamp() + make_interval(secs => lease_seconds)
        from mine where lane.tenant_id = mine.tenant_id and lane.id = mine.id
        returning lane.id
    $$
    """,
)
# The rows are locked by a statement of its own: the next one then sees every delivery that was planned before.
_RELEASE = DatabaseFunction(
    "release_webhook_lanes(uuid, uuid[], uuid[], bigint[], timestamptz[], timestamptz[], timestamptz[])",
    """
    create or replace function release_webhook_lanes(
        owner uuid, tenants uuid[], ids uuid[], failure_counts bigint[], failing timestamptz[],
        last_failures timestamptz[], pauses timestamptz[]
    )
    returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
    begin
        perform from unnest(tenants, ids) as held(tenant_id, id)
        join webhook_lane as lane on lane.tenant_id = held.tenant_id and lane.id = held.id
        where lane.leased_by = owner order by lane.id for no key update of lane;

        update webhook_lane as lane
        set leased_by = null, leased_until = null, failures = held.failures, failing_since = held.failing_since,
            last_failure_at = held.last_failure_at, paused_until = held.paused_until,
            due_at = case when next.due_at is not null then greatest(next.due_at, held.paused_until) end
        from unnest(tenants, ids, failure_counts, failing, last_failures, pauses)
            as held(tenant_id, id, failures, failing_since, last_failure_at, paused_until)
        cross join lateral (
            select case when recover_after is not null then now() else (
                select delivery.due_at from delivery
                where delivery.tenant_id = held.tenant_id and delivery.endpoint_id = held.id
                  and delivery.state = 'pending' and (not delivery.in_order or not exists (
                      select from delivery as earlier
                      where earlier.tenant_id = delivery.tenant_id and earlier.endpoint_id = delivery.endpoint_id
                        and earlier.state = 'pending' and earlier.in_order and earlier.subject = delivery.subject
                        and earlier.position < delivery.position
                  ))
                order by delivery.due_at, delivery.id limit 1
            ) end as due_at
            from webhook_lane as released where released.tenant_id = held.tenant_id and released.id = held.id
        ) as next
        where lane.tenant_id = held.tenant_id and lane.id = held.id and lane.leased_by = owner;
    end $$
    """,
)
_ENDPOINTS = DatabaseFunction(
    "webhook_endpoints_of(uuid[], uuid[])",
    """
    create or replace function webhook_endpoints_of(
        tenants uuid[], ids uuid[], out tenant_id uuid, out id uuid, out url text, out max_per_second bigint,
        out is_active bool, out recovers bool, out includes_record bool, out api_key_id uuid, out scopes text[],
        out secrets jsonb, out name text, out kind text, out timezone text, out currency text, out region text,
        out clock_at timestamptz, out clock_runs_since timestamptz
    )
    returns setof record
    language sql stable security definer set search_path = public, pg_temp as $$
        select endpoint.tenant_id, endpoint.id, endpoint.url, endpoint.max_per_second,
               endpoint.state = 'enabled' and endpoint.deleted_at is null and tenant.suspended_at is null,
               lane.recover_after is not null, 'record' = any(endpoint.include), key.id, key.scopes,
               (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'purpose', secret.purpose, 'name', secret.name, 'ciphertext', secret.ciphertext,
                       'expires_at', secret.expires_at
                   ) order by secret.created_at desc, secret.id desc), '[]')
                   from webhook_secret as secret
                   where secret.tenant_id = endpoint.tenant_id and secret.endpoint_id = endpoint.id
                     and (secret.expires_at is null or secret.expires_at > now())
               ),
               tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region, tenant.clock_at,
               tenant.clock_runs_since
        from unnest(tenants, ids) as wanted(tenant_id, id)
        join webhook_endpoint as endpoint on endpoint.tenant_id = wanted.tenant_id and endpoint.id = wanted.id
        join webhook_lane as lane on lane.tenant_id = endpoint.tenant_id and lane.id = endpoint.id
        join tenant on tenant.tenant_id = endpoint.tenant_id and tenant.id = endpoint.tenant_id
        left join lateral (
            with recursive successor(id, depth) as (
                select endpoint.api_key_id, 0
                union all
                select key.id, successor.depth + 1 from successor join api_key as key
                    on key.tenant_id = endpoint.tenant_id and key.replaces = successor.id
            )
            select key.id, key.scopes from successor
            join api_key as key on key.tenant_id = endpoint.tenant_id and key.id = successor.id
            where key.revoked_at is null and (key.expires_at is null or key.expires_at > now())
            order by successor.depth desc limit 1
        ) as key on true
    $$
    """,
)
_LOAD = DatabaseFunction(
    "load_deliveries(uuid[], uuid[], bigint[], text[], bigint)",
    """
    create or replace function load_deliveries(
        tenants uuid[], endpoints uuid[], counts bigint[], known_ids text[], max_bytes bigint,
        out tenant_id uuid, out endpoint_id uuid, out id uuid, out failures bigint, out is_test bool, out event_id uuid,
        out type text, out subject text, out "time" timestamptz, out sequence bigint, out actor text,
        out traceparent text, out data text
    )
    returns setof record
    language sql stable security definer set search_path = public, pg_temp as $$
        with lane as materialized (
            select wanted.tenant_id, wanted.endpoint_id, wanted.most, wanted.known::uuid[] as known
            from unnest(tenants, endpoints, counts, known_ids) as wanted(tenant_id, endpoint_id, most, known)
        )
        select next.tenant_id, next.endpoint_id, next.id, next.failures, next.test_event is not null, next.event_id,
               next.event_type, next.subject, coalesce(event.time, next.created_at), coalesce(event.sequence, 0),
               coalesce(event.actor, ''), event.traceparent, coalesce(next.test_event, event.data)
        from lane cross join lateral (
            select due.*, sum(due.size) over (order by due.due_at, due.id rows unbounded preceding) - due.size as before
            from (
                select delivery.*, coalesce(octet_length(event.data), 0) as size
                from delivery left join feed_event as event
                    on event.tenant_id = delivery.tenant_id and event.id = delivery.event_id
                where delivery.tenant_id = lane.tenant_id and delivery.endpoint_id = lane.endpoint_id
                  and delivery.state = 'pending' and delivery.due_at <= now() and delivery.id <> all (lane.known)
                  and (not delivery.in_order or not exists (
                      select from delivery as earlier
                      where earlier.tenant_id = delivery.tenant_id and earlier.endpoint_id = delivery.endpoint_id
                        and earlier.state = 'pending' and earlier.in_order and earlier.subject = delivery.subject
                        and earlier.position < delivery.position
                  ))
                order by delivery.due_at, delivery.id limit lane.most
            ) as due
        ) as next
        left join feed_event as event on event.tenant_id = next.tenant_id and event.id = next.event_id
        where next.before < max_bytes
        order by next.due_at, next.id
    $$
    """,
)
_RECORD = DatabaseFunction(
    "record_delivery_attempts(uuid[], uuid[], timestamptz[], bigint[], bigint[], text[], text[], text[], float8[])",
    """
    create or replace function record_delivery_attempts(
        tenants uuid[], ids uuid[], times timestamptz[], latencies bigint[], statuses bigint[], errors text[],
        responses text[], states text[], pauses double precision[]
    )
    returns void
    language sql security definer set search_path = public, pg_temp as $$
        with attempt as (
            select * from unnest(tenants, ids, times, latencies, statuses, errors, responses, states, pauses)
                as attempt(tenant_id, delivery_id, at, latency_ms, status, error, response, state, pause)
        ), changed as (
            update delivery
            set state = attempt.state, attempts = delivery.attempts + 1, last_status = attempt.status,
                failures = delivery.failures + case attempt.state when 'delivered' then 0 else 1 end,
                due_at = case attempt.state when 'pending' then now() + make_interval(secs => attempt.pause) end,
                finished_at = case when attempt.state <> 'pending' then attempt.at end
            from attempt
            where delivery.tenant_id = attempt.tenant_id and delivery.id = attempt.delivery_id
              and delivery.state = 'pending'
            returning delivery.tenant_id, delivery.id, delivery.attempts
        )
        insert into delivery_attempt (tenant_id, delivery_id, number, at, latency_ms, status, error, response)
        select changed.tenant_id, changed.id, changed.attempts, attempt.at, attempt.latency_ms, attempt.status,
               attempt.error, attempt.response
        from changed join attempt on attempt.tenant_id = changed.tenant_id and attempt.delivery_id = changed.id
    $$
    """,
)
_BACKLOG = DatabaseFunction(
    "count_webhook_backlog()",
    """
    create or replace function count_webhook_backlog() returns bigint
    language sql stable security definer set search_path = public, pg_temp as $$
        select count(*) from (select from delivery where state = 'pending' limit 10000) as counted
    $$
    """,
)
Base.metadata.info.setdefault("objects", []).extend((_CLAIM, _HOLD, _RELEASE, _ENDPOINTS, _LOAD, _RECORD, _BACKLOG))

CLAIM = Query(ClaimedLane, "select * from claim_webhook_lanes(:owner, :most, :seconds)")
HOLD = Query(UUID, "select id from hold_webhook_lanes(:owner, :seconds, :tenants, :ids)")
RELEASE = Command(
    "select release_webhook_lanes(:owner, :tenants, :ids, :failures, :failing_since, :last_failures, :pauses)"
)
ENDPOINTS = Query(StoredEndpoint, "select * from webhook_endpoints_of(:tenants, :ids)")
LOAD = Query(DueDelivery, "select * from load_deliveries(:tenants, :endpoints, :counts, :known, :max_bytes)")
RECORD = Command(
    """
    select record_delivery_attempts(
        :tenants, :ids, :times, :latencies, :statuses, :errors, :responses, :states, :pauses
    )
    """
)
