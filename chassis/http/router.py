"""The router: from a request to its route, by an index of the first path segment, without FastAPI's layers."""

from collections.abc import Iterable, Sequence

from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from chassis.core.link_tokens import without_link_tokens
from chassis.core.problems import MethodNotAllowed, NotFound, Problem
from chassis.core.telemetry import log
from chassis.http.body import StrictRequest
from chassis.http.context import RouteContext, set_context
from chassis.http.error_handlers import error_response
from chassis.http.handler import RequestHandler
from chassis.http.locations import set_locations
from chassis.http.route import FeatureRoute
from chassis.http.unmatched import fits, no_such_route

METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")


class Router:
    """The ASGI application of a service: the routes of its features, and its plain routes such as `/health`."""

    def __init__(self, context: RouteContext, routes: Iterable[FeatureRoute], plain_routes: Sequence[Route]) -> None:
        self._context = context
        self._plain_routes = plain_routes
        self._templates = {plain.path for plain in plain_routes if not plain.path.startswith("/internal/")}
        self._routes: dict[tuple[str, str], list[FeatureRoute]] = {}
        routes = list(routes)
        set_locations(routes)
        for route in routes:
            self._templates.add(route.path_format)
            methods = route.methods or set()
            for method in (*methods, "HEAD") if "GET" in methods else methods:
                self._routes.setdefault((method, _segment(route.path)), []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        set_context(scope, self._context)
        request = StrictRequest(scope, receive)
        try:
            response = await self._respond_or_explain(scope, request)
            await response(scope, receive, send)
        except ClientDisconnect:
            log.debug("client disconnected while it sent its request", path=without_link_tokens(scope["path"]))
        finally:
            request.release()

    async def _respond_or_explain(self, scope: Scope, request: StrictRequest) -> Response:
        try:
            response = await self._respond(scope, request)
        except ClientDisconnect:
            raise
        except Exception as error:
            response = error_response(request, error)
            _drop_tracebacks(error)
        if scope["method"] == "HEAD":  # the response to GET without its content; its Content-Length stays
            response.body = b""
        return response

    async def _respond(self, scope: Scope, request: StrictRequest) -> Response:
        route = self._find(scope)
        if route is not None:
            return await RequestHandler(self._context, route, request).respond()
        for plain in self._plain_routes:
            match, child = plain.matches(scope)
            if match is Match.FULL:
                scope.update(child, route=plain)
                response: Response = await plain.endpoint(request)
                return response
        raise self._unmatched(scope)

    def _find(self, scope: Scope, method: str | None = None) -> FeatureRoute | None:
        """Return the route of a request, and set it and its path parameters in the scope, as FastAPI does."""
        path = scope["path"]
        for route in self._routes.get((method or scope["method"], _segment(path)), ()):
            match = route.path_regex.match(path)
            if match is not None:
                convert = route.param_convertors
                scope["path_params"] = {name: convert[name].convert(value) for name, value in match.groupdict().items()}
                scope["route"] = route
                return route
        return None

    def _unmatched(self, scope: Scope) -> Problem:
        """Return the problem of a request without a route.

        MethodNotAllowed if the path has a route, NotFound if only its id has another form, else NoSuchRoute.
        """
        allowed = {method for method in METHODS if self._find(dict(scope), method)}
        for plain in self._plain_routes:
            if plain.matches(scope)[0] is Match.PARTIAL:
                allowed |= plain.methods or set()
        if allowed:
            return MethodNotAllowed(headers={"Allow": ", ".join(sorted(allowed))})
        if any(fits(scope["path"], template) for template in self._templates):
            return NotFound()
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return no_such_route(method, scope["path"], self._templates)


def _drop_tracebacks(error: BaseException | None) -> None:
    """Drop the frames of a handled error, so that the body that they refer to is freed without a collection."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _segment(path: str) -> str:
    """Return the collection of a path: `customers` for `/v1/customers/{id}`."""
    return path.split("/", 3)[2] if path.count("/") > 1 else ""
