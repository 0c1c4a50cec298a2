"""A reading of a shop's events: loyalty and analytics as one tenant, and whether they came to the right sums."""

from collections import Counter
from dataclasses import dataclass, field

from tests.support.service import ServiceUnderTest
from tests.support.shop import Shop

POINTS = "select customer_id, available + pending - debt as points from wallet join membership using (tenant_id, id)"
REVENUE = "select customer_id, revenue_minor from customer_value where currency = 'EUR'"


@dataclass
class Reading:
    """Consumers that know nothing yet."""

    shop: Shop
    loyalty: ServiceUnderTest
    analytics: ServiceUnderTest
    moved: Counter[str] = field(default_factory=Counter)

    async def spend(self) -> None:
        """Moves points beside what is told."""
        self.moved.update(await self.shop.spend(self.loyalty))

    async def forget(self) -> None:
        """What housekeeping does after some weeks: the inbox knows nothing any more."""
        for service in (self.loyalty, self.analytics):
            await service.rows("delete from chassis.inbox where tenant_id = $1", service.tenant.id)

    async def holds(self) -> None:
        """Every figure is the plain sum of what happened, once."""
        expected = self.shop.earned
        for customer, points in self.moved.items():
            expected[customer] += points
        found = {str(row["customer_id"]): row["points"] for row in await self.loyalty.rows(POINTS)}
        assert found == dict(expected), (found, dict(expected))
        revenue = {str(row["customer_id"]): row["revenue_minor"] for row in await self.analytics.rows(REVENUE)}
        assert revenue == dict(self.shop.revenue), (revenue, dict(self.shop.revenue))
        assert (await self.loyalty.get("/v1/ledger/verify")).json()["differences"] == []
        assert await self.analytics.rebuild(repair=False) == 0
        assert [await one.dead_letters() for one in (self.loyalty, self.analytics)] == [[], []]

    async def announced_once(self) -> None:
        """What it has told others sums up alike, each award once."""
        told = await self.loyalty.published()
        earned = [one.data for one in told if one.type == "loyalty.points_earned.v1"]
        awards = Counter((one["purchase_id"], one["rule_id"]) for one in earned)
        assert set(awards.values()) <= {1}
        points: Counter[str] = Counter()
        for one in told:
            if one.type in ("loyalty.points_earned.v1", "loyalty.points_reversed.v1"):
                points[one.subject] += one.data["points"] * (1 if "earned_at" in one.data else -1)
        assert +points == +self.shop.earned
