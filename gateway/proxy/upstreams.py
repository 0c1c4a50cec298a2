"""The services behind the gateway: the errors of requests to them, and a bulkhead for each."""

from chassis import Problem


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


class RequestTimeout(Problem, status=408):
    """The body of the request did not arrive in time.

    The request was not applied. Send it again, or send several smaller requests over a slow connection.
    """


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
