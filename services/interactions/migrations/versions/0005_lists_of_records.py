"""Index the records by their times, for lists.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the indexes of the lists of purchases, refunds and touch points, each in the order of a sort."""
    for table, happened_at in (("purchase", "purchased_at"), ("refund", "refunded_at"), ("touch_point", "occurred_at")):
        for column in (happened_at, "recorded_at"):
            op.create_index(f"ix_{table}_tenant_id_{column}_id", table, ["tenant_id", column, "id"])
    op.create_index(
        "ix_touch_point_tenant_id_channel_occurred_at_id", "touch_point", ["tenant_id", "channel", "occurred_at", "id"]
    )
    for table, column, happened_at in (
        ("purchase", "store", "purchased_at"),
        ("purchase", "channel", "purchased_at"),
        ("touch_point", "agent_id", "occurred_at"),
    ):
        op.create_index(
            f"ix_{table}_tenant_id_{column}_{happened_at}_id",
            table,
            ["tenant_id", column, happened_at, "id"],
            postgresql_where=sa.text(f"{column} is not null"),
        )
