"""An earning rule grants points for full steps, or proportionally.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Store the rounding of each version of a rule. Existing versions are proportional, because that is how they earned.

    A refund reverses points by the version of its purchase, so it must find the rounding by which the points were earned.
    """
    op.add_column("earning_rule", sa.Column("rounding", sa.Text(), nullable=False, server_default="proportional"))
    op.alter_column("earning_rule", "rounding", server_default=None)
    op.create_check_constraint("ck_earning_rule_rounding", "earning_rule", "rounding in ('full_steps', 'proportional')")
