"""The cache of keys: a change concerns its own keys only, and unknown keys cost few look-ups."""

import asyncio
import secrets

import pytest

from chassis.types.ids import uuid7
from gateway.access.credentials import Credentials
from gateway.access.rules import key_text, new_secret
from tests.support.gateway import Shop, a_shop, credentials_of
from tests.support.service import ServiceUnderTest

NOTIFICATION_SECONDS = 0.3


@pytest.fixture
async def credentials(gateway: ServiceUnderTest) -> Credentials:
    credentials = credentials_of(gateway)
    while not credentials.cache.is_listening:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.sleep(NOTIFICATION_SECONDS)
    return credentials


async def test_a_new_key_and_the_use_of_keys_leave_all_other_keys_in_the_cache(
    gateway: ServiceUnderTest, credentials: Credentials
) -> None:
    quiet, busy = await a_shop(gateway), await a_shop(gateway)
    await asyncio.sleep(NOTIFICATION_SECONDS)  # a key is not kept if its own creation is announced meanwhile
    await quiet.status()
    cached = credentials.cache.verified(quiet.key)
    for _ in range(3):
        child = await busy.create()
        await child.status()
        await child.rotate(child, overlap_seconds=60)
        await busy.revoke(child)
        await busy.request("PATCH", f"/v1/tenants/{busy.tenant.id}", json={"name": f"Shop {uuid7()}"})
    await credentials.record_usage()
    await asyncio.sleep(NOTIFICATION_SECONDS)
    assert cached is not None
    assert credentials.cache.verified(quiet.key) is cached


async def test_a_changed_tenant_has_its_own_keys_looked_up_again(shop: Shop, credentials: Credentials) -> None:
    other = await shop.create("tenants:read")
    assert [await key.status() for key in (shop, other)] == [200, 200]
    await shop.request("PATCH", f"/v1/tenants/{shop.tenant.id}", json={"name": "New Name"})
    assert [credentials.cache.verified(key.key) for key in (shop, other)] == [None, None]


async def test_another_replica_learns_which_keys_were_revoked(
    gateway: ServiceUnderTest, shop: Shop, credentials: Credentials
) -> None:
    replica = Credentials(shop.settings, gateway.shared.running.pool)
    listening = asyncio.create_task(replica.run())
    while not replica.cache.is_listening:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    child = await shop.create("tenants:read")
    for key in (shop, child):
        await replica.authenticate(key.key)
    await shop.revoke(child)
    await asyncio.sleep(NOTIFICATION_SECONDS)
    assert (await replica.authenticate(shop.key)).id == shop.id
    assert replica.cache.verified(shop.key) is not None
    assert replica.cache.verified(child.key) is None
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.parametrize("payload", ["", "keys", "keys x", "tenant", "something else"])
async def test_an_unknown_announcement_removes_everything(shop: Shop, credentials: Credentials, payload: str) -> None:
    await shop.status()
    credentials.invalidate(payload)
    assert credentials.cache.verified(shop.key) is None


async def test_wrong_secrets_of_a_known_key_cost_no_look_up(shop: Shop, credentials: Credentials) -> None:
    await shop.status()
    before = credentials.cache.statements
    wrong = [shop.with_key(key_text("live", shop.id, new_secret())) for _ in range(50)]
    assert {await key.status() for key in wrong} == {401}
    assert credentials.cache.statements == before


async def test_an_unknown_key_is_looked_up_once(shop: Shop, credentials: Credentials) -> None:
    unknown = shop.with_key(key_text("live", uuid7(), new_secret()))
    before = credentials.cache.statements
    assert {await unknown.status() for _ in range(20)} == {401}
    assert credentials.cache.statements == before + 1


async def test_unknown_keys_that_arrive_together_share_their_look_ups(shop: Shop, credentials: Credentials) -> None:
    keys = [shop.with_key(key_text("live", uuid7(), secrets.token_urlsafe(32))) for _ in range(200)]
    before = credentials.cache.statements
    assert set(await asyncio.gather(*(key.status() for key in keys))) == {401}
    assert credentials.cache.statements <= before + 20


async def test_an_id_that_was_unknown_works_as_soon_as_its_key_exists(shop: Shop, credentials: Credentials) -> None:
    id, secret = uuid7(), new_secret()
    key = shop.with_key(key_text("live", id, secret))
    assert await key.status() == 401
    child = await shop.create("tenants:read")
    await shop.rows("update api_key set id = $1 where id = $2", id, child.id)
    await shop.rows("update api_key set secret_hash = sha256(convert_to($2, 'utf8')) where id = $1", id, secret)
    credentials.invalidate(f"keys {id.hex}")  # as the creation announces it
    assert await key.status() == 200


async def test_a_key_that_changes_during_its_look_up_is_not_cached(
    shop: Shop, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = credentials.cache
    fetch = cache._fetch

    async def change_after(ids: list[object]) -> object:
        rows = await fetch(ids)  # type: ignore[arg-type]
        credentials.invalidate(f"tenant {shop.tenant.id.hex}")
        return rows

    monkeypatch.setattr(cache, "_fetch", change_after)
    credentials.invalidate("")
    assert await shop.status() == 200
    assert cache.verified(shop.key) is None


async def test_a_full_cache_drops_its_oldest_key(
    shop: Shop, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.key_cache.MAX_CACHED_KEYS", 2)
    credentials.invalidate("")
    keys = [await shop.create("tenants:read") for _ in range(3)]
    credentials.invalidate("")
    assert [await key.status() for key in keys] == [200, 200, 200]
    assert [credentials.cache.verified(key.key) is not None for key in keys] == [False, True, True]
