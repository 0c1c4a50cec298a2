"""Messages: whether they are sent, to which address, and their state by what the sender has reported."""

from collections.abc import Collection, Mapping
from typing import Literal

from typing_extensions import TypeAliasType

from services.interactions.contact.rules.permission import PermissionReason
from services.interactions.contact.rules.profiles import ContactKind

MessageState = TypeAliasType("MessageState", Literal["requested", "sent", "delivered", "failed", "suppressed"])
MessageOutcomeKind = TypeAliasType("MessageOutcomeKind", Literal["sent", "delivered", "failed", "bounced", "clicked"])
MessageReason = TypeAliasType(
    "MessageReason",
    Literal["withdrawn", "never_asked", "not_active", "expired", "pending", "no_address", "failed", "bounced"],
)
"""Why a message was not sent or not delivered."""
ADDRESS_KINDS: Mapping[str, ContactKind] = {"email": "email", "phone": "phone", "sms": "phone", "whatsapp": "phone"}
"""The kind of address that a channel needs. The sender knows the addresses of other channels."""
SETTLED: tuple[MessageState, ...] = ("delivered", "failed", "suppressed")


def refusal(permission: PermissionReason) -> MessageReason | None:
    """Return the reason for which a message is suppressed by its permission, or None."""
    return None if permission == "granted" else permission


def state_after(outcomes: Collection[MessageOutcomeKind]) -> tuple[MessageState, MessageReason | None]:
    """Return the state of a message by all outcomes that were reported, in any order, and the reason of a failure.

    A bounce comes last: the mail came back, even if a server had accepted it. A delivery comes after failed attempts,
    and a click proves a delivery.
    """
    if "bounced" in outcomes:
        return "failed", "bounced"
    if {"delivered", "clicked"} & set(outcomes):
        return "delivered", None
    if "failed" in outcomes:
        return "failed", "failed"
    return ("sent" if "sent" in outcomes else "requested"), None
