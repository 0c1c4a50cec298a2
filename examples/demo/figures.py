"""The shop's queries to analytics."""

from datetime import datetime
from typing import Any

from examples.demo.expectations import HALF, WINDOW_DAYS, Year
from examples.demo.households import CURRENCY
from examples.demo.shop import Shop


class Figures:
    """The figures of the year; cohorts use the shop's time zone."""

    def __init__(self, shop: Shop, year: Year) -> None:
        self._shop = shop
        self._ends = year.ends.isoformat()

    async def pareto(self, until: datetime | None = None) -> dict[str, Any]:
        """Return the distribution of revenue, up to a moment or to the present."""
        moment = {} if until is None else {"as_of": until.isoformat()}
        return await self._ask("pareto", currency=CURRENCY, **moment)

    async def cohorts(self) -> dict[str, Any]:
        """Return the cohorts by month of first purchase, with their later activity."""
        return await self._ask("cohorts", as_of=self._ends)

    async def retention(self) -> dict[str, Any]:
        """Return the retention over the second half of the year."""
        begins, ends = (moment.isoformat() for moment in HALF)
        return await self._ask("retention", **{"from": begins, "to": ends, "window_days": str(WINDOW_DAYS)})

    async def rfm(self) -> dict[str, Any]:
        """Return the customers by recency, frequency and revenue."""
        return await self._ask("rfm", currency=CURRENCY)

    async def _ask(self, figure: str, **params: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self._shop.ask("GET", f"/v1/analytics/{figure}", params=params)
        return answer
