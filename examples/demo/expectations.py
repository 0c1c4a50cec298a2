"""What must come out: the same figures in plain Python, straight from the file, and the comparison."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from examples.demo.households import Basket, Permission, Return
from examples.demo.shop import COST, spenders

KNOWN_SALES = "233935.24"
"""The sample's sales, as published with the data."""
ZONE = ZoneInfo("America/New_York")


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


@dataclass(frozen=True)
class Year:
    """What happened, as the file tells it; customers go by the ids that Rapport gave them."""

    baskets: list[Basket]
    returns: list[Return]
    permissions: list[Permission]
    touch_points: list[dict[str, Any]]
    ids: dict[str, str]

    @property
    def ends(self) -> datetime:
        """The moment of the last basket."""
        return self.baskets[-1].at

    def spent(self, *, net: bool) -> dict[str, int]:
        """What each customer spent in cents; net, what went back is taken off."""
        cents = Counter({self.ids[basket.household]: 0 for basket in self.baskets})
        for basket in self.baskets:
            cents[self.ids[basket.household]] += basket.cents
        for one in self.returns if net else []:
            cents[self.ids[one.basket.household]] -= one.cents
        return dict(cents)

    def points(self) -> tuple[dict[str, int], int]:
        """What each customer's baskets earn when returns are taken off, a point for each full dollar of a basket; and
        how many points went back for that."""
        gone = {one.basket.id: one.cents for one in self.returns}
        points: Counter[str] = Counter()
        for basket in self.baskets:
            points[self.ids[basket.household]] += (basket.cents - gone.get(basket.id, 0)) // 100
        return dict(points), sum(basket.cents // 100 for basket in self.baskets) - points.total()

    def moments(self) -> dict[str, list[datetime]]:
        """When each customer bought."""
        moments = defaultdict(list)
        for basket in self.baskets:
            moments[self.ids[basket.household]].append(basket.at)
        return moments


@dataclass(frozen=True)
class Answers:
    """What Rapport said."""

    gross: dict[str, Any]
    net: dict[str, Any]
    cohorts: dict[str, Any]
    retention: dict[str, Any]
    rfm: dict[str, Any]
    earned: dict[str, int]
    left: dict[str, int]
    ledger: dict[str, Any]
    permitted: int
    timeline: list[dict[str, Any]]
    waited: int
    status: dict[str, Any]


def compare(year: Year, given: Answers) -> list[Check]:
    """Every figure of the demo."""
    services = given.status["services"].values()
    return [
        Check("sales, as published with the data", KNOWN_SALES, given.gross["revenue"]),
        *_distribution("year", year.spent(net=False), given.gross),
        *_distribution("less returns", year.spent(net=True), given.net),
        *_points(year, given),
        Check("months of first purchase, and who came again", _cohorts(year), _shown(given.cohorts)),
        Check("customers kept over the second half", _kept(year), given.retention["rate"]),
        Check("customers by recency, frequency, revenue", _rfm(year), _cells(given.rfm)),
        Check("households that may be written to", _permitted(year), given.permitted),
        Check("what happened with the busiest household", _happened(year), _kinds(given.timeline)),
        Check("returns that were told before their basket", True, given.waited > 0),
        Check("dead letters", 0, sum(one["dead_letters"] for one in services)),
        Check("orphans", 0, sum(one["orphans"] for one in services)),
    ]


def _distribution(what: str, spent: dict[str, int], given: dict[str, Any]) -> list[Check]:
    falling = sorted(spent.values(), reverse=True)
    total = sum(falling)
    return [
        Check(f"{what}: sales, from the file", f"{total // 100}.{total % 100:02d}", given["revenue"]),
        Check(f"{what}: households", len(spent), given["customers"]),
        Check(f"{what}: share of the top 20 %", _share(falling, 20), round(given["top_20_percent_share"], 8)),
        Check(f"{what}: share of the top 10 %", _share(falling, 10), round(given["top_10_percent_share"], 8)),
        Check(f"{what}: customers that make 80 %", _needed(falling, 80), given["customers_for_80_percent"]),
        Check(f"{what}: Gini coefficient", _gini(falling), round(given["gini"], 8)),
    ]


def _points(year: Year, given: Answers) -> list[Check]:
    points, reversed_points = year.points()
    left = dict(points)
    for number, customer in enumerate(spenders(points)):
        left[customer] -= 0 if number % 2 else COST
    return [
        Check("points issued by the ledger", sum(points.values()) + reversed_points, given.ledger["issued"]),
        Check("members whose points are as recomputed", len(points), _equal(points, given.earned)),
        Check("points of all members after returns", sum(points.values()), sum(given.earned.values())),
        Check("members who have left what they did not spend", len(left), _equal(left, given.left)),
        Check("points of all members after spending", sum(left.values()), sum(given.left.values())),
        Check("wallets that differ from their entries", [], given.ledger["differences"]),
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


def _month(at: datetime) -> int:
    local = at.astimezone(ZONE)
    return local.year * 12 + local.month - 1


def _cohorts(year: Year) -> dict[str, list[int]]:
    """By the month of the first purchase: how many came in it and in each month after it."""
    months = {customer: {_month(at) for at in moments} for customer, moments in year.moments().items()}
    last = max(max(one) for one in months.values())
    cohorts: dict[int, Counter[int]] = defaultdict(Counter)
    for one in months.values():
        cohorts[min(one)].update(one)
    return {
        f"{first // 12}-{first % 12 + 1:02d}": [active[month] for month in range(first, last + 1)]
        for first, active in sorted(cohorts.items())
    }


def _shown(cohorts: dict[str, Any]) -> dict[str, list[int]]:
    return {one["month"]: one["active"] for one in cohorts["cohorts"]}


HALF = (datetime.fromisoformat("2017-07-01T00:00:00Z"), datetime.fromisoformat("2018-01-01T00:00:00Z"))
WINDOW_DAYS = 90


def _kept(year: Year) -> float:
    """(customers at the end - new ones) / customers at the start; one is one who bought in the 90 days before."""
    moments = year.moments()
    start, end = (
        {customer for customer, at in moments.items() if any(day - timedelta(WINDOW_DAYS) < one <= day for one in at)}
        for day in HALF
    )
    new = {customer for customer in end if min(moments[customer]) > HALF[0]}
    return round((len(end) - len(new)) / len(start), 8)


def _rfm(year: Year) -> dict[tuple[int, int, int], int]:
    """How many customers stand in which fifths; ties go by id."""
    moments, revenue = year.moments(), year.spent(net=True)
    fifths = [
        _fifths({customer: max(at) for customer, at in moments.items()}),
        _fifths({customer: len(at) for customer, at in moments.items()}),
        _fifths(revenue),
    ]
    return dict(Counter((fifths[0][one], fifths[1][one], fifths[2][one]) for one in moments))


def _fifths(values: dict[str, Any]) -> dict[str, int]:
    rising = sorted(values, key=lambda customer: (values[customer], customer))
    larger, size = len(rising) % 5, len(rising) // 5
    ends = [sum(size + (fifth < larger) for fifth in range(number)) for number in range(1, 6)]
    return {customer: next(n for n, end in enumerate(ends, 1) if place < end) for place, customer in enumerate(rising)}


def _cells(rfm: dict[str, Any]) -> dict[tuple[int, int, int], int]:
    return {(one["recency"], one["frequency"], one["monetary"]): one["customers"] for one in rfm["cells"]}


def _permitted(year: Year) -> int:
    return sum(not one.withdrawn for one in year.permissions)


def busiest(year: Year) -> str:
    """The household with the most baskets."""
    return Counter(basket.household for basket in year.baskets).most_common(1)[0][0]


def _happened(year: Year) -> dict[str, int]:
    household = busiest(year)
    return {
        "purchase": sum(basket.household == household for basket in year.baskets),
        "refund": sum(one.basket.household == household for one in year.returns),
        "touch_point": sum(one["customer_id"] == year.ids[household] for one in year.touch_points),
    }


def _kinds(timeline: list[dict[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(one["kind"] for one in timeline).items()))
