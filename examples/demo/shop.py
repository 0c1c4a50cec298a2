"""The shop: a program that uses only the public API, with a single key."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import httpx

from examples.demo.households import CURRENCY, SOURCE, Basket, Permission, Return, as_purchase

BATCHES_IN_FLIGHT, REQUESTS_IN_FLIGHT = 4, 8
ITEMS_A_BATCH = 1_000
PURCHASES_A_BATCH = 500
COST = 50
"""The points that each member with a sufficient balance spends."""
ATTEMPTS = 40
Advance = Callable[[int], None]


class Shop:
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

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the response to a request. Retries while a service is unavailable; raises RuntimeError on errors."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
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

    async def record_customers(self, customers: Sequence[dict[str, Any]], advance: Advance) -> dict[str, str]:
        """Record the customers; return the customer id of each household."""
        ids: dict[str, str] = {}
        for chunk in _chunks(customers, ITEMS_A_BATCH):
            answer = await self.ask("POST", "/v1/customers/batch", json={"items": chunk})
            for customer, result in zip(chunk, answer["results"], strict=True):
                _expect(result)
                ids[customer["external_ids"][0]["id"]] = result["id"]
            advance(len(chunk))
        return ids

    async def open_program(self) -> str:
        """Create a program in which one dollar earns one point."""
        program = await self.ask(
            "POST",
            "/v1/programs",
            json={
                "name": "One dollar, one point",
                "kind": "frequency",
                "currency": CURRENCY,
                "timezone": "America/New_York",
                "enrolment": "on_purchase",
            },
        )
        rule = {"kind": "per_amount", "points": 1, "per": "1.00"}
        await self.ask("POST", f"/v1/programs/{program['id']}/earning-rules", json=rule)
        return str(program["id"])

    async def record_purchases(self, baskets: Sequence[Basket], ids: dict[str, str], advance: Advance) -> None:
        """Send every basket, several batches at a time."""

        async def send(chunk: Sequence[Basket]) -> None:
            items = [as_purchase(basket, ids[basket.household]) for basket in chunk]
            await self._send_batch("/v1/purchases/batch", items)
            advance(len(chunk))

        await asyncio.gather(*(send(chunk) for chunk in _chunks(baskets, PURCHASES_A_BATCH)))

    async def record_touch_points(self, touch_points: Sequence[dict[str, Any]], advance: Advance) -> None:
        """Record mailings and coupons."""

        async def send(chunk: Sequence[dict[str, Any]]) -> None:
            await self._send_batch("/v1/touch-points/batch", chunk)
            advance(len(chunk))

        await asyncio.gather(*(send(chunk) for chunk in _chunks(touch_points, ITEMS_A_BATCH)))

    async def reverse(self, returns: Sequence[Return], advance: Advance) -> int:
        """Record refunds by the baskets' own numbers; return how many wait for their basket."""

        async def send(returned: Return) -> bool:
            answer = await self._ask_limited("POST", "/v1/refunds", json=returned.body)
            advance(1)
            return bool(answer.get("state") == "waiting")

        return sum(await asyncio.gather(*(send(returned) for returned in returns)))

    async def wait_for_early_refunds(self, seconds: float = 120) -> None:
        """Wait until every early refund is matched with its basket."""
        async with asyncio.timeout(seconds):
            while True:
                if not (await self.ask("GET", "/v1/waiting-refunds"))["items"]:
                    return
                await asyncio.sleep(0.5)

    async def record_permissions(self, permissions: Sequence[Permission], ids: dict[str, str], advance: Advance) -> int:
        """Record granted and withdrawn permissions; return the number of households that still permit mail."""

        async def record(permission: Permission) -> bool:
            path = f"/v1/customers/{ids[permission.household]}"
            said = {"purpose": "marketing", "channel": "post", "source": "card form"}
            decisions = [("granted", "2017-01-01T00:00:00Z"), ("withdrawn", "2017-12-31T00:00:00Z")]
            for decision, at in decisions[: 2 if permission.withdrawn else 1]:
                body = {**said, "decision": decision, "decided_at": at}
                await self._ask_limited("POST", f"{path}/consents", json=body)
            answer = await self._ask_limited(
                "GET", f"{path}/may-contact", params={"purpose": "marketing", "channel": "post"}
            )
            advance(1)
            return bool(answer["permitted"])

        return sum(await asyncio.gather(*(record(permission) for permission in permissions)))

    async def spend_points(self, customers: Sequence[str], members: dict[str, str], advance: Advance) -> None:
        """Reserve points for these members; capture and release them in turn."""

        async def spend(number: int, customer: str) -> None:
            wanted = {"points": COST, "mode": "reserve"}
            held = await self._ask_limited("POST", f"/v1/memberships/{members[customer]}/redemptions", json=wanted)
            verb = "release" if number % 2 else "capture"
            await self._ask_limited("POST", f"/v1/redemptions/{held['id']}/{verb}")
            advance(1)

        await asyncio.gather(*(spend(number, customer) for number, customer in enumerate(customers)))

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

    async def members(self, program_id: str) -> dict[str, str]:
        """Return the membership id of each member, by customer."""
        memberships = await self.all("/v1/memberships", program_id=program_id)
        return {member["customer_id"]: member["id"] for member in memberships}

    async def balances(self, members: dict[str, str], advance: Advance) -> dict[str, int]:
        """Return the available points of each member, by customer."""

        async def read(membership: str) -> int:
            balance = await self._ask_limited("GET", f"/v1/memberships/{membership}/balance")
            advance(1)
            return int(balance["available"])

        available = await asyncio.gather(*(read(membership) for membership in members.values()))
        return dict(zip(members, available, strict=True))

    async def _ask_limited(self, method: str, path: str, **options: Any) -> Any:
        async with self._requests:
            return await self.ask(method, path, **options)

    async def _send_batch(self, path: str, items: Sequence[dict[str, Any]]) -> None:
        async with self._batches:
            answer = await self.ask("POST", path, json={"items": items})
        for result in answer["results"]:
            _expect(result)

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


def spenders(balances: dict[str, int]) -> list[str]:
    """Return the customers with enough points to spend, ordered by id."""
    return sorted(customer for customer, points in balances.items() if points >= COST)


def _expect(result: dict[str, Any]) -> None:
    if result["status"] not in ("created", "updated", "unchanged"):
        raise RuntimeError(f"{SOURCE} item {result['index']} was rejected: {result['problem']}")


def _chunks(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
