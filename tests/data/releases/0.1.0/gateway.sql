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


ALTER SCHEMA chassis OWNER TO rapport_gateway_owner;

CREATE FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'chassis', 'pg_temp'
    AS $$
    select (select count(*) from outbox),
           coalesce((select extract(epoch from clock_timestamp() - min(written_at)) from outbox), 0),
           (select count(*) from dead_letter)
$$;


ALTER FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) OWNER TO rapport_gateway_owner;

COMMENT ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) IS 'What the status page tells of this service: counts only, no tenant''s content.';


CREATE FUNCTION public.find_api_key(wanted uuid, OUT secret_hash bytea, OUT scopes text[], OUT expires_at timestamp with time zone, OUT revoked_at timestamp with time zone, OUT tenant_id uuid, OUT name text, OUT kind text, OUT timezone text, OUT currency text, OUT region text, OUT clock_at timestamp with time zone) RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
            select key.secret_hash, key.scopes, key.expires_at, key.revoked_at,
                   tenant.tenant_id, tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region,
                   tenant.clock_at
            from api_key as key join tenant on tenant.tenant_id = key.tenant_id
            where key.id = wanted
        $$;


ALTER FUNCTION public.find_api_key(wanted uuid, OUT secret_hash bytea, OUT scopes text[], OUT expires_at timestamp with time zone, OUT revoked_at timestamp with time zone, OUT tenant_id uuid, OUT name text, OUT kind text, OUT timezone text, OUT currency text, OUT region text, OUT clock_at timestamp with time zone) OWNER TO rapport_gateway_owner;

