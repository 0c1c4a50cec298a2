"""Shopping histories: habits in the tenant's time zone, and exact figures under refunds."""

from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund, a_refund_of_line, an_exchange
from tests.support.service import ServiceUnderTest

LINES = [{"sku": "tea", "quantity": "3", "amount": "10.00"}, {"sku": "cup", "quantity": "1", "amount": "5.00"}]


async def buy(interactions: ServiceUnderTest, customer: UUID, at: str, **fields: Any) -> str:
    answer = await interactions.post("/v1/purchases", a_purchase(customer, purchased_at=at, lines=LINES, **fields))
    assert answer.status_code == 201, answer.text
    return f"/v1/purchases/{answer.json()['id']}"


async def history_of(interactions: ServiceUnderTest, customer: UUID) -> dict[str, Any]:
    return dict((await interactions.get(f"/v1/shopping-histories/{customer}")).json())


async def test_the_last_second_of_the_year_counts_where_the_tenant_is(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    for zone, weekday, hour in (("Europe/Amsterdam", 4, 0), ("America/New_York", 3, 18), ("UTC", 3, 23)):
        tenant = await interactions.for_new_tenant(timezone=zone)
        await buy(tenant, customer, "2025-12-31T23:59:59Z")
        history = await history_of(tenant, customer)
        assert history["weekdays"] == [{"weekday": weekday, "purchases": 1}], zone
        assert history["hours"] == [{"hour": hour, "purchases": 1}], zone


async def test_the_next_purchase_is_expected_after_the_median_gap(interactions: ServiceUnderTest) -> None:
    customer, tenant = uuid7(), await interactions.for_new_tenant(timezone="Europe/Amsterdam")
    rhythms = []
    for at in ("2026-01-01T10:00:00Z", "2026-01-11T10:00:00Z", "2026-01-11T15:00:00Z", "2026-01-31T23:30:00Z"):
        await buy(tenant, customer, at)
        rhythms.append((await history_of(tenant, customer))["rhythm"])
    assert [each["days"] for each in rhythms] == [1, 2, 2, 3]
    assert [each["average_gap_days"] for each in rhythms] == [None, "10", "10", "15.5"]
    assert [each["next_expected_on"] for each in rhythms] == [None, None, None, "2026-02-17"]
    assert "median" in rhythms[-1]["method"]


async def test_what_was_refunded_entirely_is_no_visit(interactions: ServiceUnderTest) -> None:
    customer, tenant = uuid7(), await interactions.for_new_tenant(timezone="UTC")
    for day, store in (("02", "Harbour"), ("04", "Station"), ("06", "Station")):
        path = await buy(tenant, customer, f"2026-03-{day}T10:00:00Z", store=store, channel="store")
    before = await history_of(tenant, customer)
    assert (before["favourite_store"], before["favourite_channel"], before["rhythm"]["days"]) == ("Station", "store", 3)
    assert (
        await tenant.post(f"{path}/refunds", a_refund(amount="14.99", refunded_at="2026-03-07T10:00:00Z"))
    ).is_success
    assert (await history_of(tenant, customer))["rhythm"]["days"] == 3, "a part of it was kept"
    assert (
        await tenant.post(f"{path}/refunds", a_refund(amount="0.01", refunded_at="2026-03-07T10:00:00Z"))
    ).is_success
    after = await history_of(tenant, customer)
    assert (after["rhythm"]["days"], after["rhythm"]["next_expected_on"]) == (2, None)
    assert [each["purchases"] for each in after["weekdays"]] == [1, 1]
    assert after["favourite_store"] == "Station", "the last visited of two equals"
    (total,) = after["totals"]
    assert [total[name]["amount"] for name in ("bought", "refunded", "net")] == ["45.00", "15.00", "30.00"]


async def test_items_state_what_went_back(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    path = await buy(interactions, customer, "2026-03-01T10:00:00Z")
    await buy(interactions, customer, "2026-03-01T11:00:00Z")
    refunds = [a_refund_of_line(1, quantity="2"), a_refund_of_line(1, amount="1.00"), a_refund(amount="0.50")]
    for refund in refunds:
        assert (await interactions.post(f"{path}/refunds", refund)).status_code == 201
    history = await history_of(interactions, customer)
    tea, cup = history["items"]
    assert (tea["quantity"], tea["amount"]["amount"]) == ("6", "20.00")
    assert (tea["refunded_quantity"], tea["refunded"]["amount"]) == ("2", "7.67")
    assert (cup["refunded_quantity"], cup["refunded"]["amount"]) == ("0", "0.00")
    assert history["totals"][0]["refunded"]["amount"] == "8.17"


async def test_an_exchange_keeps_the_figures_exact(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    path = await buy(interactions, customer, "2026-03-01T10:00:00Z")
    assert (await interactions.post(f"{path}/exchanges", an_exchange(amount="15.00"))).status_code == 201
    history = await history_of(interactions, customer)
    assert history["totals"][0]["net"]["amount"] == "3.00"
    assert (history["rhythm"]["days"], history["totals"][0]["purchases"]) == (1, 2)


async def test_an_unknown_customer_has_an_empty_history(interactions: ServiceUnderTest) -> None:
    history = await history_of(interactions, uuid7())
    assert (history["totals"], history["hours"], history["favourite_store"]) == ([], [], None)
    assert (history["rhythm"]["days"], history["rhythm"]["average_gap_days"]) == (0, None)
