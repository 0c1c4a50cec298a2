"""The event feed: each event once, in an order that never changes, read by place, type and subject."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat

from chassis import UnitOfWork
from chassis.core.events import Envelope
from chassis.messaging.retention import deletion_tasks
from chassis.types import json
from chassis.types.ids import first_uuid7_at, uuid7
from gateway.events.queries import append
from tests.support.events import example_of, kept_types
from tests.support.gateway import Shop, a_shop
from tests.support.service import ServiceUnderTest


def a_fact(number: int = 1, type: str = "customers.customer_created.v1", **facts: Any) -> dict[str, Any]:
    return {"id": uuid7(), "type": type, "key": uuid7(), "data": {"number": number}} | facts


class Consumer(ServiceUnderTest):
    """A tenant of the gateway that reads its feed with a key."""

    shop: Shop

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Send a GET request with the key."""
        return await self.shop.get(path, **params)


async def a_consumer(gateway: ServiceUnderTest) -> Consumer:
    shop = await a_shop(gateway)
    consumer = Consumer(gateway.service, gateway.data_dir)
    consumer.tenant, consumer.shop, consumer._shared = shop.tenant, shop, gateway.shared
    return consumer


async def page(gateway: Consumer, **params: Any) -> dict[str, Any]:
    response = await gateway.get("/v1/events", **params)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def all_ids(gateway: Consumer, limit: int = 3, **params: Any) -> list[str]:
    """Return the ids of the feed, read page by page."""
    ids: list[str] = []
    after: dict[str, str] = {}
    while True:
        read = await page(gateway, limit=limit, **params, **after)
        ids += [event["id"] for event in read["items"]]
        if len(read["items"]) < limit:
            return ids
        after = {"after": read["next_cursor"]}


@pytest.fixture
async def tenant(gateway: ServiceUnderTest) -> Consumer:
    consumer = await a_consumer(gateway)
    await consumer.announce()
    return consumer


async def test_every_event_is_in_the_feed_once_in_the_order_of_its_arrival(tenant: Consumer) -> None:
    facts = [a_fact(number) for number in range(8)]
    await tenant.deliver(facts[:5])
    await tenant.deliver(facts[2:], facts[:3])
    (announcement, *ids) = await all_ids(tenant)
    assert ids == [str(fact["id"]) for fact in facts]
    assert (await page(tenant, limit=1))["items"][0]["type"] == "gateway.tenant_changed.v1"
    assert announcement not in ids


async def test_an_event_is_the_same_as_on_kafka(tenant: Consumer) -> None:
    raw = '{"amount": 1.10, "name": "Zoë \u2028", "large": 12345678901234567890123}'.encode()
    fact = a_fact(raw=raw, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    record = tenant.record_of(fact)
    await tenant.shared.dispatcher.apply([record])
    text = (await tenant.get("/v1/events", types="customers.*")).text
    assert f'"data":{raw.decode()}' in text, "numbers keep their digits"
    (event,) = json.loads(text)["items"]
    headers = {name.removeprefix("ce_"): value.decode() for name, value in record.headers if name.startswith("ce_")}
    assert {name: value for name, value in event.items() if name not in ("data", "datacontenttype")} == headers


async def test_every_published_type_is_read_by_the_reference_implementation(tenant: Consumer) -> None:
    types = [type for type in kept_types() if type != "gateway.tenant_deleted.v1"]
    await tenant.deliver([example_of(type, tenant.tenant) for type in types])
    events = (await page(tenant, limit=1000))["items"]
    assert {event["type"] for event in events} >= set(types)
    for event in events:
        message = HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(event))
        assert from_structured(message, JSONFormat()).get_id() == event["id"]


async def test_the_last_page_has_a_cursor_from_which_the_feed_goes_on(tenant: Consumer) -> None:
    await tenant.deliver(a_fact())
    last = await page(tenant)
    assert (await page(tenant, after=last["next_cursor"])) == {"items": [], "next_cursor": last["next_cursor"]}
    newest = (await page(tenant, after="latest"))["next_cursor"]
    assert newest == last["next_cursor"]
    later = a_fact()
    await tenant.deliver(later)
    response = await tenant.get("/v1/events", after=newest, limit=50)
    assert [event["id"] for event in response.json()["items"]] == [str(later["id"])]
    link = urlsplit(response.headers["Link"].partition(">")[0][1:])
    assert parse_qs(link.query) == {"limit": ["50"], "after": [str(later["id"])]}


async def test_a_feed_without_events_has_no_cursor(gateway: ServiceUnderTest) -> None:
    other = await a_consumer(gateway)
    assert await page(other) == await page(other, after="latest") == {"items": [], "next_cursor": None}


