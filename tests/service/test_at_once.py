"""Concurrent equal requests: every operation that writes has a single effect and response, and no request waits."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.support.facts import a_customer
from tests.support.faults import commits_wait, until_a_commit_waits
from tests.support.requests import every_request
from tests.support.service import ServiceUnderTest

IN_FLIGHT = "idempotency_key_in_flight"


@pytest.mark.generated
async def test_equal_requests_with_one_key_do_what_one_of_them_does(running: ServiceUnderTest) -> None:
    """A tenant sends each request once, and another sends it twelve times at once. Both end with as many rows."""
    once, many = await running.for_new_tenant(), await running.for_new_tenant()
    requests = zip(await every_request(once, safe=False), await every_request(many, safe=False), strict=True)
    for single, repeated in requests:
        await single.sent_to(once, key="k")
        answers = await asyncio.gather(*(repeated.sent_to(many, key="k") for _ in range(12)))
        again = await repeated.sent_to(many, key="k")
        if repeated.operation.returns_secret:
            assert [one.is_success for one in answers].count(True) == 1, repeated
            assert again.json()["code"] == "secret_not_replayable", repeated
        else:
            given = {(one.status_code, one.content) for one in answers if not is_in_flight(one)}
            assert len(given) == 1, f"{repeated}: {given}"
            assert {(again.status_code, again.content)} == given, f"{repeated}: {again.text}"
            replayed = None if repeated.operation.is_public else "true"
            assert again.headers.get("idempotency-replayed") == replayed, repeated
        assert await counts(many) == await counts(once), repeated


def is_in_flight(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["code"] == IN_FLIGHT


async def counts(service: ServiceUnderTest) -> dict[str, int]:
    """Return the number of rows of the tenant in each table that a request writes to."""
    tables = [*service.service.metadata.tables, "chassis.outbox", "chassis.audit", "chassis.idempotency"]
    return {
        table: (await service.rows(f"select count(*) from {table} where tenant_id = $1", service.tenant.id))[0]["count"]
        for table in tables
    }


async def test_while_a_key_is_in_flight_nobody_waits_for_it(customers: ServiceUnderTest) -> None:
    """Fifty requests share eight connections. The repetitions and an unrelated request are answered immediately."""
    async with commits_wait(customers, "customer", "new.given_name = 'Slow'") as open_the_gate:
        # The id is unique: a request that inserted it before acquiring the key would wait for the first request.
        named = a_customer(given_name="Slow", external_ids=[{"source": "till", "id": "slow"}])
        slow = {"json": named, "headers": {"idempotency-key": "k"}}
        first = asyncio.create_task(customers.request("POST", "/v1/customers", **slow))
        await until_a_commit_waits(customers)
        async with asyncio.timeout(8):  # the first request is still open, so no other waited for it
            others = await asyncio.gather(*(customers.request("POST", "/v1/customers", **slow) for _ in range(49)))
            other = await customers.post("/v1/customers", a_customer(), idempotency_key="another")
        assert Counter(is_in_flight(one) for one in others) == {True: 49}
        assert all(one.headers["retry-after"] for one in others)
        assert (other.status_code, first.done()) == (201, False)
        await open_the_gate()
        answer = await first
    again = await customers.request("POST", "/v1/customers", **slow)
    assert (answer.status_code, again.status_code, again.content) == (201, 201, answer.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await customers.rows("select * from customer where given_name = 'Slow'")) == 1
