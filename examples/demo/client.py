"""A client of the public API, with a single key."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

BATCHES_IN_FLIGHT, REQUESTS_IN_FLIGHT = 4, 8
ATTEMPTS = 40
Advance = Callable[[int], None]


class Client:
    """A client that retries failed requests. An Idempotency-Key makes each retry safe."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )
        self._batches = asyncio.Semaphore(BATCHES_IN_FLIGHT)
        self._requests = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
        """Return the response to a request. Retries while a service is unavailable; raises RuntimeError on errors."""
        headers = {**(headers or {}), **({"Idempotency-Key": str(uuid4())} if method == "POST" else {})}
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._client.request(method, path, headers=headers, **options)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS - 1:
                    raise RuntimeError(f"{method} {path}: {error!r}") from error
            else:
                if answer.status_code < 400:
                    return answer.json() if answer.content else None
                in_flight = answer.status_code == 409 and answer.json()["code"] == "idempotency_key_in_flight"
                if answer.status_code not in (429, 502, 503, 504) and not in_flight:
                    raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
            await asyncio.sleep(min(0.1 * 2**attempt, 2))
        raise RuntimeError(f"{method} {path}: no successful response")

    async def create_once(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """Create a record whose response has a secret, so that a repeated request cannot return it. Returns it."""
        try:
            return dict(await self.ask("POST", path, json=body))
        except RuntimeError as error:
            if "secret_not_replayable" not in str(error):
                raise
            return next(record for record in await self.all(path) if record[key] == body[key])

    async def finished(self, path: str, seconds: float = 120) -> dict[str, Any]:
        """Wait until a job has ended, and return it. Raises RuntimeError if it has failed."""
        async with asyncio.timeout(seconds):
            while (job := await self.ask("GET", path))["finished_at"] is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        if job["state"] != "succeeded":
            raise RuntimeError(f"{path}: {job}")
        return dict(job)

    async def wait_until_drained(self, advance: Advance, seconds: float = 300) -> None:
        """Wait until all consumers have processed every event."""
        async with asyncio.timeout(seconds):
            while True:
                status = await self.ask("GET", "/v1/status?drained=true")
                lag = sum(
                    (service["consumer_lag"] or 0) + (service["outbox_pending"] or 0)
                    for service in status["services"].values()
                )
                advance(lag)
                if status["drained"]:
                    return
                await asyncio.sleep(0.2)

    async def all(self, path: str, **filters: str) -> list[dict[str, Any]]:
        """Return every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.ask("GET", path, params={"limit": "200", **filters, **cursor})
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}

    async def _ask_limited(self, method: str, path: str, **options: Any) -> Any:
        async with self._requests:
            return await self.ask(method, path, **options)

    async def _send_batch(self, path: str, items: Sequence[dict[str, Any]]) -> None:
        async with self._batches:
            answer = await self.ask("POST", path, json={"items": items})
        for result in answer["results"]:
            expect_accepted(result)


def expect_accepted(result: dict[str, Any]) -> None:
    """Raise RuntimeError if an item of a batch was rejected."""
    if result["status"] not in ("created", "updated", "unchanged"):
        raise RuntimeError(f"item {result['index']} was rejected: {result['problem']}")
