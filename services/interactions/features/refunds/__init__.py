"""Refunds: money that goes back for a purchase, by line or as an amount, and never more than is left of it.

facts.py      what is published
wire.py       what requests and answers carry
recording.py  what goes back of which line, and that it is not too much
routes.py     the operations
waiting.py    refunds that are told before their purchase
"""

from services.interactions.features.refunds import waiting  # noqa: F401  adds its operations and its chore
from services.interactions.features.refunds.routes import feature

__all__ = ["feature"]