CREATE FUNCTION public.note_key_use(ids uuid[], times timestamp with time zone[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
            update api_key set last_used_at = used.at
            from unnest(ids, times) as used(id, at)
            where api_key.id = used.id and (last_used_at is null or last_used_at < used.at)
        $$;


ALTER FUNCTION public.note_key_use(ids uuid[], times timestamp with time zone[]) OWNER TO rapport_gateway_owner;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE chassis.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE chassis.alembic_version OWNER TO rapport_gateway_owner;

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


ALTER TABLE chassis.audit OWNER TO rapport_gateway_owner;

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


ALTER TABLE chassis.dead_letter OWNER TO rapport_gateway_owner;

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


ALTER TABLE chassis.idempotency OWNER TO rapport_gateway_owner;

COMMENT ON TABLE chassis.idempotency IS 'Answers to requests that carried an Idempotency-Key.';


CREATE TABLE chassis.inbox (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    feature text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE chassis.inbox OWNER TO rapport_gateway_owner;

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


ALTER TABLE chassis.outbox OWNER TO rapport_gateway_owner;

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


ALTER TABLE chassis.tenant OWNER TO rapport_gateway_owner;

COMMENT ON TABLE chassis.tenant IS 'What this service knows of a tenant; told by gateway.tenant_changed.';


CREATE TABLE public.api_key (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone
);


ALTER TABLE public.api_key OWNER TO rapport_gateway_owner;

CREATE TABLE public.tenant (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    timezone text NOT NULL,
    currency text NOT NULL,
    region text NOT NULL,
    clock_at timestamp with time zone,
    CONSTRAINT ck_tenant_is_its_own_tenant CHECK ((id = tenant_id)),
    CONSTRAINT ck_tenant_kind CHECK ((kind = ANY (ARRAY['live'::text, 'sandbox'::text]))),
    CONSTRAINT ck_tenant_only_sandboxes_stop_the_clock CHECK (((clock_at IS NULL) OR (kind = 'sandbox'::text)))
);


ALTER TABLE public.tenant OWNER TO rapport_gateway_owner;

COPY chassis.alembic_version (version_num) FROM stdin;
0001
\.


COPY chassis.audit (tenant_id, id, at, actor, entity, entity_id, action, changes, trace_id) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-4976-7c28-a2f0-1381ba1e20ca	2026-11-25 22:06:50.21123+00	command	tenant	01a214bf-4963-7503-a978-a1054300d7ae	created	{"kind": [null, "live"], "name": [null, "Shop"], "region": [null, "NL"], "currency": [null, "EUR"], "timezone": [null, "Europe/Amsterdam"]}	
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5237-7e84-89b5-659a9b8db7a6	2026-11-25 22:06:52.445484+00	command	api_key	01a214bf-521d-7197-b3ef-343a529952f4	created	{"name": [null, "made by command"], "scopes": [null, ["analytics:read", "api-keys:read", "api-keys:write", "customers:read", "customers:write", "interactions:read", "interactions:write", "loyalty:adjust", "loyalty:configure", "loyalty:read", "loyalty:redeem", "loyalty:write", "status:read", "tenants:read", "tenants:write"]]}	
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7bb6-7314-8e32-409e7df10f55	2026-11-25 22:07:03.065036+00	key:01a214bf-521d-7197-b3ef-343a529952f4	api_key	01a214bf-7bb2-7311-848d-e55fedeeee25	created	{"name": [null, "till"], "scopes": [null, ["customers:read"]]}	a843a54a3dc21167abd710076b01d46a
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7bce-7862-8cfc-bda8fc922033	2026-11-25 22:07:03.114558+00	key:01a214bf-521d-7197-b3ef-343a529952f4	api_key	01a214bf-7bb2-7311-848d-e55fedeeee25	updated	{"revoked_at": [null, "2026-11-25T22:07:03.114558Z"]}	424faac02e792f9f3cb6751fc57708bf
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-8716-778d-989f-d10df6873f66	2026-11-25 22:07:05.979132+00	key:01a214bf-521d-7197-b3ef-343a529952f4	tenant	01a214bf-4963-7503-a978-a1054300d7ae	updated	{"name": ["Shop", "Till"]}	f5efcc17b5307291d3b50816f04ce366
\.


COPY chassis.dead_letter (id, tenant_id, feature, event_id, type, topic, partition, record_offset, key, headers, value, reason, attempts, parked_at) FROM stdin;
\.


COPY chassis.idempotency (tenant_id, principal, operation, key, fingerprint, status, headers, body, created_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/api-keys	01a214bf-7b95-7599-bae4-b99c5c6e6d0c	\\x65aa1aa07409445dd0e4ddd7e5677281a5fd568df4577b0157e2ef3438811903	409	{"content-type": "application/problem+json"}	\\x7b2274797065223a222f70726f626c656d732f73686f776e2d6f6e6365222c227469746c65223a225468697320726571756573742077617320616e73776572656420776974682061207365637265742c2077686963682069732073686f776e206f6e636520616e64206b657074206e6f77686572652e222c22737461747573223a3430392c2264657461696c223a225468697320726571756573742077617320616e73776572656420776974682061207365637265742c2077686963682069732073686f776e206f6e636520616e64206b657074206e6f77686572652e222c22696e7374616e6365223a222f76312f6170692d6b657973222c22636f6465223a2273686f776e5f6f6e6365222c226572726f7273223a5b5d2c2274726163655f6964223a226138343361353461336463323131363761626437313030373662303164343661227d	2026-11-25 22:07:03.06809+00
\.


COPY chassis.inbox (tenant_id, event_id, feature, applied_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-496e-77f7-bbf9-d91d48e68f02	tenants	2026-11-25 22:06:50.330673+00
\.


COPY chassis.outbox (seq, event_id, tenant_id, type, subject, "time", actor, traceparent, data, written_at) FROM stdin;
3	01a214bf-8712-73f1-98d5-701e1836f8f6	01a214bf-4963-7503-a978-a1054300d7ae	gateway.tenant_changed.v1	01a214bf-4963-7503-a978-a1054300d7ae	2026-11-25 22:07:05.979132+00	key:01a214bf-521d-7197-b3ef-343a529952f4	00-f5efcc17b5307291d3b50816f04ce366-a82428e2ef0a2acf-01	{"tenant_id":"01a214bf-4963-7503-a978-a1054300d7ae","name":"Till","kind":"live","timezone":"Europe/Amsterdam","currency":"EUR","region":"NL","clock_at":null}	2026-11-25 22:07:05.98902+00
\.


COPY chassis.tenant (tenant_id, name, kind, timezone, currency, region, clock_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	Shop	live	Europe/Amsterdam	EUR	NL	\N
\.


COPY public.api_key (tenant_id, id, version, created_at, updated_at, name, secret_hash, scopes, expires_at, revoked_at, last_used_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-7bb2-7311-848d-e55fedeeee25	2	2026-11-25 22:07:03.065036+00	2026-11-25 22:07:03.114558+00	till	\\x6b84b1c0174e9c6a316f3a0d219bf95ba8e161f3856dbf8493e6800353a469c0	{customers:read}	\N	2026-11-25 22:07:03.114558+00	\N
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-521d-7197-b3ef-343a529952f4	1	2026-11-25 22:06:52.445484+00	2026-11-25 22:06:52.445484+00	made by command	\\x71588e043b065bfdbf2847810fb4f01a81255141c64d12ca8d03a112381a1537	{analytics:read,api-keys:read,api-keys:write,customers:read,customers:write,interactions:read,interactions:write,loyalty:adjust,loyalty:configure,loyalty:read,loyalty:redeem,loyalty:write,status:read,tenants:read,tenants:write}	\N	\N	2026-11-25 22:07:05.978752+00
\.


COPY public.tenant (tenant_id, id, version, created_at, updated_at, name, kind, timezone, currency, region, clock_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-4963-7503-a978-a1054300d7ae	2	2026-11-25 22:06:50.21123+00	2026-11-25 22:07:05.979132+00	Till	live	Europe/Amsterdam	EUR	NL	\N
\.


SELECT pg_catalog.setval('chassis.outbox_seq_seq', 3, true);


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


ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT pk_api_key PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.tenant
    ADD CONSTRAINT pk_tenant PRIMARY KEY (tenant_id, id);


CREATE INDEX ix_audit_entity ON chassis.audit USING btree (tenant_id, entity, entity_id, id);


CREATE INDEX ix_idempotency_created_at ON chassis.idempotency USING btree (created_at);


CREATE INDEX ix_inbox_applied_at ON chassis.inbox USING btree (applied_at);


CREATE INDEX ix_api_key_id ON public.api_key USING btree (id);


ALTER TABLE chassis.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.dead_letter ENABLE ROW LEVEL SECURITY;

CREATE POLICY every_tenant ON chassis.dead_letter TO rapport_gateway_worker USING (true);


CREATE POLICY every_tenant ON chassis.idempotency TO rapport_gateway_worker USING (true);


CREATE POLICY every_tenant ON chassis.inbox TO rapport_gateway_worker USING (true);


CREATE POLICY every_tenant ON chassis.outbox TO rapport_gateway_worker USING (true);


CREATE POLICY every_tenant ON chassis.tenant TO rapport_gateway_worker USING (true);


ALTER TABLE chassis.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.inbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.audit USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.idempotency USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.outbox FOR INSERT WITH CHECK ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE chassis.tenant ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.tenant USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.api_key ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.api_key USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.tenant ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.tenant USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


GRANT USAGE ON SCHEMA chassis TO rapport_gateway_api;
GRANT USAGE ON SCHEMA chassis TO rapport_gateway_worker;


REVOKE ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_gateway_api;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_gateway_worker;


REVOKE ALL ON FUNCTION public.find_api_key(wanted uuid, OUT secret_hash bytea, OUT scopes text[], OUT expires_at timestamp with time zone, OUT revoked_at timestamp with time zone, OUT tenant_id uuid, OUT name text, OUT kind text, OUT timezone text, OUT currency text, OUT region text, OUT clock_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_api_key(wanted uuid, OUT secret_hash bytea, OUT scopes text[], OUT expires_at timestamp with time zone, OUT revoked_at timestamp with time zone, OUT tenant_id uuid, OUT name text, OUT kind text, OUT timezone text, OUT currency text, OUT region text, OUT clock_at timestamp with time zone) TO rapport_gateway_api;


REVOKE ALL ON FUNCTION public.note_key_use(ids uuid[], times timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_key_use(ids uuid[], times timestamp with time zone[]) TO rapport_gateway_api;


GRANT SELECT ON TABLE chassis.alembic_version TO rapport_gateway_api;
GRANT SELECT ON TABLE chassis.alembic_version TO rapport_gateway_worker;


GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_gateway_api;
GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_gateway_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE chassis.dead_letter TO rapport_gateway_worker;


GRANT SELECT,INSERT ON TABLE chassis.idempotency TO rapport_gateway_api;
GRANT SELECT,DELETE ON TABLE chassis.idempotency TO rapport_gateway_worker;


GRANT SELECT,INSERT,DELETE ON TABLE chassis.inbox TO rapport_gateway_worker;


GRANT INSERT ON TABLE chassis.outbox TO rapport_gateway_api;
GRANT SELECT,INSERT,DELETE ON TABLE chassis.outbox TO rapport_gateway_worker;


GRANT SELECT ON TABLE chassis.tenant TO rapport_gateway_api;
GRANT SELECT,INSERT,UPDATE ON TABLE chassis.tenant TO rapport_gateway_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.api_key TO rapport_gateway_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.api_key TO rapport_gateway_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tenant TO rapport_gateway_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tenant TO rapport_gateway_worker;


\unrestrict release

