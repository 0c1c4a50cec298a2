"""Locations: the path at which a new record can be read, found among the routes of its service."""

import re
from collections.abc import Iterable, Iterator

from chassis.http.route import FeatureRoute

_PARAMETER = re.compile(r"\{\w+\}")
NEW_ID = "{new}"


def set_locations(routes: Iterable[FeatureRoute]) -> None:
    """Give each route that creates a record the path of the GET route of such records, if there is one.

    A record of `POST /v1/a/{id}/b` is read at `/v1/a/{id}/b/{...}`, or else at `/v1/b/{...}`. One of
    `PUT /v1/a/by-key` is read at `/v1/a/{...}`. Both routes respond with the same resource: a message of a case is
    not read where messages to customers are.
    """
    routes = list(routes)
    readable = {_shape(route.path_format): route for route in routes if "GET" in (route.methods or ())}
    for route in routes:
        if route.creates:
            paths = (f"{collection}/{NEW_ID}" for collection in _collections(route))
            route.location = next((path for path in paths if _reads(readable.get(_shape(path)), route)), None)


def _reads(reader: FeatureRoute | None, creator: FeatureRoute) -> bool:
    """Return whether a route reads the records that another creates, whose response may have more fields."""
    if reader is None:
        return False
    created, read = creator.response_model, reader.response_model
    return not (isinstance(created, type) and isinstance(read, type)) or issubclass(created, read)


def _collections(route: FeatureRoute) -> Iterator[str]:
    parent, _, last = route.path_format.rpartition("/")
    if "PUT" in (route.methods or ()):
        yield parent
    else:
        yield route.path_format
        yield f"/v1/{last}"
        yield f"/v1/{last}s"  # of a verb, such as merge


def _shape(path: str) -> str:
    return _PARAMETER.sub("{}", path)
