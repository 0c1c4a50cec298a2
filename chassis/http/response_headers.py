"""The headers of successful responses, as the OpenAPI document declares them."""

from typing import Any

from chassis.db.idempotency import REPLAYED
from chassis.http.pagination import Page
from chassis.http.route import FeatureRoute
from chassis.http.schemas import Resource

HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "The version of the record, for If-Match and If-None-Match.",
        "schema": {"type": "string", "examples": ['"3"']},
    },
    "Content-Location": {
        "description": "The path of the record that responds. Sent if the record of the path was merged into it.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    REPLAYED: {
        "description": "`true` if this is the stored response of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Link": {
        "description": 'The next page, with `rel="next"`. Absent on the last page.',
        "schema": {"type": "string", "examples": ['</v1/things?cursor=4dHk>; rel="next"']},
    },
    "Location": {
        "description": "The path at which the new record can be read.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "RateLimit": {
        "description": "The limit with the fewest requests left: how many (r), and seconds until it is full (t).",
        "schema": {"type": "string", "examples": ['"tenant";r=9874;t=1']},
    },
    "RateLimit-Policy": {
        "description": "The limit that RateLimit refers to: requests (q) within a number of seconds (w).",
        "schema": {"type": "string", "examples": ['"tenant";q=10000;w=2']},
    },
    "Retry-After": {
        "description": "Seconds after which the request may be sent again.",
        "schema": {"type": "string", "examples": ["1"]},
    },
    "WWW-Authenticate": {
        "description": "The scheme of the credentials.",
        "schema": {"type": "string", "examples": ["Bearer"]},
    },
    "X-Request-Id": {
        "description": "Identifies the request in the logs. A request may bring its own.",
        "schema": {"type": "string"},
    },
}
"""The components of the document."""
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "Respond with 304, without a body, if the record still has this ETag.",
    "schema": {"type": "string", "examples": ['"3"']},
}
_OF_ERRORS = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
_STORED = ("409", "412")
_UNCHANGED = "The record still has the ETag of If-None-Match."


def declare_headers(operation: dict[str, Any], route: FeatureRoute) -> None:
    """Declare the headers of an operation's successful responses, and the 304 of a record with an ETag."""
    method = next(iter(route.methods or ()))
    model = route.response_model
    has_etag = isinstance(model, type) and issubclass(model, Resource) and model.etag_field is not None
    for status, response in operation["responses"].items():
        names = {"X-Request-Id", "RateLimit", "RateLimit-Policy"} | _OF_ERRORS.get(status, set())
        if status.startswith("2"):
            names |= {REPLAYED} if method != "GET" else set()
            names |= {"ETag"} if has_etag and status != "202" else set()
            names |= {"Content-Location"} if route.follows_merges else set()
            names |= {"Location"} if status == "201" and route.location is not None else set()
            names |= {"Link"} if isinstance(model, type) and issubclass(model, Page) else set()
        elif status in _STORED:
            names |= {REPLAYED} if method != "GET" else set()
        elif status == "401":
            names -= {"RateLimit", "RateLimit-Policy"}
        response["headers"] = references(names)
    if has_etag and method == "GET":
        operation.setdefault("parameters", []).append(IF_NONE_MATCH)
        operation["responses"]["304"] = {"description": _UNCHANGED, "headers": references({"ETag", "X-Request-Id"})}


def references(names: set[str]) -> dict[str, Any]:
    """Return references to the components of these headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}
