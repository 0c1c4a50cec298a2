"""Refunds: money that goes back for a purchase, by line or as an amount, and never more than its remaining amount.

events.py     the event of a refund
schemas.py    the bodies of requests and responses
recording.py  the refunded part of each line, and its limit
routes.py     the operations on refunds of a known purchase
waiting.py    refunds that are sent before their purchase
"""

from chassis import Feature
from services.interactions.orders.refunds import routes, waiting

feature = Feature("refunds").include(routes.feature, waiting.feature)
