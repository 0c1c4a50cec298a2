"""Access: tenants, their API keys, and the credentials of requests."""

NOT_FEATURES = (
    "bearer_tokens",
    "credentials",
    "delegation",
    "issued_tokens",
    "issuer_cache",
    "key_cache",
    "key_sets",
    "look_ups",
    "throttle",
    "token_cache",
    "user_tokens",
    "visitors",
    "web_tokens",
)
"""They authenticate requests for the reverse proxy, outside any unit of work."""
