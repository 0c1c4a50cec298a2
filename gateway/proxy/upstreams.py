"""The services behind the gateway: the errors of requests to them, and a bulkhead for each."""

from chassis import Problem


class UpstreamUnavailable(Problem, status=503):
    """The service that owns this path is unavailable. Retry shortly. Other services are not affected."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service is unavailable.", headers={"Retry-After": "1"}, service=service)


class UpstreamOverloaded(Problem, status=503):
    """The service that owns this path has too many open requests. Retry shortly."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service is overloaded.", headers={"Retry-After": "1"}, service=service)


class UpstreamLost(Problem, status=502):
    """The service disconnected. The request may or may not have been applied. Retry with its Idempotency-Key."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service disconnected before it responded.", service=service)


class UpstreamTimeout(Problem, status=504):
    """The service did not respond in time. The request may or may not have been applied. Retry with its key."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service did not respond in time.", service=service)


class RequestTimeout(Problem, status=408):
    """The body of the request did not arrive in time. Send it again."""


class Bulkhead:
    """The limit of open requests to a service, so that a slow service cannot use up the gateway."""

    def __init__(self, service: str, url: str, limit: int) -> None:
        self.service = service
        self.url = url.rstrip("/")
        self._limit = limit
        self._open = 0

    def __enter__(self) -> None:
        if self._open >= self._limit:
            raise UpstreamOverloaded(self.service)
        self._open += 1

    def __exit__(self, *_: object) -> None:
        self._open -= 1
