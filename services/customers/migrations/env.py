"""Alembic's door; everything is in the chassis."""

from chassis.migrations import run_environment

run_environment()
