"""Request bodies, read strictly: limited in size and depth, UTF-8 only, without repeated names in an object.

A large body is scanned while it arrives, and parsed in slices, so that other requests are served in between.
"""

import asyncio
import json as stdlib_json
import re
from collections import Counter
from collections.abc import AsyncIterator
from itertools import chain, pairwise
from typing import Any, cast
from uuid import UUID

from fastapi import Request

from chassis.core.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType
from chassis.http.body_budget import BUFFERED_BODIES, PARSED_BODIES, Reservation
from chassis.http.forms import FORM, MAX_FORM_BYTES
from chassis.http.json_scanner import BATCH_LIMITS, MAX_JSON_DEPTH, JsonScanner
from chassis.types import json

MIN_SCANNED_BYTES = 16_384
"""A smaller body cannot exceed the limits of the scanner, except that of the depth."""
MIN_RESERVED_BYTES = 65_536
_PIECE_BYTES = 16_384
_PARSED = b"parsed"
"""Takes the place of a large body that has been parsed."""
_VALUE_BYTES = 150
_CONTAINER_BYTES = 250
_CONTAINERS = (dict, list)
_LONG_INTEGER = re.compile(rb"[0-9]{19}")
_SURROGATE = re.compile(rb"\\u[dD][89abAB]")


class StrictRequest(Request):
    """A request whose body is read once, within its limits. The router releases its reservations."""

    body_limit: int
    is_batch = False
    is_form = False
    """True if the body is a form, which has no structure to be scanned."""
    tenant: UUID | None = None
    """The tenant of the caller, which has a share of the memory for large bodies."""

    async def body(self) -> bytes:
        """Return the whole body. Raises PayloadTooLarge as soon as it exceeds a limit, and Unavailable."""
        if not hasattr(self, "_body"):
            self._reservations: list[Reservation] = []
            self._scanner: JsonScanner | None = None
            received = bytearray()
            announced = self.headers.get("content-length", "")
            if announced.isdigit():
                await self._reserve_buffer(int(announced))
            async for piece in self._pieces():
                received += piece
                await self._check(received, piece)
            self._body = cast(bytes, received)  # a copy would double what a large body costs
        return self._body

    async def json(self) -> Any:
        """Return the value of the body. Raises MalformedRequest, and Unavailable."""
        if not hasattr(self, "_json"):
            body = await self.body()
            if self._scanner is None:
                self._json = parse_json(body)
            else:
                cost = _VALUE_BYTES * self._scanner.values + _CONTAINER_BYTES * self._scanner.containers
                self._reservations.append(await PARSED_BODIES.reserve(self.tenant, cost))
                self._json = await _parse_slices(body, self._scanner)
                self._body = _PARSED
        return self._json

    @property
    def is_large(self) -> bool:
        """True if the body was scanned."""
        return getattr(self, "_scanner", None) is not None

    def release(self) -> None:
        """Release a large body, and the memory that was reserved for it."""
        if getattr(self, "_reservations", ()):
            self._body, self._json = _PARSED, None
            for reservation in self._reservations:
                reservation.release()

    async def reserve(self, size: int) -> None:
        """Reserve memory for a file that is read whole. Raises Unavailable."""
        self._reservations = [await BUFFERED_BODIES.reserve(self.tenant, size)] if size > MIN_RESERVED_BYTES else []

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces, and let other tasks run between them."""
        async for chunk in self.stream():
            yield chunk[:_PIECE_BYTES]
            for begin in range(_PIECE_BYTES, len(chunk), _PIECE_BYTES):
                await asyncio.sleep(0)
                yield chunk[begin : begin + _PIECE_BYTES]

    async def _check(self, received: bytearray, piece: bytes) -> None:
        if len(received) > self.body_limit:
            raise self._too_large()
        if len(received) > MIN_RESERVED_BYTES and not self._reservations:  # sent in chunks, so it may have any size
            await self._reserve_buffer(self.body_limit)
        if self._scanner is not None:
            self._scanner.feed(piece)
        elif len(received) > MIN_SCANNED_BYTES and not self.is_form:
            self._scanner = JsonScanner(batch_limits=BATCH_LIMITS if self.is_batch else None)
            self._scanner.feed(bytes(received))

    async def _reserve_buffer(self, size: int) -> None:
        if size > self.body_limit:
            raise self._too_large()
        if size > MIN_RESERVED_BYTES:
            self._reservations.append(await BUFFERED_BODIES.reserve(self.tenant, size))

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"The maximum is {self.body_limit} bytes.", limit=self.body_limit)

    @property
    def may_have_body(self) -> bool:
        """False if the head of the request says that there is no body."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"

    def require_form(self) -> None:
        """Raise UnsupportedMediaType unless the body is an HTML form, or empty."""
        declared = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.may_have_body and declared != FORM:
            raise UnsupportedMediaType(f"Send the form as {FORM}.")
        self.is_form, self.body_limit = True, min(self.body_limit, MAX_FORM_BYTES)

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


async def _parse_slices(body: bytes | bytearray, scanner: JsonScanner) -> Any:
    """Return the value of a scanned document: parse it slice by slice, and let other tasks run between them."""
    if not scanner.cuts:
        return parse_json(body, may_have_long_integers=scanner.has_long_integer)
    items: list[Any] = []
    for begin, end in pairwise([scanner.items_begin, *scanner.cuts]):
        # A slice begins with its first item, or with the comma before it. A zero takes the place of what precedes.
        first = b"[" if not items else b"[0"
        values = parse_json(first + body[begin:end] + b"]", begin - len(first), scanner.has_long_integer)
        items += values[1:] if items else values
        await asyncio.sleep(0)
    head = body[: scanner.items_begin] + b"0"
    document = parse_json(head + body[scanner.cuts[-1] :], scanner.cuts[-1] - len(head), scanner.has_long_integer)
    return document | {"items": items + document["items"][1:]}


def parse_json(body: bytes | bytearray, offset: int = 0, may_have_long_integers: bool = True) -> Any:
    """Return the value of a JSON document. Raises MalformedRequest, with the position of the error plus `offset`.

    Integers of any size are exact, and half of a surrogate pair is kept, so that only the field that contains it is
    invalid, not the whole batch.
    """
    try:
        # orjson rounds integers beyond 64 bits.
        is_rounded = may_have_long_integers and _LONG_INTEGER.search(body)
        value = _parse_exactly(body, offset) if is_rounded else json.loads(body)
    except json.JSONDecodeError as error:
        if not _SURROGATE.search(body):
            raise MalformedRequest(f"The body is not valid JSON: {error.msg} at {error.pos + offset}.") from None
        value = _parse_exactly(body, offset)
    if _count_names(value) != body.count(b'":'):  # a repeated name, or a text or a blank that looks like it
        _parse_exactly(body, offset)
    return value


def _parse_exactly(body: bytes | bytearray, offset: int) -> Any:
    """Return the value of a JSON document by the standard library. Raises MalformedRequest."""
    try:
        return stdlib_json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_reject_constant)
    except stdlib_json.JSONDecodeError as error:
        raise MalformedRequest(f"The body is not valid JSON: {error.msg} at {error.pos + offset}.") from None
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
