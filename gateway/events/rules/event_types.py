"""Patterns of event types. Plain values in, plain values out."""

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import Field

from chassis.core.events import matches
from chassis.types.codes import FieldCode

PUBLISHERS = ("analytics", "customers", "gateway", "interactions", "loyalty")
UNKNOWN_EVENT_TYPE = FieldCode(
    "unknown_event_type",
    "No service publishes events of this type.",
    "Send a type of `docs/events.md`, or all types of a service as in `loyalty.*`.",
)

TypePattern = Annotated[
    str,
    Field(
        pattern=r"^(\*|[a-z]+\.\*|[a-z]+\.[a-z_]+\.v[0-9]+)$",
        max_length=100,
        examples=["loyalty.*", "customers.customer_created.v1"],
    ),
]
"""A type of event, all types of a service (`loyalty.*`), or all types (`*`)."""


def unknown_patterns(patterns: Iterable[str], types: Collection[str]) -> list[str]:
    """Return the patterns that match none of the types, because they are misspelled. A service may publish nothing."""
    services = {f"{publisher}.*" for publisher in PUBLISHERS}
    return [one for one in patterns if one not in services and not any(matches(one, type) for type in types)]


def like_pattern(pattern: str) -> str:
    """Return the pattern as an operand of SQL's `like`."""
    return pattern.replace("_", r"\_").replace("*", "%")
