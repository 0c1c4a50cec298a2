"""Deals: sales that are being made with customers, from their first stage until they are won or lost.

events.py       the published events, and the problems
schemas.py      request and response bodies
routes.py       create, read, change and list
lines.py        the lines, from which amount and discount follow
stages.py       moves between stages, win, lose and reopen
stalls.py       the event of a deal that has not changed for long
upserts.py      many deals at once, each found by its id in another system
undoing.py      the reverse: former values, or the removal
transitions.py  the changes, events and history of both
"""

from services.customers.sales.deals import lines, routes, stages, stalls

feature = routes.feature.include(lines.feature, stages.feature, stalls.feature)

__all__ = ["feature"]
