"""The reasons for which a relationship ends. Plain values in, plain values out."""

from typing import Literal, get_args

from typing_extensions import TypeAliasType

from services.customers.people.rules.stages import Lifecycle

EndReason = TypeAliasType(
    "EndReason",
    Literal["price", "product", "service", "competitor", "moved", "no_need", "ended_by_us", "unknown"],
)
"""The reasons that every tenant has."""
REASON_PATTERN = "^[a-z][a-z0-9_]*$"
END_REASONS: tuple[str, ...] = get_args(EndReason.__value__)


def lifecycle_after_end(lifecycle: Lifecycle) -> Lifecycle:
    """Return the stage of a customer whose relationship has ended. A prospect never was a customer."""
    return lifecycle if lifecycle == "prospect" else "former"
