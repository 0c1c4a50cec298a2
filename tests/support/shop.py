"""A shop that trades at random through the API, and the expected sums, computed in plain Python."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_program, a_purchase, a_rule

RULES = (a_rule(1, "1.00"), a_rule(3, "2.00"), a_rule(3, "2.00", rounding="proportional"))
REFUNDED_AT = "2026-10-01T10:00:00Z"


class Asked(Protocol):
    """A target of requests: a service under test, or a client of the whole system."""

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request and return its response."""


def points_for(minor: int) -> int:
    """Return the points of an order under the rules above, rounded down for each rule."""
    return minor // 100 + minor // 200 * 3 + minor * 3 // 200


def text(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


@dataclass
class Sale:
    """A purchase, and the amount of it that is not refunded."""

    customer: str
    source_id: str
    minor: int
    left: int


@dataclass
class Shop:
    """The trade of a tenant."""

    customers: Asked
    interactions: Asked
    rng: random.Random
    people: list[str] = field(default_factory=lambda: [str(uuid7()) for _ in range(5)])
    sales: list[tuple[str, Sale]] = field(default_factory=list)

    @property
    def earned(self) -> Counter[str]:
        """The points that each customer has earned, without reversed points."""
        return self._by_customer(points_for)

    @property
    def revenue(self) -> Counter[str]:
        """The revenue of each customer after refunds, in minor units."""
        return self._by_customer(lambda minor: minor)

    def _by_customer(self, worth: Any) -> Counter[str]:
        found: Counter[str] = Counter()
        for _, sale in self.sales:
            found[sale.customer] += worth(sale.left)
        return found

    async def trade(self, steps: int, *, early_refunds: bool = True) -> None:
        """Perform this number of random actions in sequence."""
        doings = [self.sell, self.sell, self.sell, self.refund, self.talk]
        for _ in range(steps):
            await self.rng.choice([*doings, self.refund_before] if early_refunds else doings)()

    async def sell(self, sale: Sale | None = None) -> None:
        sale = sale or self._a_sale()
        at = f"{self.rng.randint(2012, 2025)}-0{self.rng.randint(1, 9)}-1{self.rng.randint(0, 9)}T10:00:00Z"
        lines = [{"sku": "tea", "quantity": "1", "amount": text(sale.minor)}]
        body = a_purchase(sale.customer, source_id=sale.source_id, purchased_at=at, lines=lines)
        made = await post(self.interactions, "/v1/purchases", body)
        self.sales.append((made["id"], sale))

    async def refund(self) -> None:
        open_sales = [(id, sale) for id, sale in self.sales if sale.left > 0]
        if not open_sales:
            return
        id, sale = self.rng.choice(open_sales)
        minor = self.rng.choice([sale.left, self.rng.randint(1, sale.left)])
        await post(self.interactions, f"/v1/purchases/{id}/refunds", self._a_refund(sale, minor))

    async def refund_before(self) -> None:
        """Record a refund before its purchase."""
        sale = self._a_sale()
        body = self._a_refund(sale, self.rng.randint(1, sale.left))
        purchase = {"source": "till", "source_id": sale.source_id}
        await post(self.interactions, "/v1/refunds", body | {"purchase": purchase})
        await self.sell(sale)

    async def talk(self) -> None:
        """Create a customer, record a consent decision and a touch point."""
        customer = await post(self.customers, "/v1/customers", a_customer())
        decision = self.rng.choice(["granted", "withdrawn"])
        consent = {"purpose": "newsletter", "channel": "email", "decision": decision, "source": "form"}
        await post(self.customers, f"/v1/customers/{customer['id']}/consents", consent)
        touch = {"source": "phone", "source_id": str(uuid7()), "channel": "phone", "direction": "inbound"}
        about = {"customer_id": customer["id"], "occurred_at": REFUNDED_AT}
        await post(self.interactions, "/v1/touch-points", touch | about)

    async def spend(self, loyalty: Asked) -> Counter[str]:
        """Add, deduct and redeem points of some customers. Return the change of points by customer."""
        moved: Counter[str] = Counter()
        for customer in self.rng.sample(self.people, 3):
            members = (await loyalty.request("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
            for member in members:
                path = f"/v1/memberships/{member['id']}"
                given = self.rng.randint(-5, 20) or 1
                await post(loyalty, f"{path}/adjustments", {"points": given, "reason": "x", "allow_debt": True})
                spent = (await loyalty.request("GET", f"{path}/balance")).json()["available"] // 2
                if spent:
                    await post(loyalty, f"{path}/redemptions", {"points": spent, "mode": "capture"})
                moved[customer] += given - spent
        return moved

    def _a_sale(self) -> Sale:
        minor = self.rng.randint(1, 9_999)
        return Sale(self.rng.choice(self.people), str(uuid7()), minor, minor)

    def _a_refund(self, sale: Sale, minor: int) -> dict[str, Any]:
        sale.left -= minor
        return {"source": "till", "source_id": str(uuid7()), "refunded_at": REFUNDED_AT, "amount": text(minor)}


async def open_for_business(loyalty: Asked) -> None:
    """Create the program with the rules above."""
    program = await post(loyalty, "/v1/programs", a_program())
    for rule in RULES:
        await post(loyalty, f"/v1/programs/{program['id']}/earning-rules", rule)


async def post(asked: Asked, path: str, body: Any) -> dict[str, Any]:
    answer = await asked.request("POST", path, json=body, headers={"idempotency-key": str(uuid7())})
    assert answer.status_code < 300, f"{path}: {answer.text}"
    return dict(answer.json())
