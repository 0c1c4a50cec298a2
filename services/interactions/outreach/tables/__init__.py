"""The tables of outreach.

tasks.py  tasks of agents and teams
"""

from services.interactions.outreach.tables.tasks import Task

__all__ = ["Task"]
