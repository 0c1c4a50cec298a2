"""Deliver events to webhook endpoints.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table, grant_function, worker_role

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add endpoints, their secrets and lanes, deliveries and attempts, and the functions of the workers."""
    _create_endpoints()
    _create_deliveries()
    for signature, sql in FUNCTIONS.items():
        op.execute(sql)
        # A worker serves all tenants. The API must not be able to.
        op.execute(f"revoke all on function {signature} from public")
        op.execute(f"grant execute on function {signature} to {worker_role('gateway')}")
    op.execute(COUNT_BACKLOG)
    grant_function("count_webhook_backlog()", "gateway")


def _create_endpoints() -> None:
    create_tenant_table(
        "webhook_endpoint",
        "gateway",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("include", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("max_per_second", sa.BigInteger(), nullable=True),
        sa.Column("header_names", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('enabled', 'disabled')", name=op.f("ck_webhook_endpoint_state")),
        sa.CheckConstraint(
            "disabled_reason in ('requested', 'gone', 'failing')", name=op.f("ck_webhook_endpoint_disabled_reason")
        ),
        sa.CheckConstraint(
            "(state = 'disabled') = (disabled_reason is not null)",
            name=op.f("ck_webhook_endpoint_disabled_for_a_reason"),
        ),
        sa.CheckConstraint(
            "(state = 'disabled') = (disabled_at is not null)", name=op.f("ck_webhook_endpoint_disabled_at_a_time")
        ),
        sa.CheckConstraint("max_per_second > 0", name=op.f("ck_webhook_endpoint_rate_is_positive")),
        sa.CheckConstraint(
            "cardinality(include) = 0 or api_key_id is not null", name=op.f("ck_webhook_endpoint_records_need_a_key")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "api_key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name=op.f("fk_webhook_endpoint_api_key"),
        ),
        append_only=False,
    )
    op.create_index(op.f("ix_webhook_endpoint_tenant_id_api_key_id"), "webhook_endpoint", ["tenant_id", "api_key_id"])
    create_tenant_table(
        "webhook_secret",
        "gateway",
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose in ('signing', 'header')", name=op.f("ck_webhook_secret_purpose")),
        sa.CheckConstraint(
            "(purpose = 'header') = (name <> '')", name=op.f("ck_webhook_secret_only_headers_have_names")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["webhook_endpoint.tenant_id", "webhook_endpoint.id"],
            name=op.f("fk_webhook_secret_webhook_endpoint"),
            ondelete="cascade",
        ),
        append_only=False,
    )
    op.create_index(op.f("ix_webhook_secret_tenant_id_endpoint_id"), "webhook_secret", ["tenant_id", "endpoint_id"])
    create_tenant_table(
        "webhook_lane",
        "gateway",
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recover_after", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["webhook_endpoint.tenant_id", "webhook_endpoint.id"],
            name=op.f("fk_webhook_lane_webhook_endpoint"),
            ondelete="cascade",
        ),
        append_only=False,
    )
    op.create_index(
        "ix_webhook_lane_due_at", "webhook_lane", ["due_at"], postgresql_where=sa.text("due_at is not null")
    )


def _create_deliveries() -> None:
    create_tenant_table(
        "delivery",
        "gateway",
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("test_event", sa.Text(), nullable=True),
        sa.Column("in_order", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('pending', 'delivered', 'failed')", name=op.f("ck_delivery_state")),
        sa.CheckConstraint("(state = 'pending') = (due_at is not null)", name=op.f("ck_delivery_due_while_pending")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["webhook_endpoint.tenant_id", "webhook_endpoint.id"],
            name=op.f("fk_delivery_webhook_endpoint"),
        ),
        sa.UniqueConstraint(
            "tenant_id", "event_id", "endpoint_id", name=op.f("uq_delivery_tenant_id_event_id_endpoint_id")
        ),
        append_only=False,
    )
    op.create_index(op.f("ix_delivery_tenant_id_endpoint_id_id"), "delivery", ["tenant_id", "endpoint_id", "id"])
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["tenant_id", "endpoint_id", "due_at", "id"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_delivery_in_order",
        "delivery",
        ["tenant_id", "endpoint_id", "subject", "position"],
        postgresql_where=sa.text("state = 'pending' and in_order"),
    )
    op.create_index("ix_delivery_failed", "delivery", ["tenant_id", "id"], postgresql_where=sa.text("state = 'failed'"))
    create_tenant_table(
        "delivery_attempt",
        "gateway",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "delivery_id"],
            ["delivery.tenant_id", "delivery.id"],
            name=op.f("fk_delivery_attempt_delivery"),
            ondelete="cascade",
        ),
        sa.UniqueConstraint(
            "tenant_id", "delivery_id", "number", name=op.f("uq_delivery_attempt_tenant_id_delivery_id_number")
        ),
        append_only=False,
    )


FUNCTIONS = {
    "claim_webhook_lanes(uuid, bigint, double precision)": """
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
    "hold_webhook_lanes(uuid, double precision, uuid[], uuid[])": """
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
    "release_webhook_lanes(uuid, uuid[], uuid[], bigint[], timestamptz[], timestamptz[], timestamptz[])": """
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
    "webhook_endpoints_of(uuid[], uuid[])": """
    create or replace function webhook_endpoints_of(
        tenants uuid[], ids uuid[], out tenant_id uuid, out id uuid, out url text, out max_per_second bigint,
        out is_active bool, out recovers bool, out includes_record bool, out api_key_id uuid, out scopes text[],
        out secrets jsonb, out name text, out kind text, out timezone text, out currency text, out region text,
        out clock_at timestamptz
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
               tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region, tenant.clock_at
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
    "load_deliveries(uuid[], uuid[], bigint[], text[], bigint)": """
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
    "record_delivery_attempts(uuid[], uuid[], timestamptz[], bigint[], bigint[], text[], text[], text[], float8[])": """
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
}
COUNT_BACKLOG = """
    create or replace function count_webhook_backlog() returns bigint
    language sql stable security definer set search_path = public, pg_temp as $$
        select count(*) from (select from delivery where state = 'pending' limit 10000) as counted
    $$
"""
