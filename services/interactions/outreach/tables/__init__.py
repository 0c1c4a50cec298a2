"""The tables of outreach.

automations.py  automations, their runs, and what each step did
tasks.py        tasks of agents and teams
"""

from services.interactions.outreach.tables.automations import (
    Automation,
    AutomationDryRun,
    AutomationRun,
    AutomationStep,
    AutomationVersion,
)
from services.interactions.outreach.tables.tasks import Task

__all__ = ["Automation", "AutomationDryRun", "AutomationRun", "AutomationStep", "AutomationVersion", "Task"]
