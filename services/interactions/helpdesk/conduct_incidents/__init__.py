"""Conduct incidents: a customer disrupts, threatens, defrauds or endangers. Reported, then confirmed or dismissed.

A report is confirmed by another principal than its authors. A dismissed incident counts for nothing. Harm to staff
opens an urgent case, once. The case names no customer, so that no customer's token reads it, and no survey asks.

events.py    the published events, and the problems
schemas.py   request and response bodies
routes.py    report, read, change and list
evidence.py  evidence, which is added and never changed
deciding.py  confirm and dismiss
"""

from services.interactions.helpdesk.conduct_incidents import deciding, evidence, routes

feature = routes.feature.include(evidence.feature, deciding.feature)

__all__ = ["feature"]
