"""The settings of the analytics service, beside those of every service."""

import chassis


class Settings(chassis.Settings):
    """None of its own yet."""
