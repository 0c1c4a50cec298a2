"""Queues of cases: their conditions, the skills that they require, and where their cases go when none is free.

schemas.py  request and response bodies
routes.py   the operations
"""

from services.interactions.routing.queues.routes import feature

__all__ = ["feature"]
