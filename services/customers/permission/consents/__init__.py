"""Consents: a customer's permission for a purpose on a channel, and the receipt that proves it.

Receipts are append-only. The latest decision counts, and on a tie the stricter, so a grant that arrives late or twice
never undoes a withdrawal.

    schemas.py   request and response bodies
    routes.py    the operations on a customer's receipts
    imports.py   permissions that another system recorded
    expiry.py    grants that expire
"""

from services.customers.permission.consents import expiry, imports, routes

feature = routes.feature.include(imports.feature, expiry.feature)

__all__ = ["feature"]
