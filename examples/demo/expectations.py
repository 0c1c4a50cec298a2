"""Expected results: the same figures in plain Python, directly from the files, and the comparison."""

from bisect import bisect_right
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
    """A figure from Rapport beside its expected value."""

    what: str
    expected: object
    actual: object

    @property
    def holds(self) -> bool:
        """Return whether both are equal."""
        return self.expected == self.actual


@dataclass(frozen=True)
class Year:
    """The events of the year from the files; `ids` maps households to the customer ids that Rapport assigned."""

    baskets: list[Basket]
    returns: list[Return]
    permissions: list[Permission]
    touch_points: list[dict[str, Any]]
    ids: dict[str, str]

    @property
    def ends(self) -> datetime:
        """Return the time of the last basket."""
        return self.baskets[-1].at

    def spent(self, *, net: bool) -> dict[str, int]:
        """Return the spending of each customer in cents, with `net` less the returns."""
        cents = Counter({self.ids[basket.household]: 0 for basket in self.baskets})
        for basket in self.baskets:
            cents[self.ids[basket.household]] += basket.cents
        for returned in self.returns if net else []:
            cents[self.ids[returned.basket.household]] -= returned.cents
        return dict(cents)

    def points(self) -> tuple[dict[str, int], int]:
        """Return the points that each customer earns after returns, and the number of points reversed for returns.

        Each full dollar of a basket earns a point.
        """
        gone = {returned.basket.id: returned.cents for returned in self.returns}
        points: Counter[str] = Counter()
        for basket in self.baskets:
            points[self.ids[basket.household]] += (basket.cents - gone.get(basket.id, 0)) // 100
        return dict(points), sum(basket.cents // 100 for basket in self.baskets) - points.total()

    def moments(self) -> dict[str, list[datetime]]:
        """Return the times of each customer's purchases."""
        moments = defaultdict(list)
        for basket in self.baskets:
            moments[self.ids[basket.household]].append(basket.at)
        return moments


@dataclass(frozen=True)
class Answers:
    """The figures that Rapport returned."""

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
    feed: list[str]
    """The ids of the feed's events about spent points."""
    receiver_agrees: bool
    status: dict[str, Any]


def compare(year: Year, answers: Answers) -> list[Check]:
    """Compare every figure of the demo with its expected value."""
    services = answers.status["services"].values()
    return [
        Check("sales, as published with the data", KNOWN_SALES, answers.gross["revenue"]),
        *_distribution("year", year.spent(net=False), answers.gross),
        *_distribution("less returns", year.spent(net=True), answers.net),
        *_points(year, answers),
        Check("cohorts by month of first purchase", _cohorts(year), _shown(answers.cohorts)),
        Check("retention over the second half of the year", _kept(year), answers.retention["rate"]),
        Check("customers by recency, frequency, revenue", _rfm(year), _cells(answers.rfm)),
        Check("households that permit mail", _permitted(year), answers.permitted),
        Check("timeline of the busiest household", _happened(year), _kinds(answers.timeline)),
        Check("returns recorded before their basket", True, answers.waited > 0),
        Check("events of spent points in the feed", 2 * len(spenders(answers.earned)), len(answers.feed)),
        Check("webhooks and the feed brought the same events", True, answers.receiver_agrees),
        Check("dead letters", 0, sum(service["dead_letters"] for service in services)),
        Check("orphans", 0, sum(service["gauges"].get("orphans", 0) for service in services)),
    ]


def _distribution(what: str, spent: dict[str, int], pareto: dict[str, Any]) -> list[Check]:
    falling = sorted(spent.values(), reverse=True)
    total = sum(falling)
    return [
        Check(f"{what}: sales, from the file", f"{total // 100}.{total % 100:02d}", pareto["revenue"]),
        Check(f"{what}: households", len(spent), pareto["customers"]),
        Check(f"{what}: share of the top 20 %", _share(falling, 20), round(pareto["top_20_percent_share"], 8)),
        Check(f"{what}: share of the top 10 %", _share(falling, 10), round(pareto["top_10_percent_share"], 8)),
        Check(f"{what}: customers that make up 80 %", _needed(falling, 80), pareto["customers_for_80_percent"]),
        Check(f"{what}: Gini coefficient", _gini(falling), round(pareto["gini"], 8)),
    ]


def _points(year: Year, answers: Answers) -> list[Check]:
    points, reversed_points = year.points()
    left = dict(points)
    for number, customer in enumerate(spenders(points)):
        left[customer] -= 0 if number % 2 else COST
    return [
        Check("points issued by the ledger", sum(points.values()) + reversed_points, answers.ledger["issued"]),
        Check("members with the expected points", len(points), _equal(points, answers.earned)),
        Check("points of all members after returns", sum(points.values()), sum(answers.earned.values())),
        Check("members with the expected points after spending", len(left), _equal(left, answers.left)),
        Check("points of all members after spending", sum(left.values()), sum(answers.left.values())),
        Check("wallets that differ from their entries", [], answers.ledger["differences"]),
    ]


def _equal(expected: dict[str, int], actual: dict[str, int]) -> int:
    return sum(actual.get(customer) == points for customer, points in expected.items())


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
    count, weighted = len(rising), sum(rank * cents for rank, cents in enumerate(rising, 1))
    return round(2 * weighted / (count * sum(rising)) - (count + 1) / count, 8)


def _month(at: datetime) -> int:
    local = at.astimezone(ZONE)
    return local.year * 12 + local.month - 1


def _cohorts(year: Year) -> dict[str, list[int]]:
    """Return, by month of first purchase, the number of customers that bought in it and in each later month."""
    months = {customer: {_month(at) for at in moments} for customer, moments in year.moments().items()}
    last = max(max(bought_in) for bought_in in months.values())
    cohorts: dict[int, Counter[int]] = defaultdict(Counter)
    for bought_in in months.values():
        cohorts[min(bought_in)].update(bought_in)
    return {
        f"{first // 12}-{first % 12 + 1:02d}": [active[month] for month in range(first, last + 1)]
        for first, active in sorted(cohorts.items())
    }


def _shown(cohorts: dict[str, Any]) -> dict[str, list[int]]:
    return {cohort["month"]: cohort["active"] for cohort in cohorts["cohorts"]}


HALF = (datetime.fromisoformat("2017-07-01T00:00:00Z"), datetime.fromisoformat("2018-01-01T00:00:00Z"))
WINDOW_DAYS = 90


def _kept(year: Year) -> float:
    """Return (customers at the end - new customers) / customers at the start.

    A household counts as a customer if it bought in the 90 days before.
    """
    moments = year.moments()
    start, end = (
        {
            customer
            for customer, at in moments.items()
            if any(day - timedelta(WINDOW_DAYS) < moment <= day for moment in at)
        }
        for day in HALF
    )
    new = {customer for customer in end if min(moments[customer]) > HALF[0]}
    return round((len(end) - len(new)) / len(start), 8)


def _rfm(year: Year) -> dict[tuple[int, int, int], int]:
    """Return the number of customers in each combination of scores."""
    moments, revenue = year.moments(), year.spent(net=True)
    recency = _scores({customer: max(at) for customer, at in moments.items()})
    frequency = _scores({customer: len(at) for customer, at in moments.items()})
    monetary = _scores(revenue)
    return dict(Counter((recency[customer], frequency[customer], monetary[customer]) for customer in moments))


def _scores(values: dict[str, Any]) -> dict[str, int]:
    """Return 5 times the share of customers whose value is not above the customer's, rounded up."""
    rising = sorted(values.values())
    return {customer: -(-5 * bisect_right(rising, value) // len(rising)) for customer, value in values.items()}


def _cells(rfm: dict[str, Any]) -> dict[tuple[int, int, int], int]:
    return {(cell["recency"], cell["frequency"], cell["monetary"]): cell["customers"] for cell in rfm["cells"]}


def _permitted(year: Year) -> int:
    return sum(not permission.withdrawn for permission in year.permissions)


def busiest(year: Year, number: int = 3) -> list[str]:
    """Return the households with the most baskets."""
    counts = Counter(basket.household for basket in year.baskets)
    return [household for household, _ in counts.most_common(number)]


def _happened(year: Year) -> dict[str, int]:
    household = busiest(year)[0]
    return {
        "purchase": sum(basket.household == household for basket in year.baskets),
        "refund": sum(returned.basket.household == household for returned in year.returns),
        "touch_point": sum(touch_point["customer_id"] == year.ids[household] for touch_point in year.touch_points),
    }


def _kinds(timeline: list[dict[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(entry["kind"] for entry in timeline).items()))
