"""Limits: how many messages of campaigns a customer gets, and how many of them may sell."""

from dataclasses import dataclass

from services.interactions.campaigns.rules.campaigns import CampaignNature, RecipientReason


@dataclass(frozen=True, slots=True)
class History:
    """How many messages of campaigns a customer got within the window of the limits."""

    total: int = 0
    selling: int = 0

    def with_one(self, nature: CampaignNature) -> "History":
        """Return the history after another message."""
        return History(self.total + 1, self.selling + (nature == "selling"))


def reason_against(
    history: History, nature: CampaignNature, max_messages: int | None, max_selling_percent: int | None
) -> RecipientReason | None:
    """Return why a customer gets no further message within the window, or None.

    The share of selling messages counts the message itself: with 50 %, a selling message needs another message first.
    """
    if max_messages is not None and history.total >= max_messages:
        return "capped"
    after = history.with_one(nature)
    if (
        nature == "selling"
        and max_selling_percent is not None
        and after.selling * 100 > max_selling_percent * after.total
    ):
        return "selling_share"
    return None
