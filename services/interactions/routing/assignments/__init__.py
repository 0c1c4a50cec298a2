"""Assignments of cases to agents: dispatched, claimed and transferred, with an explanation of each decision.

problems.py   the problems
schemas.py    request and response bodies
routes.py     read and list assignments, and the routing of a case
steps.py      claim, transfer, and the end of a wrap-up
following.py  the events of cases that routing follows, and the work that time alone brings
"""

from services.interactions.routing.assignments import following, routes, steps

feature = routes.feature.include(steps.feature, following.feature)

__all__ = ["feature"]
