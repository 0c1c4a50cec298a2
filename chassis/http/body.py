"""Request bodies, read strictly: limited in size and depth, UTF-8 only, without NUL characters."""

from typing import Any

from fastapi import Request

from chassis.core.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType
from chassis.types import json

MAX_JSON_DEPTH = 32


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
        if hasattr(self, "_json"):
            return self._json
        body = await self.body()
        try:
            value = json.loads(body)
        except json.JSONDecodeError as error:
            raise MalformedRequest(f"The body is not valid JSON: {error.msg} at {error.pos}.") from None
        if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and _is_deeper_than(value, MAX_JSON_DEPTH):
            raise MalformedRequest(f"The body is nested deeper than {MAX_JSON_DEPTH} levels.")
        if b"\\u0000" in body and _has_nul(value):
            raise MalformedRequest("The body contains a NUL character.")
        self._json = value
        return value

    def require_json(self) -> None:
        """Raise UnsupportedMediaType unless the body is declared to be JSON."""
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
            raise UnsupportedMediaType


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _is_deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    names = value if isinstance(value, dict) else ()
    return any("\0" in name for name in names) or any(_has_nul(child) for child in _children(value))
