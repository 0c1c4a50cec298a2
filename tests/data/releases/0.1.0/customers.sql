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


ALTER SCHEMA chassis OWNER TO rapport_customers_owner;

CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;


COMMENT ON EXTENSION btree_gin IS 'support for indexing common datatypes in GIN';


CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;


COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';


CREATE FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'chassis', 'pg_temp'
    AS $$
    select (select count(*) from outbox),
           coalesce((select extract(epoch from clock_timestamp() - min(written_at)) from outbox), 0),
           (select count(*) from dead_letter)
$$;


ALTER FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) OWNER TO rapport_customers_owner;

COMMENT ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) IS 'What the status page tells of this service: counts only, no tenant''s content.';


CREATE FUNCTION public.search_customers(fragment text, most integer) RETURNS TABLE(id uuid, score real)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET "pg_trgm.word_similarity_threshold" TO '0.4'
    AS $$
            select customer.id, word_similarity(fragment, search_name) as score from customer
            where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid) and fragment <% search_name
            order by score desc, customer.id limit most
        $$;


ALTER FUNCTION public.search_customers(fragment text, most integer) OWNER TO rapport_customers_owner;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE chassis.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE chassis.alembic_version OWNER TO rapport_customers_owner;

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


ALTER TABLE chassis.audit OWNER TO rapport_customers_owner;

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


ALTER TABLE chassis.dead_letter OWNER TO rapport_customers_owner;

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


ALTER TABLE chassis.idempotency OWNER TO rapport_customers_owner;

COMMENT ON TABLE chassis.idempotency IS 'Answers to requests that carried an Idempotency-Key.';


