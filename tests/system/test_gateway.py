"""The gateway: authentication, forwarding, and the errors while a service is unavailable."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack

import httpx
import pytest

from chassis.core.identity import HEADER
from chassis.types.ids import uuid7
from tests.support.echo import connected
from tests.support.facts import a_customer
from tests.support.stack import RunningStack, Visitor, a_visitor


async def test_a_key_is_shown_once_and_stored_as_a_hash(stack: RunningStack, visitor: Visitor) -> None:
    made = (await visitor.request("POST", "/v1/api-keys", json={"name": "till", "scopes": ["customers:read"]})).json()
    secret = made["key"].rsplit("_", 1)[-1]
    listed = (await visitor.request("GET", "/v1/api-keys")).text
    audit = await stack.rows("gateway", "select changes::text from chassis.audit")
    dump = str(await stack.rows("gateway", "select * from api_key"))
    assert secret not in listed + dump + str(audit)
    assert "secret_hash" not in str(audit)


async def test_a_key_that_is_asked_for_twice_is_shown_once(stack: RunningStack, visitor: Visitor) -> None:
    body = {"name": "till", "scopes": ["customers:read"]}
    headers = {"idempotency-key": "k1"}
    made = await visitor.request("POST", "/v1/api-keys", json=body, headers=headers)
    again = await visitor.request("POST", "/v1/api-keys", json=body, headers=headers)
    assert (made.status_code, again.status_code, again.json()["code"]) == (201, 409, "secret_not_replayable")
    secret = made.json()["key"].rsplit("_", 1)[-1]
    kept = await stack.rows("gateway", "select encode(body, 'escape') as body from chassis.idempotency")
    assert secret not in str(kept)


async def test_a_key_that_expires_makes_none_that_lives_longer(stack: RunningStack, visitor: Visitor) -> None:
    scopes = ["customers:read", "api-keys:write"]
    soon = {"name": "till", "scopes": scopes, "expires_at": "2199-01-01T00:00:00Z"}
    till = Visitor(stack, (await visitor.request("POST", "/v1/api-keys", json=soon)).json()["key"])
    forever = await till.request("POST", "/v1/api-keys", json={"name": "x", "scopes": scopes})
    assert (forever.status_code, forever.json()["code"]) == (403, "key_outlives_creator")
    assert (await till.request("POST", "/v1/api-keys", json=soon)).status_code == 201
    await till.close()


async def test_a_head_without_end_is_refused(stack: RunningStack) -> None:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as client:
        answer = await client.get("/v1/tenants", headers={f"x-{number}": "a" * 8_000 for number in range(20)})
        assert (answer.status_code, answer.json()["code"]) == (431, "head_too_large")


async def test_a_revoked_key_opens_nothing_from_then_on(stack: RunningStack, visitor: Visitor) -> None:
    made = (await visitor.request("POST", "/v1/api-keys", json={"name": "till", "scopes": ["customers:read"]})).json()
    till = Visitor(stack, made["key"])
    path = f"/v1/customers/{uuid7()}"
    assert (await till.request("GET", path)).status_code == 404
    assert (await visitor.request("DELETE", f"/v1/api-keys/{made['id']}")).status_code == 204
    assert (await till.request("GET", path)).status_code == 401
    assert (await visitor.request("GET", f"/v1/api-keys/{made['id']}")).json()["revoked_at"]
    await till.close()


async def test_a_key_revoked_behind_the_gateways_back_is_forgotten_too(stack: RunningStack, visitor: Visitor) -> None:
    """Revoke the key as another replica would: only NOTIFY informs this gateway."""
    path = f"/v1/customers/{uuid7()}"
    assert (await visitor.request("GET", path)).status_code == 404
    id = visitor.key.split("_")[2]
    await stack.rows("gateway", "update api_key set revoked_at = now() where id = $1::uuid returning id", id)
    await stack.rows("gateway", "select pg_notify('rapport_credentials', '')")
    await asyncio.sleep(0.2)
    assert (await visitor.request("GET", path)).status_code == 401


async def test_a_key_may_do_what_its_scopes_say_and_give_away_no_more(stack: RunningStack) -> None:
    clerk = a_visitor(stack, "customers:read", "api-keys:write")
    refused = await clerk.request("POST", "/v1/customers", json=a_customer())
    assert (refused.status_code, refused.json()["scope"]) == (403, "customers:write")
    wanted = {"name": "more", "scopes": ["customers:read", "loyalty:configure"]}
    beyond = await clerk.request("POST", "/v1/api-keys", json=wanted)
    assert (beyond.status_code, beyond.json()["scopes"]) == (403, ["loyalty:configure"])
    past = {"name": "old", "scopes": ["customers:read"], "expires_at": "2020-01-01T00:00:00Z"}
    assert (await clerk.request("POST", "/v1/api-keys", json=past)).status_code == 422
    await clerk.close()


async def test_an_expired_key_is_refused_and_last_use_is_noted(stack: RunningStack, visitor: Visitor) -> None:
    id = visitor.key.split("_")[2]
    await visitor.request("GET", "/v1/tenants")
    await asyncio.sleep(6)
    (row,) = await stack.rows("gateway", "select last_used_at from api_key where id = $1::uuid", id)
    assert row["last_used_at"] is not None
    await stack.rows("gateway", "update api_key set expires_at = now() where id = $1::uuid", id)
    await stack.rows("gateway", "select pg_notify('rapport_credentials', '')")
    await asyncio.sleep(0.2)
    answer = await visitor.request("GET", "/v1/tenants")
    assert (answer.status_code, answer.json()["detail"]) == (401, "The API key has expired.")


@pytest.mark.parametrize(
    "key", ["", "Bearer", "Bearer x", f"Bearer rap_live_{'0' * 32}_{'a' * 43}", "Basic YTpi", "Bearer \x80"]
)
async def test_what_is_no_key_is_refused(stack: RunningStack, key: str) -> None:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as client:
        answer = await client.get("/v1/tenants", headers={"authorization": key.encode("latin-1")})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_request_without_a_route_is_told_which_one_was_meant(visitor: Visitor) -> None:
    for path, suggestion in (
        ("/customers", "/v1/customers"),
        ("/v1/customers/", "/v1/customers"),  # by the service
        ("/v1//customers", "/v1/customers"),
        ("/v1/custmers", "/v1/customers"),
        ("/docs/", "/docs"),
    ):
        problem = (await visitor.request("GET", path)).json()
        assert problem["code"] == "no_such_route", path
        assert problem["detail"] == f"No route GET {path}. Did you mean {suggestion}?"
    assert (await visitor.request("GET", f"/v1/customers/{uuid7()}")).json()["code"] == "not_found"


async def test_head_has_the_headers_of_get_and_no_content(visitor: Visitor) -> None:
    body = a_customer(custom={"note": "a long note " * 200})
    customer = (await visitor.request("POST", "/v1/customers", json=body)).json()
    record = f"/v1/customers/{customer['id']}"
    paths = (record, "/v1/customers?limit=1", "/v1/tenants", "/v1/status", f"/v1/customers/{uuid7()}", "/docs",
             "/openapi.json", "/health", "/ready", "/", "/nothing", "/problems/not-found")  # fmt: skip
    for path in paths:
        for encoding in ("gzip", "identity"):
            headers = {"accept-encoding": encoding}
            read, head = [await visitor.request(method, path, headers=headers) for method in ("GET", "HEAD")]
            assert (head.status_code, head.content) == (read.status_code, b""), path
            changing = {"x-request-id", "date", "transfer-encoding"}
            expected, seen = ({n: v for n, v in each.headers.items() if n not in changing} for each in (read, head))
            if "trace_id" in read.text or path == "/v1/status":  # its content differs, and so does its compressed size
                expected.pop("content-length", None), seen.pop("content-length", None)
            assert seen == expected, path
    wrong = await visitor.request("PATCH", "/v1/customers", json={})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_a_large_response_is_compressed_for_clients_that_accept_it(visitor: Visitor) -> None:
    items = [a_customer(custom={"note": str(uuid7())}) for _ in range(200)]
    assert (await visitor.request("POST", "/v1/customers/batch", json={"items": items})).status_code == 200
    plain, compressed = [
        await visitor.request("GET", "/v1/customers?limit=200", headers={"accept-encoding": encoding})
        for encoding in ("gzip;q=0", "gzip")
    ]
    assert plain.json() == compressed.json()
    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.num_bytes_downloaded < plain.num_bytes_downloaded / 3
    assert plain.headers["vary"] == compressed.headers["vary"] == "accept-encoding"


async def test_the_etag_of_a_compressed_record_is_good_for_reading_and_changing_it(visitor: Visitor) -> None:
    body = a_customer(custom={"note": "a long note " * 200})
    created = await visitor.request("POST", "/v1/customers", json=body)
    path = f"/v1/customers/{created.json()['id']}"
    assert (created.headers["etag"], created.headers["content-encoding"]) == ('W/"1"', "gzip")
    unchanged = await visitor.request("GET", path, headers={"if-none-match": 'W/"1"'})
    assert (unchanged.status_code, unchanged.headers["etag"], unchanged.content) == (304, 'W/"1"', b"")
    change = {"json": {"name": "Byron"}, "headers": {"if-match": 'W/"1"'}}
    assert [(await visitor.request("PATCH", path, **change)).status_code for _ in range(2)] == [200, 412]


async def test_a_document_is_sent_again_only_after_it_has_changed(visitor: Visitor) -> None:
    for path in ("/openapi.json", "/asyncapi.json", "/docs"):
        read = await visitor.request("GET", path)
        assert (read.headers["content-encoding"], read.headers["cache-control"]) == ("gzip", "no-cache"), path
        again = await visitor.request("GET", path, headers={"if-none-match": read.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
    openapi = await visitor.request("GET", "/openapi.json")
    assert openapi.num_bytes_downloaded < len(openapi.content) / 8


async def test_the_status_is_a_single_reading_unless_it_is_to_say_whether_all_is_applied(visitor: Visitor) -> None:
    await visitor.drained()
    seconds, drained = [], []
    for path in ("/v1/status", "/v1/status", "/v1/status", "/v1/status?drained=true"):
        started = time.perf_counter()
        drained.append((await visitor.request("GET", path)).json()["drained"])
        seconds.append(time.perf_counter() - started)
    assert drained == [None, None, None, True]
    assert min(seconds[:3]) < 0.1, "the reading waits for Kafka"
    assert seconds[3] > 0.1, "there is no second reading"


async def test_forged_headers_are_dropped(stack: RunningStack, visitor: Visitor) -> None:
    other = a_visitor(stack)
    customer = (await other.request("POST", "/v1/customers", json=a_customer())).json()
    forged = {HEADER: "ey.ey.ey", "x-forwarded-for": "10.0.0.1", "x-tenant-id": str(uuid7()), "connection": "x-secret"}
    answer = await visitor.request("GET", f"/v1/customers/{customer['id']}", headers=forged)
    assert answer.status_code == 404  # the API key identifies the caller, whatever the headers claim
    assert (await visitor.request("GET", "/v1/programs", headers=forged)).status_code == 200
    await other.close()


async def test_tenants_change_their_own_facts_and_the_services_follow(stack: RunningStack, visitor: Visitor) -> None:
    (tenant,) = (await visitor.request("GET", "/v1/tenants")).json()["items"]
    path = f"/v1/tenants/{tenant['id']}"
    changed = await visitor.request("PATCH", path, json={"currency": "JPY"}, headers={"if-match": '"1"'})
    assert (changed.status_code, changed.json()["currency"]) == (200, "JPY")
    assert (await visitor.request("GET", "/v1/analytics/pareto")).json()["currency"] == "JPY"  # from the token
    await visitor.drained()
    for service in ("customers", "interactions", "loyalty", "analytics"):
        rows = await stack.rows(
            service,
            "select facts->>'currency' as currency from chassis.tenant where tenant_id = $1::uuid",
            tenant["id"],
        )
        assert [row["currency"] for row in rows] == ["JPY"], service
    assert (await visitor.request("PATCH", path, json={"timezone": "Mars"})).status_code == 422
    assert (await visitor.request("PATCH", path, json={"name": None})).status_code == 422


async def test_a_service_that_is_away_is_named(stack: RunningStack, visitor: Visitor) -> None:
    pid = stack.kill("analytics", signal.SIGKILL)
    answer = await visitor.request("GET", "/v1/analytics/pareto")
    if answer.status_code != 200:  # the stack restarts it at once, so it may be back already
        assert (answer.status_code, answer.json()["service"]) == (503, "analytics")
        assert answer.json()["code"] == "upstream_unavailable"
        assert answer.headers["retry-after"]
    assert (await visitor.request("GET", "/v1/programs")).status_code == 200
    await stack.revived("analytics", pid)
    assert (await visitor.request_until_answered("GET", "/v1/analytics/pareto")).status_code == 200


async def test_a_body_that_is_too_large_is_refused_while_it_comes(visitor: Visitor) -> None:
    async def much() -> object:
        for _ in range(20):
            yield b" " * 1_000_000

    headers = {"content-type": "application/json"}
    announced = await visitor.request("POST", "/v1/customers", content=b" " * 17_000_000, headers=headers)
    assert (announced.status_code, announced.json()["code"]) == (413, "payload_too_large")
    chunked = await visitor.request("POST", "/v1/customers/batch", content=much(), headers=headers)
    assert (chunked.status_code, chunked.json()["code"]) == (413, "payload_too_large")


async def test_a_hundred_slow_callers_of_one_service_starve_no_other(stack: RunningStack, visitor: Visitor) -> None:
    pid = stack.kill("analytics", signal.SIGSTOP)
    try:
        waiting = [asyncio.create_task(visitor.request("GET", "/v1/analytics/pareto")) for _ in range(60)]
        await asyncio.sleep(0.5)
        other = Visitor(stack, visitor.key)
        async with asyncio.timeout(5):
            assert (await other.request("GET", "/v1/programs")).status_code == 200
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await other.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await visitor.request_until_answered("GET", "/v1/analytics/pareto")).status_code == 200


async def test_hundreds_of_upgrades_leave_the_lane_to_a_service_free(stack: RunningStack, visitor: Visitor) -> None:
    """Each is a plain POST. When their bodies were lost, 256 of them filled the bulkhead until the deadline."""
    body = b'{"kind": "ghost"}'
    head = (
        f"POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {visitor.key}\r\n"
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with AsyncExitStack() as opened:
        connections = [await opened.enter_async_context(connected(stack.port)) for _ in range(260)]
        await asyncio.gather(*(connection.send([head.encode(), body]) for connection in connections))
        async with asyncio.timeout(10):
            responses = await asyncio.gather(*(connection.response() for connection in connections))
        assert {status for status, _, _ in responses} <= {422, 429}  # 429 only while the tenant has its share
        assert (await visitor.request("GET", "/v1/customers")).status_code == 200
    assert "WebSocket" not in stack.said()
