"""Dispatch: from a request to its route, by an index, without the layers that FastAPI puts round each.

What no route serves goes on to FastAPI, which knows what is wrong with it.
"""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from chassis.requests import Endpoint, StrictRequest

Refuse = Callable[[Request, Exception], Awaitable[Response]]


class Dispatch:
    """Serves the routes of features."""

    def __init__(self, app: FastAPI, routes: Iterable[Endpoint], refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse
        self._routes: dict[tuple[str, str], list[Endpoint]] = {}
        for route in routes:
            for method in route.methods or ():
                self._routes.setdefault((method, _resource(route.path)), []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or not self._finds(scope):
            await self._app(scope, receive, send)
            return
        request = StrictRequest(scope, receive)
        try:
            response = await scope["route"].answer(request)
        except Exception as error:
            response = await self._refuse(request, error)
        await response(scope, receive, send)

    def _finds(self, scope: Scope) -> bool:
        """Notes the route in the scope, as FastAPI does."""
        path = scope["path"]
        for route in self._routes.get((scope["method"], _resource(path)), ()):
            found = route.path_regex.match(path)
            if found is not None:
                convert = route.param_convertors
                scope["path_params"] = {name: convert[name].convert(value) for name, value in found.groupdict().items()}
                scope["route"] = route
                scope["app"] = self._app
                return True
        return False


def _resource(path: str) -> str:
    """What a path is of: `customers` in `/v1/customers/{id}`."""
    return path.split("/", 3)[2] if path.count("/") > 1 else ""
