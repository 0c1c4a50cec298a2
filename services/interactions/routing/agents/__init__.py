"""Agents of the tenant, with their languages, skills, capacity in each channel and presence.

events.py   the published event, and the problems
schemas.py  request and response bodies
routes.py   create, read, change and list, and the change of the presence
"""

from services.interactions.routing.agents.routes import feature

__all__ = ["feature"]
