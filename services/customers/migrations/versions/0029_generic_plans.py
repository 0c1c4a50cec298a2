"""Plan the look-ups of contact points once, instead of at every call.

Revision ID: 0029
"""

from alembic import op

revision = "0029"
down_revision = "0028"

_FUNCTIONS = ("lock_contact_points(text[], text[])", "are_new_contact_points(uuid, text[], text[])")


def upgrade() -> None:
    """Set the functions' plans."""
    for function in _FUNCTIONS:
        op.execute(f"alter function {function} set plan_cache_mode = force_generic_plan")
