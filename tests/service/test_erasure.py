"""Erasure in each service: rows that are deleted, rows that stay without anything personal, and late events."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chassis.cli.backups.erased import ErasedPerson, add_erased, read_erased
from chassis.db.statements import Statement
from chassis.messaging import erasures
from chassis.types.ids import uuid7
from local import PROCESSES
from tests.conftest import StartService
from tests.support.erasure import erase, erasure_of, rows_of, tables_with
from tests.support.facts import a_program, a_purchase, purchase_recorded
from tests.support.loyalty import a_member, membership_of
from tests.support.service import ServiceUnderTest

TEXT = "zebedina"


@pytest.fixture(params=PROCESSES)
async def any_service(request: pytest.FixtureRequest, start_service: StartService) -> ServiceUnderTest:
    """Provide each of the five services in turn, to a new tenant."""
    return await (await start_service(request.param)).for_new_tenant()


async def test_every_service_answers_also_about_a_person_that_it_does_not_know(any_service: ServiceUnderTest) -> None:
    assert sum((await erase(any_service, uuid7())).values()) == 0
    assert await any_service.dead_letters() == []


async def test_dead_letters_about_the_person_are_deleted(any_service: ServiceUnderTest) -> None:
    customer = uuid7()
    types = set(any_service.shared.dispatcher.types) - {"customers.customer_erased.v1", "gateway.tenant_changed.v1"}
    type = min(types).replace("*", "customer_created.v1")
    raw = b'{"customer_id": "%s", "text": "zebedina"' % str(customer).encode()
    await any_service.deliver({"type": type, "key": customer, "data": {}, "raw": raw})
    assert await tables_with(any_service, TEXT) == ["chassis.dead_letter"]
    assert (await erase(any_service, customer))["chassis.dead_letter", "deleted"] >= 1
    assert await tables_with(any_service, TEXT) == []


async def test_only_the_worker_erases_and_only_erased_persons(any_service: ServiceUnderTest) -> None:
    call = "select chassis.erase_rows(array[gen_random_uuid()], 'customer', 'id', '{}')"
    with pytest.raises(asyncpg.RaiseError, match="not every person is erased"):
        await any_service.rows(call)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await any_service.shared.running.pool.execute(call)


# interactions


def a_touch_point(customer: UUID, number: int = 1) -> dict[str, Any]:
    return {
        "customer_id": str(customer),
        "source": "phone",
        "source_id": f"zebedina-{number}",
        "channel": "phone",
        "direction": "inbound",
        "subject": "zebedina's parcel",
        "body": "Zebedina asked when it arrives.",
        "occurred_at": "2026-03-02T15:30:00Z",
        "data": {"caller": "zebedina"},
    }


def a_named_purchase(customer: UUID, **fields: Any) -> dict[str, Any]:
    line = {"sku": "ring", "name": "Ring for Zebedina", "quantity": "1", "amount": "10.00"}
    return a_purchase(customer, source_id=f"zebedina-{uuid7()}", lines=[line], **fields)


async def test_touch_points_go_and_purchases_stay_without_texts(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    purchase = (await interactions.post("/v1/purchases", a_named_purchase(customer), Idempotency_Key="1")).json()
    refund = {"source": "till", "source_id": "zebedina", "refunded_at": "2026-03-02T10:00:00Z", "amount": "4.00"}
    await interactions.post(f"/v1/purchases/{purchase['id']}/refunds", refund, Idempotency_Key="2")
    await interactions.post("/v1/touch-points", a_touch_point(customer), Idempotency_Key="3")
    rows = await erase(interactions, customer)
    assert (rows["touch_point", "deleted"], rows["purchase", "anonymised"], rows["refund", "anonymised"]) == (1, 1, 1)
    assert await tables_with(interactions, TEXT) == []
    stored = (await interactions.get(f"/v1/purchases/{purchase['id']}")).json()
    assert (stored["total"], stored["lines"][0]["name"]) == (purchase["total"], None)
    timeline = (await interactions.get(f"/v1/timelines/{customer}")).json()["items"]
    assert {entry["kind"] for entry in timeline} == {"purchase", "refund"}


async def test_records_of_an_erased_customer_are_refused(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await erase(interactions, customer)
    for path, body in (("purchases", a_named_purchase(customer)), ("touch-points", a_touch_point(customer))):
        answer = await interactions.post(f"/v1/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (410, "person_erased"), path
    items = [a_named_purchase(customer), a_purchase(), a_named_purchase(customer)]
    results = (await interactions.post("/v1/purchases/batch", {"items": items})).json()["results"]
    assert [result["status"] for result in results] == ["refused", "created", "refused"]
    assert results[0]["problem"]["code"] == "person_erased"
    assert await tables_with(interactions, TEXT) == []


async def test_rows_of_requests_that_ran_during_the_erasure_are_erased_later(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasures, "SETTLING_SECONDS", 0)
    customer = uuid7()
    async with interactions.transaction() as late:  # it began before the erasure, and commits after it
        await late.begin()
        await late.defer(insert_of(customer))
        await late.begin()
        await erase(interactions, customer)
    assert await tables_with(interactions, TEXT) == ["public.touch_point"]
    await interactions.run_periodic_tasks()
    assert await tables_with(interactions, TEXT) == []


def insert_of(customer: UUID) -> Statement:
    columns = "source, source_id, content_hash, recorded_at, customer_id, channel, direction, subject, occurred_at"
    values = f"'phone', '1', '', now(), '{customer}', 'phone', 'inbound', 'Zebedina', now()"
    return Statement(f"insert into touch_point ({columns}) values ({values})", [])


# loyalty


async def test_a_hold_is_released_and_the_membership_ends(loyalty: ServiceUnderTest) -> None:
    customer, path = await a_member(loyalty, "100.00")
    adjustment = {"points": 5, "reason": "Zebedina was kind"}
    await loyalty.post(f"{path}/adjustments", adjustment, Idempotency_Key="1")
    hold = {"points": 60, "mode": "reserve", "order_reference": "zebedina-1"}
    await loyalty.post(f"{path}/redemptions", hold, Idempotency_Key="2")
    rows = await erase(loyalty, customer)
    assert (rows["membership", "anonymised"], rows["points_adjustment", "anonymised"]) == (1, 1)
    assert await tables_with(loyalty, TEXT) == []
    membership = await membership_of(loyalty, customer)
    assert membership is not None
    balance = membership["balance"]
    assert (membership["state"], balance["available"], balance["reserved"]) == ("left", 105, 0)
    assert (await loyalty.get("/v1/ledger/verify")).json()["differences"] == []


async def test_an_erased_member_neither_joins_nor_earns_again(loyalty: ServiceUnderTest) -> None:
    customer, _ = await a_member(loyalty, "100.00")
    program = (await loyalty.post("/v1/programs", a_program(enrolment="open"))).json()["id"]
    await erase(loyalty, customer)
    answer = await loyalty.post("/v1/memberships", {"program_id": program, "customer_id": str(customer)})
    assert (answer.status_code, answer.json()["code"]) == (410, "person_erased")
    await loyalty.deliver(purchase_recorded("50.00", customer))
    assert await loyalty.published() == []
    assert len((await loyalty.get("/v1/memberships", customer_id=str(customer))).json()["items"]) == 1


# analytics


async def test_figures_of_the_past_stay_and_late_purchases_count(analytics: ServiceUnderTest) -> None:
    customer, other = uuid7(), uuid7()
    await analytics.deliver(purchase_recorded("10.00", customer), purchase_recorded("5.00", other))
    before = (await analytics.get("/v1/analytics/pareto")).json()
    rows = await erase(analytics, customer)
    assert rows["purchase_fact", "kept"] == 1
    assert (await analytics.get("/v1/analytics/pareto")).json()["revenue"] == before["revenue"]
    await analytics.deliver(purchase_recorded("2.00", customer))
    assert (await analytics.get("/v1/analytics/pareto")).json()["revenue"] == "17.00"


async def test_a_repeat_answers_with_all_that_was_erased(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.post("/v1/touch-points", a_touch_point(customer))
    await interactions.published()
    asked = erasure_of(customer)
    for _ in range(2):
        await interactions.deliver(asked | {"id": uuid7()})
        assert rows_of((await interactions.published())[-1])["touch_point", "deleted"] == 1


async def test_a_restored_backup_does_not_bring_the_person_back(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.post("/v1/touch-points", a_touch_point(customer))
    person = ErasedPerson(interactions.tenant.id, customer, uuid7(), datetime(2026, 3, 1, tzinfo=UTC))
    settings = interactions.shared.running.settings
    assert (await add_erased(settings, [person]), await add_erased(settings, [person])) == (1, 0)
    assert person in await read_erased(settings)
    assert (await interactions.post("/v1/touch-points", a_touch_point(customer, 2))).status_code == 410
    await interactions.run_periodic_tasks()
    assert await tables_with(interactions, TEXT) == []
