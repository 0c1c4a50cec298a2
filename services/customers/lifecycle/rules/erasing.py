"""The course of an erasure. Plain values in, plain values out."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

ErasureReason = TypeAliasType(
    "ErasureReason",
    Literal["requested", "consent_withdrawn", "objection", "no_longer_needed", "unlawful", "legal_obligation", "other"],
)
"""The grounds of an erasure, as in article 17 of the GDPR."""
ErasureState = TypeAliasType("ErasureState", Literal["requested", "erasing", "completed", "cancelled"])
ErasedAction = TypeAliasType("ErasedAction", Literal["deleted", "anonymised", "kept"])
SERVICES = ("customers", "interactions", "loyalty", "analytics", "gateway")
"""Those that answer to an erasure. It is complete once all of them have."""
DEFAULT_GRACE_DAYS, MAX_GRACE_DAYS = 7, 30
LAST_RETRY = timedelta(hours=1)
KAFKA_SEGMENT = timedelta(days=7)
"""Kafka deletes whole segments. By default, a segment gets records for up to a week."""


class ErasedRowsDocument(TypedDict):
    """What an erasure did to the rows of a table, as stored."""

    table: str
    action: ErasedAction
    rows: int


def retry_delay(attempts: int) -> timedelta:
    """Return how long an answer may take after so many requests for it: a minute, then twice as long each time."""
    return min(timedelta(minutes=1 << min(attempts - 1, 10)), LAST_RETRY)


def missing_answers(answered: Collection[str]) -> list[str]:
    """Return the services that have not answered."""
    return [service for service in SERVICES if service not in answered]


def last_copy_on_kafka(completed_at: datetime, retention_days: int) -> datetime:
    """Return when Kafka has deleted the last event about the person."""
    return completed_at + timedelta(days=retention_days) + KAFKA_SEGMENT
