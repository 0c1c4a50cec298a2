"""Suspension and deletion of a tenant, as the operator's commands do them."""

import asyncio
from datetime import timedelta

import pytest

from chassis.db.unit_of_work import UnitOfWork
from gateway.access import api_keys, tenants
from tests.support.gateway import Shop, a_shop
from tests.support.service import ServiceUnderTest


async def suspend(shop: Shop) -> None:
    async with shop.as_command() as transaction:
        await tenants.suspend_tenant(UnitOfWork(transaction))


async def resume(shop: Shop) -> None:
    async with shop.as_command() as transaction:
        await tenants.resume_tenant(UnitOfWork(transaction))


async def delete(shop: Shop, suspended_for: timedelta = timedelta()) -> None:
    async with shop.as_command() as transaction:
        work = UnitOfWork(transaction)
        await tenants.delete_tenant(work, suspended_for=suspended_for)
        await api_keys.revoke_keys(work, await api_keys.all_keys(work))


async def status_becomes(shop: Shop, status: int) -> None:
    async with asyncio.timeout(1):
        while await shop.status() != status:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_suspended_tenant_is_refused_within_a_second_until_it_is_resumed(
    gateway: ServiceUnderTest, shop: Shop
) -> None:
    other, second = await a_shop(gateway), await shop.create("tenants:read")
    assert [await key.status() for key in (shop, second, other)] == [200, 200, 200]
    await suspend(shop)
    await status_becomes(shop, 403)
    refused = await shop.get("/v1/customers")
    assert (refused.status_code, refused.json()["code"]) == (403, "tenant_suspended")
    assert [await key.status() for key in (second, other)] == [403, 200]
    await resume(shop)
    await status_becomes(shop, 200)
    assert await second.status() == 200


async def test_a_tenant_is_deleted_only_after_a_suspension(shop: Shop) -> None:
    with pytest.raises(tenants.TenantStateConflict, match="has not been suspended"):
        await delete(shop, timedelta(days=1))
    await suspend(shop)
    with pytest.raises(tenants.TenantStateConflict, match="has not been suspended"):
        await delete(shop, timedelta(days=1))
    await shop.rows("update tenant set suspended_at = now() - interval '25 hours'")
    await delete(shop, timedelta(days=1))
    with pytest.raises(tenants.TenantStateConflict, match="is deleted"):
        await resume(shop)


async def test_a_deletion_is_announced_and_ends_every_key(shop: Shop) -> None:
    second = await shop.create("tenants:read")
    await delete(shop)
    await status_becomes(shop, 401)
    assert await second.status() == 401
    (event,) = await shop.published("gateway.tenant_deleted.v1")
    assert event["tenant_id"] == str(shop.tenant.id)
    reasons = await shop.rows("select distinct revocation_reason from api_key")
    assert [row["revocation_reason"] for row in reasons] == ["tenant_deleted"]
