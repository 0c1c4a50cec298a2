"""Proxy: requests with an API key on their way to the service that owns their path, and the responses back.

It runs in front of the gateway's own application and has no features.
"""

NOT_FEATURES = (
    "authorization",
    "browsers",
    "client",
    "completeness",
    "compression",
    "customers",
    "rate_limits",
    "readings",
    "reverse_proxy",
    "signals",
    "streams",
    "token_buckets",
    "upstreams",
    "visitors",
)
"""The reverse proxy is plain ASGI: a feature's route would cost ten times the CPU."""
