"""The tables of campaigns.

templates.py  templates and their versions
campaigns.py  campaigns, their customers and recipients, and the settings
"""

from services.interactions.campaigns.tables.campaigns import (
    Campaign,
    CampaignCustomer,
    CampaignRecipient,
    CampaignSettings,
)
from services.interactions.campaigns.tables.templates import MessageTemplate, MessageTemplateVersion

__all__ = [
    "Campaign",
    "CampaignCustomer",
    "CampaignRecipient",
    "CampaignSettings",
    "MessageTemplate",
    "MessageTemplateVersion",
]
