"""Contracts: agreements with a customer for a time, with their renewal and their end.

A worker announces the last day for a notice and the end, once for each day, renews contracts that renew themselves, and
ends those that have run out.

    events.py  the published events, and the problem of an ended contract
    schemas.py request and response bodies
    routes.py  the operations
    terms.py   reminders, renewals and ends
"""

from services.customers.sales.contracts import routes, terms

feature = routes.feature.include(terms.feature)

__all__ = ["feature"]
