"""Statuses of orders and of their payments: a fold of steps that arrive late, twice, and in any order."""

import asyncio
import itertools
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.erasure import erase, tables_with
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund, a_status
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest

CUSTOMS = {"status": "at_customs", "position": 450, "kind": "open"}


async def an_order(interactions: ServiceUnderTest, **fields: Any) -> str:
    purchase = await interactions.post("/v1/purchases", a_purchase(**fields))
    assert purchase.status_code == 201, purchase.text
    await interactions.published()
    return f"/v1/purchases/{purchase.json()['id']}"


async def state_of(interactions: ServiceUnderTest, path: str) -> tuple[str | None, str | None, str | None]:
    purchase = (await interactions.get(path)).json()
    return purchase["status"], purchase["payment_status"], purchase["payment_basis"]


async def test_an_order_begins_without_a_status(interactions: ServiceUnderTest) -> None:
    created = (await interactions.post("/v1/purchases", a_purchase())).json()
    assert (created["status"], created["status_at"], created["payment_status"]) == (None, None, None)
    assert await state_of(interactions, f"/v1/purchases/{created['id']}") == (None, None, None)


async def test_the_current_status_is_the_latest_in_any_order_and_doubled(interactions: ServiceUnderTest) -> None:
    steps = [
        a_status("ordered", changed_at="2026-03-01T10:00:00Z"),
        a_status("shipped", changed_at="2026-03-02T10:00:00Z"),
        a_status("prepared", changed_at="2026-03-02T10:00:00Z"),  # the same time: the higher position counts
        a_status(None, payment_status="paid", changed_at="2026-03-05T10:00:00Z"),
    ]
    for order in itertools.permutations(steps):
        path = await an_order(interactions)
        for step in (*order, *order):
            own = step | {"source_id": f"{path} {step['source_id']}"}
            assert (await interactions.post(f"{path}/status-changes", own)).status_code in (200, 201)
        assert await state_of(interactions, path) == ("shipped", "paid", "reported")
        assert len((await interactions.get(f"{path}/status-changes")).json()["items"]) == len(steps)
        events = await interactions.published()
        assert [event.type for event in events] == ["interactions.purchase_status_changed.v1"] * len(steps)
        assert (events[-1].data["current_status"], events[-1].data["current_payment_status"]) == ("shipped", "paid")


async def test_a_step_has_its_actor_evidence_and_tracking(interactions: ServiceUnderTest) -> None:
    path = await an_order(interactions)
    own = a_status("delivered", actor="driver-7", evidence="signature 81", tracking="3SABC")
    first = await interactions.post(f"{path}/status-changes", own)
    assert first.status_code == 201, first.text
    by_caller = (await interactions.post(f"{path}/status-changes", a_status("ordered"))).json()
    assert (first.json()["actor"], by_caller["actor"]) == ("driver-7", interactions.caller.actor)
    (event, _) = await interactions.published()
    assert (event.data["tracking"], event.data["status"]) == ("3SABC", "delivered")
    repeat = await interactions.acting_as("another till").post(f"{path}/status-changes", own)
    assert (repeat.status_code, repeat.json()) == (200, first.json())
    other = await interactions.post(f"{path}/status-changes", own | {"tracking": "3SXYZ"})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")


@pytest.mark.parametrize(
    ("steps", "refunds", "expected"),
    [
        ([a_status("ordered")], [], ("ordered", "open", "derived")),
        ([a_status("paid")], [], ("paid", "paid", "derived")),
        ([a_status(None, payment_status="failed")], [], (None, "failed", "reported")),
        ([a_status("paid"), a_status(None, payment_status="written_off")], [], ("paid", "written_off", "reported")),
        ([], ["1.00"], (None, "partly_refunded", "derived")),
        ([a_status("paid")], ["1.00"], ("paid", "partly_refunded", "derived")),
        ([a_status(None, payment_status="written_off")], ["1.00"], (None, "written_off", "reported")),
        ([a_status(None, payment_status="open")], ["1.00", "4.00"], (None, "refunded", "derived")),
    ],
)
async def test_the_payment_is_derived_where_possible_and_reported_otherwise(
    interactions: ServiceUnderTest, steps: list[dict[str, Any]], refunds: list[str], expected: tuple[str, ...]
) -> None:
    for first, second in ((steps, refunds), (refunds, steps)):
        path = await an_order(interactions)
        for each in [*first, *second]:
            kind, body = ("refunds", a_refund(amount=each)) if isinstance(each, str) else ("status-changes", each)
            answer = await interactions.post(f"{path}/{kind}", body | {"source_id": str(uuid7())})
            assert answer.status_code == 201, answer.text
        assert await state_of(interactions, path) == expected


