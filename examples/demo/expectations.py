"""What must come out: the same figures in plain Python, straight from the file, and the comparison."""

from dataclasses import dataclass
from typing import Any

from examples.demo.households import Basket, cents_by_household

KNOWN_SALES = "233935.24"
"""The sample's sales, as published with the data."""


@dataclass(frozen=True)
class Check:
    """A figure that Rapport gave beside the one that must come out."""

    what: str
    expected: object
    given: object

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.given


def compare(
    baskets: list[Basket],
    ids: dict[str, str],
    pareto: dict[str, Any],
    balances: dict[str, int],
    ledger: dict[str, Any],
    status: dict[str, Any],
) -> list[Check]:
    """Every figure of the demo."""
    spent = cents_by_household(baskets)
    by_value = sorted((sum(cents) for cents in spent.values()), reverse=True)
    total = sum(by_value)
    points = {ids[household]: sum(one // 100 for one in cents) for household, cents in spent.items()}
    services = status["services"].values()
    return [
        Check("sales, as published with the data", KNOWN_SALES, pareto["revenue"]),
        Check("sales, from the file", f"{total // 100}.{total % 100:02d}", pareto["revenue"]),
        Check("households that bought", len(spent), pareto["customers"]),
        Check("members of the program", len(spent), len(balances)),
        Check("members whose points are as recomputed", len(points), _equal(points, balances)),
        Check("points of all members", sum(points.values()), sum(balances.values())),
        Check("points issued by the ledger", sum(points.values()), ledger["issued"]),
        Check("wallets that differ from their entries", [], ledger["differences"]),
        Check("share of the top 20 %", _share(by_value, 20), round(pareto["top_20_percent_share"], 8)),
        Check("share of the top 10 %", _share(by_value, 10), round(pareto["top_10_percent_share"], 8)),
        Check("customers that make 80 %", _needed(by_value, 80), pareto["customers_for_80_percent"]),
        Check("Gini coefficient", _gini(by_value), round(pareto["gini"], 8)),
        Check("dead letters", 0, sum(one["dead_letters"] for one in services)),
        Check("orphans", 0, sum(one["orphans"] for one in services)),
    ]


def _equal(expected: dict[str, int], given: dict[str, int]) -> int:
    return sum(given.get(customer) == points for customer, points in expected.items())


def _share(falling: list[int], percent: int) -> float:
    return round(sum(falling[: len(falling) * percent // 100]) / sum(falling), 8)


def _needed(falling: list[int], percent: int) -> int:
    reached = 0
    for count, cents in enumerate(falling, 1):
        reached += cents
        if reached * 100 >= sum(falling) * percent:
            return count
    return len(falling)


def _gini(falling: list[int]) -> float:
    rising = falling[::-1]
    count, weighted = len(rising), sum(place * cents for place, cents in enumerate(rising, 1))
    return round(2 * weighted / (count * sum(rising)) - (count + 1) / count, 8)
