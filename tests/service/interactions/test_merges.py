"""Merged customers: their records are the survivor's, whenever the merge arrives, and an undo returns them."""

from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest


async def buy(interactions: ServiceUnderTest, customer: UUID) -> str:
    response = await interactions.post("/v1/purchases", a_purchase(customer))
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def touch(interactions: ServiceUnderTest, customer: UUID) -> str:
    body = {"customer_id": str(customer), "source": "phone", "source_id": str(uuid7()), "channel": "phone"}
    body |= {"direction": "inbound", "occurred_at": "2026-03-02T10:00:00Z"}
    return str((await interactions.post("/v1/touch-points/batch", {"items": [body]})).json()["results"][0]["id"])


async def refund(interactions: ServiceUnderTest, purchase: str) -> dict[str, Any]:
    body = {"source": "till", "source_id": purchase, "refunded_at": "2026-03-03T10:00:00Z", "amount": "1.00"}
    response = await interactions.post(f"/v1/purchases/{purchase}/refunds", body)
    assert response.status_code in (200, 201), response.text
    return dict(response.json())


async def timeline(interactions: ServiceUnderTest, customer: UUID) -> set[str]:
    return {item["id"] for item in (await interactions.get(f"/v1/timelines/{customer}")).json()["items"]}


async def test_records_of_the_merged_customer_move_and_return(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    own = {await buy(interactions, survivor), await touch(interactions, survivor)}
    others = {await buy(interactions, merged), await touch(interactions, merged)}
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    for id in (survivor, merged):
        assert await timeline(interactions, id) == own | others
        history = (await interactions.get(f"/v1/shopping-histories/{id}")).json()
        assert (history["customer_id"], history["totals"][0]["purchases"]) == (str(survivor), 2)
        assert len((await interactions.get("/v1/purchases", customer_id=str(id))).json()["items"]) == 2
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert (await timeline(interactions, survivor), await timeline(interactions, merged)) == (own, others)


async def test_a_record_that_comes_late_goes_to_the_survivor_and_back(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    late = {await buy(interactions, merged), await touch(interactions, merged)}
    assert await timeline(interactions, survivor) == late
    own = await buy(interactions, survivor)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert (await timeline(interactions, survivor), await timeline(interactions, merged)) == ({own}, late)


async def test_a_refund_follows_its_purchase(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    purchase = await buy(interactions, merged)
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    await interactions.published()
    refunded = await refund(interactions, purchase)
    assert refunded["customer_id"] == str(survivor)
    (event,) = await interactions.published()
    assert event.data["customer_id"] == str(merged)  # each reader resolves the id under which the record came in
    assert await refund(interactions, purchase) == refunded
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await timeline(interactions, merged) == {purchase, refunded["id"]}
    assert await timeline(interactions, survivor) == set()


async def test_chains_are_followed_in_any_order_of_their_events(interactions: ServiceUnderTest) -> None:
    a, b, c = uuid7(), uuid7(), uuid7()
    purchases = [await buy(interactions, id) for id in (a, b, c)]
    first, second = uuid7(), uuid7()
    into_c = customers_merged(c, b, merge_id=second, number=2)
    into_b = customers_merged(b, a, merge_id=first, number=1)
    await interactions.deliver(into_c)
    await interactions.deliver(into_b)
    await interactions.deliver(into_b | {"id": uuid7()})
    assert await timeline(interactions, a) == await timeline(interactions, c) == set(purchases)
    await interactions.deliver(merge_undone(c, b, merge_id=second, number=2))
    assert [await timeline(interactions, id) for id in (a, b, c)] == [set(purchases[:2])] * 2 + [{purchases[2]}]
    await interactions.deliver(merge_undone(b, a, merge_id=first, number=1))
    assert [await timeline(interactions, id) for id in (a, b, c)] == [{purchase} for purchase in purchases]


async def test_an_undo_that_arrives_first_counts(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    purchase = await buy(interactions, merged)
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert (await timeline(interactions, survivor), await timeline(interactions, merged)) == (set(), {purchase})


async def test_a_later_merge_the_other_way_round_makes_no_cycle(interactions: ServiceUnderTest) -> None:
    a, b = uuid7(), uuid7()
    purchase = await buy(interactions, a)
    await interactions.deliver(customers_merged(b, a, number=1))
    await interactions.deliver(customers_merged(a, b, number=2))  # the undo of the first is still on its way
    assert await timeline(interactions, b) == await timeline(interactions, a) == {purchase}
    assert (await interactions.get(f"/v1/purchases/{purchase}")).json()["customer_id"] == str(a)


async def test_a_record_stored_by_a_concurrent_transaction_follows(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    purchase = await buy(interactions, merged)
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    await interactions.rows("update purchase set customer_id = $1 where id = $2", merged, UUID(purchase))
    await interactions.rows("delete from chassis.moved_row")  # as if its transaction had begun before the merge
    await interactions.as_owner("update chassis.merge set recorded_at = now() - interval '2 minutes'")
    await interactions.run_periodic_tasks()
    assert await timeline(interactions, survivor) == {purchase}
    assert not any(row["settled"] is False for row in await interactions.rows("select settled from chassis.merge"))


async def test_a_merge_of_another_tenant_moves_nothing(interactions: ServiceUnderTest) -> None:
    survivor, merged = uuid7(), uuid7()
    purchase = await buy(interactions, merged)
    other = await interactions.for_new_tenant()
    await other.deliver(customers_merged(survivor, merged))
    assert await timeline(interactions, merged) == {purchase}


async def test_tokens_of_both_ids_read_the_record(interactions: ServiceUnderTest) -> None:
    survivor, merged = uuid7(), uuid7()
    purchase = await buy(interactions, merged)
    await interactions.deliver(customers_merged(survivor, merged))
    for customer, status in ((survivor, 200), (merged, 200), (uuid7(), 404)):
        assert (await interactions.for_customer(customer).get(f"/v1/purchases/{purchase}")).status_code == status