async def test_events_are_selected_by_type_service_and_subject(tenant: Consumer) -> None:
    subject = uuid7()
    types = ["customers.customer_created.v1", "loyalty.points_earned.v1", "loyalty.points_expired.v1"]
    facts = [a_fact(number, types[number % 3], key=subject if number < 3 else uuid7()) for number in range(9)]
    await tenant.deliver(facts)

    async def numbers(**params: Any) -> list[int]:
        read = [event["data"]["number"] for event in (await page(tenant, **params))["items"]]
        paged = await all_ids(tenant, 2, **params)
        assert paged == [str(facts[number]["id"]) for number in read]
        return read

    assert await numbers(types="loyalty.*") == [1, 2, 4, 5, 7, 8]
    assert await numbers(types=["loyalty.points_earned.v1", "customers.*"]) == [0, 1, 3, 4, 6, 7]
    assert await numbers(subject=str(subject)) == [0, 1, 2]
    assert await numbers(subject=str(subject), types="loyalty.*") == [1, 2]
    assert await numbers(types="analytics.*") == []
    assert len((await page(tenant, types="*"))["items"]) == 10


async def test_a_reader_of_a_rare_type_moves_on_to_the_end(tenant: Consumer) -> None:
    """Otherwise its place would become older than the events that are kept, although it has missed nothing."""
    facts = [a_fact(number) for number in range(5)]
    await tenant.deliver(facts)
    read = await page(tenant, types="loyalty.*")
    assert read == {"items": [], "next_cursor": str(facts[-1]["id"])}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"after": "yesterday"}, "validation_failed"),
        ({"after": str(uuid4())}, "unknown_event"),
        ({"types": "loyalty"}, "validation_failed"),
        ({"types": "*.points_earned.v1"}, "validation_failed"),
        ({"types": ["customers.*", "loyalty.point_earned.v1"]}, "validation_failed"),
        ({"types": "sales.*"}, "validation_failed"),
        ({"types": ["loyalty.*"] * 51}, "validation_failed"),
        ({"limit": 1001}, "validation_failed"),
        ({"since": "2026-01-01"}, "unknown_parameter"),
    ],
)
async def test_an_unclear_request_is_refused(tenant: Consumer, params: dict[str, Any], code: str) -> None:
    response = await tenant.get("/v1/events", **params)
    assert (response.status_code, response.json()["code"]) in [(400, code), (422, code)], response.text
    assert response.json()["errors"]


async def test_another_tenants_events_do_not_exist(gateway: ServiceUnderTest, tenant: Consumer) -> None:
    other, fact = await a_consumer(gateway), a_fact()
    await other.announce()
    await other.deliver(fact)
    assert str(fact["id"]) in await all_ids(other)
    assert str(fact["id"]) not in await all_ids(tenant)
    answers = [await tenant.get("/v1/events", after=str(id)) for id in (fact["id"], uuid4())]
    assert [answer.json()["code"] for answer in answers] == ["unknown_event"] * 2


async def test_events_beyond_the_retention_are_deleted_and_a_reader_is_told(
    tenant: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    old = [a_fact(number, id=_id_at(now - timedelta(days=40), number)) for number in range(3)]
    await tenant.deliver(old, a_fact())
    await tenant.as_owner(
        f"update feed_event set recorded_at = now() - interval '40 days' where id in ({_listed(old)})"
    )
    settings = tenant.shared.running.settings.model_copy(update={"event_feed_days": 30})
    retentions = [one for one in tenant.service.retentions if one.feature == "event-feed"]
    (task,) = deletion_tasks(retentions, settings)
    async with tenant.transaction_of_worker() as transaction:
        assert await task.run(UnitOfWork(transaction)) is False
    kept = await all_ids(tenant)
    assert len(kept) == 2
    assert not {str(fact["id"]) for fact in old} & set(kept)
    response = await tenant.get("/v1/events", after=str(old[0]["id"]))
    assert response.json()["code"] == "unknown_event", "without a retention an unknown id is a mistake"
    monkeypatch.setattr(tenant.shared.running, "settings", settings)
    gone = await tenant.get("/v1/events", after=str(old[0]["id"]))
    assert (gone.status_code, gone.json()["code"], gone.json()["latest"]) == (410, "event_no_longer_kept", kept[-1])


async def test_no_event_appears_before_a_place_that_was_read(tenant: Consumer) -> None:
    """Two workers add events at once. The second waits, so that a reader between them misses nothing."""
    first, second = ([_event(tenant) for _ in range(3)] for _ in range(2))
    async with tenant.transaction_of_worker() as slow:
        await append(UnitOfWork(slow), first)
        adding = asyncio.create_task(_append(tenant, second))
        await asyncio.sleep(0.2)
        read = await page(tenant)
    await adding
    rest = await page(tenant, after=read["next_cursor"])
    ids = [event["id"] for event in read["items"][1:] + rest["items"]]
    assert ids == [str(envelope.id) for envelope, _ in first + second]


async def _append(tenant: Consumer, events: list[tuple[Envelope, str]]) -> None:
    async with tenant.transaction_of_worker() as transaction:
        await append(UnitOfWork(transaction), events)


def _event(tenant: Consumer) -> tuple[Envelope, str]:
    record = tenant.record_of(a_fact())
    return Envelope.from_headers(record.headers), (record.value or b"").decode()


def _id_at(moment: datetime, number: int) -> UUID:
    return UUID(int=first_uuid7_at(moment).int + number + 1)


def _listed(facts: list[dict[str, Any]]) -> str:
    return ", ".join(f"'{fact['id']}'" for fact in facts)
