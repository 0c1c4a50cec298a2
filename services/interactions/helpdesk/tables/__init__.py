"""The tables of the helpdesk.

calendars.py  opening hours, and their earlier versions
"""

from services.interactions.helpdesk.tables.calendars import Calendar, CalendarVersion

__all__ = ["Calendar", "CalendarVersion"]
