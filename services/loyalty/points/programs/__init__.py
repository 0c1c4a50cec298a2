"""Programs that customers can join, and the rules by which points are earned in them.

A rule is never changed. A change is a new version that is active from a time on, so that everything that was earned
can be explained, and reversed, by the version it was earned under.

    events.py  the published events, and the problem of a closed program
    routes.py  the operations
"""

from services.loyalty.points.programs.routes import feature

__all__ = ["feature"]
