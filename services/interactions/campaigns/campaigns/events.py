"""The events and problems of campaigns."""

from datetime import datetime

from chassis import Problem
from services.interactions.campaigns.queries.campaigns import CampaignEvent


class CampaignScheduled(CampaignEvent, type="interactions.campaign_scheduled.v1", partition_key="campaign_id"):
    """A campaign was scheduled, or has another time."""

    starts_at: datetime
    """When it starts: for a local time, when the first time zone reaches it."""


class CampaignStarted(CampaignEvent, type="interactions.campaign_started.v1", partition_key="campaign_id"):
    """A campaign started: its audience is planned now and does not change any more."""

    started_at: datetime
    """When it started."""


class CampaignCompleted(CampaignEvent, type="interactions.campaign_completed.v1", partition_key="campaign_id"):
    """Every recipient of a campaign got the message, or gets none for a reason."""

    recipients: int
    """The number of recipients."""
    finished_at: datetime
    """When the last of them was decided."""


class CampaignCancelled(CampaignEvent, type="interactions.campaign_cancelled.v1", partition_key="campaign_id"):
    """A campaign was cancelled. No further message of it is sent."""


class AudienceNotListed(Problem, status=409):
    """The audience of the campaign is no list of customers.

    Set the audience to `customers` first, while the campaign is a draft.
    """


class AudienceEmpty(Problem, status=409):
    """The audience is a list of customers, and the list is empty.

    Add customers to the campaign, and schedule it then.
    """
