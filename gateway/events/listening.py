"""Webhooks for people who write a receiver: forward real events, or send a sample, to an address on this machine.

`rapport listen` follows the feed, so it needs no public address and no endpoint. Both sign as Rapport signs.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from chassis.types import json
from gateway.events.rules.signatures import secret_bytes, signatures
from gateway.events.sending.client import CONTENT_TYPE, USER_AGENT

POLL_SECONDS = 0.1
RECONNECT_SECONDS = 1.0
RETRY_SECONDS = (0.5, 1, 2, 5, 10)
"""The pauses after failed attempts to reach the receiver, which may be restarting."""


class GatewayRefused(Exception):
    """The gateway refused a request. The text is its detail."""


@dataclass(frozen=True)
class Account:
    """The gateway and the API key of a command."""

    url: str
    key: str

    def client(self) -> httpx.AsyncClient:
        """Return a client of the gateway."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False)


@dataclass(frozen=True)
class Target:
    """A receiver that is being written, and the secret with which it verifies."""

    url: str
    secret: str

    async def send(self, client: httpx.AsyncClient, id: str, body: bytes) -> str:
        """Send an event once, and return the status, or why there is none."""
        timestamp = int(time.time())
        headers = {
            "User-Agent": USER_AGENT,
            "Content-Type": CONTENT_TYPE,
            "webhook-id": id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures([secret_bytes(self.secret)], id, timestamp, body),
        }
        try:
            return str((await client.post(self.url, content=body, headers=headers)).status_code)
        except httpx.HTTPError as error:
            return type(error).__name__


async def forward_events(account: Account, target: Target, types: Sequence[str], *, once: bool = False) -> None:
    """Forward each new event to the receiver, in order, and print the result. With `once`, end after the first."""
    async with account.client() as gateway, httpx.AsyncClient(timeout=15, trust_env=False) as client:
        async for event in _new_events(gateway, types):
            await _deliver(client, target, event)
            if once:
                return


async def _new_events(gateway: httpx.AsyncClient, types: Sequence[str]) -> AsyncIterator[bytes]:
    """Yield each new event of the feed, byte for byte as webhooks deliver it. Raises GatewayRefused."""
    first = _accepted(await gateway.get("/v1/events", params={"after": "latest", "types": list(types)}))
    place: str | None = first["next_cursor"]
    while True:
        after = {} if place is None else {"Last-Event-ID": place}
        headers = {"Accept": "text/event-stream", **after}
        try:
            async with gateway.stream("GET", "/v1/events", params={"types": list(types)}, headers=headers) as response:
                if not response.is_success:
                    await response.aread()
                    _accepted(response)
                async for id, event in _frames(response.aiter_bytes()):
                    if event:
                        yield event
                    place = id
        except httpx.TransportError as error:
            print(f"the gateway is away: {type(error).__name__}", flush=True)
        await asyncio.sleep(RECONNECT_SECONDS)


async def _frames(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, bytes]]:
    """Yield the id and the data of each frame of server-sent events. Only LF ends a line, not U+2028."""
    rest = b""
    async for part in parts:
        *frames, rest = (rest + part).split(b"\n\n")
        for frame in frames:
            fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if b": " in line)
            if b"id" in fields:
                yield fields[b"id"].decode(), fields.get(b"data", b"")


async def _deliver(client: httpx.AsyncClient, target: Target, body: bytes) -> None:
    event = json.loads(body)
    for pause in (*RETRY_SECONDS, None):
        status = await target.send(client, event["id"], body)
        print(f"{event['type']} {event['id']} -> {status}", flush=True)
        if status.startswith("2") or pause is None:
            return
        await asyncio.sleep(pause)


async def send_sample(account: Account, endpoint: str, type: str) -> dict[str, Any]:
    """Send a sample event to an endpoint, and return its delivery once it has been attempted. Raises GatewayRefused."""
    async with account.client() as gateway:
        path = f"/v1/webhook-endpoints/{endpoint}/test"
        delivery = _accepted(await gateway.post(path, json={"event_type": type}))
        while delivery["state"] == "pending":
            await asyncio.sleep(POLL_SECONDS)
            delivery = _accepted(await gateway.get(f"/v1/deliveries/{delivery['id']}"))
        return delivery


def _accepted(response: httpx.Response) -> dict[str, Any]:
    """Return the body of a response. Raises GatewayRefused for a problem."""
    body: dict[str, Any] = json.loads(response.content)
    if not response.is_success:
        raise GatewayRefused(body.get("detail", response.text))
    return body
