"""Campaigns: a message to many customers, planned once for each, and sent when and if each of them permits it.

events.py    the published events, and the problems
schemas.py   request and response bodies
routes.py    create, read, change and list, and the customers of a list
steps.py     schedule, pause, resume and cancel
running.py   the job that plans and sends, a chunk of each campaign in turn
planning.py  a chunk of recipients
sending.py   a chunk of messages
results.py   figures and recipients
erasing.py   recipients that are erased
"""

from services.interactions.campaigns.campaigns import erasing, results, routes, running, steps

feature = routes.feature.include(steps.feature, running.feature, results.feature, erasing.feature)

__all__ = ["feature"]
