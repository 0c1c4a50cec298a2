"""The tables of the helpdesk.

calendars.py  opening hours, and their earlier versions
"""

from services.interactions.helpdesk.tables.calendars import Calendar, CalendarVersion

__all__ = ["Calendar", "CalendarVersion"]
cases.py  cases, their history and their messages
"""

from services.interactions.helpdesk.tables.cases import CaseMessage, CaseTransition, NumberSeries, SupportCase

__all__ = ["CaseMessage", "CaseTransition", "NumberSeries", "SupportCase"]
promises.py  promises to customers
"""

from services.interactions.helpdesk.tables.promises import Promise

__all__ = ["Promise"]
