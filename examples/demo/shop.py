"""The shop: a program that uses only the public API."""

import asyncio
from collections.abc import Sequence
from typing import Any

from examples.demo.client import Advance, Client, expect_accepted
from examples.demo.households import CURRENCY, Basket, Permission, Return, as_purchase

ITEMS_A_BATCH = 1_000
PURCHASES_A_BATCH = 500
COST = 50
"""The points that each member with a sufficient balance spends."""


class Shop(Client):
    """The requests of the shop."""

    async def record_customers(self, customers: Sequence[dict[str, Any]], advance: Advance) -> dict[str, str]:
        """Record the customers; return the customer id of each household."""
        ids: dict[str, str] = {}
        for chunk in _chunks(customers, ITEMS_A_BATCH):
            answer = await self.ask("POST", "/v1/customers/batch", json={"items": chunk})
            for customer, result in zip(chunk, answer["results"], strict=True):
                expect_accepted(result)
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


def spenders(balances: dict[str, int]) -> list[str]:
    """Return the customers with enough points to spend, ordered by id."""
    return sorted(customer for customer, points in balances.items() if points >= COST)


def _chunks(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
