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


ALTER SCHEMA chassis OWNER TO rapport_interactions_owner;

CREATE FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'chassis', 'pg_temp'
    AS $$
    select (select count(*) from outbox),
           coalesce((select extract(epoch from clock_timestamp() - min(written_at)) from outbox), 0),
           (select count(*) from dead_letter)
$$;


ALTER FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) OWNER TO rapport_interactions_owner;

COMMENT ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) IS 'What the status page tells of this service: counts only, no tenant''s content.';


CREATE FUNCTION public.count_orphans() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
            select coalesce(sum(records), 0)::bigint from awaited_customer as awaited
            where since < now() - interval '5 minutes'
            and not exists (
                select from known_customer as known
                where known.tenant_id = awaited.tenant_id and known.id = awaited.id
            )
        $$;


ALTER FUNCTION public.count_orphans() OWNER TO rapport_interactions_owner;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE chassis.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE chassis.alembic_version OWNER TO rapport_interactions_owner;

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


ALTER TABLE chassis.audit OWNER TO rapport_interactions_owner;

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


ALTER TABLE chassis.dead_letter OWNER TO rapport_interactions_owner;

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


ALTER TABLE chassis.idempotency OWNER TO rapport_interactions_owner;

COMMENT ON TABLE chassis.idempotency IS 'Answers to requests that carried an Idempotency-Key.';


