"""Events for consumers: the feed of all events of a tenant."""

NOT_FEATURES = ("streams",)
"""It sends the feed as it grows."""
