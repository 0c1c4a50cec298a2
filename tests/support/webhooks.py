"""Webhooks under test: a tenant with endpoints, the worker that delivers to them, and the feed that it reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from chassis import LoopContext
from chassis.types import json
from chassis.types.ids import uuid7
from gateway.events.sending.client import WebhookClient, open_client
from gateway.events.sending.sender import Sender
from tests.support.gateway import Shop, a_shop
from tests.support.patience import PATIENCE_SECONDS
from tests.support.service import ServiceUnderTest


class Subscriber(ServiceUnderTest):
    """A tenant of the gateway that has a key, and gets events."""

    shop: Shop

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the key."""
        return await self.shop.request(method, path, **options)

    async def endpoint(self, url: str, *types: str, **fields: Any) -> dict[str, Any]:
        """Create an endpoint, for all types by default. Returns it with its secret."""
        body = {"url": url, "event_types": list(types) or ["*"], **fields}
        response = await self.request("POST", "/v1/webhook-endpoints", json=body)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def happen(self, *numbers: int, type: str = "customers.customer_created.v1", **facts: Any) -> list[str]:
        """Let events reach the feed, in a batch. Returns their ids."""
        made = [
            {"id": uuid7(), "type": type, "key": uuid7(), "raw": json.dumps({"number": number})} | facts
            for number in numbers or (1,)
        ]
        await self.deliver(made)
        return [str(fact["id"]) for fact in made]

    async def deliveries(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the deliveries, newest first."""
        response = await self.get("/v1/deliveries", **filters)
        assert response.status_code == 200, response.text
        return list(response.json()["items"])

    async def until(self, state: str, count: int = 1, **filters: Any) -> list[dict[str, Any]]:
        """Wait until so many deliveries are in a state. Returns them."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := await self.deliveries(state=state, **filters)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found

    async def attempts(self, delivery: dict[str, Any], count: int = 0) -> list[dict[str, Any]]:
        """Return the attempts of a delivery, once there are so many."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                response = await self.get(f"/v1/deliveries/{delivery['id']}/attempts")
                assert response.status_code == 200, response.text
                items = list(response.json()["items"])
                if len(items) >= count:
                    return items
                await asyncio.sleep(0.02)

    async def make_due(self) -> None:
        """Let the time until the next attempts of this tenant pass."""
        await self.rows("update delivery set due_at = now() where state = 'pending'")
        await self.rows("update webhook_lane set due_at = now(), paused_until = null where leased_by is null")

    async def lanes(self) -> list[dict[str, Any]]:
        """Return the lanes of this tenant."""
        return await self.rows("select * from webhook_lane")


async def released(subscriber: Subscriber) -> None:
    """Wait until no worker has a lane of a tenant."""
    async with asyncio.timeout(10):
        while any(lane["leased_by"] for lane in await subscriber.lanes()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def a_subscriber(gateway: ServiceUnderTest, *scopes: str) -> Subscriber:
    """Create a tenant of the gateway, with a key."""
    shop = await a_shop(gateway, *scopes)
    subscriber = Subscriber(gateway.service, gateway.data_dir)
    subscriber.tenant, subscriber.shop, subscriber._shared = shop.tenant, shop, gateway.shared
    await subscriber.announce()
    return subscriber


@asynccontextmanager
async def a_client(gateway: ServiceUnderTest, **settings: Any) -> AsyncIterator[WebhookClient]:
    """Open a client of webhooks, with other settings."""
    changed = gateway.shared.running.settings.model_copy(update=settings)
    async with open_client(changed) as client:
        yield client


@asynccontextmanager
async def sending(gateway: ServiceUnderTest, **settings: Any) -> AsyncIterator[Sender]:
    """Run a worker that sends webhooks during the block."""
    async with a_client(gateway, **settings) as client:
        context = LoopContext(client.settings, gateway.shared.worker_pool, lambda: None)
        sender = Sender(context, client)
        running = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
