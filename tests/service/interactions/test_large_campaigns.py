"""Large campaigns: a million recipients are planned within a minute, in memory that does not grow with them."""

import resource
import time

import pytest

from tests.support.campaigns import a_draft, read, step
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.nightly
CUSTOMERS = 200_000
MAX_SECONDS_PER_MILLION = 60
MAX_GROWTH_BYTES = 64 * 2**20


async def test_planning_takes_a_minute_for_a_million_and_flat_memory(interactions: ServiceUnderTest) -> None:
    await interactions.as_owner(
        f"""
        insert into customer_profile (tenant_id, id, version, contact_version, state, languages)
        select '{interactions.tenant.id}', gen_random_uuid(), 1, 1, 'active', '{{}}'
        from generate_series(1, {CUSTOMERS})
        """,
        "analyze customer_profile",
    )
    campaign = await a_draft(interactions)
    await step(interactions, campaign, "schedule", send_local="2199-01-01T10:00")
    await interactions.as_owner(f"update campaign set starts_at = now() where id = '{campaign['id']}'")
    await interactions.run_periodic_tasks()
    await interactions.run_jobs(chunks=1)  # imports and caches are not counted
    before, began = _peak_bytes(), time.perf_counter()
    await interactions.run_jobs()
    seconds = time.perf_counter() - began
    assert (await read(interactions, campaign))["planned"] == CUSTOMERS
    assert seconds * 1_000_000 / CUSTOMERS < MAX_SECONDS_PER_MILLION
    assert _peak_bytes() - before < MAX_GROWTH_BYTES


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
