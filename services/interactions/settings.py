"""The settings of the interactions service, beside those of every service."""

import chassis


class Settings(chassis.Settings):
    """None of its own yet."""
