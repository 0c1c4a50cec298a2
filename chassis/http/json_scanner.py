"""Count what a JSON body contains while it arrives, before a value of it costs memory.

`{},` is three bytes, and its value in Python is seventy. So a limit in bytes does not limit what a body costs.
"""

import re
from dataclasses import dataclass
from itertools import accumulate, islice

from chassis.core.problems import MalformedRequest, PayloadTooLarge

MAX_JSON_DEPTH = 32
SLICE_BYTES = 65_536
"""A batch is cut into slices of this size or more, each of whole items."""
_PIECE_BYTES = 16_384
_ITEMS = re.compile(rb'\s*\{\s*"items"\s*:\s*\[')
_ITEMS_DEPTH = 2
_LONG_INTEGER = re.compile(rb"[0-9]{19}")
_BRACKETS = b"{}[]"
_BRACKET = re.compile(rb"[{}\[\]]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """The limits of a body. A value is a text, a number, a literal, an object or a list."""

    values: int
    containers: int
    """Objects and lists, which cost several times as much as other values."""


ORDINARY_LIMITS = JsonLimits(values=50_000, containers=12_500)
"""The limits of an ordinary body, and of an item. A purchase of 5,000 lines has 45,000 values, and 5,000 of them are
objects."""
BATCH_LIMITS = JsonLimits(values=250_000, containers=62_500)
"""The limits of a body that begins with the items of a batch."""


class JsonScanner:
    """Reads a body chunk by chunk. Whether it is valid JSON is left to the parser."""

    def __init__(
        self,
        limits: JsonLimits = ORDINARY_LIMITS,
        batch_limits: JsonLimits | None = None,
        slice_bytes: int = SLICE_BYTES,
    ) -> None:
        """Begin a body. With `batch_limits` it may be a batch, and `limits` are those of each item."""
        self.values = 1
        self.containers = 0
        self.names = 0
        """The names in all objects."""
        self.has_long_integer = False
        """True if the body may contain an integer beyond 64 bits."""
        self.cuts: list[int] = []
        """The end of each slice of whole items, if the body begins with the items of a batch."""
        self._item_limits = limits
        self._batch_limits = batch_limits
        self._limits = limits
        self._slice_bytes = slice_bytes
        self._position = 0
        self._depth = 0
        self._in_text = False
        self._escape = b""
        self._digits = b""
        self._quotes = 0
        self._head = b""
        self._in_items: bool | None = None if batch_limits else False
        self._values_before = 0

    def feed(self, chunk: bytes) -> None:
        """Count the next bytes. Raises PayloadTooLarge or MalformedRequest as soon as a limit is exceeded."""
        for begin in range(0, len(chunk), _PIECE_BYTES):
            self._feed(chunk[begin : begin + _PIECE_BYTES])

    @property
    def items_begin(self) -> int:
        """The position of the first item."""
        match = _ITEMS.match(self._head)
        assert match is not None
        return match.end()

    def _feed(self, chunk: bytes) -> None:
        if self._in_items is None:
            self._find_items(chunk)
        text = self._escape + chunk
        offset = self._position - len(self._escape)
        self._position += len(chunk)
        text, self._escape = _without_escapes(text)
        parts = text.split(b'"')
        outside = parts[1::2] if self._in_text else parts[::2]
        starts_in_text = self._in_text
        self._in_text ^= len(parts) % 2 == 0
        structure = b'"'.join(outside)
        self._quotes += len(parts) - 1
        depths = self._measure(structure)
        self._count(structure)
        if self._in_items:
            self._check_item(depths)
            self._cut(structure, depths, parts, offset, first=1 if starts_in_text else 0)

    def _find_items(self, chunk: bytes) -> None:
        """Find out whether the body begins with the items of a batch, once enough of it has arrived."""
        self._head += chunk[: 1_000 - len(self._head)]
        if _ITEMS.match(self._head):
            self._in_items = True
            self._limits = self._batch_limits or self._limits
        elif len(self._head) == 1_000:
            self._in_items = False

    def _count(self, structure: bytes) -> None:
        containers = structure.count(b"{") + structure.count(b"[")
        self.containers += containers
        self.values += containers + structure.count(b",")
        self.names += structure.count(b":")
        # Two quotes are a text, and every text is a value or a name. Texts without punctuation are not JSON.
        limits = self._limits
        if self.values > limits.values or self._quotes > 4 * limits.values:
            raise self._too_many(limits.values, "values")
        if self.containers > limits.containers:
            raise self._too_many(limits.containers, "objects and lists")
        if not self.has_long_integer:
            digits = self._digits + structure
            self.has_long_integer = _LONG_INTEGER.search(digits) is not None
            self._digits = digits[-18:]

    def _too_many(self, limit: int, counted: str) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"The body may contain {limit} {counted}. Its first {self._position} bytes contain more.", limit=limit
        )

    def _measure(self, structure: bytes) -> list[int]:
        """Return the depth before the chunk and after each of its brackets."""
        steps = memoryview(structure.translate(_STEPS, _NOT_BRACKETS)).cast("b")
        depths = list(accumulate(steps, initial=self._depth))
        self._depth = depths[-1]
        if max(depths) > MAX_JSON_DEPTH:
            raise MalformedRequest(f"The body is nested deeper than {MAX_JSON_DEPTH} levels.")
        if min(depths) < 0:
            raise MalformedRequest("The body is not valid JSON: a bracket is closed that was not opened.")
        return depths

    def _check_item(self, depths: list[int]) -> None:
        """Raise PayloadTooLarge if the current item has too many values. It may have those of a piece more."""
        if _ITEMS_DEPTH in depths:
            self._values_before = self.values
        elif self.values - self._values_before > self._item_limits.values:
            raise self._too_many(self._item_limits.values, "values per item")

    def _cut(self, structure: bytes, depths: list[int], parts: list[bytes], offset: int, first: int) -> None:
        """Cut behind the last whole item of a chunk. `parts[first]` is its first part that is not inside of a text."""
        begin = 0 if depths[0] >= _ITEMS_DEPTH else depths.index(_ITEMS_DEPTH)
        if min(depths[begin:]) < _ITEMS_DEPTH:
            self._in_items = False  # the list has ended
            return
        if self._position < (self.cuts[-1] if self.cuts else 0) + self._slice_bytes:
            return
        last = _last_index(depths, _ITEMS_DEPTH)
        if last <= begin:
            return
        at = next(islice(_BRACKET.finditer(structure), last - 1, None)).end()
        texts = structure.count(b'"', 0, at)
        # A quote of the structure is a whole text: two quotes, and the part between them.
        before = parts[: first + 2 * texts]
        within = at - structure.rfind(b'"', 0, at) - 1
        self.cuts.append(offset + sum(map(len, before)) + len(before) + within)


def _last_index(values: list[int], wanted: int) -> int:
    """Return the last index of a value, or -1."""
    return next((index for index in range(len(values) - 1, -1, -1) if values[index] == wanted), -1)


def _without_escapes(text: bytes) -> tuple[bytes, bytes]:
    """Return text of the same length without escaped quotes, and a backslash at its end, which escapes what follows."""
    if b"\\" not in text:
        return text, b""
    text = text.replace(rb"\\", b"__").replace(rb"\"", b"__")
    return (text[:-1], b"\\") if text.endswith(b"\\") else (text, b"")
