"""Alembic's entry point. The chassis does the work."""

from chassis.db.migrations import run_environment

run_environment()
