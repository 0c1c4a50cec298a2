"""Custom fields: what a tenant knows of its records beyond the fields that every tenant has.

A definition gives a name in `custom` a type. Values are checked whenever a record is written, and an indexed field
filters and sorts lists. No definition changes a table of the database.

    events.py   the published events, and the problems
    schemas.py  request and response bodies
    fitting.py  the existing records that do not fit a definition, and their values in the index
    routes.py   the operations
"""

from services.customers.customization.custom_fields.fitting import feature as fitting
from services.customers.customization.custom_fields.routes import feature

feature.include(fitting)
__all__ = ["feature"]
