"""The lineage of keys: what a key creates ends with it, and no key ends or outlives a stronger one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.gateway import Shop

WRITE = "api-keys:write"


async def test_a_key_shows_the_key_that_created_it(shop: Shop) -> None:
    child = await shop.create("tenants:read")
    assert (await shop.get(f"/v1/api-keys/{child.id}")).json()["created_by"] == str(shop.id)
    assert (await shop.get(f"/v1/api-keys/{shop.id}")).json()["created_by"] is None


async def test_a_revoked_key_takes_all_keys_that_it_created_with_it(shop: Shop) -> None:
    stolen = await shop.create()
    child = await stolen.create("tenants:read", WRITE)
    grandchild = await child.create("tenants:read")
    other = await shop.create("tenants:read")
    assert (await shop.revoke(stolen)).status_code == 204
    assert [await key.status() for key in (stolen, child, grandchild, other, shop)] == [401, 401, 401, 200, 200]
    listed = {key["id"]: key for key in (await shop.get("/v1/api-keys")).json()["items"]}
    reasons = [listed[str(key.id)]["revocation_reason"] for key in (stolen, child, grandchild, other)]
    assert reasons == ["requested", "creator_revoked", "creator_revoked", None]
    assert {listed[str(key.id)]["revoked_by"] for key in (stolen, child, grandchild)} == {f"key:{shop.id}"}
    events = await shop.published("gateway.api_key_revoked.v1")
    assert sorted((event["api_key_id"], event["reason"]) for event in events) == sorted(
        zip((str(key.id) for key in (stolen, child, grandchild)), reasons, strict=False)
    )


async def test_a_key_that_is_created_while_its_makers_are_revoked_does_not_live_on(shop: Shop) -> None:
    for _ in range(5):
        stolen = await shop.create()
        children = [await stolen.create() for _ in range(3)]
        body = {"name": "hidden", "scopes": ["tenants:read"]}
        creations = [key.request("POST", "/v1/api-keys", json=body) for key in (stolen, *children)]
        *created, revoked = await asyncio.gather(*creations, shop.revoke(stolen))
        assert revoked.status_code == 204
        keys = [shop.with_key(response.json()["key"]) for response in created if response.status_code == 201]
        assert {await key.status() for key in keys} <= {401}
        assert {response.status_code for response in created} <= {201, 401}


@pytest.mark.parametrize("scopes", [(WRITE,), (WRITE, "tenants:read", "customers:read")], ids=["only its own", "some"])
async def test_a_key_cannot_revoke_a_key_with_scopes_that_it_lacks(shop: Shop, scopes: tuple[str, ...]) -> None:
    weak, strong = await shop.create(*scopes), await shop.create("tenants:read", "loyalty:read")
    refused = await weak.revoke(strong)
    assert (refused.status_code, refused.json()["code"]) == (403, "stronger_key")
    assert await strong.status() == 200


async def test_a_key_revokes_itself_its_own_keys_and_weaker_keys(shop: Shop) -> None:
    admin = await shop.create(WRITE, "tenants:read")
    child, weaker = await admin.create("tenants:read"), await shop.create("tenants:read")
    assert [(await admin.revoke(key)).status_code for key in (child, weaker, admin)] == [204, 204, 204]
    assert [await key.status() for key in (child, weaker, admin)] == [401, 401, 401]


async def test_a_key_cannot_revoke_its_makers_although_it_has_their_scopes(shop: Shop) -> None:
    maker = await shop.create()
    child = await maker.create()
    assert [(await child.revoke(key)).status_code for key in (maker, shop)] == [403, 403]


async def test_a_tenant_has_at_most_as_many_valid_keys_as_it_may(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    running = shop.gateway.shared.running
    monkeypatch.setattr(running, "settings", running.settings.model_copy(update={"api_key_limit": 3}))
    first, second = await shop.create("tenants:read"), await shop.create("tenants:read", WRITE)
    body = {"name": "more", "scopes": ["tenants:read"]}
    refused = await shop.request("POST", "/v1/api-keys", json=body)
    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (409, "too_many_keys", 3)
    await shop.revoke(first)
    responses = await asyncio.gather(*(key.request("POST", "/v1/api-keys", json=body) for key in (shop, second) * 3))
    assert sorted(response.status_code for response in responses) == [201, *[409] * 5]


# Rotation


async def test_a_rotated_key_works_until_its_overlap_ends(shop: Shop) -> None:
    end = datetime.now(UTC) + timedelta(days=300)
    old = await shop.create("tenants:read", WRITE, expires_at=end.isoformat())
    child = await old.create("tenants:read", expires_at=end.isoformat())
    made = (await shop.rotate(old, overlap_seconds=2)).json()
    new = shop.with_key(made["key"])
    assert (made["name"], made["scopes"], made["created_by"]) == ("till", [WRITE, "tenants:read"], str(shop.id))
    assert datetime.fromisoformat(made["expires_at"]) == end
    assert made["replaces"] == str(old.id)
    assert [await key.status() for key in (old, new, child)] == [200, 200, 200]
    assert (await child.stored())["created_by"] == new.id
    await asyncio.sleep(2.1)
    assert [await key.status() for key in (old, new, child)] == [401, 200, 200]


async def test_a_key_that_is_rotated_without_overlap_ends_at_once(shop: Shop) -> None:
    old = await shop.create("tenants:read", WRITE)
    rotated = await old.rotate(old)
    assert rotated.status_code == 201
    assert [await old.status(), await shop.with_key(rotated.json()["key"]).status()] == [401, 200]
    assert (await old.stored())["revocation_reason"] == "rotated"
    again = await shop.rotate(old)
    assert (again.status_code, again.json()["code"]) == (409, "api_key_ended")


async def test_a_key_is_rotated_once(shop: Shop) -> None:
    old = await shop.create("tenants:read")
    responses = await asyncio.gather(*(shop.rotate(old, overlap_seconds=60) for _ in range(4)))
    assert sorted(response.status_code for response in responses) == [201, 409, 409, 409]


async def test_a_stolen_key_that_rotated_itself_leaves_no_key_behind(shop: Shop) -> None:
    stolen = await shop.create()
    successor = stolen.with_key((await stolen.rotate(stolen, overlap_seconds=60)).json()["key"])
    child = await successor.create("tenants:read")
    assert (await shop.revoke(stolen)).status_code == 204
    assert [await key.status() for key in (stolen, successor, child)] == [401, 401, 401]


async def test_a_key_ends_the_key_that_it_replaces(shop: Shop) -> None:
    old = await shop.create(WRITE, "tenants:read")
    new = old.with_key((await old.rotate(old, overlap_seconds=60)).json()["key"])
    assert (await new.revoke(old)).status_code == 204
    assert [await key.status() for key in (old, new)] == [401, 200]


async def test_a_key_cannot_rotate_a_key_that_it_did_not_issue(shop: Shop) -> None:
    admin, other = await shop.create(WRITE, "tenants:read"), await shop.create("tenants:read")
    refused = await admin.rotate(other)
    assert (refused.status_code, refused.json()["code"]) == (403, "stronger_key")


async def test_the_secret_of_a_rotated_key_is_shown_once(shop: Shop) -> None:
    old = await shop.create("tenants:read")
    path, headers = f"/v1/api-keys/{old.id}/rotate", {"idempotency-key": "r1"}
    responses = [await shop.request("POST", path, json={}, headers=headers) for _ in range(2)]
    assert [response.status_code for response in responses] == [201, 409]
    assert responses[1].json()["code"] == "secret_not_replayable"


@pytest.mark.parametrize("seconds", [-1, 604_801])
async def test_an_overlap_is_at_most_a_week(shop: Shop, seconds: int) -> None:
    assert (await shop.rotate(shop, overlap_seconds=seconds)).status_code == 422
