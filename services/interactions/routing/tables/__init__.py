"""The tables of routing.

agents.py       agents, with their skills, capacity and presence
queues.py       queues, with their conditions and requirements
assignments.py  cases that wait, and assignments
"""

from services.interactions.routing.tables.agents import Agent
from services.interactions.routing.tables.assignments import Assignment, QueuedCase
from services.interactions.routing.tables.queues import Queue

__all__ = ["Agent", "Assignment", "Queue", "QueuedCase"]
