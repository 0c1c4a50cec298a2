"""Tasks of agents and teams: claimed by one agent at a time, with a due time that is announced once.

events.py  the published events, and the problems
schemas.py request and response bodies
routes.py  create, read, change and list
steps.py   claim, complete and cancel, and the announcement of due times
"""

from services.interactions.outreach.tasks import routes, steps

feature = routes.feature.include(steps.feature)

__all__ = ["feature"]
