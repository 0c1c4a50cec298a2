"""Quotes: an offer of a deal's lines, numbered without gaps, which does not change once it is sent.

A quote keeps the lines of its deal at the time. Once sent, it is replaced by a new version, not changed.

    events.py    the published events, and the problems
    schemas.py   request and response bodies
    routes.py    create, read, change, list and render
    decisions.py send, accept, decline and expire
    document.py  the PDF document
    fonts.py     its fonts
"""

from services.customers.sales.quotes import decisions, routes

feature = routes.feature.include(decisions.feature)

__all__ = ["feature"]
