"""Shared rate limits: all replicas of the gateway together grant no more than the rate, and no less."""

import asyncio
import time

import asyncpg
import httpx

from chassis.core.identity import Caller
from chassis.core.problems import TooManyRequests
from chassis.db.pool import open_pool
from chassis.types.ids import uuid7
from gateway.access.key_cache import Credential
from gateway.proxy.rate_limits import RateLimits
from gateway.settings import Settings
from local.data_dir import DataDir
from tests.support import commands
from tests.support.edge import Gateway, gateway_at, recording
from tests.support.gateway import Shop, a_shop
from tests.support.service import ServiceUnderTest, a_tenant, settings_of

BURST = {"request_burst_seconds": 1_000_000}
"""Buckets hold a million seconds' worth of requests, so that none come back while a test runs."""


def a_replica(gateway: ServiceUnderTest, pool: asyncpg.Pool | None = None, **changes: float) -> RateLimits:
    settings = settings_of(gateway.data_dir, gateway.service, shared_rate_limits=True, **changes)
    assert isinstance(settings, Settings)
    return RateLimits(settings, pool or gateway.shared.running.pool)


def new_credential(key_rate: float | None = None) -> Credential:
    caller = Caller(a_tenant(), "key:x", frozenset())
    return Credential(id := uuid7(), caller, b"", None, False, False, id, key_rate=key_rate)


async def is_admitted(limits: RateLimits, credential: Credential) -> bool:
    await limits.lease(credential)
    try:
        limits.admit(credential)
    except TooManyRequests:
        return False
    return True


async def admitted(credential: Credential, count: int, *replicas: RateLimits) -> int:
    """Send requests to each replica at once, and return how many were admitted."""
    requests = [is_admitted(limits, credential) for _ in range(count) for limits in replicas]
    return sum(await asyncio.gather(*requests))


async def test_replicas_grant_the_rate_together(gateway: ServiceUnderTest) -> None:
    for tokens in (1, 30, 500):
        replicas = [a_replica(gateway, key_requests_per_second=tokens / 1e6, **BURST) for _ in range(3)]
        credential = new_credential()
        assert await admitted(credential, 400, *replicas) == tokens
        assert await admitted(credential, 5, *replicas) == 0


async def test_leased_tokens_that_are_not_spent_are_few(gateway: ServiceUnderTest) -> None:
    """A replica that has served a request keeps at most 50 ms' worth of tokens from the others."""
    first, second = (a_replica(gateway, tenant_requests_per_second=400, request_burst_seconds=1) for _ in range(2))
    credential = new_credential(key_rate=1e6)
    assert await is_admitted(first, credential)
    started = time.monotonic()
    assert 379 <= await admitted(credential, 2_000, second) <= 400 + 400 * (time.monotonic() - started)


async def test_tokens_come_back_at_the_rate(gateway: ServiceUnderTest) -> None:
    replicas = [a_replica(gateway, tenant_requests_per_second=100, request_burst_seconds=1) for _ in range(2)]
    credential = new_credential(key_rate=1e6)
    started = time.monotonic()
    count = 0
    while time.monotonic() < started + 0.6:
        count += await admitted(credential, 20, *replicas)
        await asyncio.sleep(0.01)
    seconds = time.monotonic() - started
    assert 80 + 80 * seconds <= count <= 101 + 100 * seconds


async def test_requests_are_served_while_the_database_does_not_respond(gateway: ServiceUnderTest) -> None:
    settings = gateway.shared.running.settings
    pool = await open_pool(settings.database_url, settings, size=1)
    replica = a_replica(gateway, pool, tenant_requests_per_second=20 / 1e6, **BURST)
    credential = new_credential()
    await pool.close()
    assert await admitted(credential, 50, replica) == 20


async def test_two_gateways_grant_a_tenant_the_rate_that_a_command_has_set(
    database: DataDir, gateway: ServiceUnderTest
) -> None:
    shop = await a_shop(gateway)
    name = str(shop.tenant.id)
    command = ["tenants", "limit", name, "--requests-per-second", "0.3"]
    limited = await asyncio.to_thread(commands.run, command, database.root)
    assert limited.code == 0, limited.errors
    options = {"SHARED_RATE_LIMITS": "true", "REQUEST_BURST_SECONDS": "100"}
    async with (
        recording() as recorder,
        gateway_at(database, recorder.port, **options) as first,
        gateway_at(database, recorder.port, **options) as second,
    ):
        started = time.monotonic()
        responses = await asyncio.gather(get_often(shop, first), get_often(shop, second))
        seconds = time.monotonic() - started
        served = [response for each in responses for response in each if response.status_code == 200]
        assert 30 <= len(served) <= 30 + 0.3 * seconds
        assert len(recorder.taken()) == len(served)
        (refused, *_) = (response for each in responses for response in each if response.status_code == 429)
        assert refused.json()["code"] == "too_many_requests"
        assert refused.headers["ratelimit"].startswith('"tenant";r=0')
        assert refused.headers["retry-after"] == "4"


async def get_often(shop: Shop, gateway: Gateway) -> list[httpx.Response]:
    key = {"authorization": f"Bearer {shop.key}"}
    async with httpx.AsyncClient(
        base_url=gateway.url, headers=key, trust_env=False, verify=False, timeout=30
    ) as client:
        return await asyncio.gather(*(client.get("/v1/customers") for _ in range(40)))


async def test_limits_by_command_hold_within_a_second_and_are_shown(
    database: DataDir, gateway: ServiceUnderTest, shop: Shop
) -> None:
    other = await a_shop(gateway)

    async def limit(*words: str) -> str:
        ended = await asyncio.to_thread(commands.run, words, database.root)
        assert ended.code == 0, ended.errors
        return ended.errors

    async def policy_becomes(expected: str) -> None:
        async with asyncio.timeout(2):
            while (await shop.get("/v1/tenants")).headers["ratelimit-policy"] != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    await limit("tenants", "limit", str(shop.tenant.id), "--requests-per-second", "40")
    await policy_becomes('"tenant";q=80;w=2')
    assert (await shop.get("/v1/tenants")).json()["items"][0]["requests_per_second"] == 40
    await limit("keys", "limit", str(shop.id), "--requests-per-second", "7.5")
    await policy_becomes('"key";q=15;w=2')
    assert (await shop.create()).id != shop.id
    assert [key["requests_per_second"] for key in (await shop.get("/v1/api-keys")).json()["items"]] == [7.5, 7.5]
    await limit("keys", "limit", str(shop.id))
    await limit("tenants", "limit", str(shop.tenant.id))
    await policy_becomes('"tenant";q=10000;w=2')
    assert (await other.get("/v1/tenants")).headers["ratelimit-policy"] == '"tenant";q=10000;w=2'


async def test_an_unknown_key_is_reported(database: DataDir, gateway: ServiceUnderTest) -> None:
    words = ("keys", "limit", "0193a7c2-5b1e-7c3a-9d54-0242ac120002", "--requests-per-second", "1")
    refused = await asyncio.to_thread(commands.run, words, database.root)
    assert (refused.code, "No key has the id" in refused.errors) == (1, True)
