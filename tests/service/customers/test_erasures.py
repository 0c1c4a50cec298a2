"""Erasures: a grace period, the event to all services, their answers, the certificate, and what is left of a record."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from services.customers.lifecycle.rules.erasing import SERVICES, retry_delay
from tests.support.erasure import tables_with
from tests.support.facts import a_customer
from tests.support.service import Published, ServiceUnderTest

ERASED = "customers.customer_erased.v1"
TEXTS = {
    "given_name": "Zebedina",
    "family_name": "Quorthon",
    "emails": [{"address": "zebedina@quorthon.example", "label": "zebhome"}],
    "phones": [{"number": "+31207940801"}],
    "addresses": [{"street": "Zebstreet 1", "city": "Zebtown"}],
    "external_ids": [{"source": "till", "id": "zeb-4711"}],
    "birth_date": "1971-02-03",
    "occupation": "zebkeeper",
    "area": "Zebland",
    "tags": ["zebtag"],
    "custom": {"secret": "zebsecret"},
}


async def a_person(customers: ServiceUnderTest) -> str:
    answer = await customers.post("/v1/customers", a_customer(**TEXTS), Idempotency_Key=str(uuid7()))
    return str(answer.json()["id"])


async def request(customers: ServiceUnderTest, customer: str, **fields: Any) -> httpx.Response:
    return await customers.post("/v1/erasures", {"customer_id": customer, "reason": "requested", **fields})


async def erase(customers: ServiceUnderTest, customer: str) -> str:
    """Erase a customer in this service, which does not answer for the others. Returns the erasure."""
    erasure = (await request(customers, customer, grace_days=0, requested_by="Zebedina herself")).json()["id"]
    await deliver(customers, await customers.published())
    return str(erasure)


async def deliver(customers: ServiceUnderTest, events: list[Published]) -> None:
    """Deliver the service's own events to it, as Kafka would."""
    await customers.deliver([{"id": one.id, "type": one.type, "key": one.subject, "data": one.data} for one in events])


async def answer_of(customers: ServiceUnderTest, service: str, erasure: str, rows: int = 1) -> None:
    data = {
        "erasure_id": erasure,
        "customer_id": str(uuid7()),
        "tables": [{"table": "touch_point", "action": "deleted", "rows": rows}],
        "completed_at": "2026-03-01T10:00:00Z",
    }
    await customers.deliver({"type": f"{service}.erasure_completed.v1", "key": erasure, "data": data})


async def texts_left(customers: ServiceUnderTest) -> list[str]:
    return await tables_with(customers, "zeb", "31207940801", "quorthon")


async def test_after_the_grace_period_every_service_is_asked(customers: ServiceUnderTest) -> None:
    sandbox = await customers.for_new_tenant(kind="sandbox", clock_at="2026-03-01T10:00:00Z", clock_runs_since=None)
    customer = await a_person(sandbox)
    await sandbox.published()
    erasure = (await request(sandbox, customer, grace_days=3)).json()
    assert (erasure["state"], erasure["due_at"]) == ("requested", "2026-03-04T10:00:00Z")
    await sandbox.run_periodic_tasks()
    assert (await sandbox.get(f"/v1/customers/{customer}")).status_code == 200
    facts = sandbox.tenant.model_copy(update={"clock_at": sandbox.tenant.now() + timedelta(days=3)})
    later = sandbox.for_tenant(facts)
    await later.announce()
    await later.run_periodic_tasks()
    (asked,) = await later.published()
    assert (asked.type, asked.subject, asked.data["customer_ids"]) == (ERASED, customer, [customer])
    assert (await later.get(f"/v1/customers/{customer}")).status_code == 410
    assert (await later.get(f"/v1/erasures/{erasure['id']}")).json()["missing"] == list(SERVICES)


async def test_nothing_of_the_person_is_left_but_the_id(customers: ServiceUnderTest) -> None:
    customer = await a_person(customers)
    consent = {
        "purpose": "newsletter",
        "channel": "email",
        "decision": "granted",
        "source": "zebform",
        "wording": "zeb",
    }
    await customers.post(f"/v1/customers/{customer}/consents", consent, Idempotency_Key="consent")
    end = {"reason": "competitor", "competitor": "zebcorp", "note": "zebnote"}
    await customers.post(f"/v1/customers/{customer}/end-relationship", end)
    assert await texts_left(customers) != []
    await erase(customers, customer)
    await customers.run_periodic_tasks()
    assert await texts_left(customers) == []
    answer = await customers.get(f"/v1/customers/{customer}")
    assert (answer.status_code, answer.json()["code"]) == (410, "person_erased")
    for filters in ({"email": "zebedina@quorthon.example"}, {"q": "quorthon"}, {"external_id": "till:zeb-4711"}, {}):
        assert (await customers.get("/v1/customers", **filters)).json()["items"] == [], filters


