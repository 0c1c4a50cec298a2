"""The vocabulary of timelines."""

from typing import Literal

from typing_extensions import TypeAliasType

TimelineEntryKind = TypeAliasType("TimelineEntryKind", Literal["touch_point", "purchase", "refund"])
