\restrict release

-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA chassis;


ALTER SCHEMA chassis OWNER TO rapport_loyalty_owner;

CREATE FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'chassis', 'pg_temp'
    AS $$
    select (select count(*) from outbox),
           coalesce((select extract(epoch from clock_timestamp() - min(written_at)) from outbox), 0),
           (select count(*) from dead_letter)
$$;


ALTER FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) OWNER TO rapport_loyalty_owner;

COMMENT ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) IS 'What the status page tells of this service: counts only, no tenant''s content.';


SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE chassis.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE chassis.alembic_version OWNER TO rapport_loyalty_owner;

CREATE TABLE chassis.audit (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    entity text NOT NULL,
    entity_id uuid NOT NULL,
    action text NOT NULL,
    changes jsonb NOT NULL,
    trace_id text NOT NULL
);


ALTER TABLE chassis.audit OWNER TO rapport_loyalty_owner;

COMMENT ON TABLE chassis.audit IS 'Who changed what, when, from what to what.';


CREATE TABLE chassis.dead_letter (
    id uuid NOT NULL,
    tenant_id uuid,
    feature text NOT NULL,
    event_id uuid,
    type text,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    key bytea,
    headers jsonb NOT NULL,
    value bytea,
    reason text NOT NULL,
    attempts integer NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE chassis.dead_letter OWNER TO rapport_loyalty_owner;

COMMENT ON TABLE chassis.dead_letter IS 'Events that a feature could not apply, with the reason; replayed by command.';


CREATE TABLE chassis.idempotency (
    tenant_id uuid NOT NULL,
    principal text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE chassis.idempotency OWNER TO rapport_loyalty_owner;

COMMENT ON TABLE chassis.idempotency IS 'Answers to requests that carried an Idempotency-Key.';


CREATE TABLE chassis.inbox (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    feature text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE chassis.inbox OWNER TO rapport_loyalty_owner;

COMMENT ON TABLE chassis.inbox IS 'Events that a feature has seen: each is applied once.';


CREATE TABLE chassis.outbox (
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    actor text NOT NULL,
    traceparent text,
    data json NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');


ALTER TABLE chassis.outbox OWNER TO rapport_loyalty_owner;

COMMENT ON TABLE chassis.outbox IS 'Events on their way to Kafka: written with what they tell of, deleted by the relay.';


ALTER TABLE chassis.outbox ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chassis.outbox_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


CREATE TABLE chassis.tenant (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    timezone text NOT NULL,
    currency text NOT NULL,
    region text NOT NULL,
    clock_at timestamp with time zone,
    CONSTRAINT tenant_kind_check CHECK ((kind = ANY (ARRAY['live'::text, 'sandbox'::text])))
);


ALTER TABLE chassis.tenant OWNER TO rapport_loyalty_owner;

COMMENT ON TABLE chassis.tenant IS 'What this service knows of a tenant; told by gateway.tenant_changed.';


CREATE TABLE public.earn_basis (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    membership_id uuid NOT NULL,
    purchase_id uuid NOT NULL,
    purchased_at timestamp with time zone NOT NULL,
    eligible_minor bigint NOT NULL,
    rules jsonb NOT NULL
);


ALTER TABLE public.earn_basis OWNER TO rapport_loyalty_owner;

CREATE TABLE public.earning_rule (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    program_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    points bigint NOT NULL,
    per_minor bigint NOT NULL,
    valid_from timestamp with time zone,
    valid_to timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_earning_rule_kind CHECK ((kind = 'per_amount'::text)),
    CONSTRAINT ck_earning_rule_per_minor CHECK ((per_minor > 0)),
    CONSTRAINT ck_earning_rule_points CHECK ((points > 0)),
    CONSTRAINT ck_earning_rule_validity CHECK ((valid_from <= valid_to))
);


ALTER TABLE public.earning_rule OWNER TO rapport_loyalty_owner;

CREATE TABLE public.lot (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    membership_id uuid NOT NULL,
    original bigint NOT NULL,
    remaining bigint NOT NULL,
    activates_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    source_id uuid NOT NULL,
    pending bigint NOT NULL,
    expired bigint NOT NULL,
    CONSTRAINT ck_lot_lives CHECK ((activates_at < expires_at)),
    CONSTRAINT ck_lot_never_more CHECK ((((pending + remaining) + expired) <= original)),
    CONSTRAINT ck_lot_never_negative CHECK (((pending >= 0) AND (remaining >= 0) AND (expired >= 0)))
);


ALTER TABLE public.lot OWNER TO rapport_loyalty_owner;

CREATE TABLE public.lot_allocation (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    redemption_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    points bigint NOT NULL,
    CONSTRAINT ck_lot_allocation_points CHECK ((points > 0))
);


ALTER TABLE public.lot_allocation OWNER TO rapport_loyalty_owner;

CREATE TABLE public.membership (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    program_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    state text NOT NULL,
    joined_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_membership_state CHECK ((state = ANY (ARRAY['active'::text, 'left'::text])))
);


ALTER TABLE public.membership OWNER TO rapport_loyalty_owner;

CREATE TABLE public.points_adjustment (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    membership_id uuid NOT NULL,
    points bigint NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_points_adjustment_points CHECK ((points <> 0))
);


ALTER TABLE public.points_adjustment OWNER TO rapport_loyalty_owner;

CREATE TABLE public.points_entry (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    membership_id uuid NOT NULL,
    kind text NOT NULL,
    from_bucket text NOT NULL,
    to_bucket text NOT NULL,
    points bigint NOT NULL,
    source_type text NOT NULL,
    source_id text NOT NULL,
    rule_id uuid,
    rule_version integer,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_points_entry_from_bucket CHECK ((from_bucket = ANY (ARRAY['issued'::text, 'pending'::text, 'available'::text, 'reserved'::text, 'debt'::text, 'expired'::text, 'adjusted'::text, 'transferred'::text]))),
    CONSTRAINT ck_points_entry_moves CHECK ((from_bucket <> to_bucket)),
    CONSTRAINT ck_points_entry_points CHECK ((points > 0)),
    CONSTRAINT ck_points_entry_to_bucket CHECK ((to_bucket = ANY (ARRAY['pending'::text, 'available'::text, 'reserved'::text, 'debt'::text, 'redeemed'::text, 'expired'::text, 'reversed'::text, 'adjusted'::text, 'transferred'::text])))
);


ALTER TABLE public.points_entry OWNER TO rapport_loyalty_owner;

CREATE TABLE public.program (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    timezone text NOT NULL,
    enrolment text NOT NULL,
    state text NOT NULL,
    refund_policy text NOT NULL,
    pending_days integer NOT NULL,
    expiry_months integer,
    CONSTRAINT ck_program_enrolment CHECK ((enrolment = ANY (ARRAY['open'::text, 'on_purchase'::text, 'invitation'::text, 'fee'::text]))),
    CONSTRAINT ck_program_expiry_months CHECK (((expiry_months >= 1) AND (expiry_months <= 120))),
    CONSTRAINT ck_program_kind CHECK ((kind = ANY (ARRAY['frequency'::text, 'club'::text, 'agent'::text]))),
    CONSTRAINT ck_program_pending_days CHECK (((pending_days >= 0) AND (pending_days <= 365))),
    CONSTRAINT ck_program_refund_policy CHECK ((refund_policy = ANY (ARRAY['debt'::text, 'within_balance'::text, 'only_pending'::text]))),
    CONSTRAINT ck_program_state CHECK ((state = ANY (ARRAY['active'::text, 'closed'::text])))
);


ALTER TABLE public.program OWNER TO rapport_loyalty_owner;

CREATE TABLE public.redemption (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    membership_id uuid NOT NULL,
    points bigint NOT NULL,
    state text NOT NULL,
    hold_ends_at timestamp with time zone,
    CONSTRAINT ck_redemption_a_hold_ends CHECK (((state <> 'reserved'::text) OR (hold_ends_at IS NOT NULL))),
    CONSTRAINT ck_redemption_points CHECK ((points > 0)),
    CONSTRAINT ck_redemption_state CHECK ((state = ANY (ARRAY['reserved'::text, 'captured'::text, 'released'::text, 'expired'::text])))
);


ALTER TABLE public.redemption OWNER TO rapport_loyalty_owner;

CREATE TABLE public.told_refund (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    purchase_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    refunded_at timestamp with time zone NOT NULL
);


ALTER TABLE public.told_refund OWNER TO rapport_loyalty_owner;

CREATE TABLE public.wallet (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    pending bigint NOT NULL,
    available bigint NOT NULL,
    reserved bigint NOT NULL,
    debt bigint NOT NULL,
    due_at timestamp with time zone,
    settled_at timestamp with time zone,
    CONSTRAINT ck_wallet_debt_is_paid_first CHECK (((available = 0) OR (debt = 0))),
    CONSTRAINT ck_wallet_never_negative CHECK (((pending >= 0) AND (available >= 0) AND (reserved >= 0) AND (debt >= 0)))
);


ALTER TABLE public.wallet OWNER TO rapport_loyalty_owner;

COPY chassis.alembic_version (version_num) FROM stdin;
0004
\.


COPY chassis.audit (tenant_id, id, at, actor, entity, entity_id, action, changes, trace_id) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-57a1-7896-b7dd-1720172f1a5c	2026-11-25 22:06:53.695428+00	key:01a214bf-521d-7197-b3ef-343a529952f4	program	01a214bf-5758-75e9-aeab-195a01039aaf	created	{"kind": [null, "frequency"], "name": [null, "Club"], "state": [null, "active"], "currency": [null, "EUR"], "timezone": [null, "Europe/Amsterdam"], "enrolment": [null, "on_purchase"], "pending_days": [null, 1], "expiry_months": [null, 12], "refund_policy": [null, "debt"]}	4fec163da7eed9816cb7863578216bc7
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-57da-71f1-a7f7-aa827b672f01	2026-11-25 22:06:53.900928+00	key:01a214bf-521d-7197-b3ef-343a529952f4	earning_rule	01a214bf-57d7-7328-8619-0455447c98f8	created	{"kind": [null, "per_amount"], "points": [null, 1], "rule_id": [null, "01a214bf-57d7-7328-8619-0455447c98f8"], "per_minor": [null, 100], "program_id": [null, "01a214bf-5758-75e9-aeab-195a01039aaf"]}	9ef69e16f240180ed106a352df8e72e7
\.


COPY chassis.dead_letter (id, tenant_id, feature, event_id, type, topic, partition, record_offset, key, headers, value, reason, attempts, parked_at) FROM stdin;
01a214bf-7e84-759c-b066-75576fee6497	\N	*	\N	\N	rapport.interactions	2	8	\N	[]	\\x6e6f74204a534f4e	unreadable envelope: KeyError('ce_specversion')	1	2026-11-25 22:07:03.812662+00
\.


COPY chassis.idempotency (tenant_id, principal, operation, key, fingerprint, status, headers, body, created_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/programs	01a214bf-56ee-764b-af72-d96c48821647	\\xa4aea7c094656377bf609a2767325c545822a596cf4cadaa0ce9820000b5c8d2	201	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d353735382d373565392d616561622d313935613031303339616166222c2276657273696f6e223a312c226e616d65223a22436c7562222c226b696e64223a226672657175656e6379222c2263757272656e6379223a22455552222c2274696d657a6f6e65223a224575726f70652f416d7374657264616d222c22656e726f6c6d656e74223a226f6e5f7075726368617365222c22726566756e645f706f6c696379223a2264656274222c2270656e64696e675f64617973223a312c226578706972795f706f6c696379223a22726f6c6c696e675f6d6f6e746873222c226578706972795f6d6f6e746873223a31322c227374617465223a22616374697665222c22637265617465645f6174223a22323032362d31312d32355432323a30363a35332e3639353432385a222c22757064617465645f6174223a22323032362d31312d32355432323a30363a35332e3639353432385a227d	2026-11-25 22:06:53.701919+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/programs/01a214bf-5758-75e9-aeab-195a01039aaf/earning-rules	01a214bf-57c1-75ab-b3d7-a69bf7424fea	\\xcdb09592d6eecf7c2a13fa5e1a0f108153f26856679e64fd5f904024478f2c89	201	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d353764372d373332382d383631392d303435353434376339386638222c2276657273696f6e223a312c2270726f6772616d5f6964223a2230316132313462662d353735382d373565392d616561622d313935613031303339616166222c226b696e64223a227065725f616d6f756e74222c22706f696e7473223a312c22706572223a22312e3030222c2276616c69645f66726f6d223a6e756c6c2c2276616c69645f746f223a6e756c6c2c22637265617465645f6174223a22323032362d31312d32355432323a30363a35332e3930303932385a227d	2026-11-25 22:06:53.905565+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/memberships/01a214bf-5821-76bb-bb5f-eae2f72cfcfe/adjustments	01a214bf-7ab1-7690-af6f-bc919d743495	\\x544bc132c977877865f047f7a08643d1bd820d46bf5b8bd343f82caf92125b23	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d376163632d373464632d616131352d396232626434326463353735222c226d656d626572736869705f6964223a2230316132313462662d353832312d373662622d626235662d656165326637326366636665222c22706f696e7473223a31302c22726561736f6e223a22736f727279222c226163746f72223a226b65793a30316132313462662d353231642d373139372d623365662d333433613532393935326634222c22637265617465645f6174223a22323032362d31312d32355432323a30373a30322e3833373836365a227d	2026-11-25 22:07:02.83816+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/memberships/01a214bf-5821-76bb-bb5f-eae2f72cfcfe/redemptions	01a214bf-7afb-70ce-83dd-bee25b80e358	\\x27a0504b76535b491c342979a57c76fc4b3a0cc02aa23ce932bb9226f851a727	201	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d376230632d373334372d616236392d396535353038323262346335222c2276657273696f6e223a312c226d656d626572736869705f6964223a2230316132313462662d353832312d373662622d626235662d656165326637326366636665222c22706f696e7473223a312c227374617465223a227265736572766564222c22686f6c645f656e64735f6174223a22323032362d31312d32355432323a32323a30322e3931343337335a222c22637265617465645f6174223a22323032362d31312d32355432323a30373a30322e3931343337335a222c22757064617465645f6174223a22323032362d31312d32355432323a30373a30322e3931343337335a227d	2026-11-25 22:07:02.916196+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/memberships/01a214bf-5821-76bb-bb5f-eae2f72cfcfe/redemptions	01a214bf-7b23-74ea-b5ea-d1803aee0c4a	\\x27a0504b76535b491c342979a57c76fc4b3a0cc02aa23ce932bb9226f851a727	201	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d376233322d373239362d616538322d396661626637356232643961222c2276657273696f6e223a312c226d656d626572736869705f6964223a2230316132313462662d353832312d373662622d626235662d656165326637326366636665222c22706f696e7473223a312c227374617465223a227265736572766564222c22686f6c645f656e64735f6174223a22323032362d31312d32355432323a32323a30322e3935363838385a222c22637265617465645f6174223a22323032362d31312d32355432323a30373a30322e3935363838385a222c22757064617465645f6174223a22323032362d31312d32355432323a30373a30322e3935363838385a227d	2026-11-25 22:07:02.958776+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/memberships/01a214bf-5821-76bb-bb5f-eae2f72cfcfe/redemptions	01a214bf-7b41-7624-8344-6ff3bcdeeb95	\\x27a0504b76535b491c342979a57c76fc4b3a0cc02aa23ce932bb9226f851a727	201	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d376234612d373730392d616461622d303266636630663734383035222c2276657273696f6e223a312c226d656d626572736869705f6964223a2230316132313462662d353832312d373662622d626235662d656165326637326366636665222c22706f696e7473223a312c227374617465223a227265736572766564222c22686f6c645f656e64735f6174223a22323032362d31312d32355432323a32323a30322e3937393430355a222c22637265617465645f6174223a22323032362d31312d32355432323a30373a30322e3937393430355a222c22757064617465645f6174223a22323032362d31312d32355432323a30373a30322e3937393430355a227d	2026-11-25 22:07:02.97958+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/redemptions/01a214bf-7b0c-7347-ab69-9e550822b4c5/capture	01a214bf-7b54-7662-8c96-a048745dc94a	\\x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d	200	{"etag": "\\"2\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d376230632d373334372d616236392d396535353038323262346335222c2276657273696f6e223a322c226d656d626572736869705f6964223a2230316132313462662d353832312d373662622d626235662d656165326637326366636665222c22706f696e7473223a312c227374617465223a226361707475726564222c22686f6c645f656e64735f6174223a22323032362d31312d32355432323a32323a30322e3931343337335a222c22637265617465645f6174223a22323032362d31312d32355432323a30373a30322e3931343337335a222c22757064617465645f6174223a22323032362d31312d32355432323a30373a30322e3939393933315a227d	2026-11-25 22:07:03.000486+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/redemptions/01a214bf-7b32-7296-ae82-9fabf75b2d9a/release	01a214bf-7b6e-768a-a754-d7788b7de866	\\x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d	200	{"etag": "\\"2\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d376233322d373239362d616538322d396661626637356232643961222c2276657273696f6e223a322c226d656d626572736869705f6964223a2230316132313462662d353832312d373662622d626235662d656165326637326366636665222c22706f696e7473223a312c227374617465223a2272656c6561736564222c22686f6c645f656e64735f6174223a22323032362d31312d32355432323a32323a30322e3935363838385a222c22637265617465645f6174223a22323032362d31312d32355432323a30373a30322e3935363838385a222c22757064617465645f6174223a22323032362d31312d32355432323a30373a30332e3032343139375a227d	2026-11-25 22:07:03.024581+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/memberships/01a214bf-5821-76bb-bb5f-eae2f72cfcfe/adjustments	01a214bf-86b0-73c5-a265-cada3a68ef4e	\\xcd331269b9a107cf94fd0421cbc2adf26f4be7ed731019b6ba1b0596a0584acf	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d383662622d373265362d396565622d376661626630336663663366222c226d656d626572736869705f6964223a2230316132313462662d353832312d373662622d626235662d656165326637326366636665222c22706f696e7473223a312c22726561736f6e223a22736f727279222c226163746f72223a226b65793a30316132313462662d353231642d373139372d623365662d333433613532393935326634222c22637265617465645f6174223a22323032362d31312d32355432323a30373a30352e3930363438395a227d	2026-11-25 22:07:05.90671+00
\.


COPY chassis.inbox (tenant_id, event_id, feature, applied_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-496e-77f7-bbf9-d91d48e68f02	tenants	2026-11-25 22:06:50.325468+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-57f3-717c-9ae5-d87a6e1ae134	points	2026-11-25 22:06:53.959696+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5885-7678-a6a3-901789e48295	points	2026-11-25 22:06:54.145091+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-58a7-7140-8713-53f7b43d1946	points	2026-11-25 22:06:54.280169+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-58e8-71bd-8f1b-6b07af772517	points	2026-11-25 22:06:54.330363+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-593b-7406-b645-227b5f58e4f8	points	2026-11-25 22:06:54.489655+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5998-733a-93c0-5724f3be5c25	points	2026-11-25 22:06:54.974827+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-59df-7092-94f8-95ecd98b1ff1	points	2026-11-25 22:06:54.974827+00
\.


COPY chassis.outbox (seq, event_id, tenant_id, type, subject, "time", actor, traceparent, data, written_at) FROM stdin;
18	01a214bf-86be-764c-8011-7a8f3ab683aa	01a214bf-4963-7503-a978-a1054300d7ae	loyalty.points_adjusted.v1	01a214bf-5541-70cb-ba1d-c93431fd7540	2026-11-25 22:07:05.906489+00	key:01a214bf-521d-7197-b3ef-343a529952f4	00-2efec441638f3ece13bce05f88003106-2443593525134960-01	{"customer_id":"01a214bf-5541-70cb-ba1d-c93431fd7540","membership_id":"01a214bf-5821-76bb-bb5f-eae2f72cfcfe","adjustment_id":"01a214bf-86bb-72e6-9eeb-7fabf03fcf3f","points":1,"reason":"sorry","available":17,"debt":0}	2026-11-25 22:07:05.90671+00
\.


COPY chassis.tenant (tenant_id, name, kind, timezone, currency, region, clock_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	Shop	live	Europe/Amsterdam	EUR	NL	\N
\.


COPY public.earn_basis (tenant_id, id, membership_id, purchase_id, purchased_at, eligible_minor, rules) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-583a-74e6-bc46-a78a58fa3ee2	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	01a214bf-57ed-700b-a691-4795a4899710	2024-02-29 22:06:53.925614+00	500	[{"rule_id": "01a214bf-57d7-7328-8619-0455447c98f8", "version": 1}]
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-594e-7484-acf4-6fdea5067850	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	01a214bf-5893-73b7-ae1d-a19eb08a6b27	2026-08-27 22:06:53.925614+00	500	[{"rule_id": "01a214bf-57d7-7328-8619-0455447c98f8", "version": 1}]
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5a33-75ed-b3da-0a7bd9352d3f	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	01a214bf-5934-73c5-b092-1fcbd32d640e	2026-11-24 22:06:59.925614+00	500	[{"rule_id": "01a214bf-57d7-7328-8619-0455447c98f8", "version": 1}]
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5c48-7575-9f81-f5e986609fc1	01a214bf-5c3b-763a-98f7-e76337ac2411	01a214bf-59d9-75f8-85cb-0be7bb0d97a5	2026-03-01 10:00:00+00	500	[{"rule_id": "01a214bf-57d7-7328-8619-0455447c98f8", "version": 1}]
\.


COPY public.earning_rule (tenant_id, id, program_id, rule_id, version, kind, points, per_minor, valid_from, valid_to, created_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-57d7-7328-8619-0455447c98f8	01a214bf-5758-75e9-aeab-195a01039aaf	01a214bf-57d7-7328-8619-0455447c98f8	1	per_amount	1	100	\N	\N	2026-11-25 22:06:53.900928+00
\.


COPY public.lot (tenant_id, id, membership_id, original, remaining, activates_at, expires_at, source_id, pending, expired) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-583e-740f-9f62-5485fd27f0f3	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	5	0	2024-03-01 22:06:53.925614+00	2025-03-01 22:06:53.925614+00	01a214bf-57ed-700b-a691-4795a4899710	0	4
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5c49-70a6-98f2-20da956ca8c2	01a214bf-5c3b-763a-98f7-e76337ac2411	5	5	2026-03-02 10:00:00+00	2027-03-02 10:00:00+00	01a214bf-59d9-75f8-85cb-0be7bb0d97a5	0	0
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7ad1-75cf-8185-db283d294d09	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	10	10	2026-11-25 22:07:02.837866+00	2027-11-25 22:07:02.837866+00	01a214bf-7acc-74dc-aa15-9b2bd42dc575	0	0
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5a34-7691-9fb9-19b5c5733523	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	5	4	2026-11-25 22:06:59.925614+00	2027-11-25 22:06:59.925614+00	01a214bf-5934-73c5-b092-1fcbd32d640e	0	0
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-594f-7645-8605-f4f5f10199d4	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	5	2	2026-08-28 22:06:53.925614+00	2027-08-28 22:06:53.925614+00	01a214bf-5893-73b7-ae1d-a19eb08a6b27	0	0
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-86bb-72e6-9eeb-7facc2b2619e	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	1	1	2026-11-25 22:07:05.906489+00	2027-11-25 22:07:05.906489+00	01a214bf-86bb-72e6-9eeb-7fabf03fcf3f	0	0
\.


COPY public.lot_allocation (tenant_id, id, redemption_id, lot_id, points) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b15-7188-8d1c-5f845b2c13ba	01a214bf-7b0c-7347-ab69-9e550822b4c5	01a214bf-594f-7645-8605-f4f5f10199d4	1
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b35-729c-96aa-2971f3be7f40	01a214bf-7b32-7296-ae82-9fabf75b2d9a	01a214bf-594f-7645-8605-f4f5f10199d4	1
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b4b-71fd-bff6-c7efb6d9d99b	01a214bf-7b4a-7709-adab-02fcf0f74805	01a214bf-594f-7645-8605-f4f5f10199d4	1
\.


COPY public.membership (tenant_id, id, version, created_at, updated_at, program_id, customer_id, state, joined_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	1	2026-11-25 22:06:53.959592+00	2026-11-25 22:06:53.959592+00	01a214bf-5758-75e9-aeab-195a01039aaf	01a214bf-5541-70cb-ba1d-c93431fd7540	active	2024-02-29 22:06:53.925614+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5c3b-763a-98f7-e76337ac2411	1	2026-11-25 22:06:54.971978+00	2026-11-25 22:06:54.971978+00	01a214bf-5758-75e9-aeab-195a01039aaf	01a214bf-565a-70f2-a6ee-8c77f4a692db	active	2026-03-01 10:00:00+00
\.


COPY public.points_adjustment (tenant_id, id, membership_id, points, reason, actor, created_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7acc-74dc-aa15-9b2bd42dc575	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	10	sorry	key:01a214bf-521d-7197-b3ef-343a529952f4	2026-11-25 22:07:02.837866+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-86bb-72e6-9eeb-7fabf03fcf3f	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	1	sorry	key:01a214bf-521d-7197-b3ef-343a529952f4	2026-11-25 22:07:05.906489+00
\.


COPY public.points_entry (tenant_id, id, membership_id, kind, from_bucket, to_bucket, points, source_type, source_id, rule_id, rule_version, occurred_at, recorded_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5843-7383-aa64-05da8415da9c	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	earn	issued	available	5	purchase	01a214bf-57ed-700b-a691-4795a4899710	01a214bf-57d7-7328-8619-0455447c98f8	1	2024-02-29 22:06:53.925614+00	2026-11-25 22:06:53.959592+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5843-7383-aa64-05db8757e844	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	expire	available	expired	5	lot	01a214bf-583e-740f-9f62-5485fd27f0f3	\N	\N	2025-03-01 22:06:53.925614+00	2026-11-25 22:06:53.959592+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5900-75da-92a4-a3660a7bd66f	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	reverse	expired	reversed	1	refund	01a214bf-5877-74cf-8b75-2d5521851886	01a214bf-57d7-7328-8619-0455447c98f8	1	2026-11-25 22:06:53.963043+00	2026-11-25 22:06:54.142186+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-594f-7645-8605-f4f6035bf8b3	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	earn	issued	available	5	purchase	01a214bf-5893-73b7-ae1d-a19eb08a6b27	01a214bf-57d7-7328-8619-0455447c98f8	1	2026-08-27 22:06:53.925614+00	2026-11-25 22:06:54.279988+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5996-75c4-aeb0-d46615ab9fec	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	reverse	available	reversed	1	refund	01a214bf-58de-7725-9fc2-c7ccf948c221	01a214bf-57d7-7328-8619-0455447c98f8	1	2026-11-25 22:06:54.142917+00	2026-11-25 22:06:54.328875+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5a34-7691-9fb9-19b65e3dc913	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	earn	issued	pending	5	purchase	01a214bf-5934-73c5-b092-1fcbd32d640e	01a214bf-57d7-7328-8619-0455447c98f8	1	2026-11-24 22:06:59.925614+00	2026-11-25 22:06:54.489455+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5c1c-74a6-9489-c0e65c229310	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	reverse	pending	reversed	1	refund	01a214bf-5992-7166-bdcc-91d616b138f2	01a214bf-57d7-7328-8619-0455447c98f8	1	2026-11-25 22:06:54.301255+00	2026-11-25 22:06:54.971978+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5c4a-7012-8556-c31461c83689	01a214bf-5c3b-763a-98f7-e76337ac2411	earn	issued	available	5	purchase	01a214bf-59d9-75f8-85cb-0be7bb0d97a5	01a214bf-57d7-7328-8619-0455447c98f8	1	2026-03-01 10:00:00+00	2026-11-25 22:06:54.971978+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7ad3-77be-962f-065b7e02a79c	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	activate	pending	available	4	lot	01a214bf-5a34-7691-9fb9-19b5c5733523	\N	\N	2026-11-25 22:06:59.925614+00	2026-11-25 22:07:02.837866+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7ad3-77be-962f-065c871e81ea	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	adjust	adjusted	available	10	adjustment	01a214bf-7acc-74dc-aa15-9b2bd42dc575	\N	\N	2026-11-25 22:07:02.837866+00	2026-11-25 22:07:02.837866+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b16-7541-896f-ee30752f115b	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	reserve	available	reserved	1	redemption	01a214bf-7b0c-7347-ab69-9e550822b4c5	\N	\N	2026-11-25 22:07:02.914373+00	2026-11-25 22:07:02.914373+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b35-779a-8aab-a7829ba6223a	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	reserve	available	reserved	1	redemption	01a214bf-7b32-7296-ae82-9fabf75b2d9a	\N	\N	2026-11-25 22:07:02.956888+00	2026-11-25 22:07:02.956888+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b4d-7088-b962-48a11e060d81	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	reserve	available	reserved	1	redemption	01a214bf-7b4a-7709-adab-02fcf0f74805	\N	\N	2026-11-25 22:07:02.979405+00	2026-11-25 22:07:02.979405+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b5f-72b5-ace0-70af598d1503	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	capture	reserved	redeemed	1	redemption	01a214bf-7b0c-7347-ab69-9e550822b4c5	\N	\N	2026-11-25 22:07:02.999931+00	2026-11-25 22:07:02.999931+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b77-7445-990b-4a3b69206eef	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	release	reserved	available	1	redemption	01a214bf-7b32-7296-ae82-9fabf75b2d9a	\N	\N	2026-11-25 22:07:03.024197+00	2026-11-25 22:07:03.024197+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-86bc-7678-a286-b162df36b8cf	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	adjust	adjusted	available	1	adjustment	01a214bf-86bb-72e6-9eeb-7fabf03fcf3f	\N	\N	2026-11-25 22:07:05.906489+00	2026-11-25 22:07:05.906489+00
\.


COPY public.program (tenant_id, id, version, created_at, updated_at, name, kind, currency, timezone, enrolment, state, refund_policy, pending_days, expiry_months) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5758-75e9-aeab-195a01039aaf	1	2026-11-25 22:06:53.695428+00	2026-11-25 22:06:53.695428+00	Club	frequency	EUR	Europe/Amsterdam	on_purchase	active	debt	1	12
\.


COPY public.redemption (tenant_id, id, version, created_at, updated_at, membership_id, points, state, hold_ends_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b4a-7709-adab-02fcf0f74805	1	2026-11-25 22:07:02.979405+00	2026-11-25 22:07:02.979405+00	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	1	reserved	2026-11-25 22:22:02.979405+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b0c-7347-ab69-9e550822b4c5	2	2026-11-25 22:07:02.914373+00	2026-11-25 22:07:02.999931+00	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	1	captured	2026-11-25 22:22:02.914373+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7b32-7296-ae82-9fabf75b2d9a	2	2026-11-25 22:07:02.956888+00	2026-11-25 22:07:03.024197+00	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	1	released	2026-11-25 22:22:02.956888+00
\.


COPY public.told_refund (tenant_id, id, purchase_id, amount_minor, refunded_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5877-74cf-8b75-2d5521851886	01a214bf-57ed-700b-a691-4795a4899710	100	2026-11-25 22:06:53.963043+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-58de-7725-9fc2-c7ccf948c221	01a214bf-5893-73b7-ae1d-a19eb08a6b27	100	2026-11-25 22:06:54.142917+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5992-7166-bdcc-91d616b138f2	01a214bf-5934-73c5-b092-1fcbd32d640e	100	2026-11-25 22:06:54.301255+00
\.


COPY public.wallet (tenant_id, id, pending, available, reserved, debt, due_at, settled_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5c3b-763a-98f7-e76337ac2411	0	5	0	0	2027-03-02 10:00:00+00	2026-11-25 22:06:54.971978+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5821-76bb-bb5f-eae2f72cfcfe	0	17	1	0	2026-11-25 22:22:02.979405+00	2026-11-25 22:07:05.906489+00
\.


SELECT pg_catalog.setval('chassis.outbox_seq_seq', 18, true);


ALTER TABLE ONLY chassis.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


ALTER TABLE ONLY chassis.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY chassis.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (id);


ALTER TABLE ONLY chassis.dead_letter
    ADD CONSTRAINT dead_letter_topic_partition_record_offset_feature_key UNIQUE (topic, partition, record_offset, feature);


ALTER TABLE ONLY chassis.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (tenant_id, principal, operation, key);


ALTER TABLE ONLY chassis.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (tenant_id, event_id, feature);


ALTER TABLE ONLY chassis.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (seq);


ALTER TABLE ONLY chassis.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id);


ALTER TABLE ONLY public.earn_basis
    ADD CONSTRAINT pk_earn_basis PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.earning_rule
    ADD CONSTRAINT pk_earning_rule PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.lot
    ADD CONSTRAINT pk_lot PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.lot_allocation
    ADD CONSTRAINT pk_lot_allocation PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.membership
    ADD CONSTRAINT pk_membership PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.points_adjustment
    ADD CONSTRAINT pk_points_adjustment PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.points_entry
    ADD CONSTRAINT pk_points_entry PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.program
    ADD CONSTRAINT pk_program PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.redemption
    ADD CONSTRAINT pk_redemption PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.told_refund
    ADD CONSTRAINT pk_told_refund PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.wallet
    ADD CONSTRAINT pk_wallet PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.earn_basis
    ADD CONSTRAINT uq_earn_basis_tenant_id_membership_id_purchase_id UNIQUE (tenant_id, membership_id, purchase_id);


ALTER TABLE ONLY public.earning_rule
    ADD CONSTRAINT uq_earning_rule_tenant_id_rule_id_version UNIQUE (tenant_id, rule_id, version);


ALTER TABLE ONLY public.lot_allocation
    ADD CONSTRAINT uq_lot_allocation_tenant_id_redemption_id_lot_id UNIQUE (tenant_id, redemption_id, lot_id);


CREATE INDEX ix_audit_entity ON chassis.audit USING btree (tenant_id, entity, entity_id, id);


CREATE INDEX ix_idempotency_created_at ON chassis.idempotency USING btree (created_at);


CREATE INDEX ix_inbox_applied_at ON chassis.inbox USING btree (applied_at);


CREATE INDEX ix_earn_basis_tenant_id_purchase_id ON public.earn_basis USING btree (tenant_id, purchase_id);


CREATE INDEX ix_earning_rule_tenant_id_program_id ON public.earning_rule USING btree (tenant_id, program_id);


CREATE INDEX ix_lot_open ON public.lot USING btree (tenant_id, membership_id) WHERE ((pending + remaining) > 0);


CREATE INDEX ix_lot_tenant_id_membership_id_source_id ON public.lot USING btree (tenant_id, membership_id, source_id);


CREATE INDEX ix_membership_tenant_id_customer_id ON public.membership USING btree (tenant_id, customer_id);


CREATE INDEX ix_points_adjustment_tenant_id_membership_id ON public.points_adjustment USING btree (tenant_id, membership_id);


CREATE INDEX ix_redemption_held ON public.redemption USING btree (tenant_id, membership_id, hold_ends_at) WHERE (state = 'reserved'::text);


CREATE INDEX ix_told_refund_tenant_id_purchase_id ON public.told_refund USING btree (tenant_id, purchase_id);


CREATE INDEX ix_wallet_due ON public.wallet USING btree (tenant_id, due_at) WHERE (due_at IS NOT NULL);


CREATE UNIQUE INDEX uq_membership_current ON public.membership USING btree (tenant_id, program_id, customer_id) WHERE (state <> 'left'::text);


CREATE UNIQUE INDEX uq_points_entry_natural ON public.points_entry USING btree (tenant_id, membership_id, source_type, source_id, kind, rule_id, from_bucket, to_bucket) NULLS NOT DISTINCT;


ALTER TABLE ONLY public.earn_basis
    ADD CONSTRAINT fk_earn_basis_wallet FOREIGN KEY (tenant_id, membership_id) REFERENCES public.wallet(tenant_id, id);


ALTER TABLE ONLY public.earning_rule
    ADD CONSTRAINT fk_earning_rule_program FOREIGN KEY (tenant_id, program_id) REFERENCES public.program(tenant_id, id);


ALTER TABLE ONLY public.lot_allocation
    ADD CONSTRAINT fk_lot_allocation_lot FOREIGN KEY (tenant_id, lot_id) REFERENCES public.lot(tenant_id, id);


ALTER TABLE ONLY public.lot_allocation
    ADD CONSTRAINT fk_lot_allocation_redemption FOREIGN KEY (tenant_id, redemption_id) REFERENCES public.redemption(tenant_id, id);


ALTER TABLE ONLY public.lot
    ADD CONSTRAINT fk_lot_wallet FOREIGN KEY (tenant_id, membership_id) REFERENCES public.wallet(tenant_id, id);


ALTER TABLE ONLY public.membership
    ADD CONSTRAINT fk_membership_program FOREIGN KEY (tenant_id, program_id) REFERENCES public.program(tenant_id, id);


ALTER TABLE ONLY public.points_adjustment
    ADD CONSTRAINT fk_points_adjustment_wallet FOREIGN KEY (tenant_id, membership_id) REFERENCES public.wallet(tenant_id, id);


ALTER TABLE ONLY public.points_entry
    ADD CONSTRAINT fk_points_entry_wallet FOREIGN KEY (tenant_id, membership_id) REFERENCES public.wallet(tenant_id, id);


ALTER TABLE ONLY public.redemption
    ADD CONSTRAINT fk_redemption_wallet FOREIGN KEY (tenant_id, membership_id) REFERENCES public.wallet(tenant_id, id);


ALTER TABLE ONLY public.wallet
    ADD CONSTRAINT fk_wallet_membership FOREIGN KEY (tenant_id, id) REFERENCES public.membership(tenant_id, id);


ALTER TABLE chassis.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.dead_letter ENABLE ROW LEVEL SECURITY;

CREATE POLICY every_tenant ON chassis.dead_letter TO rapport_loyalty_worker USING (true);


CREATE POLICY every_tenant ON chassis.idempotency TO rapport_loyalty_worker USING (true);


CREATE POLICY every_tenant ON chassis.inbox TO rapport_loyalty_worker USING (true);


CREATE POLICY every_tenant ON chassis.outbox TO rapport_loyalty_worker USING (true);


CREATE POLICY every_tenant ON chassis.tenant TO rapport_loyalty_worker USING (true);


ALTER TABLE chassis.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.inbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.audit USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.idempotency USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.outbox FOR INSERT WITH CHECK ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE chassis.tenant ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.tenant USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.earn_basis ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.earning_rule ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.lot ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.lot_allocation ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.membership ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.points_adjustment ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.points_entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.program ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.redemption ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.earn_basis USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.earning_rule USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.lot USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.lot_allocation USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.membership USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.points_adjustment USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.points_entry USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.program USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.redemption USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.told_refund USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.wallet USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.told_refund ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.wallet ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA chassis TO rapport_loyalty_api;
GRANT USAGE ON SCHEMA chassis TO rapport_loyalty_worker;


REVOKE ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_loyalty_api;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_loyalty_worker;


GRANT SELECT ON TABLE chassis.alembic_version TO rapport_loyalty_api;
GRANT SELECT ON TABLE chassis.alembic_version TO rapport_loyalty_worker;


GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_loyalty_api;
GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE chassis.dead_letter TO rapport_loyalty_worker;


GRANT SELECT,INSERT ON TABLE chassis.idempotency TO rapport_loyalty_api;
GRANT SELECT,DELETE ON TABLE chassis.idempotency TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE ON TABLE chassis.inbox TO rapport_loyalty_worker;


GRANT INSERT ON TABLE chassis.outbox TO rapport_loyalty_api;
GRANT SELECT,INSERT,DELETE ON TABLE chassis.outbox TO rapport_loyalty_worker;


GRANT SELECT ON TABLE chassis.tenant TO rapport_loyalty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE chassis.tenant TO rapport_loyalty_worker;


GRANT SELECT,INSERT ON TABLE public.earn_basis TO rapport_loyalty_api;
GRANT SELECT,INSERT ON TABLE public.earn_basis TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.earning_rule TO rapport_loyalty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.earning_rule TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.lot TO rapport_loyalty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.lot TO rapport_loyalty_worker;


GRANT SELECT,INSERT ON TABLE public.lot_allocation TO rapport_loyalty_api;
GRANT SELECT,INSERT ON TABLE public.lot_allocation TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.membership TO rapport_loyalty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.membership TO rapport_loyalty_worker;


GRANT SELECT,INSERT ON TABLE public.points_adjustment TO rapport_loyalty_api;
GRANT SELECT,INSERT ON TABLE public.points_adjustment TO rapport_loyalty_worker;


GRANT SELECT,INSERT ON TABLE public.points_entry TO rapport_loyalty_api;
GRANT SELECT,INSERT ON TABLE public.points_entry TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.program TO rapport_loyalty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.program TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.redemption TO rapport_loyalty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.redemption TO rapport_loyalty_worker;


GRANT SELECT,INSERT ON TABLE public.told_refund TO rapport_loyalty_api;
GRANT SELECT,INSERT ON TABLE public.told_refund TO rapport_loyalty_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.wallet TO rapport_loyalty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.wallet TO rapport_loyalty_worker;


\unrestrict release

