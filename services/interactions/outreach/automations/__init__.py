"""Automations: an event that meets conditions leads to tasks, messages and cases, at once or in several steps.

schemas.py   request and response bodies
routes.py    automations are created, changed and listed
events.py    the events that start a run
starting.py  an event starts runs, and stops others
steps.py     the steps of runs are performed
runs.py      runs are started by hand, read and stopped
"""

from chassis import Feature
from services.interactions.outreach.automations import routes, runs, starting, steps

feature = Feature("automations").include(routes.feature, runs.feature, starting.feature, steps.feature)
