"""Add the table of jobs.

Revision ID: 0011
"""

from chassis.db.migrations import create_job_table

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table, and the function that finds the jobs of all tenants."""
    create_job_table("customers")
