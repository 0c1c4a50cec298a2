"""What the analytics service can be told, beside what every service can."""

import chassis


class Settings(chassis.Settings):
    """Nothing of its own yet."""
