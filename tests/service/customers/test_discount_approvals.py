"""Discount approvals: what a salesperson may not grant alone, another person decides."""

import asyncio
from collections import Counter
from typing import Any

from tests.support.sales import a_deal, a_pipeline, a_product_of, events_of
from tests.support.service import ServiceUnderTest


async def discounted(customers: ServiceUnderTest, percent: int, **pipeline: Any) -> dict[str, Any]:
    """Return a deal of a kettle for 100.00 whose unit price is that much lower."""
    product = await a_product_of(customers, list_price="100.00")
    deal = await a_deal(customers, await a_pipeline(customers, **{"discount_percent": "10", **pipeline}))
    await set_price(customers, deal, product, 100 - percent)
    return deal | {"product": product}


async def set_price(customers: ServiceUnderTest, deal: dict[str, Any], product: dict[str, Any], price: int) -> Any:
    lines = [{"product_id": product["id"], "quantity": "1", "unit_price": str(price)}]
    response = await customers.put(f"/v1/deals/{deal['id']}/lines", {"lines": lines})
    assert response.status_code == 200, response.text
    return response.json()


async def win(customers: ServiceUnderTest, deal: dict[str, Any]) -> Any:
    return await customers.request("POST", f"/v1/deals/{deal['id']}/win")


async def request(customers: ServiceUnderTest, deal: dict[str, Any]) -> Any:
    return await customers.post(f"/v1/deals/{deal['id']}/discount-approvals", {"reason": "A large order."})


async def test_a_discount_within_the_limit_needs_no_approval(customers: ServiceUnderTest) -> None:
    deal = await discounted(customers, 10)
    assert (await request(customers, deal)).json()["code"] == "no_approval_needed"
    assert (await win(customers, deal)).status_code == 200


async def test_a_larger_discount_waits_for_another_person(customers: ServiceUnderTest) -> None:
    deal, manager = await discounted(customers, 20), customers.acting_as("user:sales/grace")
    assert (await win(customers, deal)).json()["code"] == "discount_not_approved"
    approval = (await request(customers, deal)).json()
    assert (approval["percent"], approval["state"]) == ("20.00", "waiting")
    assert (await request(customers, deal)).json()["approval_id"] == approval["id"]
    path = f"/v1/discount-approvals/{approval['id']}/approve"
    assert (await customers.post(path, {})).json()["code"] == "own_discount"
    approved = (await manager.post(path, {"reason": "This quarter."})).json()
    assert (approved["state"], approved["decided_by"]) == ("approved", "user:sales/grace")
    assert (await set_price(customers, deal, deal["product"], 85))["discount_state"] == "approved"
    assert (await set_price(customers, deal, deal["product"], 79))["discount_state"] == "needs_approval"
    await set_price(customers, deal, deal["product"], 80)
    assert (await win(customers, deal)).status_code == 200
    requested, decided = await events_of(
        customers, "customers.discount_approval_requested.v1", "customers.discount_approved.v1"
    )
    assert (requested.data["percent"], decided.data["decided_by"]) == ("20.00", "user:sales/grace")
    audit = "select actor, changes from chassis.audit where entity = 'discount_approval' and action = 'updated'"
    (entry,) = await customers.rows(audit)
    assert (entry["actor"], "state" in str(entry["changes"])) == ("user:sales/grace", True)


async def test_the_author_of_a_discount_cannot_approve_it_by_anothers_request(customers: ServiceUnderTest) -> None:
    deal = await discounted(customers, 20)
    approval = (await request(customers.acting_as("user:sales/bob"), deal)).json()
    refusal = await customers.post(f"/v1/discount-approvals/{approval['id']}/approve", {})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "own_discount")


async def test_a_refused_discount_is_not_won(customers: ServiceUnderTest) -> None:
    deal = await discounted(customers, 20)
    approval = (await request(customers, deal)).json()
    manager = customers.acting_as("user:sales/grace")
    refused = await manager.post(f"/v1/discount-approvals/{approval['id']}/refuse", {"reason": "Below cost."})
    assert refused.json()["decision_reason"] == "Below cost."
    assert (await win(customers, deal)).json()["code"] == "discount_not_approved"
    assert (await request(customers, deal)).status_code == 201


async def test_changed_lines_supersede_a_request(customers: ServiceUnderTest) -> None:
    deal, manager = await discounted(customers, 20), customers.acting_as("user:sales/grace")
    approval = (await request(customers, deal)).json()
    await set_price(customers, deal, deal["product"], 50)
    late = await manager.post(f"/v1/discount-approvals/{approval['id']}/approve", {})
    assert (late.status_code, late.json()["code"]) == (409, "approval_decided")
    waiting = (await customers.get("/v1/discount-approvals", deal_id=deal["id"], state="waiting")).json()["items"]
    assert waiting == []
    assert (await win(customers, deal)).json()["code"] == "discount_not_approved"


async def test_of_parallel_decisions_one_counts(customers: ServiceUnderTest) -> None:
    deal = await discounted(customers, 20)
    requests = await asyncio.gather(*(request(customers, deal) for _ in range(4)))
    assert Counter(response.status_code for response in requests) == {201: 1, 409: 3}
    (id,) = (response.json()["id"] for response in requests if response.status_code == 201)
    manager, path = customers.acting_as("user:sales/grace"), f"/v1/discount-approvals/{id}"
    decisions = [manager.post(f"{path}/approve", {}) for _ in range(3)]
    decisions += [manager.post(f"{path}/refuse", {"reason": "No."}) for _ in range(3)]
    assert Counter(response.status_code for response in await asyncio.gather(*decisions)) == {200: 1, 409: 5}


async def test_a_salespersons_own_limit_counts(customers: ServiceUnderTest) -> None:
    limits = [{"actor": "key:test", "percent": "25"}]
    deal = await discounted(customers, 20, discount_limits=limits)
    assert (await win(customers, deal)).status_code == 200


async def test_approving_takes_a_scope_of_its_own(customers: ServiceUnderTest) -> None:
    deal = await discounted(customers, 20)
    approval = (await request(customers, deal)).json()
    salesperson = customers.with_scopes("customers:read", "customers:write").acting_as("user:sales/bob")
    refusal = await salesperson.post(f"/v1/discount-approvals/{approval['id']}/approve", {})
    assert (refusal.status_code, refusal.json()["code"]) == (403, "missing_scope")
