"""The OWASP API Security Top 10 of 2023: each item is tested by an attack on the running system.

If another file tests the same for every operation, the docstring names it.
"""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from chassis.core.events import Envelope
from chassis.core.identity import HEADER, Caller, Signer
from chassis.messaging.endpoints import OPERATIONAL_PATHS
from chassis.service import load
from chassis.types import json
from chassis.types.ids import uuid7
from local import PROCESSES, SERVICES
from local.data_dir import free_port
from tests.support.facts import a_customer, a_program, a_purchase, a_rule, purchase_recorded
from tests.support.operations import Operation, operations
from tests.support.patience import PATIENCE_SECONDS
from tests.support.records import an_issuer, made
from tests.support.service import a_tenant
from tests.support.smuggling import bodies_with_more
from tests.support.stack import RAPPORT, RunningStack, Visitor, a_visitor
from tests.support.wire import exchange, head, listening

TAKE_URLS = ("webhook-endpoints", "issuers")
SHOWN_URLS = ("SocialProfileCreate", "AttachmentCreate", "ReviewCreate")
"""Requests with a URL that users see, and that no server calls."""
INSIDE = (
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://2852039166/",
    "https://0251.0376.0251.0376/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[fd00::1]/",
    "https://metadata/",
    "https://crm.example.com:6379/",
    "gopher://crm.example.com/",
)
"""URLs of servers inside a network, and of other services than the web."""
NOT_IN_THE_DOCUMENT = {
    *("/health", "/ready", "/metrics"),
    *("/internal/status", "/internal/tallies", "/internal/personal-data"),
}
PAGES = {
    *("/", "/openapi.json", "/asyncapi.json", "/favicon.ico", "/problems/{name}"),
    *("/docs", "/docs/try", "/docs/guide", "/docs/guide/{name}", "/docs/assets/{digest}/{name}"),
}
LEAKS = (
    "Traceback",
    'File "',
    "site-packages",
    "asyncpg",
    "pydantic",
    "uvicorn",
    "PostgreSQL 1",
    "select ",
    "127.0.0.1",
)


@pytest.fixture(scope="module")
async def shop(stack: RunningStack) -> AsyncIterator[Visitor]:
    one = a_visitor(stack)
    yield one
    await one.close()


@pytest.fixture(scope="module")
async def document(shop: Visitor) -> dict[str, Any]:
    return dict((await shop.request("GET", "/openapi.json")).json())


@pytest.fixture
async def nobody(stack: RunningStack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url, timeout=30, trust_env=False) as client:
        yield client


def ports(stack: RunningStack) -> dict[str, int]:
    return dict(json.loads((stack.data_dir.root / "ports.json").read_bytes()))


async def a_key(shop: Visitor, *scopes: str) -> Visitor:
    made_key = await made(shop, "/v1/api-keys", {"name": "till", "scopes": scopes})
    return Visitor(shop.stack, made_key["key"])


async def a_member_with_points(shop: Visitor, points: int) -> str:
    """Return the path of a new membership with this number of points."""
    program = await made(shop, "/v1/programs", a_program(enrolment="open"))
    await made(shop, f"/v1/programs/{program['id']}/earning-rules", a_rule())
    joining = {"program_id": program["id"], "customer_id": str(uuid7())}
    path = f"/v1/memberships/{(await made(shop, '/v1/memberships', joining))['id']}"
    await made(
        shop, f"{path}/adjustments", {"points": points, "reason": "welcome"}, **{"idempotency-key": str(uuid7())}
    )
    return path


async def test_api1_broken_object_level_authorization(stack: RunningStack, shop: Visitor) -> None:
    """API1: a client that knows an id of another tenant reads, changes or spends the record.

    For every operation: tests/system/test_isolation.py. In the databases: tests/service/test_databases.py.
    """
    thief = a_visitor(stack)
    customer = await made(shop, "/v1/customers", a_customer())
    member = await a_member_with_points(shop, 50)
    path, key = f"/v1/customers/{customer['id']}", {"idempotency-key": "theft"}
    spent = {"points": 50, "mode": "capture"}
    assert (await thief.request("GET", path)).status_code == 404
    assert (await thief.request("PATCH", path, json={"given_name": "Mallory"})).status_code == 404
    assert (await thief.request("POST", f"{member}/redemptions", json=spent, headers=key)).status_code == 404
    await thief.close()
    assert (await shop.request("GET", path)).json() == customer
    assert (await shop.request("GET", f"{member}/balance")).json()["available"] == 50


