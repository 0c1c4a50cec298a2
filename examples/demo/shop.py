"""The shop: a program against the public API, with one key. Nothing here knows what is behind the gateway."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from examples.demo.households import CURRENCY, SOURCE, Basket, as_purchase

IN_FLIGHT = 4
CUSTOMERS_A_BATCH = 1_000
PURCHASES_A_BATCH = 500
ATTEMPTS = 40
Told = Callable[[int], None]


class Shop:
    """A client that sends again what was not answered: every request here is safe to repeat."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """The answer to a request; waits out a service that is away. Raises RuntimeError when it is refused."""
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._client.request(method, path, **options)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS - 1:
                    raise RuntimeError(f"{method} {path}: {error!r}") from error
            else:
                if answer.status_code < 400:
                    return answer.json()
                if answer.status_code not in (429, 503, 504):
                    raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
            await asyncio.sleep(min(0.1 * 2**attempt, 2))
        raise RuntimeError(f"{method} {path}: not answered")

    async def record_customers(self, customers: Sequence[dict[str, Any]], told: Told) -> dict[str, str]:
        """Records the customers; answers with the id of each household's."""
        ids: dict[str, str] = {}
        for chunk in _chunks(customers, CUSTOMERS_A_BATCH):
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
            async with self._slots:
                items = [as_purchase(basket, ids[basket.household]) for basket in chunk]
                answer = await self.ask("POST", "/v1/purchases/batch", json={"items": items})
                for result in answer["results"]:
                    _expect(result)
                told(len(chunk))

        await asyncio.gather(*(send(chunk) for chunk in _chunks(baskets, PURCHASES_A_BATCH)))

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

    async def balances(self, program_id: str, told: Told) -> dict[str, int]:
        """Each member's available points, by customer."""
        members = await self._all("/v1/memberships", program_id=program_id)
        balances: dict[str, int] = {}

        async def read(member: dict[str, Any]) -> None:
            async with self._slots:
                balance = await self.ask("GET", f"/v1/memberships/{member['id']}/balance")
            balances[member["customer_id"]] = balance["available"]
            told(1)

        await asyncio.gather(*(read(member) for member in members))
        return balances

    async def _all(self, path: str, **filters: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.ask("GET", path, params={"limit": "200", **filters, **cursor})
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}


def _expect(result: dict[str, Any]) -> None:
    if result["status"] not in ("created", "updated", "unchanged"):
        raise RuntimeError(f"{SOURCE} item {result['index']} was refused: {result['problem']}")


def _chunks(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
