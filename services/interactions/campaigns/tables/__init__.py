"""The tables of campaigns.

templates.py  templates and their versions
"""

from services.interactions.campaigns.tables.templates import MessageTemplate, MessageTemplateVersion

__all__ = ["MessageTemplate", "MessageTemplateVersion"]
