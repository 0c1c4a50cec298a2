"""Statuses: how far an order has come, and how its payment went, step by step and in whatever order the steps arrive.

definitions.py  the statuses that a tenant adds
schemas.py      the bodies, and the event
recording.py    recording a step, and the state that follows
routes.py       the steps of a known purchase, and the list of all
waiting.py      steps that are sent before their purchase
"""

from chassis import Feature
from services.interactions.orders.statuses import definitions, routes, waiting

feature = Feature("order-statuses").include(definitions.feature, routes.feature, waiting.feature)
