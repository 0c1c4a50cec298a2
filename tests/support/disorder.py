"""Delivery as Kafka promises it and no better: in order within a partition, and otherwise anyhow."""

import os
import random
from collections.abc import Iterable, Iterator, Sequence

from chassis.reactions import Received

SEED = os.environ.get("RAPPORT_SEED") or str(random.SystemRandom().randrange(10**6))


def partitions_of(records: Iterable[Received]) -> list[list[Received]]:
    """The records of each partition, in their order."""
    found: dict[tuple[str, int], list[Received]] = {}
    for record in records:
        found.setdefault((record.topic, record.partition), []).append(record)
    return list(found.values())


def polled(partitions: Sequence[Sequence[Received]], dice: random.Random) -> Iterator[list[Received]]:
    """Batches of a consumer that is killed before each of its commits: every record comes twice, cut anyhow.

    One partition is not read before all others are through: what it tells is old by then.
    """
    logs = [list(told_twice(log, dice)) for log in partitions]
    late = logs.pop(dice.randrange(len(logs)))
    yield from cut(logs, dice)
    yield from cut([late], dice)


def told_twice(log: Sequence[Received], dice: random.Random) -> Iterator[Received]:
    """A partition, some records at a time, and these once more."""
    while log:
        size = dice.randint(1, 9)
        portion, log = log[:size], log[size:]
        yield from (*portion, *portion)


def cut(logs: Sequence[list[Received]], dice: random.Random) -> Iterator[list[Received]]:
    """Batches of some records of some partitions each, until nothing is left."""
    while left := [log for log in logs if log]:
        batch = []
        for log in dice.sample(left, dice.randint(1, len(left))):
            size = dice.randint(1, 20)
            batch += log[:size]
            del log[:size]
        yield batch
