"""Check the sums of loyalty and analytics after they have read the events of a shop as a tenant."""

from collections import Counter
from dataclasses import dataclass, field

from tests.support.service import ServiceUnderTest
from tests.support.shop import Shop

POINTS = "select customer_id, available + pending - debt as points from wallet join membership using (tenant_id, id)"
REVENUE = "select customer_id, revenue_minor from customer_value where currency = 'EUR'"


@dataclass
class Reading:
    """Consumers of a shop's events, and the points that staff have moved."""

    shop: Shop
    loyalty: ServiceUnderTest
    analytics: ServiceUnderTest
    moved: Counter[str] = field(default_factory=Counter)

    async def spend(self) -> None:
        """Move points by requests, in addition to the events."""
        self.moved.update(await self.shop.spend(self.loyalty))

    async def forget(self) -> None:
        """Delete the inbox, as the purge does after some weeks."""
        for service in (self.loyalty, self.analytics):
            await service.rows("delete from chassis.inbox where tenant_id = $1", service.tenant.id)

    async def holds(self) -> None:
        """Assert that every figure is the plain sum of the shop's history, with each event counted once."""
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
        """Assert that the published events have the same sums, and that each award is published once."""
        told = await self.loyalty.published()
        earned = [one.data for one in told if one.type == "loyalty.points_earned.v1"]
        awards = Counter((one["purchase_id"], one["rule_id"]) for one in earned)
        assert set(awards.values()) <= {1}
        points: Counter[str] = Counter()
        for one in told:
            if one.type in ("loyalty.points_earned.v1", "loyalty.points_reversed.v1"):
                points[one.subject] += one.data["points"] * (1 if "earned_at" in one.data else -1)
        assert +points == +self.shop.earned
