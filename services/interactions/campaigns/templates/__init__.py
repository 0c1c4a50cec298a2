"""Templates of messages: a subject, a text and its HTML, with variables, in versions that never change.

schemas.py  the bodies
routes.py   create, read, change, list and preview
"""

from services.interactions.campaigns.templates.routes import feature

__all__ = ["feature"]
