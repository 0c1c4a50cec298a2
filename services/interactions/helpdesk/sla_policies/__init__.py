"""Policies of service levels: how soon cases are answered and resolved, by their kind, category, priority and channel.

schemas.py  request and response bodies
routes.py   the operations
"""

from services.interactions.helpdesk.sla_policies.routes import feature

__all__ = ["feature"]
