"""Leads: persons and organizations that may become customers, and their conversion.

A lead has the contact fields of a customer and is none. Its conversion creates or names a customer, and optionally a
deal, in a single transaction.

    events.py      the published events, and the problems
    schemas.py     request and response bodies
    routes.py      create, read, change and list
    conversions.py the conversion, and its check for duplicates
"""

from services.customers.sales.leads import conversions, routes

feature = routes.feature.include(conversions.feature)

__all__ = ["feature"]
