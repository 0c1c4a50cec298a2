"""Refunds: money that goes back for a purchase, by line or as an amount, and never more than its remaining amount.

routes.py     the operations on refunds of a known purchase
waiting.py    refunds that are sent before their purchase
"""

from chassis import Feature
from services.interactions.orders.refunds import routes, waiting

feature = Feature("refunds").include(routes.feature, waiting.feature)
