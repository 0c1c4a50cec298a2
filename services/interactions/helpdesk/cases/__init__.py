"""Cases: requests, questions and complaints, from receipt to closing. Each step has its actor, its time and evidence.

schemas.py      request and response bodies
routes.py       open, read, change and list
transitions.py  the states of a case
messages.py     messages and internal notes
links.py        links between cases
erasing.py      the cases of erased customers
"""

from services.interactions.helpdesk.cases import erasing, links, messages, routes, transitions

feature = routes.feature.include(transitions.feature, messages.feature, links.feature, erasing.feature)

__all__ = ["feature"]
