"""Webhook endpoints: URLs of a tenant that get its events as signed requests (Standard Webhooks 1.0).

Secrets and the values of custom headers are stored encrypted. A secret is shown once, by the request that creates it.

    schemas.py  request and response bodies
    checks.py   the URL, the types, and the right to read records
    secrets.py  the stored secrets of an endpoint
    routes.py   the operations
"""

from gateway.events.webhook_endpoints.routes import feature

__all__ = ["feature"]
