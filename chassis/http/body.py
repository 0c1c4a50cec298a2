"""Request bodies, read strictly: limited in size and depth, UTF-8 only, without repeated names in an object."""

import json as stdlib_json
import re
from collections import Counter
from itertools import chain
from typing import Any

from fastapi import Request

from chassis.core.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType
from chassis.types import json

MAX_JSON_DEPTH = 32
_CONTAINERS = (dict, list)
_LONG_INTEGER = re.compile(rb"[0-9]{19}")
_SURROGATE = re.compile(rb"\\u[dD][89abAB]")


class StrictRequest(Request):
    """A request whose body is read once, within its limit."""

    body_limit: int

    async def body(self) -> bytes:
        """Return the whole body. Raises PayloadTooLarge as soon as it exceeds the limit."""
        if not hasattr(self, "_body"):
            received = bytearray()
            async for chunk in self.stream():
                received += chunk
                if len(received) > self.body_limit:
                    raise PayloadTooLarge(f"The maximum is {self.body_limit} bytes.", limit=self.body_limit)
            self._body = bytes(received)
        return self._body

    async def json(self) -> Any:
        """Return the value of the body. Raises MalformedRequest."""
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json

    @property
    def may_have_body(self) -> bool:
        """False if the head of the request says that there is no body."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"

    def require_json(self) -> None:
        """Raise UnsupportedMediaType unless the body is declared to be JSON, without a content coding."""
        declared = self.headers.get("content-type", "")
        media = declared.partition(";")[0].strip().lower()
        if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
            received = f"The body is declared as {declared}. " if declared else ""
            raise UnsupportedMediaType(f"{received}Send Content-Type: application/json.")
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding != "identity":
            raise UnsupportedMediaType(
                f"The body is declared as {coding}. Send it without compression.",
                headers={"Accept-Encoding": "identity"},
            )


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON document. Raises MalformedRequest.

    Integers of any size are exact, and half of a surrogate pair is kept, so that only the field that contains it is
    invalid, not the whole batch.
    """
    try:
        # orjson rounds integers beyond 64 bits.
        value = _parse_exactly(body) if _LONG_INTEGER.search(body) else json.loads(body)
    except json.JSONDecodeError as error:
        if not _SURROGATE.search(body):
            raise MalformedRequest(f"The body is not valid JSON: {error.msg} at {error.pos}.") from None
        value = _parse_exactly(body)
    if _count_names(value) != body.count(b'":'):  # a repeated name, or a text or a blank that looks like it
        _parse_exactly(body)
    return value


def _parse_exactly(body: bytes) -> Any:
    """Return the value of a JSON document by the standard library. Raises MalformedRequest."""
    try:
        return stdlib_json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"The body is not valid JSON: {error}.") from None


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(members)
    if len(names) < len(members):
        repeated, _ = Counter(name for name, _ in members).most_common(1)[0]
        raise ValueError(f"an object contains the name {repeated!a} twice")
    return names


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _count_names(value: Any) -> int:
    """Return the number of names in all objects of a value. Raises MalformedRequest if it is nested too deeply."""
    count, level = 0, [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_JSON_DEPTH):
        if not level:
            return count
        objects = [item for item in level if type(item) is dict]
        count += sum(map(len, objects))
        parents = chain([item.values() for item in objects], [item for item in level if type(item) is list])
        level = [child for parent in parents for child in parent if type(child) in _CONTAINERS]
    if level:
        raise MalformedRequest(f"The body is nested deeper than {MAX_JSON_DEPTH} levels.")
    return count
