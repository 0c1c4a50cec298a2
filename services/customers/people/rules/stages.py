"""The stages of a relationship and the states of a record, and the changes between them that are allowed."""

from typing import Literal

from typing_extensions import TypeAliasType

Lifecycle = TypeAliasType("Lifecycle", Literal["prospect", "customer", "client", "former"])
CustomerState = TypeAliasType("CustomerState", Literal["active", "blocked", "ended", "merged", "erased"])

TRANSITIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "lifecycle": {
        "prospect": ("customer", "client", "former"),
        # A customer of the past is a former customer, and never a prospect again.
        "customer": ("client", "former"),
        "client": ("customer", "former"),
        "former": ("customer", "client"),
    },
    "state": {
        "active": ("blocked",),
        "blocked": ("active",),
        # The end of a relationship, a merge and an erasure set these states, and only their undoing leaves them.
        "ended": (),
        "merged": (),
        "erased": (),
    },
}
"""The values that a request may set next, by field and current value."""


def allowed_transitions(field: str, current: str) -> tuple[str, ...]:
    """Return the values that may follow the current one."""
    return TRANSITIONS[field][current]


def is_allowed(field: str, current: str, new: str) -> bool:
    """Return whether a field may change from one value to another. Staying the same is always allowed."""
    return new == current or new in TRANSITIONS[field][current]
