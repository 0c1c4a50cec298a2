"""The audit of access: a tenant reads who changed its keys, and how often a key was refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.access.rules import key_text, new_secret
from tests.support.gateway import Shop, a_shop, credentials_of
from tests.support.service import ServiceUnderTest


async def events(shop: Shop, **filters: Any) -> list[dict[str, Any]]:
    response = await shop.get("/v1/access-events", **filters)
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


async def test_a_tenant_reads_who_changed_its_keys_and_its_facts(shop: Shop) -> None:
    child = await shop.create("tenants:read")
    await shop.request("PATCH", f"/v1/tenants/{shop.tenant.id}", json={"name": "New Name"})
    await shop.revoke(child)
    revoked, renamed, created, *first = await events(shop)
    assert (revoked["action"], revoked["entity_id"], revoked["actor"]) == ("updated", str(child.id), f"key:{shop.id}")
    assert revoked["changes"]["revocation_reason"] == [None, "requested"]
    assert (renamed["entity"], renamed["changes"]["name"]) == ("tenant", ["Corner Shop", "New Name"])
    assert (created["action"], created["changes"]["created_by"]) == ("created", [None, str(shop.id)])
    assert {event["actor"] for event in first} == {"command"}
    assert len(revoked["trace_id"]) == 32
    assert "secret" not in str([revoked, renamed, created, first])


async def test_another_tenants_events_are_not_visible(gateway: ServiceUnderTest, shop: Shop) -> None:
    other = await a_shop(gateway)
    assert str(shop.id) not in str(await events(other))


async def test_events_are_filtered_by_record_actor_and_time_and_come_in_pages(shop: Shop) -> None:
    children = [await shop.create("tenants:read") for _ in range(3)]
    by_key = await events(shop, entity_id=str(children[0].id))
    assert [event["entity_id"] for event in by_key] == [str(children[0].id)]
    assert len(await events(shop, actor=f"key:{shop.id}")) == 3
    assert [event["entity"] for event in await events(shop, entity="tenant")] == ["tenant"]
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await events(shop, **{"at.gte": soon}), len(await events(shop, **{"at.lt": soon}))) == ([], 5)
    page = (await shop.get("/v1/access-events", limit=2)).json()
    rest = (await shop.get("/v1/access-events", limit=200, cursor=page["next_cursor"])).json()
    assert page["items"] + rest["items"] == await events(shop)


async def test_refused_keys_are_counted_per_key_hour_and_reason(gateway: ServiceUnderTest, shop: Shop) -> None:
    revoked, attacked = await shop.create("tenants:read"), await shop.create("tenants:read")
    await shop.revoke(revoked)
    for _ in range(2):
        for _ in range(5):
            await revoked.status()
            await shop.with_key(key_text("live", attacked.id, new_secret())).status()
        await credentials_of(gateway).record_usage()
    listed = (await shop.get("/v1/authentication-failures")).json()["items"]
    counts = {(failure["api_key_id"], failure["reason"]): failure["count"] for failure in listed}
    assert counts == {(str(revoked.id), "revoked"): 10, (str(attacked.id), "wrong_secret"): 10}
    (one,) = (await shop.get("/v1/authentication-failures", api_key_id=str(attacked.id))).json()["items"]
    assert one["hour"][14:] == "00:00Z"
    assert await attacked.status() == 200


async def test_an_expired_key_is_counted_and_unknown_keys_are_not(gateway: ServiceUnderTest, shop: Shop) -> None:
    expired = await shop.create("tenants:read", expires_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    await shop.rows("update api_key set expires_at = now() where id = $1", expired.id)
    assert await expired.status() == 401
    assert await shop.with_key(key_text("live", shop.tenant.id, new_secret())).status() == 401
    await credentials_of(gateway).record_usage()
    (failure,) = (await shop.get("/v1/authentication-failures")).json()["items"]
    assert (failure["api_key_id"], failure["reason"], failure["count"]) == (str(expired.id), "expired", 1)


async def test_old_counts_are_deleted(gateway: ServiceUnderTest, shop: Shop) -> None:
    for days in (89, 91):
        await shop.rows(
            "insert into authentication_failure (api_key_id, hour, reason, count, last_at) "
            "select $1, now() - make_interval(days => $2), 'expired', 1, now()",
            shop.id,
            days,
        )
    await gateway.for_tenant(shop.tenant).run_periodic_tasks()
    assert len((await shop.get("/v1/authentication-failures")).json()["items"]) == 1