CREATE TABLE chassis.inbox (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    feature text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE chassis.inbox OWNER TO rapport_customers_owner;

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


ALTER TABLE chassis.outbox OWNER TO rapport_customers_owner;

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


ALTER TABLE chassis.tenant OWNER TO rapport_customers_owner;

COMMENT ON TABLE chassis.tenant IS 'What this service knows of a tenant; told by gateway.tenant_changed.';


CREATE TABLE public.consent_receipt (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    customer_id uuid NOT NULL,
    purpose text NOT NULL,
    channel text NOT NULL,
    decision text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    wording text,
    source text NOT NULL,
    evidence jsonb,
    actor text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_consent_receipt_decision CHECK ((decision = ANY (ARRAY['granted'::text, 'withdrawn'::text])))
);


ALTER TABLE public.consent_receipt OWNER TO rapport_customers_owner;

CREATE TABLE public.contact_point (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    customer_id uuid NOT NULL,
    kind text NOT NULL,
    normal text NOT NULL,
    CONSTRAINT ck_contact_point_kind CHECK ((kind = ANY (ARRAY['email'::text, 'phone'::text])))
);


ALTER TABLE public.contact_point OWNER TO rapport_customers_owner;

CREATE TABLE public.customer (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    given_name text,
    family_name text,
    name text,
    account_kinds text[] NOT NULL,
    emails jsonb NOT NULL,
    phones jsonb NOT NULL,
    addresses jsonb NOT NULL,
    external_ids jsonb NOT NULL,
    birth_date date,
    occupation text,
    area text,
    languages text[] NOT NULL,
    preferred_channel text,
    tags text[] NOT NULL,
    lifecycle text NOT NULL,
    state text NOT NULL,
    custom jsonb NOT NULL,
    search_name text DEFAULT ''::text NOT NULL,
    CONSTRAINT ck_customer_kind CHECK ((kind = ANY (ARRAY['person'::text, 'organization'::text]))),
    CONSTRAINT ck_customer_lifecycle CHECK ((lifecycle = ANY (ARRAY['prospect'::text, 'customer'::text, 'client'::text, 'former'::text]))),
    CONSTRAINT ck_customer_state CHECK ((state = ANY (ARRAY['active'::text, 'blocked'::text, 'ended'::text, 'merged'::text, 'erased'::text])))
);


ALTER TABLE public.customer OWNER TO rapport_customers_owner;

CREATE TABLE public.external_id (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    customer_id uuid NOT NULL,
    source text NOT NULL,
    external_id text NOT NULL
);


ALTER TABLE public.external_id OWNER TO rapport_customers_owner;

COPY chassis.alembic_version (version_num) FROM stdin;
0002
\.


COPY chassis.audit (tenant_id, id, at, actor, entity, entity_id, action, changes, trace_id) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-558d-78ae-a6a3-5527d8745d02	2026-11-25 22:06:53.240167+00	key:01a214bf-521d-7197-b3ef-343a529952f4	customer	01a214bf-5541-70cb-ba1d-c93431fd7540	created	{"kind": [null, "person"], "tags": [null, []], "state": [null, "active"], "custom": [null, {}], "emails": [null, [{"label": null, "address": "ada@example.com"}]], "phones": [null, [{"label": null, "number": "020 1234567"}]], "addresses": [null, []], "languages": [null, []], "lifecycle": [null, "prospect"], "given_name": [null, "Ada"], "family_name": [null, "Lovelace"], "external_ids": [null, [{"id": "1", "source": "till"}]], "account_kinds": [null, []]}	dddfea58bac3c3aac56a0863403cb43d
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-55d8-77de-a3f3-0b7b4e857e71	2026-11-25 22:06:53.356287+00	key:01a214bf-521d-7197-b3ef-343a529952f4	customer	01a214bf-5541-70cb-ba1d-c93431fd7540	updated	{"tags": [[], ["poet"]]}	c7ea88ec97d13f67a9ccec710cc00117
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-869e-7cdf-aa1f-7051f30d3e95	2026-11-25 22:07:05.883149+00	key:01a214bf-521d-7197-b3ef-343a529952f4	customer	01a214bf-869d-756b-a118-c27014fc447d	created	{"kind": [null, "person"], "tags": [null, []], "state": [null, "active"], "custom": [null, {}], "emails": [null, []], "phones": [null, []], "addresses": [null, []], "languages": [null, []], "lifecycle": [null, "prospect"], "given_name": [null, "Ada"], "external_ids": [null, []], "account_kinds": [null, []]}	c52c55cfee985a6c6de7e40768e8be55
\.


COPY chassis.dead_letter (id, tenant_id, feature, event_id, type, topic, partition, record_offset, key, headers, value, reason, attempts, parked_at) FROM stdin;
\.


COPY chassis.idempotency (tenant_id, principal, operation, key, fingerprint, status, headers, body, created_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/customers	01a214bf-5508-762a-b742-0eb416360f6d	\\x08e41880bcba13748f46b5dc2f43a04deb655676eafabe8de9461eed5e1783cc	201	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c2276657273696f6e223a312c226b696e64223a22706572736f6e222c22676976656e5f6e616d65223a22416461222c2266616d696c795f6e616d65223a224c6f76656c616365222c226e616d65223a6e756c6c2c226163636f756e745f6b696e6473223a5b5d2c22656d61696c73223a5b7b2261646472657373223a22616461406578616d706c652e636f6d222c226c6162656c223a6e756c6c7d5d2c2270686f6e6573223a5b7b226e756d626572223a223032302031323334353637222c226c6162656c223a6e756c6c7d5d2c22616464726573736573223a5b5d2c2265787465726e616c5f696473223a5b7b22736f75726365223a2274696c6c222c226964223a2231227d5d2c2262697274685f64617465223a6e756c6c2c226f636375706174696f6e223a6e756c6c2c2261726561223a6e756c6c2c226c616e677561676573223a5b5d2c227072656665727265645f6368616e6e656c223a6e756c6c2c2274616773223a5b5d2c226c6966656379636c65223a2270726f7370656374222c227374617465223a22616374697665222c22637573746f6d223a7b7d2c22637265617465645f6174223a22323032362d31312d32355432323a30363a35332e3234303136375a222c22757064617465645f6174223a22323032362d31312d32355432323a30363a35332e3234303136375a227d	2026-11-25 22:06:53.242795+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/customers/01a214bf-5541-70cb-ba1d-c93431fd7540/consents	01a214bf-55e0-743e-8eda-dc431d681f6c	\\x3acc4ad8fc21ae3de11fb39762c4cead3864f999f8b28506a651379edc611628	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353630332d373566332d383466632d343265393362323237393736222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22707572706f7365223a226e6577736c6574746572222c226368616e6e656c223a22656d61696c222c226465636973696f6e223a226772616e746564222c22646563696465645f6174223a22323032362d31312d32355432323a30363a35332e3432333436385a222c22776f7264696e67223a6e756c6c2c22736f75726365223a22666f726d222c2265766964656e6365223a6e756c6c2c226163746f72223a226b65793a30316132313462662d353231642d373139372d623365662d333433613532393935326634222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35332e3432333436385a227d	2026-11-25 22:06:53.425556+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/customers/01a214bf-5541-70cb-ba1d-c93431fd7540/consents	01a214bf-5632-7197-98f5-f3c1ac455a9c	\\x9efbd024cb6bd60bd3b63357808b81e5eed9f824c25fcc577fee18c1c253dd06	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353634652d373064332d616435312d373663316138393930656630222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22707572706f7365223a226e6577736c6574746572222c226368616e6e656c223a22656d61696c222c226465636973696f6e223a2277697468647261776e222c22646563696465645f6174223a22323032362d31312d32355432323a30363a35332e3531313233345a222c22776f7264696e67223a6e756c6c2c22736f75726365223a22666f726d222c2265766964656e6365223a6e756c6c2c226163746f72223a226b65793a30316132313462662d353231642d373139372d623365662d333433613532393935326634222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35332e3531313233345a227d	2026-11-25 22:06:53.511553+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/customers	01a214bf-8695-7604-91d2-935cdb32adf9	\\xff7aa91f46eb10656d6e9a15a88e99e90c05a7adc1e1e962e42fa84c5317fa78	201	{"etag": "\\"1\\"", "content-type": "application/json"}	\\x7b226964223a2230316132313462662d383639642d373536622d613131382d633237303134666334343764222c2276657273696f6e223a312c226b696e64223a22706572736f6e222c22676976656e5f6e616d65223a22416461222c2266616d696c795f6e616d65223a6e756c6c2c226e616d65223a6e756c6c2c226163636f756e745f6b696e6473223a5b5d2c22656d61696c73223a5b5d2c2270686f6e6573223a5b5d2c22616464726573736573223a5b5d2c2265787465726e616c5f696473223a5b5d2c2262697274685f64617465223a6e756c6c2c226f636375706174696f6e223a6e756c6c2c2261726561223a6e756c6c2c226c616e677561676573223a5b5d2c227072656665727265645f6368616e6e656c223a6e756c6c2c2274616773223a5b5d2c226c6966656379636c65223a2270726f7370656374222c227374617465223a22616374697665222c22637573746f6d223a7b7d2c22637265617465645f6174223a22323032362d31312d32355432323a30373a30352e3838333134395a222c22757064617465645f6174223a22323032362d31312d32355432323a30373a30352e3838333134395a227d	2026-11-25 22:07:05.883628+00
\.


COPY chassis.inbox (tenant_id, event_id, feature, applied_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-496e-77f7-bbf9-d91d48e68f02	tenants	2026-11-25 22:06:50.324322+00
\.


COPY chassis.outbox (seq, event_id, tenant_id, type, subject, "time", actor, traceparent, data, written_at) FROM stdin;
5	01a214bf-869e-756d-9084-f598beee597f	01a214bf-4963-7503-a978-a1054300d7ae	customers.customer_created.v1	01a214bf-869d-756b-a118-c27014fc447d	2026-11-25 22:07:05.883149+00	key:01a214bf-521d-7197-b3ef-343a529952f4	00-c52c55cfee985a6c6de7e40768e8be55-8242073280320bdf-01	{"customer_id":"01a214bf-869d-756b-a118-c27014fc447d","version":1,"kind":"person","lifecycle":"prospect","created_at":"2026-11-25T22:07:05.883149Z"}	2026-11-25 22:07:05.883628+00
\.


COPY chassis.tenant (tenant_id, name, kind, timezone, currency, region, clock_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	Shop	live	Europe/Amsterdam	EUR	NL	\N
\.


COPY public.consent_receipt (tenant_id, id, customer_id, purpose, channel, decision, decided_at, wording, source, evidence, actor, recorded_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5603-75f3-84fc-42e93b227976	01a214bf-5541-70cb-ba1d-c93431fd7540	newsletter	email	granted	2026-11-25 22:06:53.423468+00	\N	form	\N	key:01a214bf-521d-7197-b3ef-343a529952f4	2026-11-25 22:06:53.423468+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-564e-70d3-ad51-76c1a8990ef0	01a214bf-5541-70cb-ba1d-c93431fd7540	newsletter	email	withdrawn	2026-11-25 22:06:53.511234+00	\N	form	\N	key:01a214bf-521d-7197-b3ef-343a529952f4	2026-11-25 22:06:53.511234+00
\.


COPY public.contact_point (tenant_id, id, customer_id, kind, normal) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5570-7cb1-aded-cdaae7b5fd38	01a214bf-5541-70cb-ba1d-c93431fd7540	email	ada@example.com
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5571-7365-9140-ff9f63e684c9	01a214bf-5541-70cb-ba1d-c93431fd7540	phone	+31201234567
\.


COPY public.customer (tenant_id, id, version, created_at, updated_at, kind, given_name, family_name, name, account_kinds, emails, phones, addresses, external_ids, birth_date, occupation, area, languages, preferred_channel, tags, lifecycle, state, custom, search_name) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5541-70cb-ba1d-c93431fd7540	2	2026-11-25 22:06:53.240167+00	2026-11-25 22:06:53.356287+00	person	Ada	Lovelace	\N	{}	[{"label": null, "address": "ada@example.com"}]	[{"label": null, "number": "020 1234567"}]	[]	[{"id": "1", "source": "till"}]	\N	\N	\N	{}	\N	{poet}	prospect	active	{}	ada lovelace
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-869d-756b-a118-c27014fc447d	1	2026-11-25 22:07:05.883149+00	2026-11-25 22:07:05.883149+00	person	Ada	\N	\N	{}	[]	[]	[]	[]	\N	\N	\N	{}	\N	{}	prospect	active	{}	ada
\.


COPY public.external_id (tenant_id, id, customer_id, source, external_id) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5575-7567-9ef4-79c63aa77fd9	01a214bf-5541-70cb-ba1d-c93431fd7540	till	1
\.


SELECT pg_catalog.setval('chassis.outbox_seq_seq', 5, true);


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


ALTER TABLE ONLY public.consent_receipt
    ADD CONSTRAINT pk_consent_receipt PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.contact_point
    ADD CONSTRAINT pk_contact_point PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.customer
    ADD CONSTRAINT pk_customer PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.external_id
    ADD CONSTRAINT pk_external_id PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.external_id
    ADD CONSTRAINT uq_external_id_tenant_id_source_external_id UNIQUE (tenant_id, source, external_id);


CREATE INDEX ix_audit_entity ON chassis.audit USING btree (tenant_id, entity, entity_id, id);


CREATE INDEX ix_idempotency_created_at ON chassis.idempotency USING btree (created_at);


CREATE INDEX ix_inbox_applied_at ON chassis.inbox USING btree (applied_at);


CREATE INDEX ix_consent_receipt_customer ON public.consent_receipt USING btree (tenant_id, customer_id, purpose, channel, decided_at);


CREATE INDEX ix_contact_point_tenant_id_customer_id ON public.contact_point USING btree (tenant_id, customer_id);


CREATE INDEX ix_contact_point_tenant_id_kind_normal ON public.contact_point USING btree (tenant_id, kind, normal);


CREATE INDEX ix_customer_search_name ON public.customer USING gin (tenant_id, search_name public.gin_trgm_ops);


CREATE INDEX ix_customer_tenant_id_created_at_id ON public.customer USING btree (tenant_id, created_at, id);


CREATE INDEX ix_customer_tenant_id_updated_at_id ON public.customer USING btree (tenant_id, updated_at, id);


CREATE INDEX ix_external_id_tenant_id_customer_id ON public.external_id USING btree (tenant_id, customer_id);


ALTER TABLE ONLY public.consent_receipt
    ADD CONSTRAINT fk_consent_receipt_customer FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customer(tenant_id, id) ON DELETE CASCADE;


ALTER TABLE ONLY public.contact_point
    ADD CONSTRAINT fk_contact_point_customer FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customer(tenant_id, id) ON DELETE CASCADE;


ALTER TABLE ONLY public.external_id
    ADD CONSTRAINT fk_external_id_customer FOREIGN KEY (tenant_id, customer_id) REFERENCES public.customer(tenant_id, id) ON DELETE CASCADE;


ALTER TABLE chassis.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.dead_letter ENABLE ROW LEVEL SECURITY;

CREATE POLICY every_tenant ON chassis.dead_letter TO rapport_customers_worker USING (true);


CREATE POLICY every_tenant ON chassis.idempotency TO rapport_customers_worker USING (true);


CREATE POLICY every_tenant ON chassis.inbox TO rapport_customers_worker USING (true);


CREATE POLICY every_tenant ON chassis.outbox TO rapport_customers_worker USING (true);


CREATE POLICY every_tenant ON chassis.tenant TO rapport_customers_worker USING (true);


ALTER TABLE chassis.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.inbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.audit USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.idempotency USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.outbox FOR INSERT WITH CHECK ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE chassis.tenant ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.tenant USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.consent_receipt ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.contact_point ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.customer ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.external_id ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.consent_receipt USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.contact_point USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.customer USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.external_id USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


GRANT USAGE ON SCHEMA chassis TO rapport_customers_api;
GRANT USAGE ON SCHEMA chassis TO rapport_customers_worker;


REVOKE ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_customers_api;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_customers_worker;


REVOKE ALL ON FUNCTION public.search_customers(fragment text, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.search_customers(fragment text, most integer) TO rapport_customers_api;
GRANT ALL ON FUNCTION public.search_customers(fragment text, most integer) TO rapport_customers_worker;


GRANT SELECT ON TABLE chassis.alembic_version TO rapport_customers_api;
GRANT SELECT ON TABLE chassis.alembic_version TO rapport_customers_worker;


GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_customers_api;
GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_customers_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE chassis.dead_letter TO rapport_customers_worker;


GRANT SELECT,INSERT ON TABLE chassis.idempotency TO rapport_customers_api;
GRANT SELECT,DELETE ON TABLE chassis.idempotency TO rapport_customers_worker;


GRANT SELECT,INSERT,DELETE ON TABLE chassis.inbox TO rapport_customers_worker;


GRANT INSERT ON TABLE chassis.outbox TO rapport_customers_api;
GRANT SELECT,INSERT,DELETE ON TABLE chassis.outbox TO rapport_customers_worker;


GRANT SELECT ON TABLE chassis.tenant TO rapport_customers_api;
GRANT SELECT,INSERT,UPDATE ON TABLE chassis.tenant TO rapport_customers_worker;


GRANT SELECT,INSERT ON TABLE public.consent_receipt TO rapport_customers_api;
GRANT SELECT,INSERT ON TABLE public.consent_receipt TO rapport_customers_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contact_point TO rapport_customers_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contact_point TO rapport_customers_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.customer TO rapport_customers_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.customer TO rapport_customers_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.external_id TO rapport_customers_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.external_id TO rapport_customers_worker;


\unrestrict release

