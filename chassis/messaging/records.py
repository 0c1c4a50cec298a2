"""Records as Kafka delivers them, and the columns by which a table stores them."""

from dataclasses import dataclass
from typing import Any

from chassis.db.statements import Record


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """A record as Kafka delivered it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


def stored_columns(record: KafkaRecord) -> tuple[Any, ...]:
    """Return the values by which a table stores a record."""
    headers = [[name.replace("\0", ""), (value or b"").hex()] for name, value in record.headers]
    return record.topic, record.partition, record.offset, record.key, headers, record.value


def stored_record(row: Record) -> KafkaRecord:
    """Return the record that a row stores."""
    headers = tuple((name, bytes.fromhex(value)) for name, value in row["headers"])
    return KafkaRecord(row["topic"], row["partition"], row["record_offset"], row["key"], headers, row["value"])
