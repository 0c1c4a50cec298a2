"""Promises to customers, each with an owner and a due time. Each is kept or broken once.

A promise is kept if it is reported as done by its due time. After that it is broken, at its due time, whether or not a
worker has announced it yet. Requests cannot state the time at which it was done, so that no rate improves afterwards.

    events.py   the published events, and the problem of a promise that has ended
    schemas.py  request and response bodies
    routes.py   create, read, change and list
    outcomes.py how a promise ends: done or withdrawn
    due.py      warnings and broken promises, as the worker announces them
    rates.py    how many promises are kept
    erasing.py  the promises to erased customers
"""

from services.interactions.helpdesk.promises import due, erasing, outcomes, rates, routes

feature = routes.feature.include(outcomes.feature, due.feature, rates.feature, erasing.feature)

__all__ = ["feature"]
