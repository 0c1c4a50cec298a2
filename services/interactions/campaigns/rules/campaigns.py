"""The vocabularies of campaigns, and the steps from one state to the next."""

from collections.abc import Mapping
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

from services.interactions.contact.rules.messages import MessageReason

CampaignNature = TypeAliasType("CampaignNature", Literal["selling", "relational"])
"""What a campaign is for: to sell, or to stay in contact."""
CampaignState = TypeAliasType(
    "CampaignState", Literal["draft", "scheduled", "running", "paused", "completed", "cancelled"]
)
CampaignStep = Literal["schedule", "pause", "resume", "cancel"]
AudienceKind = TypeAliasType("AudienceKind", Literal["all", "customers", "radius"])
RecipientState = TypeAliasType("RecipientState", Literal["planned", "sent", "suppressed"])
RecipientReason = TypeAliasType(
    "RecipientReason",
    Literal[
        "no_permission",
        "not_active",
        "no_address",
        "capped",
        "selling_share",
        "unsubscribed",
        "not_renderable",
        "customer_erased",
        "campaign_cancelled",
    ],
)
"""Why a recipient gets no message."""

STEPS: Mapping[CampaignStep, tuple[CampaignState, ...]] = {
    "schedule": ("draft", "scheduled"),
    "pause": ("scheduled", "running"),
    "resume": ("paused",),
    "cancel": ("draft", "scheduled", "running", "paused"),
}
"""The states in which each step is possible."""


class VariantDocument(TypedDict):
    """A variant of a campaign, as it is stored."""

    key: str
    template_id: str
    number: int
    weight: int


class AudienceDocument(TypedDict):
    """The audience of a campaign, as it is stored. The last three are null unless it is a radius."""

    kind: AudienceKind
    latitude: float | None
    longitude: float | None
    radius_km: float | None


def reason_of(message: MessageReason | None) -> RecipientReason | None:
    """Return why a recipient gets no message, by the reason for which the message was suppressed."""
    if message in (None, "failed", "bounced"):
        return None
    if message in ("no_address", "not_active"):
        return message
    return "no_permission"
