"""Customers: the record of a person or an organisation.

A record may come from anywhere and may be nameless. The external ids of other systems are kept with it, so that the
same customer sent twice is stored once.

    events.py   the published events, and the problems
    schemas.py  request and response bodies
    upserts.py  many records at once, by external id
    search.py   look-ups, and search by name
    routes.py   the operations
"""

from services.customers.people.customers.routes import feature

__all__ = ["feature"]
