"""Assets: what a customer owns of a product, with its serial number, its warranty and its maintenance.

A worker announces a warranty that is about to end and maintenance that is due, once for each date.

    events.py     the published events, and the problem of a taken serial number
    schemas.py    request and response bodies
    routes.py     the operations
    reminders.py  the events of dates
"""

from services.customers.sales.assets import reminders, routes

feature = routes.feature.include(reminders.feature)

__all__ = ["feature"]
