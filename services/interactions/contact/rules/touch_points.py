"""The vocabulary of touch points."""

from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

TouchPointDirection = TypeAliasType("TouchPointDirection", Literal["inbound", "outbound"])
TouchPointPhase = TypeAliasType("TouchPointPhase", Literal["before", "during", "after"])
"""When the contact takes place, seen from the purchase."""


class AuthorDocument(TypedDict):
    """A person without a customer record, as stored."""

    handle: str
    display_name: str | None
