"""The bars: what each figure must reach. They are ours: what the best systems of the field reach, and more."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.report import table


@dataclass(frozen=True)
class Bar:
    """A figure's name, its limit, and what a bare trial of this architecture reached."""

    figure: str
    limit: float
    unit: str
    trial: str = "-"
    at_most: bool = False

    def row(self, found: float) -> list[str]:
        """A line of the table."""
        met = found <= self.limit if self.at_most else found >= self.limit
        bound = f"{'at most' if self.at_most else 'at least'} {self.limit:g} {self.unit}"
        digits = 3 if self.limit < 1 else 2 if self.limit < 10 else 0
        return [self.figure, bound, f"{found:,.{digits}f}", "met" if met else "**not met**", self.trial]


def at_most(figure: str, limit: float, unit: str, trial: str = "-") -> Bar:
    """A bar from above."""
    return Bar(figure, limit, unit, trial, at_most=True)


INSERT, SELECT = "of pgbench insert", "of pgbench select"
BARS = [
    Bar("create a customer", 0.08, INSERT, "0.12 to 0.15 as one statement, 0.07 as six, 0.03 by an ORM session"),
    Bar("read a customer by id", 0.07, SELECT, "0.10"),
    Bar("page 1 of 50", 0.035, SELECT, "0.05, its JSON built in SQL"),
    Bar("page 100 of 50", 0.035, SELECT, "0.05, its JSON built in SQL"),
    at_most("page 1's rate by page 100's", 1.2, "times"),
    Bar("look up by e-mail", 0.15, INSERT),
    Bar("look up by a name with a letter wrong", 0.04, INSERT),
    Bar("record a touch point", 0.08, INSERT),
    Bar("record a purchase of 5 lines", 0.05, INSERT),
    Bar("purchases of 5 lines by batches of 500", 0.15, "of COPY"),
    at_most("what the gateway adds to a read, p50", 1, "ms", "0.2 to 0.3"),
    at_most("what the gateway adds to a write, p50", 1.5, "ms", "0.2 to 0.3"),
    at_most("the gateway's share of a read's CPU", 50, "%", "41"),
    at_most("the gateway's share of a write's CPU", 30, "%", "25 to 29"),
    at_most("a purchase becomes points at 300/s, p50", 25, "ms", "3 to 17"),
    at_most("a purchase becomes points at 300/s, p99", 150, "ms", "14 to 61; in a noisy run 145"),
    at_most("the same while loyalty is killed, p99", 1_000, "ms"),
    Bar("reactions by batch", 0.3, "of asyncpg's batch insert"),
    at_most("memory of the five processes", 350, "MiB PSS", "243 forked from one, 371 started apart"),
    at_most("start on a new folder", 20, "s", "PostgreSQL under 1, Kafka 1.8"),
]


def verdicts(figures: Mapping[str, float]) -> str:
    """The table of all bars. Raises KeyError for one that was not measured."""
    head = ["bar", "limit", "figure", "", "a bare trial of this architecture"]
    return table(head, [bar.row(figures[bar.figure]) for bar in BARS])
