"""The requests of the benchmark: a tenant with its customers, and an endless stream of each kind of request."""

import itertools
import random
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any
from uuid import UUID, uuid4

from benchmarks.load import Target, ask
from chassis.types import json

A_BATCH, A_PAGE, LAST_PAGE = 1_000, 50, 100
PURCHASES_A_BATCH = 500
NEW = 100_000_000
"""The number of the first customer that is created by a single request."""
GIVEN_NAMES = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Niklaus", "Radia", "Tony"]
FAMILY_NAMES = [a + b for a in ["Ander", "Berg", "Cole", "Dahl", "Eker", "Fisch"] for b in ["sen", "man", "son"]]


class Shop:
    """The data of a tenant, the same in each run."""

    def __init__(self, target: Target, customers: int) -> None:
        self.target = target
        self.customers = customers
        self.ids: list[str] = []
        self.cursor = ""
        self._dice = random.Random(1)
        self._numbers = itertools.count()

    def at(self, target: Target) -> "Shop":
        """Return the same shop with another target."""
        other = copy(self)
        other.target = target
        return other

    async def fill(self) -> None:
        """Record the customers, page to the hundredth page, and create a program that enrols buyers."""
        await self.grow(self.customers)
        for _ in range(LAST_PAGE - 1):
            (answer,) = await ask(self.target, [self._page()])
            self.cursor = json.loads(answer)["next_cursor"]
        program = {"name": "Points", "kind": "frequency", "currency": "EUR", "timezone": "UTC"}
        program["enrolment"] = "on_purchase"
        (answer,) = await ask(self.target, [self.target.request("POST", "/v1/programs", program)])
        rule = {"kind": "per_amount", "points": 1, "per": "1.00"}
        path = f"/v1/programs/{json.loads(answer)['id']}/earning-rules"
        await ask(self.target, [self.target.request("POST", path, rule)])

    async def grow(self, customers: int) -> None:
        """Record customers in batches until the given number exists."""
        for begin in range(len(self.ids), customers, A_BATCH):
            items = [self._customer(number) for number in range(begin, begin + A_BATCH)]
            batch = self.target.request("POST", "/v1/customers/batch", {"items": items})
            (answer,) = await ask(self.target, [batch])
            self.ids += [result["id"] for result in json.loads(answer)["results"]]

    async def sell(self, purchases: int) -> list[str]:
        """Record a number of purchases in batches; return their ids."""
        sold: list[str] = []
        for batch in itertools.islice(self.purchase_batches(), purchases // PURCHASES_A_BATCH):
            (answer,) = await ask(self.target, [batch])
            sold += [result["id"] for result in json.loads(answer)["results"]]
        return sold

    def _customer(self, number: int) -> dict[str, Any]:
        return {
            "kind": "person",
            "given_name": self._dice.choice(GIVEN_NAMES),
            "family_name": f"{self._dice.choice(FAMILY_NAMES)}{number % 977}",
            "emails": [{"address": f"customer{number}@example.org"}],
            "external_ids": [{"source": "till", "id": str(number)}],
            "tags": ["benchmark"],
        }

    def _page(self) -> bytes:
        cursor = f"&cursor={self.cursor}" if self.cursor else ""
        return self.target.request("GET", f"/v1/customers?limit={A_PAGE}{cursor}")

    # Endless streams of requests

    def creates(self) -> Iterator[bytes]:
        """Yield requests that create customers, each with an Idempotency-Key."""
        for number in self._numbers:
            body = self._customer(NEW + number)
            yield self.target.request("POST", "/v1/customers", body, Idempotency_Key=f"create-{number}")

    def reads(self) -> Iterator[bytes]:
        """Yield requests that read customers by id."""
        while True:
            yield self.target.request("GET", f"/v1/customers/{self._dice.choice(self.ids)}")

    def first_pages(self) -> Iterator[bytes]:
        """Repeat the request for the first page of fifty customers."""
        return itertools.repeat(self.target.request("GET", f"/v1/customers?limit={A_PAGE}"))

    def late_pages(self) -> Iterator[bytes]:
        """Repeat the request for the hundredth page of fifty customers."""
        return itertools.repeat(self._page())

    def looked_up_by_email(self) -> Iterator[bytes]:
        """Yield look-ups by an e-mail address that is stored in different letter case."""
        while True:
            address = f"Customer{self._dice.randrange(self.customers)}@EXAMPLE.org"
            yield self.target.request("GET", f"/v1/customers?email={address}")

    def looked_up_by_external_id(self) -> Iterator[bytes]:
        """Yield look-ups by the id of another system."""
        while True:
            number = self._dice.randrange(self.customers)
            yield self.target.request("GET", f"/v1/customers?external_id=till:{number}")

    def looked_up_by_name(self) -> Iterator[bytes]:
        """Yield searches for a family name with a wrong letter."""
        while True:
            name = f"{self._dice.choice(FAMILY_NAMES)}{self._dice.randrange(977)}"
            yield self.target.request("GET", f"/v1/customers?q={name.replace('e', 'a', 1)}&limit=20")

    def touch_points(self) -> Iterator[bytes]:
        """Yield requests that record phone calls."""
        for number in self._numbers:
            body = {
                "customer_id": self._dice.choice(self.ids),
                "source": "phone",
                "source_id": f"call-{number}",
                "channel": "phone",
                "direction": "inbound",
                "subject": "Where is my parcel?",
                "occurred_at": "2026-03-01T10:00:00Z",
            }
            yield self.target.request("POST", "/v1/touch-points", body)

    def purchases(self, customer: UUID | None = None) -> Iterator[bytes]:
        """Yield requests that record purchases of five lines."""
        while True:
            yield self.target.request("POST", "/v1/purchases", self._purchase(customer))

    def purchase_batches(self) -> Iterator[bytes]:
        """Yield requests that record batches of 500 purchases of five lines."""
        while True:
            items = [self._purchase() for _ in range(PURCHASES_A_BATCH)]
            yield self.target.request("POST", "/v1/purchases/batch", {"items": items})

    def refunds(self, purchases: Iterable[str]) -> Iterator[bytes]:
        """Yield a refund of each purchase."""
        for purchase in purchases:
            body = {"source": "till", "source_id": purchase, "refunded_at": "2026-03-02T10:00:00Z", "amount": "5.00"}
            yield self.target.request("POST", f"/v1/purchases/{purchase}/refunds", body)

    def _purchase(self, customer: UUID | None = None) -> dict[str, Any]:
        lines = [
            {"sku": f"sku-{self._dice.randrange(500)}", "quantity": "2", "unit_price": "2.50", "category": "tea"}
            for _ in range(5)
        ]
        return {
            "customer_id": str(customer) if customer else self._dice.choice(self.ids),
            "source": "till",
            "source_id": str(uuid4()),
            "purchased_at": "2026-03-01T10:00:00Z",
            "currency": "EUR",
            "lines": lines,
        }
