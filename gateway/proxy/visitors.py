"""Visitors: requests to public operations, whose path has a link token instead of a credential in a header.

Wrong, expired and revoked tokens are counted by the address that sends them, and each doubles the time until the next
attempt. Requests of visitors have limits of their own, so that they take nothing from the tenant's own requests.
"""

import hashlib
from collections.abc import Collection
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.types import Message, Scope, Send

from chassis.core.link_tokens import tenant_of_link
from chassis.core.problems import TooManyRequests
from chassis.http.unmatched import fits
from gateway import contracts
from gateway.access.throttle import Throttle, client_address
from gateway.proxy.token_buckets import TokenBucket
from gateway.settings import Settings

MAX_BUCKETS = 50_000
PRIVATE = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
]
"""Headers of every response to a visitor: the address is a secret."""
STRIPPED = frozenset((b"idempotency-key",))
"""Headers of visitors that are not forwarded."""


class Visitors:
    """The public operations, and the limits of their callers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._paths = contracts.public_paths(settings.contracts)
        self._throttle = Throttle(
            settings.authentication_failures_per_key, settings.authentication_failures_per_address
        )
        self._buckets: dict[UUID, TokenBucket] = {}

    def token_of(self, scope: Scope) -> str | None:
        """Return the token in the path of a request, or None if it is for no public operation."""
        parts = scope["path"].split("/")
        templates = self._paths.get(parts[2], {}) if len(parts) > 3 else {}
        for template, methods in templates.items():
            if scope["method"] in methods and fits(scope["path"], template):
                return str(parts[3])
        return None

    def admit(self, scope: Scope, token: str) -> "Visit":
        """Count a request. Raises TooManyFailures, and TooManyRequests."""
        address = client_address(scope, self._settings.trusted_proxies)
        visit = Visit(self._throttle, address, hashlib.sha256(token.encode()).hexdigest(), tenant_of_link(token))
        self._throttle.check(address, visit.key)
        rate = self._settings.visitor_requests_per_second
        self._take(uuid5(NAMESPACE_URL, address), "address", rate)
        self._take(visit.share, "visitors", 10 * rate)
        return visit

    def _take(self, id: UUID, name: str, rate: float) -> None:
        bucket = self._buckets.get(id)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()
            size = max(rate * self._settings.request_burst_seconds, 1)
            bucket = self._buckets[id] = TokenBucket(name, rate, size)
        if not bucket.take():
            raise TooManyRequests(f"The limit is {rate:g} requests a second per {name}.", 1 / rate)


class Visit:
    """A request of a visitor."""

    def __init__(self, throttle: Throttle, address: str, key: str, tenant: UUID | None) -> None:
        self._throttle = throttle
        self._address = address
        self.key = key
        self.tenant = tenant
        self.share = uuid5(tenant or UUID(int=0), "visitors")
        """Takes the place of the tenant where requests of tenants get equal parts."""

    def counting(self, send: Send) -> Send:
        """Return a function that sends the response, and counts whether the token was right."""

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 404:
                    self._throttle.count(self._address, self.key)
                elif message["status"] < 400:
                    self._throttle.forget(self._address, self.key)
            await send(message)

        return send_counted


def without_stripped(headers: Collection[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a visitor's request that are forwarded."""
    return [(name, value) for name, value in headers if name not in STRIPPED]
