"""The shop: a program against the public API, with one key. Nothing here knows what is behind the gateway."""

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
"""What members spend, in points, when they have so many."""
ATTEMPTS = 40
Told = Callable[[int], None]


class Shop:
    """A client that sends again what was not answered. An Idempotency-Key makes that safe whatever it is about."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )
        self._batches = asyncio.Semaphore(BATCHES_IN_FLIGHT)
        self._requests = asyncio.Semaphore(REQUESTS_IN_FLIGHT)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """The answer to a request; waits out a service that is away. Raises RuntimeError when it is refused."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._client.request(method, path, headers=headers, **options)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS - 1:
                    raise RuntimeError(f"{method} {path}: {error!r}") from error
            else:
                if answer.status_code < 400:
                    return answer.json()
                in_flight = answer.status_code == 409 and answer.json()["code"] == "idempotency_key_in_flight"
                if answer.status_code not in (429, 502, 503, 504) and not in_flight:
                    raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
            await asyncio.sleep(min(0.1 * 2**attempt, 2))
        raise RuntimeError(f"{method} {path}: not answered")

    async def record_customers(self, customers: Sequence[dict[str, Any]], told: Told) -> dict[str, str]:
        """Records the customers; answers with the id of each household's."""
        ids: dict[str, str] = {}
        for chunk in _chunks(customers, ITEMS_A_BATCH):
            answer = await self.ask("POST", "/v1/customers/batch", json={"items": chunk})
            for customer, result in zip(chunk, answer["results"], strict=True):
                _expect(result)
                ids[customer["external_ids"][0]["id"]] = result["id"]
            told(len(chunk))
        return ids

    async def open_program(self) -> str:
        """Sets up a program in which one dollar earns one point."""
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

    async def record_purchases(self, baskets: Sequence[Basket], ids: dict[str, str], told: Told) -> None:
        """Sends every basket, some batches at a time."""

        async def send(chunk: Sequence[Basket]) -> None:
            items = [as_purchase(basket, ids[basket.household]) for basket in chunk]
            await self._send_batch("/v1/purchases/batch", items)
            told(len(chunk))

        await asyncio.gather(*(send(chunk) for chunk in _chunks(baskets, PURCHASES_A_BATCH)))

    async def record_touch_points(self, touch_points: Sequence[dict[str, Any]], told: Told) -> None:
        """Records mailings and coupons."""

        async def send(chunk: Sequence[dict[str, Any]]) -> None:
            await self._send_batch("/v1/touch-points/batch", chunk)
            told(len(chunk))

        await asyncio.gather(*(send(chunk) for chunk in _chunks(touch_points, ITEMS_A_BATCH)))

    async def take_back(self, returns: Sequence[Return], told: Told) -> int:
        """Tells of refunds by the baskets' own numbers; answers with how many wait for their basket."""

        async def send(one: Return) -> bool:
            answer = await self._one("POST", "/v1/refunds", json=one.body)
            told(1)
            return bool(answer.get("state") == "waiting")

        return sum(await asyncio.gather(*(send(one) for one in returns)))

    async def wait_for_early_refunds(self, seconds: float = 120) -> None:
        """Waits until every refund that came first has found its basket."""
        async with asyncio.timeout(seconds):
            while True:
                if not (await self.ask("GET", "/v1/waiting-refunds"))["items"]:
                    return
                await asyncio.sleep(0.5)

    async def record_permissions(self, permissions: Sequence[Permission], ids: dict[str, str], told: Told) -> int:
        """Records who allowed mail and who took it back; answers with how many may be written to now."""

        async def record(one: Permission) -> bool:
            path = f"/v1/customers/{ids[one.household]}"
            said = {"purpose": "marketing", "channel": "post", "source": "card form"}
            decisions = [("granted", "2017-01-01T00:00:00Z"), ("withdrawn", "2017-12-31T00:00:00Z")]
            for decision, at in decisions[: 2 if one.withdrawn else 1]:
                body = {**said, "decision": decision, "decided_at": at}
                await self._one("POST", f"{path}/consents", json=body)
            answer = await self._one("GET", f"{path}/may-contact", params={"purpose": "marketing", "channel": "post"})
            told(1)
            return bool(answer["permitted"])

        return sum(await asyncio.gather(*(record(one) for one in permissions)))

    async def spend_points(self, balances: dict[str, int], members: dict[str, str], told: Told) -> None:
        """Lets every member who has enough hold points; every other one then wants them back."""

        async def spend(number: int, customer: str) -> None:
            wanted = {"points": COST, "mode": "reserve"}
            held = await self._one("POST", f"/v1/memberships/{members[customer]}/redemptions", json=wanted)
            verb = "release" if number % 2 else "capture"
            await self._one("POST", f"/v1/redemptions/{held['id']}/{verb}")
            told(1)

        able = spenders(balances)
        await asyncio.gather(*(spend(number, customer) for number, customer in enumerate(able)))

    async def wait_until_drained(self, told: Told, seconds: float = 300) -> None:
        """Waits until everything that happened has arrived everywhere."""
        async with asyncio.timeout(seconds):
            while True:
                status = await self.ask("GET", "/v1/status")
                lag = sum(
                    (one["consumer_lag"] or 0) + (one["outbox_pending"] or 0) for one in status["services"].values()
                )
                told(lag)
                if status["drained"]:
                    return
                await asyncio.sleep(0.2)

    async def members(self, program_id: str) -> dict[str, str]:
        """Each member's membership, by customer."""
        found = await self.all("/v1/memberships", program_id=program_id)
        return {member["customer_id"]: member["id"] for member in found}

    async def balances(self, members: dict[str, str], told: Told) -> dict[str, int]:
        """Each member's available points, by customer."""

        async def read(membership: str) -> int:
            balance = await self._one("GET", f"/v1/memberships/{membership}/balance")
            told(1)
            return int(balance["available"])

        found = await asyncio.gather(*(read(membership) for membership in members.values()))
        return dict(zip(members, found, strict=True))

    async def _one(self, method: str, path: str, **options: Any) -> Any:
        async with self._requests:
            return await self.ask(method, path, **options)

    async def _send_batch(self, path: str, items: Sequence[dict[str, Any]]) -> None:
        async with self._batches:
            answer = await self.ask("POST", path, json={"items": items})
        for result in answer["results"]:
            _expect(result)

    async def all(self, path: str, **filters: str) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.ask("GET", path, params={"limit": "200", **filters, **cursor})
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}


def spenders(balances: dict[str, int]) -> list[str]:
    """Who has enough points to spend, in the order of their ids."""
    return sorted(customer for customer, points in balances.items() if points >= COST)


def _expect(result: dict[str, Any]) -> None:
    if result["status"] not in ("created", "updated", "unchanged"):
        raise RuntimeError(f"{SOURCE} item {result['index']} was refused: {result['problem']}")


def _chunks(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
