"""The vocabulary of touch points."""

from typing import Literal

from typing_extensions import TypedDict

Direction = Literal["inbound", "outbound"]
Phase = Literal["before", "during", "after"]
"""When the contact takes place, seen from the purchase."""


class AuthorDocument(TypedDict):
    """A person without a customer record, as stored."""

    handle: str
    display_name: str | None
