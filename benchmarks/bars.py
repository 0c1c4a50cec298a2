"""The bars: a target for each figure, from the best systems of the field and a bare trial of this architecture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.report import table


@dataclass(frozen=True)
class Bar:
    """A figure's name, its limit, and the result of a bare trial of this architecture."""

    figure: str
    limit: float
    unit: str
    trial: str = "-"
    at_most: bool = False

    def row(self, measured: float) -> list[str]:
        """Return a row of the table."""
        met = measured <= self.limit if self.at_most else measured >= self.limit
        bound = f"{'at most' if self.at_most else 'at least'} {self.limit:g} {self.unit}"
        digits = 3 if self.limit < 1 else 2 if self.limit < 10 else 0
        return [self.figure, bound, f"{measured:,.{digits}f}", "met" if met else "**not met**", self.trial]


def at_most(figure: str, limit: float, unit: str, trial: str = "-") -> Bar:
    """Return a bar that a figure must not exceed."""
    return Bar(figure, limit, unit, trial, at_most=True)


INSERT, SELECT = "of pgbench insert", "of pgbench select"
BARS = [
    Bar("create a customer", 0.08, INSERT, "0.12 to 0.15 as one statement, 0.07 as six, 0.03 with an ORM session"),
    Bar("read a customer by id", 0.07, SELECT, "0.10"),
    Bar("page 1, 50 items", 0.035, SELECT, "0.05, its JSON built in SQL"),
    Bar("page 100, 50 items", 0.035, SELECT, "0.05, its JSON built in SQL"),
    at_most("rate of page 1 divided by that of page 100", 1.2, "times"),
    Bar("look up by e-mail", 0.15, INSERT),
    Bar("search by a name with a wrong letter", 0.04, INSERT),
    Bar("record a touch point", 0.08, INSERT),
    Bar("record a purchase of 5 lines", 0.05, INSERT),
    Bar("purchases of 5 lines in batches of 500", 0.15, "of COPY"),
    at_most("gateway overhead on a read, p50", 1, "ms", "0.2 to 0.3"),
    at_most("gateway overhead on a write, p50", 1.5, "ms", "0.2 to 0.3"),
    at_most("gateway's share of the CPU of a read", 50, "%", "41"),
    at_most("gateway's share of the CPU of a write", 30, "%", "25 to 29"),
    at_most("purchase to points at 300/s, p50", 25, "ms", "3 to 17"),
    at_most("purchase to points at 300/s, p99", 150, "ms", "14 to 61; 145 in a noisy run"),
    at_most("purchase to points while loyalty is killed, p99", 1_000, "ms"),
    Bar("event handlers in batches", 0.3, "of asyncpg's batch insert"),
    Bar("events that a client reads from the feed", 5_000, "per second"),
    at_most("memory of the five processes", 350, "MiB PSS", "243 forked from one process, 371 started separately"),
    at_most("start with a new data folder", 20, "s", "PostgreSQL under 1, Kafka 1.8"),
]


def verdicts(figures: Mapping[str, float], bars: Sequence[Bar]) -> str:
    """Return the table of bars. Raises KeyError if a figure was not measured."""
    head = ["bar", "limit", "figure", "", "a bare trial of this architecture"]
    return table(head, [bar.row(figures[bar.figure]) for bar in bars])
