"""A campaign in a state, and the settings of the tenant."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem, UnitOfWork
from services.interactions.campaigns import tables
from services.interactions.campaigns.rules.campaigns import STEPS, CampaignNature, CampaignState, CampaignStep


class CampaignEvent(Event):
    """The fields of every event about a campaign."""

    campaign_id: UUID
    """The campaign."""
    nature: CampaignNature
    """Selling or relational."""
    channel: Annotated[str, Field(examples=["email"])]
    """The channel."""
    purpose: Annotated[str, Field(examples=["newsletter"])]
    """The purpose, for which each recipient needs permission."""


class CampaignNotInState(Problem, status=409):
    """The campaign is in a state in which this is not possible.

    `state` is its state. A draft can be changed and scheduled, and a campaign that has ended stays as it is.
    """


def require_state(campaign: tables.Campaign, *states: CampaignState) -> None:
    """Raise CampaignNotInState unless the campaign is in one of the states."""
    if campaign.state not in states:
        raise CampaignNotInState(f"The campaign is {campaign.state}.", state=campaign.state)


def require_step(campaign: tables.Campaign, step: CampaignStep) -> None:
    """Raise CampaignNotInState unless the step is possible now."""
    require_state(campaign, *STEPS[step])


async def campaign_settings(work: UnitOfWork) -> tables.CampaignSettings:
    """Return the settings of the tenant: the stored ones, or the defaults as version 0."""
    stored = await work.find(tables.CampaignSettings, id=work.tenant.id)
    return stored or tables.CampaignSettings(id=work.tenant.id, version=0)