async def test_requests_for_an_erased_customer_are_refused(customers: ServiceUnderTest) -> None:
    customer = await a_person(customers)
    key = str(uuid7())
    first = await customers.patch(f"/v1/customers/{customer}", {"occupation": "zebra"}, Idempotency_Key=key)
    await erase(customers, customer)
    again = await customers.patch(f"/v1/customers/{customer}", {"occupation": "zebra"}, Idempotency_Key=key)
    assert (first.status_code, again.status_code, again.json()["code"]) == (200, 410, "person_erased")
    writes = (
        ("PATCH", "", {"occupation": "poet"}),
        ("POST", "/consents", {"purpose": "newsletter", "channel": "email", "decision": "granted", "source": "x"}),
        ("POST", "/end-relationship", {"reason": "price"}),
    )
    for method, path, body in writes:
        answer = await customers.request(method, f"/v1/customers/{customer}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (410, "person_erased"), path
    assert (await request(customers, customer)).status_code == 410
    new = await customers.post("/v1/customers", a_customer(**TEXTS))
    assert (new.status_code, new.json()["id"] != customer) == (201, True)


async def test_an_erasure_is_cancelled_in_its_grace_period_only(customers: ServiceUnderTest) -> None:
    customer = await a_person(customers)
    erasure = (await request(customers, customer)).json()["id"]
    refused = await request(customers, customer)
    assert (refused.status_code, refused.json()["code"]) == (409, "erasure_already_requested")
    assert refused.json()["erasure_id"] == erasure
    assert (await customers.post(f"/v1/erasures/{erasure}/cancel", None)).json()["state"] == "cancelled"
    assert (await customers.get(f"/v1/customers/{customer}")).status_code == 200
    begun = await erase(customers, customer)
    late = await customers.post(f"/v1/erasures/{begun}/cancel", None)
    assert (late.status_code, late.json()["code"]) == (409, "erasure_not_cancellable")


async def test_with_the_last_answer_there_is_a_certificate(customers: ServiceUnderTest) -> None:
    erasure = await erase(customers, await a_person(customers))
    await deliver(customers, await customers.published())
    for service in ("interactions", "loyalty", "analytics"):
        await answer_of(customers, service, erasure)
    early = await customers.get(f"/v1/erasures/{erasure}/certificate")
    assert (early.status_code, early.json()["missing"]) == (409, ["gateway"])
    await answer_of(customers, "gateway", erasure)
    (certified,) = await customers.published()
    assert certified.type == "customers.erasure_certified.v1"
    certificate = (await customers.get(f"/v1/erasures/{erasure}/certificate")).json()
    assert [answer["service"] for answer in certificate["answers"]] == sorted(SERVICES)
    own = {(row["table"], row["action"]): row["rows"] for row in certificate["answers"][1]["tables"]}
    assert (own["customer", "anonymised"], own["contact_point", "deleted"]) == (1, 2)
    assert certificate["remaining"]["kafka_until"] > certificate["completed_at"]
    page = await customers.request(
        "GET", f"/v1/erasures/{erasure}/certificate", headers={"accept": "text/html,application/xhtml+xml"}
    )
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>Certificate of erasure</h1>" in page.text


async def test_a_repeated_answer_replaces_the_earlier_one(customers: ServiceUnderTest) -> None:
    erasure = await erase(customers, await a_person(customers))
    await answer_of(customers, "loyalty", erasure, rows=1)
    await answer_of(customers, "loyalty", erasure, rows=3)
    await answer_of(customers, "loyalty", str(uuid7()))
    answers = (await customers.get(f"/v1/erasures/{erasure}")).json()["answers"]
    assert [row["rows"] for answer in answers for row in answer["tables"] if answer["service"] == "loyalty"] == [3]
    assert await customers.dead_letters() == []


async def test_a_service_that_does_not_answer_is_asked_again(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    saga = "services.customers.lifecycle.erasures.saga.retry_delay"
    monkeypatch.setattr(saga, lambda attempts: timedelta(seconds=-1 if attempts == 1 else 60))
    erasure = await erase(customers, await a_person(customers))
    await customers.published()
    await customers.run_periodic_tasks()
    (asked,) = await customers.published()
    assert (asked.type, asked.data["attempt"]) == (ERASED, 2)
    shown = (await customers.get(f"/v1/erasures/{erasure}")).json()
    assert (shown["attempts"], shown["overdue"]) == (2, True)
    await deliver(customers, [asked])
    (answer,) = await customers.published()
    own = {(row["table"], row["action"]): row["rows"] for row in answer.data["tables"]}
    assert own["customer", "anonymised"] == 1, "a repeated erasure answers with all that was erased"


def test_the_time_between_requests_doubles_up_to_an_hour() -> None:
    assert [retry_delay(attempts) / timedelta(minutes=1) for attempts in (1, 2, 3, 9, 99)] == [1, 2, 4, 60, 60]


async def test_of_two_requests_at_once_one_counts(customers: ServiceUnderTest) -> None:
    customer = await a_person(customers)
    answers = await asyncio.gather(*(request(customers, customer) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"customer_id": str(uuid7())}, 422), ({"reason": "boredom"}, 422), ({"grace_days": 31}, 422)],
)
async def test_an_impossible_request_is_refused(
    customers: ServiceUnderTest, fields: dict[str, Any], status: int
) -> None:
    assert (await request(customers, await a_person(customers), **fields)).status_code == status


async def test_late_events_do_not_bring_the_person_back(customers: ServiceUnderTest) -> None:
    customer = await a_person(customers)
    created = await customers.published()
    await erase(customers, customer)
    await customers.published()
    await deliver(customers, created)
    assert (await customers.get(f"/v1/customers/{customer}")).status_code == 410


async def test_merged_records_are_erased_with_their_survivor(customers: ServiceUnderTest) -> None:
    survivor, merged = (
        await a_person(customers),
        str((await customers.post("/v1/customers", a_customer())).json()["id"]),
    )
    merge = await customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": merged})
    assert merge.is_success, merge.text
    await customers.published()
    erasure = (await request(customers, merged, grace_days=0)).json()
    assert (erasure["customer_id"], erasure["customer_ids"]) == (survivor, sorted([survivor, merged]))
    await deliver(customers, await customers.published())
    for id in (survivor, merged):
        assert (await customers.get(f"/v1/customers/{id}")).status_code == 410, id
    undo = await customers.post(f"/v1/merges/{merge.json()['id']}/undo", None)
    assert undo.status_code in (409, 410), undo.text
    again = await customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": await a_person(customers)})
    assert again.status_code in (409, 410), again.text
