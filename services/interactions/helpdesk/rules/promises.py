"""Promises: their states, the time of the warning, and how many are kept."""

from datetime import datetime, timedelta
from typing import Literal

from typing_extensions import TypeAliasType

PromiseState = TypeAliasType("PromiseState", Literal["open", "kept", "broken", "withdrawn"])
PromiseMaker = TypeAliasType("PromiseMaker", Literal["agent", "case", "order"])
"""What made a promise. An order is a purchase."""

WARN_BEFORE_SECONDS = 86_400
"""How long before its due time the owner of a promise is warned, unless the promise says otherwise."""


def state_at(state: PromiseState, due_at: datetime, now: datetime) -> PromiseState:
    """Return the state of a promise at a time. An open promise is broken once its due time is over.

    The stored state follows when the worker announces it, so the result does not depend on the worker.
    """
    return "broken" if state == "open" and due_at < now else state


def warning_at(due_at: datetime, warn_before_seconds: int) -> datetime | None:
    """Return the time of the warning, or None without one."""
    return due_at - timedelta(seconds=warn_before_seconds) if warn_before_seconds else None


def keeping_rate(kept: int, broken: int) -> float | None:
    """Return the share of promises that were kept, or None if none has ended."""
    return kept / (kept + broken) if kept + broken else None
