"""Calendars: opening hours in a time zone, with holidays and other exceptions, for due times.

A change makes a new version. A clock that has started keeps its version.

    schemas.py   request and response bodies
    versions.py  changes, each of which is a version
    routes.py    the operations
    holidays.py  the days of presets, which are stored and extended once a year
"""

from services.interactions.helpdesk.calendars import holidays, routes

feature = routes.feature.include(holidays.feature)

__all__ = ["feature"]
