"""Webhooks: each event is delivered to each endpoint that wants it, signed, and again until it is acknowledged."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks.webhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError as Refused
from svix.webhooks import Webhook as SvixWebhook

from chassis.types.ids import uuid7
from tests.support.gateway import a_shop
from tests.support.receiver import Received, receiving
from tests.support.service import ServiceUnderTest
from tests.support.webhooks import Subscriber, a_subscriber, released, sending


@pytest.fixture
async def tenant(gateway: ServiceUnderTest) -> Subscriber:
    return await a_subscriber(gateway)


@pytest.fixture
async def worker(gateway: ServiceUnderTest) -> AsyncIterator[None]:
    async with sending(gateway):
        yield


def verified(request: Received, secret: str) -> Any:
    """Return the event, verified by both public libraries."""
    SvixWebhook(secret).verify(request.body, request.headers)
    return Webhook(secret).verify(request.body, request.headers)


async def test_each_endpoint_gets_each_of_its_events_once(tenant: Subscriber, worker: None) -> None:
    async with receiving() as all_events, receiving() as some:
        await tenant.endpoint(all_events.url, "*")
        await tenant.endpoint(some.url, "loyalty.*", "interactions.purchase_recorded.v1")
        created = await tenant.happen(1, 2)
        earned = await tenant.happen(3, type="loyalty.points_earned.v1")
        bought = await tenant.happen(4, type="interactions.purchase_recorded.v1")
        await tenant.happen(5, type="interactions.purchase_refunded.v1")
        await tenant.until("delivered", 7)
        assert set(created + earned + bought) < set(all_events.ids)
        assert sorted(some.ids) == sorted(earned + bought)
        assert len(all_events.ids) == len(set(all_events.ids)) == 5


async def test_a_repeated_event_is_delivered_once(tenant: Subscriber, worker: None) -> None:
    async with receiving() as receiver:
        await tenant.endpoint(receiver.url)
        id = uuid7()
        await tenant.happen(1, 2, id=id, key="a")
        await tenant.happen(1, id=id, key="a")
        (last,) = await tenant.happen(3)
        await receiver.receive(2)
        assert receiver.ids == [str(id), last]


async def test_public_libraries_verify_the_raw_bytes(tenant: Subscriber, worker: None) -> None:
    async with receiving() as receiver:
        secret = (await tenant.endpoint(receiver.url))["secret"]
        raw = '{"name": "Renée\u2028Ж", "points": 1.10, "large": 12345678901234567890}'.encode()
        (id,) = await tenant.happen(raw=raw, key="c-1")
        (request,) = await receiver.receive(1)
    assert raw in request.body
    assert verified(request, secret)["data"]["name"] == "Renée\u2028Ж"
    event = from_structured(HTTPMessage(request.headers, request.body), JSONFormat())
    assert (event.get_id(), event.get_type(), event.get_subject()) == (id, "customers.customer_created.v1", "c-1")
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    reserialized = request.body.replace(b"1.10", b"1.1")
    with pytest.raises(Refused):
        Webhook(secret).verify(reserialized, request.headers)


async def test_the_feed_and_the_webhook_have_the_same_event(tenant: Subscriber, worker: None) -> None:
    async with receiving() as receiver:
        await tenant.endpoint(receiver.url)
        (id,) = await tenant.happen()
        (request,) = await receiver.receive(1)
    items = (await tenant.get("/v1/events")).json()["items"]
    assert request.event in items
    assert (request.id, request.event["id"]) == (id, id)


async def test_after_a_rotation_both_secrets_sign_for_a_day(tenant: Subscriber, worker: None) -> None:
    async with receiving() as receiver:
        created = await tenant.endpoint(receiver.url)
        path = f"/v1/webhook-endpoints/{created['id']}/rotate-secret"
        rotated = (await tenant.request("POST", path, json={})).json()
        end = datetime.fromisoformat(rotated["former_secrets_expire_at"])
        assert timedelta(hours=23, minutes=59) < end - datetime.now(UTC) < timedelta(hours=24, minutes=1)
        await tenant.happen()
        (request,) = await receiver.receive(1)
        for secret in (created["secret"], rotated["secret"]):
            verified(request, secret)
        await tenant.rows("update webhook_secret set expires_at = now() where expires_at is not null")
        await tenant.request("PATCH", f"/v1/webhook-endpoints/{created['id']}", json={"description": "read again"})
        await asyncio.sleep(0.1)
        await tenant.happen()
        *_, request = await receiver.receive(2)
    verified(request, rotated["secret"])
    with pytest.raises(Refused):
        Webhook(created["secret"]).verify(request.body, request.headers)


async def test_custom_headers_are_sent(tenant: Subscriber, worker: None) -> None:
    async with receiving() as receiver:
        await tenant.endpoint(receiver.url, headers={"Authorization": "Bearer theirs"})
        await tenant.happen()
        (request,) = await receiver.receive(1)
    assert request.headers["authorization"] == "Bearer theirs"
    assert tenant.shop.key not in str(request.headers)


async def test_a_failed_attempt_is_listed_and_repeated_with_the_same_id(tenant: Subscriber, worker: None) -> None:
    answers = iter([(503, {"Retry-After": "90"}, b"later"), (500, {}, b"no \x00\xff " + b"x" * 5_000), 200])
    async with receiving(lambda _: next(answers)) as receiver:
        await tenant.endpoint(receiver.url)
        await tenant.happen()
        (pending,) = await tenant.until("pending")
        (first,) = await tenant.attempts(pending, 1)
        assert (first["number"], first["status"], first["response"], first["error"]) == (1, 503, "later", None)
        assert 85 < await seconds_until_due(tenant) <= 90
        await released(tenant)
        await tenant.make_due()
        _, second = await tenant.attempts(pending, 2)
        assert second["response"] == "no \ufffd\ufffd " + "x" * 1_018
        assert 290 < await seconds_until_due(tenant) <= 330
        await tenant.make_due()
        (delivered,) = await tenant.until("delivered")
        assert (delivered["attempts"], delivered["last_status"], delivered["due_at"]) == (3, 200, None)
        assert len(set(receiver.ids)) == 1
        assert [attempt["status"] for attempt in await tenant.attempts(delivered)] == [503, 500, 200]


async def seconds_until_due(tenant: Subscriber) -> float:
    (row,) = await tenant.rows("select extract(epoch from due_at - now())::float8 as seconds from delivery")
    return float(row["seconds"])


async def test_a_delivery_fails_after_the_last_attempt_and_is_sent_again_on_request(
    tenant: Subscriber, worker: None
) -> None:
    works = asyncio.Event()
    async with receiving(lambda _: 200 if works.is_set() else 400) as receiver:
        await tenant.endpoint(receiver.url)
        await tenant.happen()
        (pending,) = await tenant.until("pending")
        await tenant.attempts(pending, 1)
        await tenant.rows("update delivery set failures = 9")
        await tenant.make_due()
        (failed,) = await tenant.until("failed")
        assert (failed["attempts"], failed["due_at"]) == (2, None)
        works.set()
        again = await tenant.request("POST", f"/v1/deliveries/{failed['id']}/redeliver")
        assert (again.status_code, again.json()["state"]) == (202, "pending")
        (delivered,) = await tenant.until("delivered")
        assert (delivered["id"], delivered["attempts"]) == (failed["id"], 3)
        assert len(set(receiver.ids)) == 1


async def test_a_redirect_is_a_failure_and_is_not_followed(tenant: Subscriber, worker: None) -> None:
    async with receiving() as inside, receiving(lambda _: (302, {"Location": inside.url}, b"")) as receiver:
        await tenant.endpoint(receiver.url)
        await tenant.happen()
        (pending,) = await tenant.until("pending")
        (attempt,) = await tenant.attempts(pending, 1)
    assert attempt["status"] == 302
    assert inside.requests == []


async def test_410_disables_the_endpoint(tenant: Subscriber, worker: None) -> None:
    async with receiving(lambda _: 410) as receiver:
        created = await tenant.endpoint(receiver.url)
        await tenant.happen()
        await tenant.until("failed")
        await disabled(tenant, created, "gone")
        await tenant.happen(1, 2, 3)
        await asyncio.sleep(0.2)
    assert len(receiver.requests) == 1


async def disabled(tenant: Subscriber, endpoint: dict[str, Any], reason: str) -> None:
    """Wait until an endpoint is disabled for a reason, and is announced as such."""
    async with asyncio.timeout(10):
        while True:
            read = (await tenant.get(f"/v1/webhook-endpoints/{endpoint['id']}")).json()
            if read["state"] == "disabled":
                break
            await asyncio.sleep(0.02)
    assert read["disabled_reason"] == reason
    (event,) = await tenant.shop.published("gateway.webhook_endpoint_disabled.v1")
    assert (event["endpoint_id"], event["reason"]) == (endpoint["id"], reason)


async def test_five_days_of_failures_disable_the_endpoint(tenant: Subscriber, worker: None) -> None:
    async with receiving(lambda _: 500) as receiver:
        created = await tenant.endpoint(receiver.url)
        await tenant.rows(
            "update webhook_lane set failures = 1, failing_since = now() - interval '119 hours 59 minutes', "
            "last_failure_at = now() - interval '1 hour'"
        )
        await tenant.happen()
        (pending,) = await tenant.until("pending")
        await tenant.attempts(pending, 1)
        assert (await tenant.get(f"/v1/webhook-endpoints/{created['id']}")).json()["state"] == "enabled"
        await released(tenant)
        await tenant.rows("update webhook_lane set failing_since = failing_since - interval '1 minute'")
        await tenant.make_due()
        await disabled(tenant, created, "failing")


async def test_events_of_a_subject_wait_for_the_one_before_and_others_do_not(tenant: Subscriber, worker: None) -> None:
    fails = {"a"}
    async with receiving(lambda request: 500 if request.event["subject"] in fails else 200) as receiver:
        await tenant.endpoint(receiver.url, ordered=True)
        first = await tenant.happen(1, key="a")
        later = await tenant.happen(2, key="a") + await tenant.happen(3, key="a")
        other = await tenant.happen(4, key="b") + await tenant.happen(5, key="b")
        await tenant.until("delivered", 2)
        await asyncio.sleep(0.2)
        assert set(receiver.ids) == {*first, *other}
        fails.clear()
        await tenant.make_due()
        await tenant.until("delivered", 5)
        of_a = [request.id for request in receiver.requests if request.event["subject"] == "a"]
        of_b = [request.id for request in receiver.requests if request.event["subject"] == "b"]
    assert of_a == [*first, *first, *later]
    assert of_b == other


async def test_an_endpoint_gets_no_more_requests_a_second_than_it_wants(tenant: Subscriber, worker: None) -> None:
    async with receiving() as receiver:
        await tenant.endpoint(receiver.url, max_per_second=20)
        await tenant.happen(*range(12))
        requests = await receiver.receive(12)
    gaps = [after.at - before.at for before, after in pairwise(requests)]
    assert requests[-1].at - requests[0].at > 11 / 20 - 0.05
    assert min(gaps) > 0.02


async def test_a_test_event_is_valid_and_sent_once(tenant: Subscriber, worker: None) -> None:
    async with receiving(lambda _: 500) as receiver:
        created = await tenant.endpoint(receiver.url, "loyalty.*")
        path = f"/v1/webhook-endpoints/{created['id']}/test"
        accepted = await tenant.request("POST", path, json={"event_type": "customers.customer_created.v1"})
        assert (accepted.status_code, accepted.json()["state"]) == (202, "pending")
        (failed,) = await tenant.until("failed")
        (request,) = receiver.requests
        verified(request, created["secret"])
        assert (request.event["type"], failed["attempts"]) == ("customers.customer_created.v1", 1)
        unknown = await tenant.request("POST", path, json={"event_type": "customers.customer_creatd.v1"})
        assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown_event_type")


async def test_events_since_a_time_that_were_not_delivered_are_recovered(tenant: Subscriber, worker: None) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    before = await tenant.happen(1, 2, 3)
    async with receiving() as receiver:
        created = await tenant.endpoint(receiver.url, "customers.*")
        delivered = await tenant.happen(4)
        await tenant.happen(5, type="loyalty.points_earned.v1")
        await tenant.until("delivered")
        failed = await tenant.happen(6)
        await tenant.until("delivered", 2)
        await tenant.rows(
            "update delivery set state = 'failed', due_at = null where event_id = $1::text::uuid", failed[0]
        )
        path = f"/v1/webhook-endpoints/{created['id']}/recover"
        response = await tenant.request("POST", path, json={"since": since.isoformat()})
        assert response.status_code == 202, response.text
        await tenant.until("delivered", 5)
        await asyncio.sleep(0.1)
    assert receiver.ids[:2] == [*delivered, *failed]
    assert sorted(receiver.ids[2:]) == sorted([*before, *failed])


async def test_a_recovery_goes_on_batch_by_batch(
    tenant: Subscriber, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.events.planning.RECOVERY_BATCH_SIZE", 7)
    since = datetime.now(UTC) - timedelta(minutes=1)
    ids = await tenant.happen(*range(50))
    async with receiving() as receiver:
        created = await tenant.endpoint(receiver.url, "customers.*")
        path = f"/v1/webhook-endpoints/{created['id']}/recover"
        for _ in range(2):
            await tenant.request("POST", path, json={"since": since.isoformat()})
        await tenant.until("delivered", 50, limit=200)
        await asyncio.sleep(0.1)
    assert sorted(receiver.ids) == sorted(ids)
    (lane,) = await tenant.lanes()
    assert lane["recover_after"] is None


async def test_a_recovery_reaches_no_further_than_deliveries_are_known(tenant: Subscriber) -> None:
    created = await tenant.endpoint("https://crm.example.com/")
    path = f"/v1/webhook-endpoints/{created['id']}/recover"
    response = await tenant.request("POST", path, json={"since": "2020-01-01T00:00:00Z"})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "too_small")


async def test_a_disabled_endpoint_gets_its_pending_deliveries_when_it_is_enabled(
    tenant: Subscriber, worker: None
) -> None:
    works = asyncio.Event()
    async with receiving(lambda _: 200 if works.is_set() else 500) as receiver:
        created = await tenant.endpoint(receiver.url)
        path = f"/v1/webhook-endpoints/{created['id']}"
        await tenant.happen(1)
        (pending,) = await tenant.until("pending")
        await tenant.attempts(pending, 1)
        await tenant.request("PATCH", path, json={"state": "disabled"})
        works.set()
        await tenant.make_due()
        await asyncio.sleep(0.7)
        assert len(receiver.requests) == 1
        refused = await tenant.request("POST", f"/v1/deliveries/{pending['id']}/redeliver")
        assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_is_disabled")
        await tenant.request("PATCH", path, json={"state": "enabled"})
        await tenant.until("delivered")


async def test_the_current_record_is_included_with_the_scopes_of_the_creator(
    gateway: ServiceUnderTest, tenant: Subscriber
) -> None:
    record = '{"id":"1","balance":1.10}'
    services: list[Received] = []

    def serve(request: Received) -> tuple[int, dict[str, str], bytes]:
        services.append(request)
        return 200, {"Content-Type": "application/json"}, record.encode()

    async with receiving() as receiver, receiving(serve) as customers:
        upstreams = {"customers": f"http://127.0.0.1:{customers.port}"}
        async with sending(gateway, upstreams=upstreams):
            key = await tenant.shop.create("webhooks:write", "customers:read")
            body = {"url": receiver.url, "event_types": ["customers.*"], "include": ["record"]}
            created = (await key.request("POST", "/v1/webhook-endpoints", json=body)).json()
            id = str(uuid7())
            await tenant.happen(raw=f'{{"customer_id":"{id}"}}'.encode())
            (first,) = await receiver.receive(1)
            assert first.body.endswith(f'"data":{{"customer_id":"{id}","record":{record}}}}}'.encode())
            verified(first, created["secret"])
            assert services[0].path == f"/v1/customers/{id}"
            await tenant.shop.revoke(key)
            await tenant.request("PATCH", f"/v1/webhook-endpoints/{created['id']}", json={"description": "read again"})
            await asyncio.sleep(0.1)
            await tenant.happen(raw=f'{{"customer_id":"{id}"}}'.encode())
            *_, second = await receiver.receive(2)
            assert second.event["data"] == {"customer_id": id, "record": None}
            assert len(services) == 1


async def test_an_address_inside_the_network_is_not_called(gateway: ServiceUnderTest, tenant: Subscriber) -> None:
    async with receiving() as inside:
        await tenant.endpoint(inside.url)
        async with sending(gateway, outbound_allow_loopback=False):
            await tenant.happen()
            (pending,) = await tenant.until("pending")
            (attempt,) = await tenant.attempts(pending, 1)
    assert inside.requests == []
    assert attempt["status"] is None
    assert "127.0.0.1" not in str(attempt["error"])


async def test_other_tenants_see_no_delivery(gateway: ServiceUnderTest, tenant: Subscriber, worker: None) -> None:
    other = await a_subscriber(gateway)
    async with receiving() as receiver:
        await tenant.endpoint(receiver.url)
        await other.happen()
        await tenant.happen()
        (delivery,) = await tenant.until("delivered")
        assert await other.deliveries() == []
        for path in ("", "/attempts"):
            assert (await other.get(f"/v1/deliveries/{delivery['id']}{path}")).status_code == 404
        assert (await other.request("POST", f"/v1/deliveries/{delivery['id']}/redeliver")).status_code == 404
    assert len(receiver.requests) == 1
    assert (await (await a_shop(gateway, "customers:read")).get("/v1/deliveries")).status_code == 403


async def test_deliveries_are_filtered(tenant: Subscriber, worker: None) -> None:
    async with receiving() as receiver:
        first, second = await tenant.endpoint(receiver.url), await tenant.endpoint(receiver.url, "loyalty.*")
        ids = await tenant.happen(1, 2)
        await tenant.happen(3, type="loyalty.points_earned.v1")
        await tenant.until("delivered", 4)
        assert len(await tenant.deliveries(endpoint_id=first["id"])) == 3
        (only,) = await tenant.deliveries(endpoint_id=second["id"])
        assert (only["event_type"], only["state"]) == ("loyalty.points_earned.v1", "delivered")
        assert [delivery["event_id"] for delivery in await tenant.deliveries(event_id=ids[1])] == [ids[1]]
        assert await tenant.deliveries(state="failed") == []
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        assert await tenant.deliveries(**{"created_at.gte": soon}) == []
        page = (await tenant.get("/v1/deliveries", limit=3)).json()
        rest = (await tenant.get("/v1/deliveries", limit=3, cursor=page["next_cursor"])).json()
        assert page["items"] + rest["items"] == await tenant.deliveries()
