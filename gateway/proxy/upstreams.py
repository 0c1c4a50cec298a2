"""The services behind the gateway: the errors of requests to them, and the turns in which they are sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from chassis import Problem
from chassis.core.fair_share import FairShare, NoSlotInTime, ShareExceeded
from chassis.core.problems import TooManyRequests
from gateway.settings import Settings


class UpstreamUnavailable(Problem, status=503):
    """The service that owns this path is unavailable.

    The request was not applied. Retry it after the seconds in `Retry-After`. Other services are not affected.
    """

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service is unavailable.", headers={"Retry-After": "1"}, service=service)


class UpstreamOverloaded(Problem, status=503):
    """The service that owns this path has too many open requests.

    The request was not applied. Retry it after the seconds in `Retry-After`, with fewer requests at a time.
    """

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service is overloaded.", headers={"Retry-After": "1"}, service=service)


class UpstreamLost(Problem, status=502):
    """The service disconnected. The request may or may not have been applied.

    Retry it with the same Idempotency-Key: then it is applied once in any case.
    """

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service disconnected before it responded.", service=service)


class UpstreamTimeout(Problem, status=504):
    """The service did not respond in time. The request may or may not have been applied.

    Retry it with the same Idempotency-Key: then it is applied once in any case.
    """

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service did not respond in time.", service=service)


class Upstream:
    """A service, and the slots for requests to it: so that a slow service cannot use up the gateway, nor a tenant it.

    Requests with a large body have slots of their own, because their senders decide how long they keep them.
    """

    def __init__(self, service: str, url: str, settings: Settings) -> None:
        self.service = service
        self.url = url.rstrip("/")
        self._wait_seconds = settings.upstream_wait_seconds
        waiting = settings.tenant_concurrency // 2  # the tenant's requests to other services need not wait with these
        self._requests = FairShare(settings.upstream_concurrency, max_waiting=waiting)
        self._uploads = FairShare(settings.upstream_uploads, max_waiting=waiting)

    @asynccontextmanager
    async def turn(self, tenant: UUID, *, is_upload: bool) -> AsyncIterator[None]:
        """Wait for a slot, and keep it for the block. Raises TooManyRequests or UpstreamOverloaded."""
        share = self._uploads if is_upload else self._requests
        try:
            await share.take(tenant, self._wait_seconds)
        except ShareExceeded:
            raise TooManyRequests(f"Too many requests of the tenant wait for the {self.service} service.") from None
        except NoSlotInTime:
            raise UpstreamOverloaded(self.service) from None
        try:
            yield
        finally:
            share.release(tenant)
