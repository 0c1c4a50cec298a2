"""Customers: the record of a person or an organisation.

A record may come from anywhere and may be nameless; what other systems call it is kept with it, so that the same
customer sent twice is one customer.

    facts.py    what is published, and how it is refused
    wire.py     what requests and answers carry
    upserts.py  many records at once, by external id
    routes.py   the operations
"""

from services.customers.features.customers.routes import feature

__all__ = ["feature"]
