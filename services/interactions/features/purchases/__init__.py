"""Purchases: what a customer bought, with its lines, told once by whoever sold it.

A till or a shop sends its purchases under its own ids; the same one sent twice is one purchase, for ever.

    facts.py      what is published
    wire.py       what requests and answers carry
    recording.py  many purchases at once
    routes.py     the operations
"""

from services.interactions.features.purchases.routes import feature

__all__ = ["feature"]
