"""Events for consumers: the feed of all events of a tenant, and the webhooks that deliver them."""

NOT_FEATURES = ("disabling", "listening", "planning", "streams", "webhook_queries")
"""Parts that features share, and the command that forwards the feed to a receiver."""
