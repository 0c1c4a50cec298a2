"""Customers: the record of a person or an organisation.

A record may come from anywhere and may be nameless. The external ids of other systems are kept with it, so that the
same customer sent twice is stored once.

    events.py          the published events, and the problems
    contact_fields.py  bodies of e-mail addresses, phone numbers and postal addresses
    profile_fields.py  bodies of social profiles, preferences and firmographics
    schemas.py         request and response bodies
    changes.py         what follows from a change, and what refuses it
    duplicates.py      new customers that exist already
    lookups.py         that by which a changed record is found
    upserts.py         many records at once, by external id
    undoing.py         the reverse of an upsert
    search.py          look-ups, and search by name
    archive.py         archived customers
    requested_changes.py  changes that automations request
    routes.py          the operations
"""

from chassis import Feature
from services.customers.people.customers import archive, requested_changes, routes

feature = Feature("customers").include(routes.feature, archive.feature, requested_changes.feature)
