"""Reactions: once, in order, each feature for itself; what cannot be applied is parked with its reason."""

import asyncio
from typing import Any

import pytest

from chassis.ids import uuid7
from chassis.reactions import Received, TryLater
from tests.service.loyalty.test_points import a_running_program, points_of
from tests.support.facts import bought
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
    await loyalty.deliver(bought("5.00", first), bought("1.00") | breakage, bought("7.00", last))
    assert (await points_of(loyalty, first), await points_of(loyalty, last)) == (5, 7)
    (letter,) = await loyalty.dead_letters()
    assert letter["feature"] == "points"
    assert letter["attempts"] == 1  # what cannot be read will not be readable in a while
    assert reason in letter["reason"]


async def test_an_event_of_one_tenant_tells_nothing_of_another(running_loyalty: ServiceUnderTest) -> None:
    """Nor behind a good one in the same batch."""
    one, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    facts = [who.tenant.to_claims() | {"tenant_id": str(who.tenant.id), "name": "Renamed"} for who in (one, other)]
    renamed, forged = ({"type": "gateway.tenant_changed.v1", "key": one.tenant.id, "data": data} for data in facts)
    await one.deliver(forged)
    await one.deliver(renamed, forged)
    names = {who.tenant.id: await who.rows("select name from chassis.tenant where tenant_id = $1", who.tenant.id)
             for who in (one, other)}  # fmt: skip
    assert names == {one.tenant.id: [{"name": "Renamed"}], other.tenant.id: [{"name": other.tenant.name}]}
    assert [letter["feature"] for letter in await one.dead_letters()] == ["tenants", "tenants"]


async def test_an_envelope_that_cannot_be_read_is_parked_once(loyalty: ServiceUnderTest) -> None:
    record = Received("rapport.interactions", 3, 4711, None, (("ce_id", b"x"),), b"{}")
    await loyalty.shared.reactor.apply([record])
    await loyalty.shared.reactor.apply([record])
    letters = await loyalty.shared.worker_pool.fetch("select * from chassis.dead_letter where record_offset = 4711")
    assert [(letter["feature"], letter["tenant_id"]) for letter in letters] == [("*", None)]


