"""Duplicates: pairs of records that may be of the same customer, found by a search, for a person to decide.

A search compares the records that are new or have changed with those that have a key in common, in chunks that the
worker does. After a tenant's first, searches also begin by themselves. Merging a pair closes it, and undoing the merge
opens it again.

    events.py     the event of a new pair
    schemas.py    request and response bodies, and the problems
    searching.py  the chunks of a search, and what merges mean for pairs
    starting.py   the start of a search, by request or by itself
    routes.py     the operations
"""

from services.customers.lifecycle.duplicates.routes import feature

__all__ = ["feature"]
