"""Pipelines: which stages a deal may move to, the fields that a stage requires, and when a deal has stalled."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from typing_extensions import TypeAliasType

from chassis.types.money import round_to_minor, text_from_minor

StageKind = TypeAliasType("StageKind", Literal["open", "won", "lost"])
DealState = TypeAliasType("DealState", Literal["open", "won", "lost"])
StageChangeKind = TypeAliasType("StageChangeKind", Literal["created", "moved", "won", "lost", "reopened"])

LOST_REASONS = (
    "price",
    "product",
    "service",
    "competitor",
    "timing",
    "no_budget",
    "no_decision",
    "no_need",
    "no_response",
    "unknown",
)
"""The reasons for which a deal is lost. A pipeline adds its own."""
REQUIRABLE_COLUMNS = ("lines", "owner_id", "expected_close_on", "competitor", "source", "custom")
REQUIRED_FIELD_PATTERN = r"^(amount|lines|owner_id|expected_close_on|competitor|source|custom\.[^.~/]{1,64})$"
"""The fields of a deal that a stage may require."""


@dataclass(frozen=True, slots=True)
class DefaultStage:
    """A stage of the pipeline that a tenant has before it configures its own."""

    name: str
    kind: StageKind
    probability: str
    stalled_after_days: int | None = None


DEFAULT_STAGES = (
    DefaultStage("Qualification", "open", "0.1", 30),
    DefaultStage("Needs analysis", "open", "0.25", 30),
    DefaultStage("Proposal", "open", "0.5", 30),
    DefaultStage("Negotiation", "open", "0.75", 30),
    DefaultStage("Signing", "open", "0.9", 14),
    DefaultStage("Won", "won", "1"),
    DefaultStage("Lost", "lost", "0"),
)


class StageLike(Protocol):
    """The part of a stage that decides about moves."""

    id: UUID
    kind: StageKind


def skips_stages(stages: Sequence[StageLike], current: UUID, target: UUID) -> bool:
    """Return whether a move leaves out an open stage. A move backwards, and one to a lost stage, leave out none."""
    positions = {stage.id: position for position, stage in enumerate(stages)}
    if stages[positions[target]].kind == "lost":
        return False
    between = stages[positions[current] + 1 : positions[target]]
    return any(stage.kind == "open" for stage in between)


def missing_fields(deal: Mapping[str, Any], required: Iterable[str]) -> list[str]:
    """Return the JSON pointers of the required fields that a deal lacks. Zero is a value."""
    missing = []
    for name in required:
        first, _, rest = name.partition(".")
        value = (deal.get("custom") or {}).get(rest) if first == "custom" else deal.get(name)
        if value is None or value in ("", []):
            missing.append("/" + name.replace(".", "/", 1))
    return missing


def stalls_at(changed_at: datetime, stalled_after_days: int | None) -> datetime | None:
    """Return the time from which a deal that does not change has stalled, or None if it never does."""
    return None if stalled_after_days is None else changed_at + timedelta(days=stalled_after_days)


def weighted(minor: int, probability: str, currency: str) -> int:
    """Return an amount times its probability in minor units, rounded half up."""
    return round_to_minor(Decimal(text_from_minor(minor, currency)) * Decimal(probability), currency)
