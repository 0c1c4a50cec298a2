"""Delivery with only the guarantees of Kafka: in order within a partition, otherwise random."""

import os
import random
from collections.abc import Iterable, Iterator, Sequence

from chassis.messaging.records import KafkaRecord

SEED = os.environ.get("RAPPORT_SEED") or str(random.SystemRandom().randrange(10**6))


def partitions_of(records: Iterable[KafkaRecord]) -> list[list[KafkaRecord]]:
    """Return the records of each partition, in order."""
    found: dict[tuple[str, int], list[KafkaRecord]] = {}
    for record in records:
        found.setdefault((record.topic, record.partition), []).append(record)
    return list(found.values())


def polled(partitions: Sequence[Sequence[KafkaRecord]], rng: random.Random) -> Iterator[list[KafkaRecord]]:
    """Yield the batches of a consumer that is killed before each commit: random batches with each record twice.

    A random partition is read last, so its events are old when they are delivered.
    """
    logs = [list(told_twice(log, rng)) for log in partitions]
    late = logs.pop(rng.randrange(len(logs)))
    yield from cut(logs, rng)
    yield from cut([late], rng)


def told_twice(log: Sequence[KafkaRecord], rng: random.Random) -> Iterator[KafkaRecord]:
    """Yield the records of a partition in portions, each portion twice."""
    while log:
        size = rng.randint(1, 9)
        portion, log = log[:size], log[size:]
        yield from (*portion, *portion)


def cut(logs: Sequence[list[KafkaRecord]], rng: random.Random) -> Iterator[list[KafkaRecord]]:
    """Yield random batches of records from random partitions, until all records are delivered."""
    while left := [log for log in logs if log]:
        batch = []
        for log in rng.sample(left, rng.randint(1, len(left))):
            size = rng.randint(1, 20)
            batch += log[:size]
            del log[:size]
        yield batch
