"""The tables of the help desk.

calendars.py          opening hours, and their earlier versions
cases.py              cases, their history, their messages and their settings
conduct_incidents.py  incidents of conduct, and their evidence
promises.py           promises to customers
service_levels.py     policies, and the clocks of cases
"""

from services.interactions.helpdesk.tables.calendars import Calendar, CalendarVersion
from services.interactions.helpdesk.tables.cases import (
    CaseLink,
    CaseMessage,
    CaseSettings,
    CaseTransition,
    NumberSeries,
    SupportCase,
)
from services.interactions.helpdesk.tables.conduct_incidents import ConductEvidence, ConductIncident
from services.interactions.helpdesk.tables.promises import Promise
from services.interactions.helpdesk.tables.service_levels import CasePolicy, SlaClock, SlaPolicy, SlaPolicyVersion

__all__ = [
    "Calendar",
    "CalendarVersion",
    "CaseLink",
    "CaseMessage",
    "CasePolicy",
    "CaseSettings",
    "CaseTransition",
    "ConductEvidence",
    "ConductIncident",
    "NumberSeries",
    "Promise",
    "SlaClock",
    "SlaPolicy",
    "SlaPolicyVersion",
    "SupportCase",
]
