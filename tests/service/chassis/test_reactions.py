"""Event handlers: events are applied once, in order and per feature, or dead-lettered with a reason."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis import Feature, IncomingEvent
from chassis.messaging.dispatcher import TransientFailure
from chassis.messaging.records import KafkaRecord
from chassis.types.ids import uuid7
from tests.support.facts import purchase_recorded
from tests.support.faults import rows_rejected
from tests.support.interactions import customer_created
from tests.support.loyalty import a_running_program, points_of
from tests.support.service import ServiceUnderTest, a_tenant


@pytest.mark.parametrize(
    ("case", "breakage", "reason"),
    [
        ("no JSON", {"raw": b"\xff{"}, "JSONDecodeError"),
        ("no value", {"raw": None}, "no value"),
        ("a field is missing", {"data": {"purchase_id": str(uuid7())}}, "ValidationError"),
        ("money that is none", {"data": None}, "ValidationError"),
    ],
)
async def test_an_event_that_cannot_be_read_is_parked_and_the_rest_flows(
    loyalty: ServiceUnderTest, case: str, breakage: dict[str, Any], reason: str
) -> None:
    await a_running_program(loyalty)
    first, last = uuid7(), uuid7()
    await loyalty.deliver(
        purchase_recorded("5.00", first), purchase_recorded("1.00") | breakage, purchase_recorded("7.00", last)
    )
    assert (await points_of(loyalty, first), await points_of(loyalty, last)) == (5, 7)
    (letter,) = await loyalty.dead_letters()
    assert letter["feature"] == "points"
    assert letter["attempts"] == 1  # an unreadable event does not become readable, so it is not retried
    assert reason in letter["reason"]


async def test_an_event_of_one_tenant_tells_nothing_of_another(running_loyalty: ServiceUnderTest) -> None:
    """A forged event is also rejected after a valid event in the same batch."""
    one, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    facts = [
        who.tenant.model_dump(mode="json") | {"tenant_id": str(who.tenant.id), "name": "Renamed"}
        for who in (one, other)
    ]
    renamed, forged = ({"type": "gateway.tenant_changed.v1", "key": one.tenant.id, "data": data} for data in facts)
    await one.deliver(forged)
    await one.deliver(renamed, forged)
    name = "select facts ->> 'name' as name from chassis.tenant where tenant_id = $1"
    names = [await who.rows(name, who.tenant.id) for who in (one, other)]
    assert names == [[{"name": "Renamed"}], [{"name": other.tenant.name}]]
    assert [letter["feature"] for letter in await one.dead_letters()] == ["tenants", "tenants"]


async def test_an_older_event_does_not_replace_the_facts_of_a_tenant(loyalty: ServiceUnderTest) -> None:
    """Events that are published again arrive behind newer ones."""
    facts = loyalty.tenant.model_dump(mode="json") | {"tenant_id": str(loyalty.tenant.id)}
    older, newer = (
        {"type": "gateway.tenant_changed.v1", "key": loyalty.tenant.id, "data": facts | {"name": name}, "id": uuid7()}
        for name in ("Older", "Newer")
    )
    await loyalty.deliver(newer)
    await loyalty.deliver(older)
    name = "select facts ->> 'name' as name from chassis.tenant where tenant_id = $1"
    assert await loyalty.rows(name, loyalty.tenant.id) == [{"name": "Newer"}]


async def test_an_envelope_that_cannot_be_read_is_parked_once(loyalty: ServiceUnderTest) -> None:
    record = KafkaRecord("rapport.interactions", 3, 4711, None, (("ce_id", b"x"),), b"{}")
    await loyalty.shared.dispatcher.apply([record])
    await loyalty.shared.dispatcher.apply([record])
    letters = await loyalty.shared.worker_pool.fetch("select * from chassis.dead_letter where record_offset = 4711")
    assert [(letter["feature"], letter["tenant_id"]) for letter in letters] == [("*", None)]


async def test_a_header_without_a_value_stops_nobody(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    odd = KafkaRecord("rapport.interactions", 3, 4712, None, (("ce_id", None), ("a\0", b"x")), None)  # type: ignore[arg-type]
    await loyalty.shared.dispatcher.apply([odd, loyalty.record_of(purchase_recorded("3.00", customer))])
    assert await points_of(loyalty, customer) == 3
    letters = await loyalty.shared.worker_pool.fetch("select * from chassis.dead_letter where record_offset = 4712")
    assert [letter["feature"] for letter in letters] == ["*"]


async def test_an_event_that_breaks_a_constraint_is_parked_and_replayed_after_the_cause_is_gone(
    loyalty: ServiceUnderTest,
) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    fact = purchase_recorded("5.00", customer, id=uuid7())
    await loyalty.rows("update earning_rule set points = 1000000000, per_minor = 1")
    await loyalty.deliver(purchase_recorded("99999999999.00", customer))
    assert await loyalty.dead_letters() == []  # points are capped, so no bigint overflows
    async with rows_rejected(loyalty, "wallet", "new.available > 0", "the cause"):
        await loyalty.deliver(fact)
        (letter,) = await loyalty.dead_letters()
        assert "the cause" in letter["reason"]
        assert "the cause" in str(await loyalty.shared.dispatcher.replay(letter["id"]))
        assert [one["attempts"] for one in await loyalty.dead_letters()] == [2]  # a violated constraint is not retried
    before = await points_of(loyalty, customer)
    await loyalty.deliver(fact)
    assert await points_of(loyalty, customer) == before  # a redelivery replays no dead letter
    assert await loyalty.shared.dispatcher.replay(letter["id"]) is None
    assert await loyalty.dead_letters() == []
    assert await points_of(loyalty, customer) == before + 500 * 1_000_000_000
    with pytest.raises(LookupError):
        await loyalty.shared.dispatcher.replay(letter["id"])


async def test_one_features_failure_leaves_the_others_on_the_event_applied(interactions: ServiceUnderTest) -> None:
    """Two features of the same service handle the event, and the second always fails."""
    failing = Feature("failing")

    class CustomerCreated(IncomingEvent, type="customers.customer_created.v1"):
        customer_id: UUID

    @failing.on(CustomerCreated)
    async def fail_on_a_new_customer(work: object, created: CustomerCreated) -> None:
        raise RuntimeError("on purpose")

    customer = uuid7()
    await interactions.dispatcher_with(failing).apply([interactions.record_of(customer_created(customer))])
    assert [row["id"] for row in await interactions.rows("select id from known_customer")] == [customer]
    assert [(one["feature"], one["reason"]) for one in await interactions.dead_letters()] == [
        ("failing", "RuntimeError: on purpose")
    ]


async def test_the_same_event_to_two_consumers_at_once_is_applied_once(loyalty: ServiceUnderTest) -> None:
    """A zombie consumer and its successor: the second transaction waits for the first's inbox row, then finds it."""
    await a_running_program(loyalty)
    customer = uuid7()
    records = [loyalty.record_of(purchase_recorded("1.00", customer, id=uuid7())) for _ in range(20)]
    await asyncio.gather(*(loyalty.shared.dispatcher.apply(records[::step]) for step in (1, -1, 1, -1)))
    assert await points_of(loyalty, customer) == 20
    assert await loyalty.dead_letters() == []


