"""Guesses of credentials are slowed down, and the owner of a key is not locked out."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chassis.service import load
from chassis.types.ids import uuid7
from gateway.access.rules import key_text, new_secret
from local.data_dir import DataDir
from tests.support.gateway import Shop, a_shop, credentials_of
from tests.support.service import ServiceUnderTest

FREE = {"authentication_failures_per_key": 5, "authentication_failures_per_address": 20}


@pytest.fixture
async def strict(database: DataDir) -> AsyncIterator[Shop]:
    """Provide a tenant of a gateway that allows few failures."""
    gateway = ServiceUnderTest(load("gateway"), database)
    async with gateway.running(**FREE):
        while not credentials_of(gateway).cache.is_listening:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        yield await a_shop(gateway)


async def attempt(shop: Shop, id: str = "") -> int:
    """Send a key with a wrong secret, and return the status of the response."""
    guess = key_text("live", shop.id if not id else uuid7(), new_secret())
    return await shop.with_key(guess).status()


async def test_guesses_of_a_secret_are_slowed_down_and_its_owner_is_served(strict: Shop) -> None:
    assert await strict.status() == 200

    statuses = await asyncio.gather(*(attempt(strict) for _ in range(12)))

    assert sorted(set(statuses)) == [401, 429]
    assert statuses.count(401) <= FREE["authentication_failures_per_key"] + 1
    assert await strict.status() == 200


async def test_a_refusal_says_when_to_try_again(strict: Shop) -> None:
    for _ in range(FREE["authentication_failures_per_key"]):
        await attempt(strict)
    guess = strict.with_key(key_text("live", strict.id, new_secret()))
    refused = await guess.get("/v1/tenants")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_failures")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


@pytest.mark.parametrize("guess", ["not a key", "a.b.c", "rap_live_x"])
async def test_an_address_that_guesses_anything_is_slowed_down(strict: Shop, guess: str) -> None:
    assert await strict.status() == 200
    statuses = [await strict.with_key(f"{guess}{number}").status() for number in range(25)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert await strict.status() == 200


async def test_unknown_keys_of_an_address_cost_no_look_ups_any_more(strict: Shop) -> None:
    for _ in range(30):
        await attempt(strict, "unknown")
    before = credentials_of(strict.gateway).cache.statements
    assert await attempt(strict, "unknown") == 429
    assert credentials_of(strict.gateway).cache.statements == before
