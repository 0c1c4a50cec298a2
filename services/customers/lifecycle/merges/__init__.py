"""Merges: two records of the same customer become one, and an undo separates them again.

The merged record keeps its content, so that an undo can restore it. A request for its id returns the survivor.

    events.py   the published events, and the problems
    schemas.py  request and response bodies
    merging.py  merging and undoing, and the look-ups that follow
    routes.py   the operations
"""

from services.customers.lifecycle.merges.routes import feature

__all__ = ["feature"]