CREATE TABLE chassis.inbox (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    feature text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE chassis.inbox OWNER TO rapport_interactions_owner;

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


ALTER TABLE chassis.outbox OWNER TO rapport_interactions_owner;

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


ALTER TABLE chassis.tenant OWNER TO rapport_interactions_owner;

COMMENT ON TABLE chassis.tenant IS 'What this service knows of a tenant; told by gateway.tenant_changed.';


CREATE TABLE public.awaited_customer (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    since timestamp with time zone NOT NULL,
    records bigint NOT NULL
);


ALTER TABLE public.awaited_customer OWNER TO rapport_interactions_owner;

CREATE TABLE public.known_customer (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL
);


ALTER TABLE public.known_customer OWNER TO rapport_interactions_owner;

CREATE TABLE public.purchase (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    customer_id uuid NOT NULL,
    source text NOT NULL,
    source_id text NOT NULL,
    purchased_at timestamp with time zone NOT NULL,
    currency text NOT NULL,
    channel text,
    store text,
    sold_through text,
    total_minor bigint NOT NULL,
    lines jsonb NOT NULL,
    content_hash text NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);


ALTER TABLE public.purchase OWNER TO rapport_interactions_owner;

CREATE TABLE public.refund (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    purchase_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    source text NOT NULL,
    source_id text NOT NULL,
    refunded_at timestamp with time zone NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    lines jsonb NOT NULL,
    content_hash text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_refund_amount_minor CHECK ((amount_minor > 0))
);


ALTER TABLE public.refund OWNER TO rapport_interactions_owner;

CREATE TABLE public.touch_point (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    customer_id uuid,
    author jsonb,
    source text NOT NULL,
    source_id text NOT NULL,
    channel text NOT NULL,
    direction text NOT NULL,
    phase text,
    subject text,
    body text,
    agent_id text,
    duration_seconds integer,
    occurred_at timestamp with time zone NOT NULL,
    data jsonb,
    content_hash text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_touch_point_direction CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT ck_touch_point_of_somebody CHECK (((customer_id IS NOT NULL) OR (author IS NOT NULL))),
    CONSTRAINT ck_touch_point_phase CHECK ((phase = ANY (ARRAY['before'::text, 'during'::text, 'after'::text])))
);


ALTER TABLE public.touch_point OWNER TO rapport_interactions_owner;

CREATE VIEW public.timeline_entry WITH (security_invoker='true') AS
 SELECT touch_point.tenant_id,
    touch_point.id,
    touch_point.customer_id,
    'touch_point'::text AS kind,
    touch_point.occurred_at,
    touch_point.channel,
    touch_point.direction,
    touch_point.subject,
    NULL::bigint AS amount_minor,
    NULL::text AS currency
   FROM public.touch_point
UNION ALL
 SELECT purchase.tenant_id,
    purchase.id,
    purchase.customer_id,
    'purchase'::text AS kind,
    purchase.purchased_at AS occurred_at,
    purchase.channel,
    NULL::text AS direction,
    purchase.store AS subject,
    purchase.total_minor AS amount_minor,
    purchase.currency
   FROM public.purchase
UNION ALL
 SELECT refund.tenant_id,
    refund.id,
    refund.customer_id,
    'refund'::text AS kind,
    refund.refunded_at AS occurred_at,
    NULL::text AS channel,
    NULL::text AS direction,
    NULL::text AS subject,
    (- refund.amount_minor) AS amount_minor,
    refund.currency
   FROM public.refund;


ALTER VIEW public.timeline_entry OWNER TO rapport_interactions_owner;

CREATE TABLE public.waiting_refund (
    tenant_id uuid DEFAULT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid NOT NULL,
    id uuid DEFAULT uuidv7() NOT NULL,
    purchase_source text NOT NULL,
    purchase_source_id text NOT NULL,
    source text NOT NULL,
    source_id text NOT NULL,
    refunded_at timestamp with time zone NOT NULL,
    wanted jsonb NOT NULL,
    content_hash text NOT NULL,
    state text NOT NULL,
    problem text,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_waiting_refund_state CHECK ((state = ANY (ARRAY['waiting'::text, 'refused'::text])))
);


ALTER TABLE public.waiting_refund OWNER TO rapport_interactions_owner;

COPY chassis.alembic_version (version_num) FROM stdin;
0003
\.


COPY chassis.audit (tenant_id, id, at, actor, entity, entity_id, action, changes, trace_id) FROM stdin;
\.


COPY chassis.dead_letter (id, tenant_id, feature, event_id, type, topic, partition, record_offset, key, headers, value, reason, attempts, parked_at) FROM stdin;
01a214bf-7e72-7481-9442-1d1eb93669df	\N	*	\N	\N	rapport.customers	9	0	\N	[]	\\x6e6f74204a534f4e	unreadable envelope: KeyError('ce_specversion')	1	2026-11-25 22:07:03.795269+00
\.


COPY chassis.idempotency (tenant_id, principal, operation, key, fingerprint, status, headers, body, created_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/touch-points	01a214bf-565a-70f2-a6ee-8c7964a4b48a	\\x3640fc8f5b965a8b5abf0c923d683a8b665e2fb487c86d389cd653903a585f8f	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353637332d373038362d383666342d323836303137616362363932222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22617574686f72223a6e756c6c2c22736f75726365223a2270686f6e65222c22736f757263655f6964223a2230316132313462662d353635612d373066322d613665652d386337386463396633653435222c226368616e6e656c223a2270686f6e65222c22646972656374696f6e223a22696e626f756e64222c227068617365223a6e756c6c2c227375626a656374223a6e756c6c2c22626f6479223a6e756c6c2c226167656e745f6964223a6e756c6c2c226475726174696f6e5f7365636f6e6473223a6e756c6c2c226f636375727265645f6174223a22323032362d30332d30315431303a30303a30305a222c2264617461223a6e756c6c2c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35332e3534343135305a227d	2026-11-25 22:06:53.546148+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases	01a214bf-57e5-7638-9e05-68e44b12f38f	\\x8a5158b70e5281eae165508bcce9a87503686620632dc85775bdc0cf1543bb6a	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353765642d373030622d613639312d343739356134383939373130222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353765352d373633382d396530352d363865333431323033663530222c227075726368617365645f6174223a22323032342d30322d32395432323a30363a35332e3932353631345a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35332e3932383037335a222c2263757272656e6379223a22455552222c226368616e6e656c223a6e756c6c2c2273746f7265223a6e756c6c2c22736f6c645f7468726f756768223a6e756c6c2c22746f74616c223a7b22616d6f756e74223a22352e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b7b226e756d626572223a312c22736b75223a22746561222c226e616d65223a6e756c6c2c2263617465676f7279223a6e756c6c2c227175616e74697479223a2232222c22756e69745f7072696365223a22322e35222c22646973636f756e74223a6e756c6c2c22616d6f756e74223a22352e3030222c22756e69745f636f7374223a6e756c6c7d5d7d	2026-11-25 22:06:53.928442+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases/01a214bf-57ed-700b-a691-4795a4899710/refunds	01a214bf-580b-7194-bf7f-1896f28825d8	\\x8a07a3b95d2857e038171331116047e19a3ed2ffbe05f2f1c6a7d723797a8c81	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353837372d373463662d386237352d326435353231383531383836222c2270757263686173655f6964223a2230316132313462662d353765642d373030622d613639312d343739356134383939373130222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353830622d373139342d626637662d313839353738316163303436222c22726566756e6465645f6174223a22323032362d31312d32355432323a30363a35332e3936333034335a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35332e3936383235305a222c22616d6f756e74223a7b22616d6f756e74223a22312e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b5d7d	2026-11-25 22:06:53.9727+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases	01a214bf-588e-708e-9791-c12501060dc2	\\xf7d812f7660cf7bae01c5a14ad2de6074b5d84a0bb54876dc5ca8f57f8f5ce8a	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353839332d373362372d616531642d613139656230386136623237222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353838652d373038652d393739312d633132343961343037633738222c227075726368617365645f6174223a22323032362d30382d32375432323a30363a35332e3932353631345a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35342e3039373635375a222c2263757272656e6379223a22455552222c226368616e6e656c223a6e756c6c2c2273746f7265223a6e756c6c2c22736f6c645f7468726f756768223a6e756c6c2c22746f74616c223a7b22616d6f756e74223a22352e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b7b226e756d626572223a312c22736b75223a22746561222c226e616d65223a6e756c6c2c2263617465676f7279223a6e756c6c2c227175616e74697479223a2232222c22756e69745f7072696365223a22322e35222c22646973636f756e74223a6e756c6c2c22616d6f756e74223a22352e3030222c22756e69745f636f7374223a6e756c6c7d5d7d	2026-11-25 22:06:54.097965+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases/01a214bf-5893-73b7-ae1d-a19eb08a6b27/refunds	01a214bf-58be-71e6-b9fa-50e142ee13b7	\\x92c8bed3204da051781eb451b6c790e8ba61fe608beb7f131d31325ea07a5906	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353864652d373732352d396663322d633763636639343863323231222c2270757263686173655f6964223a2230316132313462662d353839332d373362372d616531642d613139656230386136623237222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353862652d373165362d623966612d353065303062373230373639222c22726566756e6465645f6174223a22323032362d31312d32355432323a30363a35342e3134323931375a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35342e3135393839335a222c22616d6f756e74223a7b22616d6f756e74223a22312e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b5d7d	2026-11-25 22:06:54.162336+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases	01a214bf-58f7-73d9-9af8-085464d71e37	\\x998a9d3753093d84253c3234a250598c5ae651098659c85cee30f4e73ab790d2	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353933342d373363352d623039322d316663626433326436343065222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353866372d373364392d396166382d303835333862323837333332222c227075726368617365645f6174223a22323032362d31312d32345432323a30363a35392e3932353631345a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35342e3234323335365a222c2263757272656e6379223a22455552222c226368616e6e656c223a6e756c6c2c2273746f7265223a6e756c6c2c22736f6c645f7468726f756768223a6e756c6c2c22746f74616c223a7b22616d6f756e74223a22352e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b7b226e756d626572223a312c22736b75223a22746561222c226e616d65223a6e756c6c2c2263617465676f7279223a6e756c6c2c227175616e74697479223a2232222c22756e69745f7072696365223a22322e35222c22646973636f756e74223a6e756c6c2c22616d6f756e74223a22352e3030222c22756e69745f636f7374223a6e756c6c7d5d7d	2026-11-25 22:06:54.242903+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases/01a214bf-5934-73c5-b092-1fcbd32d640e/refunds	01a214bf-595d-7106-ab65-c71e91f0e75b	\\x0755b65b0f7d7f2e2d970dc528ebffd250402c09a7f7fa9582469c18f254be7a	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353939322d373136362d626463632d393164363136623133386632222c2270757263686173655f6964223a2230316132313462662d353933342d373363352d623039322d316663626433326436343065222c22637573746f6d65725f6964223a2230316132313462662d353534312d373063622d626131642d633933343331666437353430222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353935642d373130362d616236352d633731643966613332333630222c22726566756e6465645f6174223a22323032362d31312d32355432323a30363a35342e3330313235355a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35342e3331343938335a222c22616d6f756e74223a7b22616d6f756e74223a22312e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b5d7d	2026-11-25 22:06:54.32053+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases	01a214bf-59aa-73e0-ae34-1a48dfe55a9c	\\x83e93179cca1f341ccf17ebe619f60c21fac294dd131312cd6b00ec3708abf27	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d353964392d373566382d383563622d306265376262306439376135222c22637573746f6d65725f6964223a2230316132313462662d353635612d373066322d613665652d386337376634613639326462222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353961612d373365302d616533342d316134373165626461343837222c227075726368617365645f6174223a22323032362d30332d30315431303a30303a30305a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35342e3430313934365a222c2263757272656e6379223a22455552222c226368616e6e656c223a6e756c6c2c2273746f7265223a6e756c6c2c22736f6c645f7468726f756768223a6e756c6c2c22746f74616c223a7b22616d6f756e74223a22352e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b7b226e756d626572223a312c22736b75223a22746561222c226e616d65223a6e756c6c2c2263617465676f7279223a6e756c6c2c227175616e74697479223a2232222c22756e69745f7072696365223a22322e35222c22646973636f756e74223a6e756c6c2c22616d6f756e74223a22352e3030222c22756e69745f636f7374223a6e756c6c7d5d7d	2026-11-25 22:06:54.405416+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/refunds	01a214bf-59f3-7130-8962-41fd5caf6cf5	\\x9c0592138d37e306a97d5af3087376e1490564040100d2e261bdf514d1c775a4	202	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d356131302d373335322d616633652d633935333261653364386236222c227374617465223a2277616974696e67222c227075726368617365223a7b22736f75726365223a2274696c6c222c22736f757263655f6964223a226e6f7420746f6c6420796574227d2c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d353966332d373133302d383936322d343166633364393662656437222c22726566756e6465645f6174223a22323032362d31312d32355432323a30363a35342e3435313636375a222c227265636f726465645f6174223a22323032362d31312d32355432323a30363a35342e3436373631325a222c2270726f626c656d223a6e756c6c7d	2026-11-25 22:06:54.470126+00
01a214bf-4963-7503-a978-a1054300d7ae	key:01a214bf-521d-7197-b3ef-343a529952f4	POST /v1/purchases	01a214bf-86a6-71e2-af78-3ecb6e41bfda	\\x81d7641e4a397c6c59b5ac8a85a26745ed76faac37cc6138ba8e504131f1820a	201	{"content-type": "application/json"}	\\x7b226964223a2230316132313462662d383661632d373437612d626332352d333963326331353063616563222c22637573746f6d65725f6964223a2230316132313462662d383639642d373536622d613131382d633237303134666334343764222c22736f75726365223a2274696c6c222c22736f757263655f6964223a2230316132313462662d383661362d373165322d616637382d336563613464366236666664222c227075726368617365645f6174223a22323032362d30332d30315431303a30303a30305a222c227265636f726465645f6174223a22323032362d31312d32355432323a30373a30352e3839383736355a222c2263757272656e6379223a22455552222c226368616e6e656c223a6e756c6c2c2273746f7265223a6e756c6c2c22736f6c645f7468726f756768223a6e756c6c2c22746f74616c223a7b22616d6f756e74223a22352e3030222c2263757272656e6379223a22455552227d2c226c696e6573223a5b7b226e756d626572223a312c22736b75223a22746561222c226e616d65223a6e756c6c2c2263617465676f7279223a6e756c6c2c227175616e74697479223a2232222c22756e69745f7072696365223a22322e35222c22646973636f756e74223a6e756c6c2c22616d6f756e74223a22352e3030222c22756e69745f636f7374223a6e756c6c7d5d7d	2026-11-25 22:07:05.899078+00
\.


COPY chassis.inbox (tenant_id, event_id, feature, applied_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-496e-77f7-bbf9-d91d48e68f02	tenants	2026-11-25 22:06:50.327301+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5578-7330-b4bc-7da898031225	known-customers	2026-11-25 22:06:53.351898+00
\.


COPY chassis.outbox (seq, event_id, tenant_id, type, subject, "time", actor, traceparent, data, written_at) FROM stdin;
9	01a214bf-86ad-71cf-aced-a346b58abab5	01a214bf-4963-7503-a978-a1054300d7ae	interactions.purchase_recorded.v1	01a214bf-869d-756b-a118-c27014fc447d	2026-11-25 22:07:05.898765+00	key:01a214bf-521d-7197-b3ef-343a529952f4	00-2c9478140da6ee93e3fa375c07b86375-4bbc36551d3311a5-01	{"purchase_id":"01a214bf-86ac-747a-bc25-39c2c150caec","customer_id":"01a214bf-869d-756b-a118-c27014fc447d","source":"till","source_id":"01a214bf-86a6-71e2-af78-3eca4d6b6ffd","purchased_at":"2026-03-01T10:00:00Z","recorded_at":"2026-11-25T22:07:05.898765Z","total":{"amount":"5.00","currency":"EUR"},"channel":null,"store":null,"sold_through":null,"lines":[{"number":1,"sku":"tea","name":null,"category":null,"quantity":"2","amount":"5.00","unit_cost":null}]}	2026-11-25 22:07:05.899078+00
\.


COPY chassis.tenant (tenant_id, name, kind, timezone, currency, region, clock_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	Shop	live	Europe/Amsterdam	EUR	NL	\N
\.


COPY public.awaited_customer (tenant_id, id, since, records) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-565a-70f2-a6ee-8c77f4a692db	2026-11-25 22:06:54.405416+00	1
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-869d-756b-a118-c27014fc447d	2026-11-25 22:07:05.899078+00	1
\.


COPY public.known_customer (tenant_id, id) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5541-70cb-ba1d-c93431fd7540
\.


COPY public.purchase (tenant_id, id, customer_id, source, source_id, purchased_at, currency, channel, store, sold_through, total_minor, lines, content_hash, recorded_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-57ed-700b-a691-4795a4899710	01a214bf-5541-70cb-ba1d-c93431fd7540	till	01a214bf-57e5-7638-9e05-68e341203f50	2024-02-29 22:06:53.925614+00	EUR	\N	\N	\N	500	[{"sku": "tea", "name": null, "amount": "5.00", "number": 1, "category": null, "discount": null, "quantity": "2", "unit_cost": null, "unit_price": "2.5"}]	95569dc56a257329a1019ed8ec53368012104842263795b5c70e9864b2bfa449	2026-11-25 22:06:53.928073+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5893-73b7-ae1d-a19eb08a6b27	01a214bf-5541-70cb-ba1d-c93431fd7540	till	01a214bf-588e-708e-9791-c1249a407c78	2026-08-27 22:06:53.925614+00	EUR	\N	\N	\N	500	[{"sku": "tea", "name": null, "amount": "5.00", "number": 1, "category": null, "discount": null, "quantity": "2", "unit_cost": null, "unit_price": "2.5"}]	188b532632426f5f3bc8e387c449340eaedcdb371070eb8a8c1af48d0349d040	2026-11-25 22:06:54.097657+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5934-73c5-b092-1fcbd32d640e	01a214bf-5541-70cb-ba1d-c93431fd7540	till	01a214bf-58f7-73d9-9af8-08538b287332	2026-11-24 22:06:59.925614+00	EUR	\N	\N	\N	500	[{"sku": "tea", "name": null, "amount": "5.00", "number": 1, "category": null, "discount": null, "quantity": "2", "unit_cost": null, "unit_price": "2.5"}]	6beb5f2fddc9e65b04b9b43ab4c2d9a0d08dd922a42bc18f286905ddadef6e94	2026-11-25 22:06:54.242356+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-59d9-75f8-85cb-0be7bb0d97a5	01a214bf-565a-70f2-a6ee-8c77f4a692db	till	01a214bf-59aa-73e0-ae34-1a471ebda487	2026-03-01 10:00:00+00	EUR	\N	\N	\N	500	[{"sku": "tea", "name": null, "amount": "5.00", "number": 1, "category": null, "discount": null, "quantity": "2", "unit_cost": null, "unit_price": "2.5"}]	2fb255d24a8c2633f8c2fbe4b7d6dde79102b8d78e735df4bd9187ed65af9b19	2026-11-25 22:06:54.401946+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-86ac-747a-bc25-39c2c150caec	01a214bf-869d-756b-a118-c27014fc447d	till	01a214bf-86a6-71e2-af78-3eca4d6b6ffd	2026-03-01 10:00:00+00	EUR	\N	\N	\N	500	[{"sku": "tea", "name": null, "amount": "5.00", "number": 1, "category": null, "discount": null, "quantity": "2", "unit_cost": null, "unit_price": "2.5"}]	9a66983aa0904e7c09276abf91576b47be31d2ba0ebd417734e1c6fbdb34a516	2026-11-25 22:07:05.898765+00
\.


COPY public.refund (tenant_id, id, purchase_id, customer_id, source, source_id, refunded_at, currency, amount_minor, lines, content_hash, recorded_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5877-74cf-8b75-2d5521851886	01a214bf-57ed-700b-a691-4795a4899710	01a214bf-5541-70cb-ba1d-c93431fd7540	till	01a214bf-580b-7194-bf7f-1895781ac046	2026-11-25 22:06:53.963043+00	EUR	100	[]	aa521707e60b8892feaef974a670182846ab86d4d4a6e8e36e1bbc6d053e5b76	2026-11-25 22:06:53.96825+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-58de-7725-9fc2-c7ccf948c221	01a214bf-5893-73b7-ae1d-a19eb08a6b27	01a214bf-5541-70cb-ba1d-c93431fd7540	till	01a214bf-58be-71e6-b9fa-50e00b720769	2026-11-25 22:06:54.142917+00	EUR	100	[]	3256deeb43928f229fb7779ea59cf60e6d716cf19973b708b6d010300169c248	2026-11-25 22:06:54.159893+00
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5992-7166-bdcc-91d616b138f2	01a214bf-5934-73c5-b092-1fcbd32d640e	01a214bf-5541-70cb-ba1d-c93431fd7540	till	01a214bf-595d-7106-ab65-c71d9fa32360	2026-11-25 22:06:54.301255+00	EUR	100	[]	26cb9f22fdafb92edb4063d96edba9d995ad34435726a05fcea95fe465b83e11	2026-11-25 22:06:54.314983+00
\.


COPY public.touch_point (tenant_id, id, customer_id, author, source, source_id, channel, direction, phase, subject, body, agent_id, duration_seconds, occurred_at, data, content_hash, recorded_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5673-7086-86f4-286017acb692	01a214bf-5541-70cb-ba1d-c93431fd7540	\N	phone	01a214bf-565a-70f2-a6ee-8c78dc9f3e45	phone	inbound	\N	\N	\N	\N	\N	2026-03-01 10:00:00+00	\N	7776003029afa6c3640bdec943c43ac94b517ec9065411365550073ab8d39f65	2026-11-25 22:06:53.54415+00
\.


COPY public.waiting_refund (tenant_id, id, purchase_source, purchase_source_id, source, source_id, refunded_at, wanted, content_hash, state, problem, recorded_at) FROM stdin;
01a214bf-4963-7503-a978-a1054300d7ae	01a214bf-5a10-7352-af3e-c9532ae3d8b6	till	not told yet	till	01a214bf-59f3-7130-8962-41fc3d96bed7	2026-11-25 22:06:54.451667+00	{"lines": null, "amount": "1", "source": "till", "source_id": "01a214bf-59f3-7130-8962-41fc3d96bed7", "refunded_at": "2026-11-25T22:06:54.451667Z"}	b9e12a4a43c33c859c33014236c6ea0934217981b3b66ea567d1db2abaedda35	waiting	\N	2026-11-25 22:06:54.467612+00
\.


SELECT pg_catalog.setval('chassis.outbox_seq_seq', 9, true);


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


ALTER TABLE ONLY public.awaited_customer
    ADD CONSTRAINT pk_awaited_customer PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.known_customer
    ADD CONSTRAINT pk_known_customer PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.purchase
    ADD CONSTRAINT pk_purchase PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.refund
    ADD CONSTRAINT pk_refund PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.touch_point
    ADD CONSTRAINT pk_touch_point PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.waiting_refund
    ADD CONSTRAINT pk_waiting_refund PRIMARY KEY (tenant_id, id);


ALTER TABLE ONLY public.purchase
    ADD CONSTRAINT uq_purchase_tenant_id_source_source_id UNIQUE (tenant_id, source, source_id);


ALTER TABLE ONLY public.refund
    ADD CONSTRAINT uq_refund_tenant_id_source_source_id UNIQUE (tenant_id, source, source_id);


ALTER TABLE ONLY public.touch_point
    ADD CONSTRAINT uq_touch_point_tenant_id_source_source_id UNIQUE (tenant_id, source, source_id);


ALTER TABLE ONLY public.waiting_refund
    ADD CONSTRAINT uq_waiting_refund_tenant_id_source_source_id UNIQUE (tenant_id, source, source_id);


CREATE INDEX ix_audit_entity ON chassis.audit USING btree (tenant_id, entity, entity_id, id);


CREATE INDEX ix_idempotency_created_at ON chassis.idempotency USING btree (created_at);


CREATE INDEX ix_inbox_applied_at ON chassis.inbox USING btree (applied_at);


CREATE INDEX ix_awaited_customer_tenant_id_since ON public.awaited_customer USING btree (tenant_id, since);


CREATE INDEX ix_purchase_tenant_id_customer_id_purchased_at_id ON public.purchase USING btree (tenant_id, customer_id, purchased_at, id);


CREATE INDEX ix_refund_tenant_id_customer_id_refunded_at_id ON public.refund USING btree (tenant_id, customer_id, refunded_at, id);


CREATE INDEX ix_refund_tenant_id_purchase_id ON public.refund USING btree (tenant_id, purchase_id);


CREATE INDEX ix_touch_point_tenant_id_customer_id_occurred_at_id ON public.touch_point USING btree (tenant_id, customer_id, occurred_at, id);


CREATE INDEX ix_waiting_refund_tenant_id_purchase_source_purchase_source_id ON public.waiting_refund USING btree (tenant_id, purchase_source, purchase_source_id);


ALTER TABLE ONLY public.refund
    ADD CONSTRAINT fk_refund_purchase FOREIGN KEY (tenant_id, purchase_id) REFERENCES public.purchase(tenant_id, id);


ALTER TABLE chassis.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.dead_letter ENABLE ROW LEVEL SECURITY;

CREATE POLICY every_tenant ON chassis.dead_letter TO rapport_interactions_worker USING (true);


CREATE POLICY every_tenant ON chassis.idempotency TO rapport_interactions_worker USING (true);


CREATE POLICY every_tenant ON chassis.inbox TO rapport_interactions_worker USING (true);


CREATE POLICY every_tenant ON chassis.outbox TO rapport_interactions_worker USING (true);


CREATE POLICY every_tenant ON chassis.tenant TO rapport_interactions_worker USING (true);


ALTER TABLE chassis.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.inbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE chassis.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.audit USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.idempotency USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON chassis.outbox FOR INSERT WITH CHECK ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE chassis.tenant ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chassis.tenant USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.awaited_customer ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.known_customer ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.purchase ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.refund ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.awaited_customer USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.known_customer USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.purchase USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.refund USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.touch_point USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


CREATE POLICY tenant ON public.waiting_refund USING ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS "nullif")));


ALTER TABLE public.touch_point ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.waiting_refund ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA chassis TO rapport_interactions_api;
GRANT USAGE ON SCHEMA chassis TO rapport_interactions_worker;


REVOKE ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_interactions_api;
GRANT ALL ON FUNCTION chassis.counts(OUT outbox_pending bigint, OUT outbox_oldest_seconds double precision, OUT dead_letters bigint) TO rapport_interactions_worker;


REVOKE ALL ON FUNCTION public.count_orphans() FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_orphans() TO rapport_interactions_api;
GRANT ALL ON FUNCTION public.count_orphans() TO rapport_interactions_worker;


GRANT SELECT ON TABLE chassis.alembic_version TO rapport_interactions_api;
GRANT SELECT ON TABLE chassis.alembic_version TO rapport_interactions_worker;


GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_interactions_api;
GRANT SELECT,INSERT ON TABLE chassis.audit TO rapport_interactions_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE chassis.dead_letter TO rapport_interactions_worker;


GRANT SELECT,INSERT ON TABLE chassis.idempotency TO rapport_interactions_api;
GRANT SELECT,DELETE ON TABLE chassis.idempotency TO rapport_interactions_worker;


GRANT SELECT,INSERT,DELETE ON TABLE chassis.inbox TO rapport_interactions_worker;


GRANT INSERT ON TABLE chassis.outbox TO rapport_interactions_api;
GRANT SELECT,INSERT,DELETE ON TABLE chassis.outbox TO rapport_interactions_worker;


GRANT SELECT ON TABLE chassis.tenant TO rapport_interactions_api;
GRANT SELECT,INSERT,UPDATE ON TABLE chassis.tenant TO rapport_interactions_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.awaited_customer TO rapport_interactions_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.awaited_customer TO rapport_interactions_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.known_customer TO rapport_interactions_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.known_customer TO rapport_interactions_worker;


GRANT SELECT,INSERT ON TABLE public.purchase TO rapport_interactions_api;
GRANT SELECT,INSERT ON TABLE public.purchase TO rapport_interactions_worker;


GRANT SELECT,INSERT ON TABLE public.refund TO rapport_interactions_api;
GRANT SELECT,INSERT ON TABLE public.refund TO rapport_interactions_worker;


GRANT SELECT,INSERT ON TABLE public.touch_point TO rapport_interactions_api;
GRANT SELECT,INSERT ON TABLE public.touch_point TO rapport_interactions_worker;


GRANT SELECT ON TABLE public.timeline_entry TO rapport_interactions_api;
GRANT SELECT ON TABLE public.timeline_entry TO rapport_interactions_worker;


GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.waiting_refund TO rapport_interactions_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.waiting_refund TO rapport_interactions_worker;


\unrestrict release

