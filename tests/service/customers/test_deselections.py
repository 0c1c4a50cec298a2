"""De-selections: evidence, the decision of another person, notice, appeal, effect and expiry."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest

EVIDENCE = {"kind": "contribution", "value": "-120.00", "period_days": 365}
APPROVAL = {"decision": "approved", "reason": "A year of losses.", "notice_channel": "post", "notice_days": 14}


class Decider(ServiceUnderTest):
    """The service for another person of the tenant."""

    @property
    def caller(self) -> Any:
        """The other person."""
        return super().caller.__class__(self.tenant, "user:decider", self.scopes)


def decider_of(customers: ServiceUnderTest) -> ServiceUnderTest:
    other = Decider(customers.service, customers.data_dir)
    other.tenant, other._shared = customers.tenant, customers.shared
    return other


async def a_client(customers: ServiceUnderTest) -> str:
    return str((await customers.post("/v1/customers", a_customer(lifecycle="client"))).json()["id"])


async def propose(customers: ServiceUnderTest, customer: str, **fields: Any) -> httpx.Response:
    body = {"customer_id": customer, "treatment": "end", "reason": "Costs more.", "evidence": [EVIDENCE], **fields}
    return await customers.post("/v1/deselections", body)


async def decide(customers: ServiceUnderTest, id: str, **fields: Any) -> httpx.Response:
    return await decider_of(customers).post(f"/v1/deselections/{id}/decide", APPROVAL | fields)


async def a_sandbox(customers: ServiceUnderTest) -> ServiceUnderTest:
    return await customers.for_new_tenant(kind="sandbox", clock_at="2026-03-01T10:00:00Z", clock_runs_since=None)


async def days_later(customers: ServiceUnderTest, days: int) -> ServiceUnderTest:
    facts = customers.tenant.model_copy(update={"clock_at": customers.tenant.now() + timedelta(days=days)})
    later = customers.for_tenant(facts)
    await later.announce()
    await later.run_periodic_tasks()
    return later


async def state(customers: ServiceUnderTest, id: str) -> str:
    return str((await customers.get(f"/v1/deselections/{id}")).json()["state"])


async def test_a_treatment_takes_effect_after_a_decision_and_its_notice(customers: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(customers)
    customer = await a_client(sandbox)
    proposed = (await propose(sandbox, customer)).json()
    await sandbox.published()
    decided = (await decide(sandbox, proposed["id"])).json()
    assert (decided["state"], decided["takes_effect_at"]) == ("approved", "2026-03-15T10:00:00Z")
    (event,) = await sandbox.published()
    assert (event.type, event.data["notice_channel"]) == ("customers.deselection_decided.v1", "post")
    early = await days_later(sandbox, 13)
    assert await state(early, proposed["id"]) == "approved"
    assert (await early.get(f"/v1/customers/{customer}")).json()["state"] == "active"
    late = await days_later(sandbox, 14)
    assert await state(late, proposed["id"]) == "in_effect"
    assert (await late.get(f"/v1/customers/{customer}")).json()["state"] == "ended"
    (end,) = (await late.get("/v1/relationship-ends")).json()["items"]
    assert end["reason"] == "ended_by_us"
    types = [event.type for event in await late.published()]
    assert types[0] == "customers.deselection_took_effect.v1"
    over = await days_later(sandbox, 14 + 365)
    assert await state(over, proposed["id"]) == "expired"


async def test_the_proposer_does_not_decide(customers: ServiceUnderTest) -> None:
    id = (await propose(customers, await a_client(customers))).json()["id"]
    answer = await customers.post(f"/v1/deselections/{id}/decide", APPROVAL)
    assert (answer.status_code, answer.json()["code"]) == (409, "proposer_may_not_decide")
    assert await state(customers, id) == "proposed"


async def test_no_approval_is_silent(customers: ServiceUnderTest) -> None:
    id = (await propose(customers, await a_client(customers))).json()["id"]
    silent = {"decision": "approved", "reason": "Losses."}
    answer = await decider_of(customers).post(f"/v1/deselections/{id}/decide", silent)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "notice_required")
    assert await state(customers, id) == "proposed"


@pytest.mark.parametrize("kind", ["age", "area", "birth_date", "postal_code", "gender"])
async def test_the_person_is_no_evidence(customers: ServiceUnderTest, kind: str) -> None:
    answer = await propose(customers, await a_client(customers), evidence=[EVIDENCE | {"kind": kind}])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/evidence/0/kind")


async def test_an_appeal_stops_the_treatment_until_it_is_decided(customers: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(customers)
    id = (await propose(sandbox, await a_client(sandbox))).json()["id"]
    await decide(sandbox, id)
    appealed = await sandbox.post(f"/v1/deselections/{id}/appeal", {"reason": "The faults were yours."})
    assert appealed.json()["state"] == "appealed"
    later = await days_later(sandbox, 30)
    assert await state(later, id) == "appealed"
    body = {"outcome": "reversed", "reason": "Confirmed."}
    assert (await later.post(f"/v1/deselections/{id}/decide-appeal", body)).status_code == 409
    reversed_ = await decider_of(later).post(f"/v1/deselections/{id}/decide-appeal", body)
    assert (reversed_.status_code, reversed_.json()["state"]) == (200, "reversed")
    assert await state(await days_later(sandbox, 60), id) == "reversed"


async def test_an_appeal_that_nobody_decides_ends_with_the_treatment(customers: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(customers)
    customer = await a_client(sandbox)
    id = (await propose(sandbox, customer)).json()["id"]
    await decide(sandbox, id, days=30)
    assert (await sandbox.post(f"/v1/deselections/{id}/appeal", {"reason": "No."})).json()["state"] == "appealed"
    await sandbox.published()
    assert await state(await days_later(sandbox, 14 + 29), id) == "appealed"
    over = await days_later(sandbox, 14 + 30)
    assert await state(over, id) == "expired"
    assert [event.type for event in await over.published()] == ["customers.deselection_ended.v1"]
    late = {"outcome": "upheld", "reason": "Too late."}
    assert (await decider_of(over).post(f"/v1/deselections/{id}/decide-appeal", late)).status_code == 409
    assert (await propose(over, customer)).status_code == 201


async def test_an_undecided_proposal_expires(customers: ServiceUnderTest) -> None:
    sandbox = await a_sandbox(customers)
    customer = await a_client(sandbox)
    id = (await propose(sandbox, customer)).json()["id"]
    later = await days_later(sandbox, 90)
    assert await state(later, id) == "expired"
    late = await decide(later, id)
    assert (late.status_code, late.json()["state"]) == (409, "expired")
    assert (await propose(later, customer)).status_code == 201


async def test_a_customer_has_one_open_deselection_also_at_once(customers: ServiceUnderTest) -> None:
    customer = await a_client(customers)
    answers = await asyncio.gather(*(propose(customers, customer) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    id = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    decisions = await asyncio.gather(*(decide(customers, id, decision="rejected") for _ in range(3)))
    assert sorted(answer.status_code for answer in decisions) == [200, 409, 409]
    assert (await propose(customers, customer)).status_code == 201
    assert (await propose(customers, str(uuid7()))).status_code == 422
