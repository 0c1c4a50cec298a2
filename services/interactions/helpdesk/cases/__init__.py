"""Cases: requests, questions and complaints, from receipt to closing. Each step has its actor, its time and evidence.

schemas.py      request and response bodies
routes.py       open, read, change and list
transitions.py  the states of a case
messages.py     messages and internal notes
erasing.py      the cases of erased customers
"""

from services.interactions.helpdesk.cases import erasing, messages, routes, transitions

feature = routes.feature.include(transitions.feature, messages.feature, erasing.feature)

__all__ = ["feature"]
