"""Clients: each sends random requests, retries until the outcome is known, and records acknowledged writes."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.auditor.books import Books, Bought, Spent
from tests.support.facts import a_customer, a_purchase
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import Visitor

CUSTOMERS = 8
CUT, GIVEN_UP = 0.06, 0.3
"""The share of requests whose connection is cut after sending, and the share of these that are never retried."""
PAUSE_SECONDS = 0.02
"""The pause between two actions of a client.

A load without pauses takes every core, and the audit has to read all of its writes.
"""


class GivenUp(Exception):
    """The client did not wait for the response, and will not retry."""


class Client:
    """A client of a tenant. Other clients write to the same customers of the tenant at the same time."""

    def __init__(self, visitor: Visitor, books: Books, rng: random.Random) -> None:
        self._visitor = visitor
        self._books = books
        self._dice = rng
        self._name = f"{rng.getrandbits(64):016x}"
        self._numbers = 0

    async def work(self, ended: asyncio.Event) -> None:
        """Perform random actions in sequence until the load ends."""
        things: dict[Callable[[], Awaitable[None]], int] = {
            self._change_a_customer: 12,
            self._record_a_touch_point: 16,
            self._buy: 34,
            self._buy_by_batch: 4,
            self._refund: 14,
            self._redeem: 14,
            self._end_a_hold: 6,
        }
        while not ended.is_set():
            (thing,) = self._dice.choices(list(things), list(things.values()))
            try:
                await thing()
            except GivenUp:
                pass
            await asyncio.sleep(PAUSE_SECONDS)

    async def record_customers(self, many: int) -> None:
        """Record the customers that all clients of the tenant write to afterwards."""
        for _ in range(many):
            body = a_customer(external_ids=[{"source": "audit", "id": self._number()}])
            made = await self._insist("POST", "/v1/customers", body)
            assert made.status_code == 201, made.text
            self._books.versions[made.json()["id"]] = 1

    # Actions

    async def _change_a_customer(self) -> None:
        customer, area = self._a_customer(), self._number()
        changed = await self._insist("PATCH", f"/v1/customers/{customer}", {"area": area})
        assert changed.status_code == 200, changed.text
        self._books.versions[customer] += 1

    async def _record_a_touch_point(self) -> None:
        customer, number = self._a_customer(), self._number()
        body = {
            "customer_id": customer,
            "source": "audit",
            "source_id": number,
            "channel": "phone",
            "direction": "inbound",
            "occurred_at": "2026-03-01T10:00:00Z",
        }
        told = await self._insist("POST", "/v1/touch-points", body, keyed=self._dice.random() < 0.5)
        assert told.status_code in (200, 201), told.text
        self._books.touch_points[number] = customer

    async def _buy(self) -> None:
        body = self._a_basket()
        purchase_recorded = Bought("", body["customer_id"], self._cents)
        try:
            told = await self._insist("POST", "/v1/purchases", body, keyed=self._dice.random() < 0.5, may_give_up=True)
        except GivenUp:
            self._books.unsure[body["source_id"]] = purchase_recorded
            raise
        assert told.status_code in (200, 201), told.text
        purchase_recorded.id = told.json()["id"]
        self._books.purchases[body["source_id"]] = purchase_recorded
        if self._dice.random() < 0.2:
            read = await self._insist("GET", f"/v1/purchases/{purchase_recorded.id}")
            assert read.status_code == 200, f"acknowledged, but missing afterwards: {read.text}"

    async def _buy_by_batch(self) -> None:
        baskets = []
        for _ in range(5):
            body = self._a_basket()
            baskets.append((body, Bought("", body["customer_id"], self._cents)))
        told = await self._insist("POST", "/v1/purchases/batch", {"items": [body for body, _ in baskets]})
        for (body, purchase_recorded), result in zip(baskets, told.json()["results"], strict=True):
            assert result["problem"] is None, result
            purchase_recorded.id = result["id"]
            self._books.purchases[body["source_id"]] = purchase_recorded

    async def _refund(self) -> None:
        if not self._books.purchases:
            return
        purchase_recorded, number = self._dice.choice(list(self._books.purchases.values())), self._number()
        cents = self._dice.randrange(1, purchase_recorded.cents + 1)
        body = {"source": "audit", "source_id": number, "refunded_at": "2026-03-02T10:00:00Z", "amount": money(cents)}
        told = await self._insist("POST", f"/v1/purchases/{purchase_recorded.id}/refunds", body)
        if told.status_code == 409:
            assert told.json()["code"] == "refund_exceeds_purchase", told.text
            return
        assert told.status_code in (200, 201), told.text
        purchase_recorded.refunds[number] = cents

    async def _redeem(self) -> None:
        customer, points = self._a_customer(), self._dice.randrange(1, 30)
        mode = self._dice.choice(["reserve", "capture"])
        memberships = await self._insist("GET", f"/v1/memberships?customer_id={customer}")
        for membership in memberships.json()["items"]:
            body = {"points": points, "mode": mode}
            told = await self._insist("POST", f"/v1/memberships/{membership['id']}/redemptions", body)
            if told.status_code == 409:
                assert told.json()["code"] == "insufficient_points", told.text
                return
            assert told.status_code == 201, told.text
            granted = told.json()
            self._books.spendings[granted["id"]] = Spent(granted["id"], customer, points, granted["state"])

    async def _end_a_hold(self) -> None:
        held = list(self._books.held())
        if not held:
            return
        spent, how = self._dice.choice(held), self._dice.choice(["capture", "release"])
        told = await self._insist("POST", f"/v1/redemptions/{spent.id}/{how}")
        if told.status_code == 409:
            assert told.json()["code"] in ("already_captured", "already_released"), told.text
            return
        assert told.status_code == 200, told.text
        spent.state = told.json()["state"]

    # Sending

    async def _insist(
        self, method: str, path: str, body: Any = None, *, keyed: bool = True, may_give_up: bool = False
    ) -> httpx.Response:
        """Retry until the outcome is known, under the same Idempotency-Key.

        Requests with a source id of their own need no key.
        """
        headers = {"idempotency-key": self._number()} if keyed and method != "GET" else {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            cut = self._dice.random() < CUT
            try:
                async with asyncio.timeout(self._dice.uniform(0, 0.03) if cut else 30):
                    told = await self._visitor.request(method, path, json=body, headers=headers)
                if not _is_passing(told):
                    return told
            except (httpx.TransportError, TimeoutError):
                if cut and may_give_up and self._dice.random() < GIVEN_UP:
                    raise GivenUp from None
            assert time.monotonic() < deadline, f"{method} {path} has no response"
            await asyncio.sleep(self._dice.uniform(0, 0.2))

    # Random values

    def _a_customer(self) -> str:
        return self._dice.choice(list(self._books.versions))

    def _a_basket(self) -> dict[str, Any]:
        self._cents = self._dice.randrange(50, 5_000)
        line = {"sku": "tea", "quantity": "1", "amount": money(self._cents)}
        return a_purchase(self._a_customer(), source="audit", source_id=self._number(), lines=[line])

    def _number(self) -> str:
        self._numbers += 1
        return f"{self._name}-{self._numbers}"


def _is_passing(told: httpx.Response) -> bool:
    """Return whether to retry: the request failed, its outcome is unknown, or its key is in flight."""
    if told.status_code >= 500:
        assert told.status_code in (502, 503, 504), f"a fault is reported as an internal error: {told.text}"
        assert told.headers["content-type"] == "application/problem+json", told.text
        return True
    return told.status_code == 429 or (told.status_code == 409 and told.json()["code"] == "idempotency_key_in_flight")


def money(cents: int) -> str:
    """Return an amount as a decimal string."""
    return f"{cents // 100}.{cents % 100:02}"