async def test_an_event_of_an_unannounced_tenant_waits_and_is_then_parked(running_loyalty: ServiceUnderTest) -> None:
    stranger = running_loyalty.for_tenant(a_tenant())
    fact = purchase_recorded("1.00", id=uuid7())
    with pytest.raises(TransientFailure):
        await stranger.deliver(fact)
    assert await stranger.dead_letters() == []
    await asyncio.sleep(0.15)
    await stranger.deliver(fact)
    (letter,) = await stranger.dead_letters()
    assert "no event has announced" in letter["reason"]
    await stranger.announce()
    assert await stranger.shared.dispatcher.replay(letter["id"]) is None


async def test_a_batch_is_cut_by_tenant(running_loyalty: ServiceUnderTest) -> None:
    one, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    await a_running_program(one)
    await a_running_program(other)
    customer = uuid7()
    records = [one.record_of(purchase_recorded("1.00", customer)), other.record_of(purchase_recorded("2.00", customer))]
    await one.shared.dispatcher.apply(records * 2)
    assert (await points_of(one, customer), await points_of(other, customer)) == (1, 2)


async def test_a_trace_goes_on_from_each_event_of_a_batch(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    traces = [f"00-{number:032x}-00f067aa0ba902b7-01" for number in (7, 8)]
    await loyalty.deliver([purchase_recorded("1.00", traceparent=trace) for trace in traces])
    earned = [event for event in await loyalty.published() if event.type == "loyalty.points_earned.v1"]
    assert [event.traceparent for event in earned] == traces
