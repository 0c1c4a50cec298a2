"""Links by which customers unsubscribe.

Revision ID: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Add the hash of a recipient's link, and when it was used."""
    op.add_column("campaign_recipient", sa.Column("token_hash", sa.Text(), nullable=True))
    op.add_column("campaign_recipient", sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ux_campaign_recipient_token_hash",
        "campaign_recipient",
        ["tenant_id", "token_hash"],
        unique=True,
        postgresql_where=sa.text("token_hash is not null"),
    )
    op.create_index(
        "ix_campaign_recipient_message",
        "campaign_recipient",
        ["tenant_id", "message_id"],
        unique=False,
        postgresql_where=sa.text("message_id is not null"),
    )
