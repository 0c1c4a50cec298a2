"""Equal requests at once, of every operation that changes something: one effect, one answer, and nobody waits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.facts import a_customer
from tests.support.requests import every_request
from tests.support.service import ServiceUnderTest

IN_FLIGHT = "idempotency_key_in_flight"
GATE = 4711


@pytest.mark.generated
async def test_equal_requests_with_one_key_do_what_one_of_them_does(running: ServiceUnderTest) -> None:
    """Of two tenants one sends each request once and the other twelve times at once: both end with as many rows."""
    once, many = await running.for_new_tenant(), await running.for_new_tenant()
    requests = zip(await every_request(once, safe=False), await every_request(many, safe=False), strict=True)
    for single, repeated in requests:
        await single.sent_to(once, key="k")
        answers = await asyncio.gather(*(repeated.sent_to(many, key="k") for _ in range(12)))
        given = {(one.status_code, one.content) for one in answers if not is_in_flight(one)}
        assert len(given) == 1, f"{repeated}: {given}"
        again = await repeated.sent_to(many, key="k")
        assert {(again.status_code, again.content)} == given, f"{repeated}: {again.text}"
        assert again.headers["idempotency-replayed"] == "true", repeated
        assert await counts(many) == await counts(once), repeated


def is_in_flight(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["code"] == IN_FLIGHT


async def counts(service: ServiceUnderTest) -> dict[str, int]:
    """How many rows the tenant has in each table that a request writes to."""
    tables = [*service.service.metadata.tables, "chassis.outbox", "chassis.audit", "chassis.idempotency"]
    return {
        table: (await service.rows(f"select count(*) from {table} where tenant_id = $1", service.tenant.id))[0]["count"]
        for table in tables
    }


async def test_while_a_key_is_in_flight_nobody_waits_for_it(customers: ServiceUnderTest) -> None:
    """Fifty requests and a pool of eight: the others are answered at once, and so is whoever else comes."""
    async with commits_wait(customers, "customer", "new.given_name = 'Slow'") as opened:
        # The id is unique: who wrote it before asking for the key would wait for the first one.
        named = a_customer(given_name="Slow", external_ids=[{"source": "till", "id": "slow"}])
        slow = {"json": named, "headers": {"idempotency-key": "k"}}
        first = asyncio.create_task(customers.request("POST", "/v1/customers", **slow))
        await somebody_waits(customers)
        async with asyncio.timeout(8):  # the first one has not been answered, so no other waited for it
            others = await asyncio.gather(*(customers.request("POST", "/v1/customers", **slow) for _ in range(49)))
            other = await customers.post("/v1/customers", a_customer(), idempotency_key="another")
        assert Counter(is_in_flight(one) for one in others) == {True: 49}
        assert all(one.headers["retry-after"] for one in others)
        assert (other.status_code, first.done()) == (201, False)
        await opened()
        answer = await first
    again = await customers.request("POST", "/v1/customers", **slow)
    assert (answer.status_code, again.status_code, again.content) == (201, 201, answer.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await customers.rows("select * from customer where given_name = 'Slow'")) == 1


@asynccontextmanager
async def commits_wait(service: ServiceUnderTest, table: str, condition: str) -> AsyncIterator[Any]:
    """Holds transactions that write such a row at their commit, until what it yields is called."""
    gate = await asyncpg.connect(str(service.service.settings.migration_database_url))
    await gate.execute(f"select pg_advisory_lock({GATE})")
    await service.as_owner(
        "create function wait_at_the_gate() returns trigger language plpgsql as $$ begin "
        f"if {condition} and new.tenant_id = '{service.tenant.id}' then perform pg_advisory_xact_lock({GATE}); end if; "
        "return new; end $$",
        f"create constraint trigger wait_at_the_gate after insert on {table} deferrable initially deferred "
        "for each row execute function wait_at_the_gate()",
    )
    try:
        yield lambda: gate.execute(f"select pg_advisory_unlock({GATE})")
    finally:
        await gate.close()
        await service.as_owner(f"drop trigger wait_at_the_gate on {table}", "drop function wait_at_the_gate")


async def somebody_waits(service: ServiceUnderTest) -> None:
    """Returns once a transaction stands before the gate."""
    waiting = f"select 1 from pg_locks where locktype = 'advisory' and objid = {GATE} and not granted"
    async with asyncio.timeout(8):
        while not await service.shared.worker_pool.fetchval(waiting):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
