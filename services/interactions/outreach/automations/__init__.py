"""Automations: an event that meets conditions leads to tasks, messages and cases, at once or in several steps.

schemas.py   request and response bodies; those of steps and runs are in step_schemas.py and run_schemas.py
routes.py    automations are created, changed and listed
events.py    the events that start a run
starting.py  an event starts runs, and stops others
steps.py     the steps of runs are performed
dry_runs.py  an automation is tried on past events
runs.py      runs are started by hand, read and stopped
"""

from chassis import Feature
from services.interactions.outreach.automations import dry_runs, routes, runs, starting, steps

feature = Feature("automations").include(
    routes.feature, dry_runs.feature, runs.feature, starting.feature, steps.feature
)
