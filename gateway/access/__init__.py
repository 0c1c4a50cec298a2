"""Access: tenants, their API keys, and the credentials of requests."""

NOT_FEATURES = ("credentials", "key_cache")
"""They authenticate requests for the reverse proxy, outside any unit of work."""