async def test_api2_broken_authentication(stack: RunningStack, shop: Visitor, nobody: httpx.AsyncClient) -> None:
    """API2: a client uses a forged, stolen or misplaced credential.

    Bad keys for every operation: tests/system/test_scopes.py. Forged tokens: tests/service/chassis/test_tokens.py.
    """
    path, secrets = "/v1/programs", stack.data_dir.secrets()
    token = Signer(secrets["token_private"]).sign(Caller(a_tenant(), "key:x", frozenset(["loyalty:read"])), "loyalty")
    attempts: list[dict[str, Any]] = [
        {"headers": {"authorization": f"Bearer {token}"}},  # the gateway's own token is not an API key
        {"headers": {HEADER: token}},
        {"headers": {"cookie": f"authorization=Bearer {shop.key}; api_key={shop.key}"}},
        {"headers": {"x-api-key": shop.key}},
        {"params": {"api_key": shop.key, "access_token": shop.key}},
        {"headers": {"authorization": f"Bearer {shop.key.upper()}"}},
        {"headers": {"authorization": f"Bearer {shop.key}x"}},
        {"headers": [("authorization", "Bearer wrong"), ("authorization", f"Bearer {shop.key}")]},
    ]
    for attempt in attempts:
        assert (await nobody.get(path, **attempt)).status_code == 401, attempt
    for service in SERVICES:  # without the gateway, an API key is not accepted
        own = next(found for found in operations((await nobody.get("/openapi.json")).json())
                   if found.described["x-service"] == service)  # fmt: skip
        url = f"http://127.0.0.1:{ports(stack)[service]}{own.at(str(uuid7()), str(uuid7()))}"
        answer = await nobody.request(own.method, url, headers={"authorization": f"Bearer {shop.key}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), service


@pytest.mark.generated
async def test_api3_broken_object_property_level_authorization(shop: Visitor, document: dict[str, Any]) -> None:
    """API3: a body sets fields that only the server may set: tenant, id, version, times, points, state.

    Each is rejected by name. The document supplies every body, every object in it, and every field that a response
    has and the body lacks.
    """
    tried = 0
    for operation in operations(document):
        content = operation.described.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            continue
        for body, pointers in bodies_with_more(document, content["application/json"]["schema"]):
            await assert_refused_by_name(shop, operation, body, pointers)
        tried += 1
    assert tried > 15


async def assert_refused_by_name(shop: Visitor, operation: Operation, body: Any, pointers: set[str]) -> None:
    query = {one["name"]: "x" for one in operation.described["parameters"] if one["in"] == "query"}
    path = operation.at(str(uuid7()), str(uuid7()))
    key = {"idempotency-key": str(uuid7())}
    batch = operation.path.endswith("/batch")  # its items are validated separately
    of_the_body = {one for one in pointers if not (batch and one.startswith("/items/"))}
    if of_the_body:
        answer = await shop.request(operation.method, path, json=body, headers=key, params=query)
        assert answer.status_code == 422, f"{operation}: {answer.text[:300]}"
        assert forbidden_in(answer.json()) == of_the_body, operation
    if batch:
        only_items = {"json": {"items": body["items"][:1]}, "headers": {"idempotency-key": str(uuid7())}}
        result = (await shop.request("POST", path, **only_items)).json()["results"][0]
        assert result["status"] == "refused", operation
        wanted = {one.removeprefix("/items/0") for one in pointers - of_the_body}
        assert forbidden_in(result["problem"]) == wanted, operation


def forbidden_in(problem: dict[str, Any]) -> set[str]:
    """Return the pointers to fields that a body must not contain."""
    return {error["pointer"] for error in problem["errors"] if error["code"] in ("unknown_field", "read_only")}


async def test_api4_unrestricted_resource_consumption(
    stack: RunningStack, shop: Visitor, document: dict[str, Any], nobody: httpx.AsyncClient
) -> None:
    """API4: a single request or a slow client uses the resources of many.

    Bodies, pages, batches, depth, heads, the open requests of a service and their time have limits. Rates of tenants
    and keys: tests/service/gateway/test_rate_limits.py.
    """
    as_json = {"content-type": "application/json"}
    for path, size in (("/v1/customers", 3_000_000), ("/v1/customers/batch", 17_000_000)):
        huge = await shop.request("POST", path, content=b" " * size, headers=as_json)
        assert (huge.status_code, huge.json()["code"]) == (413, "payload_too_large")
    deep = await shop.request("POST", "/v1/customers", content=b"[" * 100_000, headers=as_json)
    assert deep.status_code == 400
    for operation in operations(document):
        limits = [one for one in operation.described.get("parameters", []) if one["name"] == "limit"]
        most = 1_000 if operation.path == "/v1/events" else 200
        assert all(one["schema"]["maximum"] == most for one in limits), operation
        if operation.path.endswith("/batch"):
            many = await shop.request("POST", operation.path, json={"items": [{}] * 1_001})
            assert many.status_code == 422, operation
        elif operation.method == "GET" and "Page_" in json.dumps_str(operation.described["responses"]["200"]):
            assert limits, f"{operation} is a list without a limit"
    assert (await shop.request("GET", "/v1/customers?limit=201")).status_code == 422
    assert (await nobody.get("/v1/customers", headers={"x": "a" * 70_000})).status_code == 431
    # Clients that never complete a request: half of them stop in the head, half in the body.
    begun = f"POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {shop.key}\r\nContent-Length: 9\r\n"
    slow = [await asyncio.open_connection("127.0.0.1", stack.port) for _ in range(60)]
    for number, (_, writer) in enumerate(slow):
        writer.write(begun.encode() + (b"Content-Type: application/json\r\n\r\n{" if number % 2 else b""))
    async with asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(*(shop.request("GET", "/v1/customers?limit=1") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    for _, writer in slow:
        writer.close()


async def test_api5_broken_function_level_authorization(shop: Visitor, nobody: httpx.AsyncClient) -> None:
    """API5: a clerk's key calls operations of an administrator, or creates a key that may.

    Every scope on every operation: tests/system/test_scopes.py.
    """
    clerk = await a_key(shop, "customers:read", "api-keys:write")
    (tenant,) = (await shop.request("GET", "/v1/tenants")).json()["items"]
    member, key = await a_member_with_points(shop, 10), {"idempotency-key": "gift"}
    gift = {"points": 1_000_000, "reason": "for me"}
    refused = [
        await clerk.request("PATCH", f"/v1/tenants/{tenant['id']}", json={"name": "Mine"}),
        await clerk.request("POST", f"{member}/adjustments", json=gift, headers=key),
        await clerk.request("POST", "/v1/programs", json=a_program()),
        await clerk.request("GET", "/v1/status"),
        await clerk.request("POST", "/v1/api-keys", json={"name": "king", "scopes": ["loyalty:adjust"]}),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    # Neither a header nor another spelling of the path reaches another operation.
    plain = (await clerk.request("GET", "/v1/customers")).json()
    for header in ("x-http-method-override", "x-http-method", "x-original-url", "x-rewrite-url"):
        odd = {header: f"/v1/tenants/{tenant['id']}" if "url" in header else "POST"}
        assert (await clerk.request("GET", "/v1/customers", headers=odd)).json() == plain
    for path in ("/V1/status", "/v1/Status", "/v1/status/", "/v1/STATUS", "/v1/status;x", "/v1//status"):
        assert (await clerk.request("GET", path)).status_code in (403, 404), path
    await clerk.close()


async def test_api6_unrestricted_access_to_sensitive_business_flows(shop: Visitor) -> None:
    """API6: a client repeats a legitimate flow, or runs it concurrently with itself, to receive more than is due."""
    member = await a_member_with_points(shop, 50)

    async def redeem(points: int, key: str, mode: str = "capture") -> httpx.Response:
        body = {"points": points, "mode": mode}
        return await shop.request("POST", f"{member}/redemptions", json=body, headers={"idempotency-key": key})

    spent = await asyncio.gather(*(redeem(10, f"spend-{number}") for number in range(20)))
    assert Counter(answer.status_code for answer in spent) == {201: 5, 409: 15}
    balance = (await shop.request("GET", f"{member}/balance")).json()
    assert (balance["available"], balance["reserved"], balance["debt"]) == (0, 0, 0)
    for points in (0, -10, 10**16):
        assert (await redeem(points, f"odd-{points}")).status_code == 422
    again = f"/v1/redemptions/{spent[[one.status_code for one in spent].index(201)].json()['id']}/release"
    assert (await shop.request("POST", again, headers={"idempotency-key": "back"})).status_code == 409
    # A refund of more than was bought, as a whole and in concurrent parts.
    purchase = await made(shop, "/v1/purchases", a_purchase())  # 5.00
    refunds = f"/v1/purchases/{purchase['id']}/refunds"
    part = {"source": "till", "refunded_at": "2026-03-02T10:00:00Z"}
    whole = part | {"source_id": str(uuid7()), "amount": "5.01"}
    assert (await shop.request("POST", refunds, json=whole)).status_code == 409
    parts = [part | {"source_id": str(uuid7()), "amount": "2.00"} for _ in range(10)]
    answers = await asyncio.gather(*(shop.request_until_answered("POST", refunds, json=one) for one in parts))
    assert Counter(answer.status_code for answer in answers) == {201: 2, 409: 8}
    # A customer joins only once, whatever a welcome bonus is worth.
    membership = (await shop.request("GET", member)).json()
    joining = {name: membership[name] for name in ("program_id", "customer_id")}
    joined = await asyncio.gather(
        *(shop.request_until_answered("POST", "/v1/memberships", json=joining) for _ in range(10))
    )
    assert {answer.json()["id"] for answer in joined} == {membership["id"]}


async def test_api7_server_side_request_forgery(stack: RunningStack, shop: Visitor, document: dict[str, Any]) -> None:
    """API7: a request makes the server call another host.

    Only webhook endpoints and issuers have a URL that is called. It must be that of a public server. The gateway's
    upstreams are settings. Neither path, nor Host, nor an absolute request line reaches another host or an internal
    page.
    """
    webhook = {"event_types": ["*"]}
    for url in INSIDE:
        for path, body in (("/v1/webhook-endpoints", webhook), ("/v1/issuers", an_issuer())):
            refused = await shop.request("POST", path, json=body | {"url": url})
            assert refused.status_code == 422, f"{path} {url}: {refused.text}"
    for operation in operations(document):
        if operation.kind in TAKE_URLS:
            continue
        taken = json.dumps_str([operation.described.get("parameters"), operation.described.get("requestBody")])
        assert not [word for word in ("url", "uri", "callback", "webhook", "host") if f'"{word}' in taken], operation
    for name, schema in document["components"]["schemas"].items():
        is_request = schema.get("additionalProperties") is False
        if is_request and not name.startswith(("WebhookEndpoint", "Issuer")):
            text = json.dumps_str(schema)
            assert '"format":"uri"' not in text, name
            urls = [field for field in schema["properties"] if "url" in field or "uri" in field]
            assert bool(urls) == (name in SHOWN_URLS), name
    async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nme!") as elsewhere:
        other = f"127.0.0.1:{elsewhere.port}"
        internal = ports(stack)["customers"]
        for target in (
            "/v1/%2e%2e/internal/status",
            "/v1/customers/../../internal/status",
            "/v1/customers/%2e%2e/%2e%2e/internal/status",
            "/v1/customers/..%2f..%2finternal%2fstatus",
            "/v1/customers/..%5c..%5cinternal%5cstatus",
            "/v1/customers\\..\\..\\internal\\status",
            "/v1/customers/;/../../internal/status",
            "/health/../internal/status",
            f"http://127.0.0.1:{internal}/internal/status",
            f"http://{other}/v1/programs/x",
            f"//{other}/v1/programs",
            f"@{other}/v1/programs",
            f"/v1/@{other}/programs",
            f"/v1/programs@{other}/",
            f"/v1/programs:{elsewhere.port}/x",
            f"/v1/customers/http://{other}/",
        ):
            answer = await exchange(stack.port, head(f"GET {target} HTTP/1.1", shop.key, host=other))
            assert answer.split(b" ")[1] in (b"400", b"404"), target
            assert b"outbox_pending" not in answer, target
        forwarded = {"host": other, "forwarded": f"host={other}", "x-forwarded-host": other, "x-original-host": other}
        assert (await shop.request("GET", "/v1/programs", headers=forwarded)).status_code == 200
        assert elsewhere.visits == 0


async def test_api8_security_misconfiguration(stack: RunningStack, shop: Visitor, nobody: httpx.AsyncClient) -> None:
    """API8: errors reveal internals, odd methods and other origins are served, internal pages are public."""
    as_json = {"content-type": "application/json"}
    errors = [
        await nobody.get("/v1/customers"),
        await shop.request("GET", "/v1/nothing"),
        await shop.request("GET", "/v1/customers?x=1"),
        await shop.request("GET", f"/v1/customers/{uuid7()}"),
        await shop.request("DELETE", "/v1/customers"),
        await shop.request("POST", "/v1/customers", content=b"{", headers=as_json),
        await shop.request("POST", "/v1/customers", content=b"\xff\xfe", headers=as_json),
        await shop.request("POST", "/v1/customers", content=b"a", headers={"content-type": "text/xml"}),
        await shop.request("POST", "/v1/customers", json={"kind": "x' or 1=1 --"}),
        await shop.request("GET", "/v1/customers", params={"q": "'", "cursor": "' union select 1 --"}),
        await shop.request("GET", "/v1/customers", params={"sort": "id; drop table customer"}),
    ]
    for answer in errors:
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert not [leak for leak in LEAKS if leak in answer.text], answer.text
    for answer in (*errors, await nobody.get("/docs"), await shop.request("GET", "/v1/programs")):
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert not {"server", "x-powered-by", "via"} & set(answer.headers), answer.headers
    assert "frame-ancestors 'none'" in (await nobody.get("/docs")).headers["content-security-policy"]
    asked_by_a_page = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for answer in (
        await shop.request("GET", "/v1/programs", headers=asked_by_a_page),
        await shop.request("OPTIONS", "/v1/programs", headers=asked_by_a_page),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]  # no origin is allowed
    for line in ("TRACE /v1/programs", f"CONNECT 127.0.0.1:{stack.port}", "DEBUG /v1/programs", "PUT /v1/programs"):
        answered = await exchange(stack.port, head(f"{line} HTTP/1.1", shop.key))
        assert answered.split(b" ")[1] in (b"400", b"404", b"405"), line
        assert shop.key.encode() not in answered, line
    for path in ("/internal/status", "/v1/internal/status", "/redoc", "/.env", "/debug", "/admin", "/v1/../.env"):
        assert (await shop.request("GET", path)).status_code == 404, path
    assert (stack.data_dir.root / "secrets.json").stat().st_mode & 0o077 == 0


async def test_api9_improper_inventory_management(
    stack: RunningStack, nobody: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    """API9: an undocumented operation or an old version is served."""
    described = {(found.method, found.path) for found in operations(document)}
    served = set()
    for name in PROCESSES:
        service = load(name)
        served |= {(method, route.path.replace(":uuid", "")) for route in service.routes for method in route.methods}
        plain = {*OPERATIONAL_PATHS, *(route.path for route in service.plain_routes)}
        assert plain == NOT_IN_THE_DOCUMENT | (PAGES if name == "gateway" else set()), name
    assert served == described
    for service in SERVICES:
        for path in ("/openapi.json", "/docs", "/redoc", "/v0/status", "/v2/customers", "/", "/v1"):
            answer = await nobody.get(f"http://127.0.0.1:{ports(stack)[service]}{path}")
            assert answer.status_code == 404, f"{service}{path}"


async def test_api10_unsafe_consumption_of_apis(stack: RunningStack, shop: Visitor) -> None:
    """API10: the system trusts external input: a record in Kafka, the response of a service.

    An invalid record is dead-lettered, and the next record is applied. A record of an unknown type is skipped.
    """
    (tenant,) = (await shop.request("GET", "/v1/tenants")).json()["items"]
    program = await made(shop, "/v1/programs", a_program())
    await made(shop, f"/v1/programs/{program['id']}/earning-rules", a_rule())
    customer, topic = str(uuid7()), "rapport.interactions"
    good = purchase_recorded("10.00", customer)
    (start,) = await stack.rows("loyalty", "select now() as at")
    records = [
        ([], b"no envelope at all"),
        (headers_of(good, tenant["id"]), b"no JSON"),
        (headers_of(good, tenant["id"]), json.dumps(good["data"] | {"total": {"amount": "1e9", "currency": "EUR"}})),
        (headers_of(good, tenant["id"]), json.dumps(good["data"] | {"purchase_id": "x' or 1=1"})),
        (headers_of(good | {"type": "interactions.never_heard_of.v9"}, tenant["id"]), b"{}"),
        (headers_of(good, tenant["id"]), json.dumps(good["data"])),
    ]
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{ports(stack)['kafka']}")
    await producer.start()
    try:
        for headers, value in records:
            await producer.send_and_wait(topic, value, key=f"{tenant['id']}:{customer}".encode(), headers=headers)
    finally:
        await producer.stop()
    try:
        await shop.drained()
        (member,) = (await shop.request("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
        assert (await shop.request("GET", f"/v1/memberships/{member['id']}/balance")).json()["available"] == 10
        parked = await stack.rows(
            "loyalty", "select feature from chassis.dead_letter where parked_at > $1", start["at"]
        )
        assert Counter(row["feature"] for row in parked) == {"*": 1, "points": 3}
    finally:
        for service in SERVICES:
            await stack.rows(service, "delete from chassis.dead_letter where topic = $1", topic)


def headers_of(fact: dict[str, Any], tenant: str) -> list[tuple[str, bytes]]:
    return Envelope(uuid7(), fact["type"], UUID(tenant), fact["key"], datetime.now(UTC), "x", 1, None).to_headers()


async def test_api10_a_service_that_answers_nonsense_is_not_believed(stack: RunningStack, shop: Visitor) -> None:
    """API10, between gateway and services: redirects are not followed, invalid and partial responses are errors."""
    async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as elsewhere, listening() as service:
        with a_gateway_before(stack, service.port) as url:
            async with httpx.AsyncClient(base_url=url, headers=shop.client.headers, trust_env=False) as client:
                await answers(client)
                redirect = (
                    f"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
                )
                for answer, statuses in (
                    (redirect.encode(), {307}),
                    (b"\0\xff nonsense\r\n\r\n", {502, 503}),
                    (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", {502, 503}),
                    (b"HTTP/1.1 999999 OK\r\n\r\n", {502, 503}),
                    (b"", {502, 503}),
                    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", {502, 503}),
                ):
                    service.answer = answer
                    for method in ("GET", "POST"):
                        told = await client.request(method, "/v1/customers", json={})
                        assert told.status_code in statuses, f"{method} {answer[:40]!r}"
                        assert not [leak for leak in LEAKS if leak in told.text], told.text
                service.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsome"
                with pytest.raises(httpx.RemoteProtocolError):  # never as a complete response
                    await client.get("/v1/customers")
                assert (await client.get("/v1/tenants")).status_code == 200
        assert elsewhere.visits == 0
        assert service.visits > 10


async def answers(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                if (await client.get("/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


@contextmanager
def a_gateway_before(stack: RunningStack, port: int) -> Iterator[str]:
    """Run a second gateway on the stack's database, with the port as upstream of every service."""
    lines = stack.data_dir.env_file("gateway").read_text().splitlines()
    settings = {name: value[1:-1] for name, _, value in (line.partition("=") for line in lines)}
    upstreams = {service: f"http://127.0.0.1:{port}" for service in SERVICES}
    own = free_port({port})
    with (stack.data_dir.root / "second-gateway.log").open("w") as log:
        process = subprocess.Popen(
            [RAPPORT, "serve", "gateway", "--role", "api", "--port", str(own)],
            env={**os.environ, **settings, "UPSTREAMS": json.dumps_str(upstreams)},
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{own}"
        finally:
            process.terminate()
            process.wait(30)