async def test_a_header_without_a_value_stops_nobody(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    odd = Received("rapport.interactions", 3, 4712, None, (("ce_id", None), ("a\0", b"x")), None)  # type: ignore[arg-type]
    await loyalty.shared.reactor.apply([odd, loyalty.record_of(bought("3.00", customer))])
    assert await points_of(loyalty, customer) == 3
    letters = await loyalty.shared.worker_pool.fetch("select * from chassis.dead_letter where record_offset = 4712")
    assert [letter["feature"] for letter in letters] == ["*"]


async def test_an_event_that_breaks_a_constraint_is_parked_and_replayed_after_the_cause_is_gone(
    loyalty: ServiceUnderTest,
) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    fact = bought("5.00", customer, id=uuid7())
    await loyalty.rows("update earning_rule set points = 1000000000, per_minor = 1")
    await loyalty.deliver(bought("99999999999.00", customer))
    assert await loyalty.dead_letters() == []  # more than a mistake can grant is cut off, and no bigint overflows
    await forbid(loyalty, "wallet", "new.available > 0", "the cause")
    try:
        await loyalty.deliver(fact)
        (letter,) = await loyalty.dead_letters()
        assert "the cause" in letter["reason"]
        assert "the cause" in str(await loyalty.shared.reactor.replay(letter["id"]))
        assert [one["attempts"] for one in await loyalty.dead_letters()] == [3]
    finally:
        await allow(loyalty, "wallet")
    before = await points_of(loyalty, customer)
    await loyalty.deliver(fact)
    assert await points_of(loyalty, customer) == before  # parked means passed: a redelivery is no replay
    assert await loyalty.shared.reactor.replay(letter["id"]) is None
    assert await loyalty.dead_letters() == []
    assert await points_of(loyalty, customer) == before + 500 * 1_000_000_000
    with pytest.raises(LookupError):
        await loyalty.shared.reactor.replay(letter["id"])


async def test_one_features_failure_leaves_the_others_on_the_event_applied(interactions: ServiceUnderTest) -> None:
    """Two features of one service on one event: tried with a second one that always fails."""
    from chassis.feature import Feature
    from services.interactions.features.known_customers import CustomerCreated

    failing = Feature("failing")

    @failing.on(CustomerCreated)
    async def fail_on_a_new_customer(work: object, created: CustomerCreated) -> None:
        raise RuntimeError("on purpose")

    interactions.service.features.append(failing)
    try:
        reactor = interactions.service.reactor(interactions.shared.worker_pool)
        customer = uuid7()
        data = {"customer_id": str(customer)}
        fact = {"type": "customers.customer_created.v1", "key": customer, "data": data}
        await reactor.apply([interactions.record_of(fact)])
    finally:
        interactions.service.features.pop()
    assert [row["id"] for row in await interactions.rows("select id from known_customer")] == [customer]
    assert [(one["feature"], one["reason"]) for one in await interactions.dead_letters()] == [
        ("failing", "RuntimeError: on purpose")
    ]


async def test_the_same_event_to_two_consumers_at_once_is_applied_once(loyalty: ServiceUnderTest) -> None:
    """A zombie and its heir: the second one waits on the first one's inbox row, then finds it."""
    await a_running_program(loyalty)
    customer = uuid7()
    records = [loyalty.record_of(bought("1.00", customer, id=uuid7())) for _ in range(20)]
    await asyncio.gather(*(loyalty.shared.reactor.apply(records[::step]) for step in (1, -1, 1, -1)))
    assert await points_of(loyalty, customer) == 20
    assert await loyalty.dead_letters() == []


async def test_an_event_of_an_unannounced_tenant_waits_and_is_then_parked(running_loyalty: ServiceUnderTest) -> None:
    stranger = running_loyalty.for_tenant(a_tenant())
    fact = bought("1.00", id=uuid7())
    with pytest.raises(TryLater):
        await stranger.deliver(fact)
    assert await stranger.dead_letters() == []
    await asyncio.sleep(0.15)
    await stranger.deliver(fact)
    (letter,) = await stranger.dead_letters()
    assert "never announced" in letter["reason"]
    await stranger.announce()
    assert await stranger.shared.reactor.replay(letter["id"]) is None


async def test_a_batch_is_cut_by_tenant(running_loyalty: ServiceUnderTest) -> None:
    one, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    await a_running_program(one)
    await a_running_program(other)
    customer = uuid7()
    records = [one.record_of(bought("1.00", customer)), other.record_of(bought("2.00", customer))]
    await one.shared.reactor.apply(records * 2)
    assert (await points_of(one, customer), await points_of(other, customer)) == (1, 2)


async def test_a_trace_goes_on_from_each_event_of_a_batch(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    traces = [f"00-{number:032x}-00f067aa0ba902b7-01" for number in (7, 8)]
    await loyalty.deliver([bought("1.00", traceparent=trace) for trace in traces])
    earned = [event for event in await loyalty.published() if event.type == "loyalty.points_earned.v1"]
    assert [event.traceparent for event in earned] == traces


async def forbid(service: ServiceUnderTest, table: str, condition: str, why: str) -> None:
    """Makes a table refuse rows of this tenant, as a constraint that nobody thought of would."""
    await service.as_owner(
        f"create function forbid_{table}() returns trigger language plpgsql as $$ begin "
        f"if {condition} and new.tenant_id = '{service.tenant.id}' then raise check_violation using message = '{why}'; "
        "end if; return new; end $$",
        f"create constraint trigger forbid_{table} after insert or update on {table} deferrable initially deferred "
        f"for each row execute function forbid_{table}()",
    )


async def allow(service: ServiceUnderTest, table: str) -> None:
    """Takes the refusal away."""
    await service.as_owner(f"drop trigger forbid_{table} on {table}", f"drop function forbid_{table}")
