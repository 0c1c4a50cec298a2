"""Requests without a route: the problem, with the route that the client probably meant."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from functools import lru_cache

from chassis.core.problems import Problem

MAX_COMPARED_LENGTH = 120
"""Longer paths get no suggestion: comparing them would take too long."""
SIMILARITY = 0.75
_PARAMETER = re.compile(r"\{\w+\}")
_ID = re.compile(r"/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?=/|$)|/\d+(?=/|$)", re.IGNORECASE)


class NoSuchRoute(Problem, status=404):
    """No route of the API has this path.

    `detail` names the route that was probably meant. Paths begin with /v1 and do not end with a slash.
    """


def no_such_route(method: str, path: str, templates: Collection[str]) -> NoSuchRoute:
    """Return the problem for a path that is none of the templates, such as `/v1/customers/{id}`."""
    suggestion = closest(path, templates) if len(path) <= MAX_COMPARED_LENGTH else None
    text = f"No route {method} {path[:MAX_COMPARED_LENGTH]}."
    return NoSuchRoute(text if suggestion is None else f"{text} Did you mean {suggestion}?")


def closest(path: str, templates: Collection[str]) -> str | None:
    """Return the path or the template that is most similar to a path, or None if none is similar."""
    tidy = "/" + "/".join(segment for segment in path.split("/") if segment)
    for candidate in (tidy, f"/v1{tidy}"):
        if candidate != path and any(fits(candidate, template) for template in templates):
            return candidate
    by_shape = {_PARAMETER.sub("{}", template): template for template in sorted(templates)}
    shape = _ID.sub("/{}", tidy)
    for candidate in (shape, f"/v1{shape}"):
        close = get_close_matches(candidate, by_shape, n=1, cutoff=SIMILARITY)
        if close:
            return by_shape[close[0]]
    return None


def is_unambiguous(path: str, raw_path: bytes) -> bool:
    """Return whether all servers read a path alike: it has no dot segments, backslashes or encoded slashes.

    Some servers resolve these before they look for a route, and others afterwards.
    """
    if b"%" not in raw_path and b"/." not in raw_path and b"\\" not in raw_path:
        return True
    is_split_alike = path.count("/") == raw_path.count(b"/") and "\\" not in path
    return is_split_alike and path.isprintable() and not {".", ".."}.intersection(path.split("/"))


def fits(path: str, template: str) -> bool:
    """Return whether a path has the form of a template, whatever the type of its parameters."""
    return _form(template).fullmatch(path) is not None


@lru_cache(maxsize=1000)
def _form(template: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(re.escape(part) for part in _PARAMETER.split(template)))
