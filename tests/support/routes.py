"""Routes of a feature without a service and a database: the real router and handler, for a caller with every scope."""

from types import SimpleNamespace
from typing import Any, cast

import httpx

from chassis import Feature
from chassis.core.identity import Caller, Tenant
from chassis.http.context import RouteContext
from chassis.http.router import Router
from chassis.types.ids import uuid7


def client_of(feature: Feature) -> httpx.AsyncClient:
    """Return a client of the feature's routes. They may do anything but use the database."""
    router = Router(_context(feature), feature.operations, [])
    transport = httpx.ASGITransport(app=router, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def _context(feature: Feature) -> RouteContext:
    facts: dict[str, Any] = {"name": "Corner Shop", "kind": "live", "timezone": "Europe/Amsterdam", "currency": "EUR"}
    tenant = Tenant(id=uuid7(), region="NL", clock_at=None, clock_runs_since=None, **facts)
    caller = Caller(tenant, "key:test", frozenset(filter(None, (route.options.scope for route in feature.operations))))
    limits = SimpleNamespace(body_limit_bytes=10_000, batch_body_limit_bytes=100_000, database_wait_seconds=1.0)
    return cast(
        RouteContext,
        SimpleNamespace(
            settings=limits,
            verifier=SimpleNamespace(caller=lambda _: caller),
            pool=None,
            cursor_secret=b"secret",
            notify_relay=lambda: None,
        ),
    )
