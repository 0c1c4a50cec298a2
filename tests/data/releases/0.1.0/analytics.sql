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


ALTER SCHEMA chassis OWNER TO rapport_analytics_owner;

CREATE FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'chassis', 'pg_temp'
    AS $$
    select (select count(*) from outbox),
           coalesce((select extract(epoch from clock_timestamp() - min(written_at)) from outbox), 0),
           (select count(*) from dead_letter)
$$;


ALTER FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) OWNER TO rapport_analytics_owner;

COMMENT ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) IS 'What the status page tells of this service: counts only, no tenant''s content.';


SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE chassis.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE chassis.alembic_version OWNER TO rapport_analytics_owner;

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


ALTER TABLE chassis.audit OWNER TO rapport_analytics_owner;

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


ALTER TABLE chassis.dead_letter OWNER TO rapport_analytics_owner;

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


ALTER TABLE chassis.idempotency OWNER TO rapport_analytics_owner;

COMMENT ON TABLE chassis.idempotency IS 'Answers to requests that carried an Idempotency-Key.';


CREATE TABLE chassis.inbox (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    feature text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE chassis.inbox OWNER TO rapport_analytics_owner;

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


ALTER TABLE chassis.outbox OWNER TO rapport_analytics_owner;

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


ALTER TABLE chassis.tenant OWNER TO rapport_analytics_owner;

COMMENT ON TABLE chassis.tenant IS 'What this service knows of a tenant; told by gateway.tenant_changed.';


CREATE TABLE public.customer_value (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    currency text NOT NULL,
    customer_id uuid NOT NULL,
    purchases bigint NOT NULL,
    revenue_minor bigint NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone
);


ALTER TABLE public.customer_value OWNER TO rapport_analytics_owner;

CREATE TABLE public.purchase_fact (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    customer_id uuid NOT NULL,
    purchased_at timestamp with time zone NOT NULL,
    currency text NOT NULL,
    revenue_minor bigint NOT NULL
);


ALTER TABLE public.purchase_fact OWNER TO rapport_analytics_owner;

CREATE TABLE public.refund_fact (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    customer_id uuid NOT NULL,
    refunded_at timestamp with time zone NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL
);


ALTER TABLE public.refund_fact OWNER TO rapport_analytics_owner;

COPY chassis.alembic_version (version_num) FROM stdin;
0002
\.


COPY chassis.audit (tenant_id, id, at, actor, entity, entity_id, action, changes, trace_id) FROM stdin;
\.


COPY chassis.dead_letter (id, tenant_id, feature, event_id, type, topic, partition, record_offset, key, headers, value, reason, attempts, parked_at) FROM stdin;
01a214bf-7e82-76af-bdcc-b0e405756775	\N	*	\N	\N	rapport.interactions	2	8	\N	[]	\\x6e6f74204a534f4e	unreadable envelope: KeyError('ce_specversion')	1	2026-11-25 22:07:03.8113+00
\.


COPY chassis.idempotency (tenant_id, principal, operation, key, fingerprint, status, headers, body, created_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/analytics/clv/simple	01a214bf-7b7d-76a8-86a3-5a410c49a048	\\xa2be34bd6e3825cbc7db3a00f11868d6a10884966ba062de343e13111398b7ff	200	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b2276616c7565223a22313230302e3030222c22666f726d756c61223a2273756d206f7665722074203d2030202e2e20706572696f6473202d2031206f6620617665726167655f76616c7565202a207075726368617365735f7065725f706572696f64202a206d617267696e202a2028726574656e74696f6e202f202831202b20646973636f756e745f7261746529295e742c206c657373206163717569736974696f6e5f636f7374222c22696e70757473223a7b22617665726167655f76616c7565223a2232302e3030222c227075726368617365735f7065725f706572696f64223a223132222c22706572696f6473223a352c226d617267696e223a2231222c22726574656e74696f6e223a2231222c22646973636f756e745f72617465223a2230222c226163717569736974696f6e5f636f7374223a2230227d2c2276657273696f6e223a2231227d	2026-11-25 22:07:03.04066+00
\.


COPY chassis.inbox (tenant_id, event_id, feature, applied_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-496e-77f7-bbf9-d91d48e68f02	tenants	2026-11-25 22:06:50.327894+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-57f3-717c-9ae5-d87a6e1ae134	purchase-facts	2026-11-25 22:06:53.967334+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5885-7678-a6a3-901789e48295	purchase-facts	2026-11-25 22:06:54.111971+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-58a7-7140-8713-53f7b43d1946	purchase-facts	2026-11-25 22:06:54.172283+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-58e8-71bd-8f1b-6b07af772517	purchase-facts	2026-11-25 22:06:54.281451+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-593b-7406-b645-227b5f58e4f8	purchase-facts	2026-11-25 22:06:54.340032+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5998-733a-93c0-5724f3be5c25	purchase-facts	2026-11-25 22:06:54.48627+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-59df-7092-94f8-95ecd98b1ff1	purchase-facts	2026-11-25 22:06:54.522109+00
\.


COPY chassis.outbox (seq, event_id, tenant_id, type, subject, "time", actor, traceparent, data, written_at) FROM stdin;
\.


COPY chassis.tenant (tenant_id, name, kind, timezone, currency, region, clock_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	Shop	live	Europe/Amsterdam	EUR	NL	\N
\.


COPY public.customer_value (tenant_id, id, currency, customer_id, purchases, revenue_minor, first_at, last_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-581e-7bad-8178-7fe87b5a3db9	EUR	01a214bf-5541-70cb-ba1d-c93431fd7540	3	1200	2024-02-29 22:06:53.925614+00	2026-11-24 22:06:59.925614+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5a3f-7b5e-8e2a-2b21faaed623	EUR	01a214bf-565a-70f2-a6ee-8c77f4a692db	1	500	2026-03-01 10:00:00+00	2026-03-01 10:00:00+00
\.


COPY public.purchase_fact (tenant_id, id, customer_id, purchased_at, currency, revenue_minor) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-57ed-700b-a691-4795a4899710	01a214bf-5541-70cb-ba1d-c93431fd7540	2024-02-29 22:06:53.925614+00	EUR	500
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5893-73b7-ae1d-a19eb08a6b27	01a214bf-5541-70cb-ba1d-c93431fd7540	2026-08-27 22:06:53.925614+00	EUR	500
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5934-73c5-b092-1fcbd32d640e	01a214bf-5541-70cb-ba1d-c93431fd7540	2026-11-24 22:06:59.925614+00	EUR	500
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-59d9-75f8-85cb-0be7bb0d97a5	01a214bf-565a-70f2-a6ee-8c77f4a692db	2026-03-01 10:00:00+00	EUR	500
\.


COPY public.refund_fact (tenant_id, id, customer_id, refunded_at, currency, amount_minor) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5877-74cf-8b75-2d5521851886	01a214bf-5541-70cb-ba1d-c93431fd7540	2026-11-25 22:06:53.963043+00	EUR	100
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-58de-7725-9fc2-c7ccf948c221	01a214bf-5541-70cb-ba1d-c93431fd7540	2026-11-25 22:06:54.142917+00	EUR	100
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5992-7166-bdcc-91d616b138f2	01a214bf-5541-70cb-ba1d-c93431fd7540	2026-11-25 22:06:54.301255+00	EUR	100
\.


SELECT pg_catalog.setval('chassis.outbox_seq_seq', 1, false);


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


ALTER TABLE ONLY public.customer_value
    ADD CONSTRAINT pk_customer_value PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.purchase_fact
    ADD CONSTRAINT pk_purchase_fact PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.refund_fact
    ADD CONSTRAINT pk_refund_fact PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.customer_value
    ADD CONSTRAINT uq_customer_value_tenant_id_currency_customer_id UNIQUE (tenant_id, currency, customer_id);


CREATE INDEX ix_audit_entity ON chassis.audit USING btree (tenant_id, entity, entity_id, id);


CREATE INDEX ix_idempotency_created_at ON chassis.idempotency USING btree (created_at);


CREATE INDEX ix_inbox_applied_at ON chassis.inbox USING btree (applied_at);


CREATE INDEX ix_purchase_fact_tenant_id_currency_purchased_at ON public.purchase_fact USING btree (tenant_id, currency, purchased_at);


CREATE INDEX ix_refund_fact_tenant_id_currency_refunded_at ON public.refund_fact USING btree (tenant_id, currency, refunded_at);


ALTER TABLE chassis.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.dead_letter ENABLE ROW LEVEL SECURITY;

CREATE POLICY every_tenant ON chassis.dead_letter TO rapport_analytics_worker USING (true);


CREATE POLICY every_tenant ON chassis.idempotency TO rapport_analytics_worker USING (true);


CREATE POLICY every_tenant ON chassis.inbox TO rapport_analytics_worker USING (true);


CREATE POLICY every_tenant ON chassis.outbox TO rapport_analytics_worker USING (true);


CREATE POLICY every_tenant ON chassis.tenant TO rapport_analytics_worker USING (true);


ALTER TABLE chassis.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.inbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.audit USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.idempotency USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.outbox FOR INSERT WITH CHECK ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE chassis.tenant ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.tenant USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.customer_value ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.purchase_fact ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.refund_fact ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.customer_value USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.purchase_fact USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.refund_fact USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


GRANT USAGE ON SCHEMA chassis TO rapport_analytics_api;
GRANT USAGE ON SCHEMA chassis TO rapport_analytics_worker;


REVOKE ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_analytics_api;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_analytics_worker;


GRANT SELECT ON TABLE chassis.alembic_version TO rapport_analytics_api;
GRANT SELECT ON TABLE chassis.alembic_version TO rapport_analytics_worker;


GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_analytics_api;
GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_analytics_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE chassis.dead_letter TO rapport_analytics_worker;


GRANT SELECT,INSERT ON TABLE chassis.idempotency TO rapport_analytics_api;
GRANT SELECT,DELETE ON TABLE chassis.idempotency TO rapport_analytics_worker;


GRANT SELECT,INSERT,DELETE ON TABLE chassis.inbox TO rapport_analytics_worker;


GRANT INSERT ON TABLE chassis.outbox TO rapport_analytics_api;
GRANT SELECT,INSERT,DELETE ON TABLE chassis.outbox TO rapport_analytics_worker;


GRANT SELECT ON TABLE chassis.tenant TO rapport_analytics_api;
GRANT SELECT,INSERT,UPDATE ON TABLE chassis.tenant TO rapport_analytics_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.customer_value TO rapport_analytics_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.customer_value TO rapport_analytics_worker;


GRANT SELECT,INSERT ON TABLE public.purchase_fact TO rapport_analytics_api;
GRANT SELECT,INSERT ON TABLE public.purchase_fact TO rapport_analytics_worker;


GRANT SELECT,INSERT ON TABLE public.refund_fact TO rapport_analytics_api;
GRANT SELECT,INSERT ON TABLE public.refund_fact TO rapport_analytics_worker;


\unrestrict release

