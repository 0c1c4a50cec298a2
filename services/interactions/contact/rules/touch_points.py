"""The vocabulary of touch points."""

from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

TouchPointDirection = TypeAliasType("TouchPointDirection", Literal["inbound", "outbound"])
TouchPointPhase = TypeAliasType("TouchPointPhase", Literal["before", "during", "after"])
"""When the contact takes place, seen from the purchase."""
AutomaticKind = TypeAliasType("AutomaticKind", Literal["reply", "notification", "bounce"])
"""What a machine has sent: an automatic reply, a notification or bulk mail, or a notice of failed delivery."""


class AuthorDocument(TypedDict):
    """A person without a customer record, as stored."""

    handle: str
    display_name: str | None


class SentimentDocument(TypedDict):
    """A judgement of the mood of a contact, as stored."""

    score: float
    given_by: str


class AttachmentDocument(TypedDict):
    """A file that belongs to a contact and is stored elsewhere, as stored."""

    name: str | None
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    url: str | None
