"""The events of API keys: each key that is created or rotated is announced, never with its secret."""

from tests.support.gateway import Shop

CREATED, REVOKED = "gateway.api_key_created.v1", "gateway.api_key_revoked.v1"


async def test_a_new_key_is_announced_without_its_secret(shop: Shop) -> None:
    child = await shop.create("tenants:read", "customers:read")
    first, second = await shop.published(CREATED)
    assert (first["api_key_id"], first["created_by"]) == (str(shop.id), None)  # created by a command
    stored = (await shop.get(f"/v1/api-keys/{child.id}")).json()
    assert second == {
        "api_key_id": str(child.id),
        "scopes": ["customers:read", "tenants:read"],
        "expires_at": None,
        "created_by": str(shop.id),
        "replaces": None,
        "created_at": stored["created_at"],
    }
    assert child.key.rpartition("_")[2] not in str(second)


async def test_a_rotation_announces_the_new_key_and_the_end_of_the_old(shop: Shop) -> None:
    child = await shop.create("tenants:read")
    rotated = (await shop.rotate(child)).json()
    *_, new = await shop.published(CREATED)
    assert (new["api_key_id"], new["replaces"]) == (rotated["id"], str(child.id))
    assert [event["api_key_id"] for event in await shop.published(REVOKED)] == [str(child.id)]


async def test_a_refused_key_is_not_announced(shop: Shop) -> None:
    weak = await shop.create("api-keys:write")
    body = {"name": "strong", "scopes": ["tenants:read"]}
    assert (await weak.request("POST", "/v1/api-keys", json=body)).status_code == 403
    assert len(await shop.published(CREATED)) == 2
