"""Browsers: which pages of other origins may read responses (CORS, as the Fetch standard defines it), and OPTIONS.

The API takes no cookies, so a page never needs `Access-Control-Allow-Credentials`, and it is never sent.
"""

from collections.abc import Iterable, Mapping

from fastapi import Response
from starlette.types import Receive, Scope, Send

from chassis.core.problems import MethodNotAllowed
from chassis.http.unmatched import fits, no_such_route

Headers = list[tuple[bytes, bytes]]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Traceparent, X-Request-Id"
)
"""Headers that a page may send, beside those that the standard always allows."""
RESPONSE_HEADERS = (
    "ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, "
    "X-Request-Id"
)
"""Headers that a page may read, beside those that the standard always exposes."""
MAX_AGE_SECONDS = 7_200
"""How long a browser remembers the response to a preflight request. Chromium remembers it no longer than this."""
VARY = (b"vary", b"origin")
ALLOW_ORIGIN = b"access-control-allow-origin"


class Cors:
    """The origins whose pages may read responses, from the setting `CORS_ORIGINS`."""

    def __init__(self, origins: str | None) -> None:
        names = [name.strip().encode() for name in (origins or "").split(",") if name.strip()]
        self._by_origin: dict[bytes, Headers] = {name: [*_readable_by(name), VARY] for name in names}
        self._others: Headers = [VARY] if names else []
        if b"*" in names:
            self._by_origin, self._others = {}, _readable_by(b"*")

    def headers_for(self, request_headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Return the headers that the response to a request gets."""
        if self._by_origin:
            for name, value in request_headers:
                if name == b"origin":
                    return self._by_origin.get(value, self._others)
        return self._others

    def allows(self, request_headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Return whether the page of a request may read the response."""
        return any(name == ALLOW_ORIGIN for name, _ in self.headers_for(request_headers))


def _readable_by(origin: bytes) -> Headers:
    return [(ALLOW_ORIGIN, origin), (b"access-control-expose-headers", RESPONSE_HEADERS.encode())]


class PathMethods:
    """The methods of each path. Answers OPTIONS, and methods that no path has, before authentication.

    The OpenAPI document is public, so the methods of a path are no secret.
    """

    def __init__(self, paths: Mapping[str, Iterable[str]], cors: Cors) -> None:
        self._cors = cors
        self._by_path = {path: {method.upper() for method in methods} for path, methods in paths.items()}

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        response = self._preflight() if self._is_preflight(scope) else self._respond(scope)
        await response(scope, receive, send)

    def _is_preflight(self, scope: Scope) -> bool:
        asks = any(name == b"access-control-request-method" for name, _ in scope["headers"])
        return scope["method"] == "OPTIONS" and asks and self._cors.allows(scope["headers"])

    def _preflight(self) -> Response:
        """Allow everything that the API has. The request that follows gets its 404 or 405, which the page can read."""
        headers = {
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        }
        return Response(status_code=204, headers=headers)

    def _respond(self, scope: Scope) -> Response:
        method, path = scope["method"], scope["path"]
        if method == "OPTIONS" and path == "*":  # of the server as a whole (RFC 9110, section 9.3.7)
            return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
        allowed = self._allowed(path)
        if not allowed:
            problem = no_such_route(method, path, self._by_path)
            return problem.response(path, scope["state"]["trace_id"])
        headers = {"Allow": ", ".join(sorted({*allowed, "OPTIONS"}))}
        if method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        return MethodNotAllowed(headers=headers).response(path, scope["state"]["trace_id"])

    def _allowed(self, path: str) -> set[str]:
        """Return the methods of a path, or an empty set if it has no route."""
        templates = [path] if path in self._by_path else [known for known in self._by_path if fits(path, known)]
        methods = {method for template in templates for method in self._by_path[template]}
        return methods | {"HEAD"} if "GET" in methods else methods
