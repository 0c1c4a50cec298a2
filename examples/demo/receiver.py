"""A receiver of webhooks: it verifies each delivery, is away for a while, and catches up by the event feed."""

import asyncio
import base64
import os
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from examples.demo.shop import Shop

TYPES = ("loyalty.points_reserved.v1", "loyalty.points_redeemed.v1", "loyalty.points_released.v1")
ARRIVES_SECONDS = 120


class Receiver:
    """An HTTP server on loopback that keeps the id of each event whose signature is valid."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._secret = "whsec_" + base64.b64encode(os.urandom(24)).decode()
        self._ids: set[str] = set()
        self._connections: set[asyncio.StreamWriter] = set()
        self.rejected = 0
        """Requests with an invalid signature."""
        self.delivered = 0
        """Events that came by webhook."""
        self.caught_up = 0
        """Events that came by the feed alone."""

    async def begin(self) -> None:
        """Note the present end of the feed, listen, and register the address as a webhook endpoint."""
        feed = await self._shop.ask("GET", "/v1/events?after=latest")
        self._place = feed["next_cursor"]
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        body = {"url": f"http://127.0.0.1:{port}/hooks", "event_types": list(TYPES), "secret": self._secret}
        self._endpoint = await self._shop.create_once("/v1/webhook-endpoints", body, "url")

    async def pause(self, expected: int) -> None:
        """Wait for this many events, then go away: later deliveries fail, and are retried later."""
        async with asyncio.timeout(ARRIVES_SECONDS):
            while len(self._ids) < expected:  # noqa: ASYNC110 - the events come by another connection
                await asyncio.sleep(0.1)
        self._server.close()
        for connection in self._connections:
            connection.close()
        self.delivered = len(self._ids)

    async def catch_up(self) -> list[str]:
        """Read the feed from the noted place on. Returns the ids of its events, in order."""
        path, ids = f"/v1/events?types={'&types='.join(TYPES)}&limit=1000", []
        place = self._place
        while True:
            page = await self._shop.ask("GET", path + (f"&after={place}" if place else ""))
            if not page["items"]:
                break
            ids += [event["id"] for event in page["items"]]
            place = page["next_cursor"]
        self.caught_up = len(set(ids) - self._ids)
        self._ids.update(ids)
        return ids

    def agrees_with(self, feed: list[str]) -> bool:
        """Return whether webhooks and feed together brought exactly the events of the feed."""
        return self.rejected == 0 and self._ids == set(feed) and len(feed) == len(set(feed))

    async def end(self) -> None:
        """Remove the endpoint, so that nothing more is sent to it."""
        await self._shop.ask("DELETE", f"/v1/webhook-endpoints/{self._endpoint['id']}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                headers, body = await _request(reader)
                status = self._receive(headers, body)
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    def _receive(self, headers: dict[str, str], body: bytes) -> str:
        try:
            event: Any = Webhook(self._secret).verify(body, headers)
        except WebhookVerificationError:
            self.rejected += 1
            return "400 Bad Request"
        self._ids.add(event["id"])
        return "204 No Content"


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a request. Raises IncompleteReadError at the end of the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return headers, await reader.readexactly(int(headers.get("content-length", "0")))
