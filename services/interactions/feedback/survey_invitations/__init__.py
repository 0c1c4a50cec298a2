"""Survey invitations: each customer is asked once about a case or a purchase, if permission and quarantine allow it.

schemas.py   the bodies
routes.py    invitations on request, their list, and thanks for answers
triggers.py  invitations on events
sending.py   sending invitations when they are due, and ending those that expire
erasing.py   invitations of erased customers
"""

from services.interactions.feedback.survey_invitations import erasing, routes, sending, triggers

feature = routes.feature.include(triggers.feature, sending.feature, erasing.feature)

__all__ = ["feature"]