@pytest.mark.parametrize(
    ("step", "pointer"),
    [
        (a_status(None), ""),
        (a_status("teleported"), "/status"),
        (a_status("Shipped!"), "/status"),
        (a_status(payment_status="refunded"), "/payment_status"),
        (a_status(changed_at="1899-12-31T23:59:59Z"), "/changed_at"),
        (a_status(changed_at="2200-01-01T00:00:00Z"), "/changed_at"),
        (a_status(changed_at="2150-01-01T00:00:00Z"), "/changed_at"),
        (a_status(changed_at="2026-03-02T10:00:00"), "/changed_at"),
        (a_status(evidence="x" * 201), "/evidence"),
    ],
)
async def test_an_invalid_step_returns_422(interactions: ServiceUnderTest, step: dict[str, Any], pointer: str) -> None:
    path = await an_order(interactions)
    purchase = {"source": "till", "source_id": "unknown"}
    for answer in (
        await interactions.post(f"{path}/status-changes", step),
        await interactions.post("/v1/purchase-status-changes", step | {"purchase": purchase}),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
    assert await interactions.published() == []


async def test_a_tenant_adds_statuses_of_its_own(interactions: ServiceUnderTest) -> None:
    created = await interactions.post("/v1/order-statuses", CUSTOMS)
    assert created.status_code == 201, created.text
    for taken in (CUSTOMS, CUSTOMS | {"status": "shipped"}):
        answer = await interactions.post("/v1/order-statuses", taken)
        assert (answer.status_code, answer.json()["code"]) == (409, "order_status_exists")
    path = await an_order(interactions)
    for step in ("delivered", "at_customs", "shipped"):
        assert (await interactions.post(f"{path}/status-changes", a_status(step))).status_code == 201
    assert (await state_of(interactions, path))[0] == "delivered"
    later = a_status("at_customs", changed_at="2026-03-03T10:00:00Z")
    assert (await interactions.post(f"{path}/status-changes", later)).status_code == 201
    assert (await state_of(interactions, path))[0] == "at_customs"
    own = f"/v1/order-statuses/{created.json()['id']}"
    changed = await interactions.patch(own, {"label": "With the customs office"})
    assert (changed.json()["version"], changed.json()["label"]) == (2, "With the customs office")
    moved = await interactions.patch(own, {"position": 900})
    assert (moved.status_code, moved.json()["errors"][0]["pointer"]) == (422, "/position")
    other = await interactions.for_new_tenant()
    assert (await other.get("/v1/order-statuses")).json()["items"] == []


async def test_a_step_before_its_purchase_waits_for_it(interactions: ServiceUnderTest) -> None:
    number = str(uuid7())
    step = a_status("shipped", purchase={"source": "till", "source_id": number})
    for _ in range(2):
        waiting = await interactions.post("/v1/purchase-status-changes", step)
        assert (waiting.status_code, waiting.json()["state"]) == (202, "waiting"), waiting.text
    other = await interactions.post("/v1/purchase-status-changes", step | {"status": "delivered"})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")
    await interactions.run_periodic_tasks()
    assert len((await interactions.get("/v1/waiting-purchase-status-changes")).json()["items"]) == 1

    path = await an_order(interactions, source_id=number)
    await interactions.run_periodic_tasks()
    assert (await interactions.get("/v1/waiting-purchase-status-changes")).json()["items"] == []
    assert (await state_of(interactions, path))[0] == "shipped"
    (recorded,) = (await interactions.get(f"{path}/status-changes")).json()["items"]
    assert recorded["actor"] == interactions.caller.actor
    repeat = await interactions.post("/v1/purchase-status-changes", step)
    assert (repeat.status_code, repeat.json()) == (200, recorded)


async def test_a_waiting_step_that_repeats_another_is_refused_with_its_reason(interactions: ServiceUnderTest) -> None:
    path, number = await an_order(interactions), str(uuid7())
    step = a_status("shipped")
    assert (await interactions.post(f"{path}/status-changes", step)).status_code == 201
    waiting = step | {"purchase": {"source": "till", "source_id": number}}
    assert (await interactions.post("/v1/purchase-status-changes", waiting)).status_code == 202
    await an_order(interactions, source_id=number)
    await interactions.run_periodic_tasks()
    (refused,) = (await interactions.get("/v1/waiting-purchase-status-changes", state="refused")).json()["items"]
    assert refused["problem"].startswith("source_id_reused")


async def test_purchases_are_filtered_by_status_and_payment(interactions: ServiceUnderTest) -> None:
    customer = str(uuid7())
    shipped, paid, _ = [await an_order(interactions, customer_id=customer) for _ in range(3)]
    await interactions.post(f"{shipped}/status-changes", a_status("shipped"))
    await interactions.post(f"{paid}/status-changes", a_status("paid"))
    for parameters, expected in (
        ({"status": "shipped"}, [shipped]),
        ({"payment_status": "open"}, [shipped]),
        ({"payment_status": "paid", "customer_id": customer}, [paid]),
        ({"status": "shipped", "payment_status": "paid"}, []),
        ({"status": "unheard_of"}, []),
    ):
        items = (await interactions.get("/v1/purchases", **parameters)).json()["items"]
        assert [f"/v1/purchases/{item['id']}" for item in items] == expected, parameters
    wrong = await interactions.get("/v1/purchases", payment_status="bartered")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/payment_status")


async def test_a_customer_follows_the_order_without_what_is_internal(interactions: ServiceUnderTest) -> None:
    owner = uuid7()
    path = await an_order(interactions, customer_id=str(owner))
    await interactions.post(f"{path}/status-changes", a_status(actor="anna", evidence="slip 4", tracking="3SABC"))
    customer = interactions.for_customer(owner)
    (step,) = (await customer.get(f"{path}/status-changes")).json()["items"]
    assert (step["status"], step["tracking"], step["actor"], step["evidence"]) == ("shipped", "3SABC", None, None)
    assert (await customer.get(path)).json()["status"] == "shipped"
    assert (await interactions.for_customer(uuid7()).get(f"{path}/status-changes")).status_code == 404
    assert (await customer.post(f"{path}/status-changes", a_status("delivered"))).status_code == 403


async def test_steps_follow_a_merge_and_return(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    path = await an_order(interactions, customer_id=str(merged))
    steps = [a_status("ordered"), a_status("shipped")]
    await interactions.post(f"{path}/status-changes", steps[0])
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    await interactions.published()
    late = await interactions.post(f"{path}/status-changes", steps[1])
    assert late.json()["customer_id"] == str(survivor)
    assert (await interactions.published())[0].data["customer_id"] == str(merged)
    assert (await interactions.post(f"{path}/status-changes", steps[1])).json() == late.json()
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    items = (await interactions.get(f"{path}/status-changes")).json()["items"]
    assert [item["customer_id"] for item in items] == [str(merged)] * 2


async def test_an_erasure_removes_references_and_no_more_steps_are_recorded(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    path = await an_order(interactions, customer_id=str(customer))
    step = a_status(source_id="zebedina-1", evidence="Zebedina signed", tracking="zebedina's parcel")
    assert (await interactions.post(f"{path}/status-changes", step, Idempotency_Key="1")).status_code == 201
    assert (await erase(interactions, customer))["purchase_status_change", "anonymised"] == 1
    assert await tables_with(interactions, "zebedina") == []
    (stored,) = (await interactions.get(f"{path}/status-changes")).json()["items"]
    assert (stored["status"], stored["tracking"]) == ("shipped", None)
    late = await interactions.post(f"{path}/status-changes", a_status("delivered"))
    assert (late.status_code, late.json()["code"]) == (410, "person_erased")


async def test_the_stored_state_is_the_fold_of_the_history_under_concurrency(interactions: ServiceUnderTest) -> None:
    path = await an_order(interactions)
    bodies = [("status-changes", a_status("shipped", changed_at=f"2026-03-02T10:00:0{n}Z")) for n in range(5)]
    bodies += [("refunds", a_refund(amount="1.00")) for _ in range(5)]
    answers = await asyncio.gather(*(interactions.post(f"{path}/{kind}", body) for kind, body in bodies))
    assert {answer.status_code for answer in answers} == {201}
    purchase = (await interactions.get(path)).json()
    assert (purchase["status_at"], purchase["payment_status"]) == ("2026-03-02T10:00:04Z", "refunded")
