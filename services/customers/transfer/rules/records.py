"""The records of a CSV file, read from any position on, each with the position behind it."""

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Self

from services.customers.transfer.rules.cells import restore
from services.customers.transfer.rules.encodings import CODECS

DELIMITERS = (",", ";", "\t", "|")
MAX_LINE_CHARACTERS = 1_000_000
_SAMPLED_RECORDS = 20
_NUMBER = re.compile(r"[-+]?[\d.,]+")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
csv.field_size_limit(MAX_LINE_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file."""

    cells: list[str]
    end: int
    """The position of the byte behind it."""
    error: str | None = None
    """Why it cannot be read."""


class LineTooLong(ValueError):
    """A line has more characters than the limit, so the file is probably no CSV file."""


class _NeedsMore(Exception):
    """The record goes on behind the lines that have arrived."""


class RecordReader:
    """Turns bytes into records. Only lines that have not been read yet are in memory."""

    def __init__(self, encoding: str, delimiter: str, newline: str, begin: int) -> None:
        self._codec = CODECS[encoding]
        # Bytes that the encoding does not have become characters that no text contains, and their record is refused.
        self._decoder = codecs.getincrementaldecoder(self._codec)("surrogateescape")
        self._delimiter = delimiter
        self._newline = newline
        self._rest = ""
        self._end = begin
        self._lines = _Lines()
        self._is_complete = False
        self._reader = csv.reader(self._lines, delimiter=delimiter)

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Add bytes of the file. Raises LineTooLong."""
        lines = (self._rest + self._decoder.decode(data, is_last)).split(self._newline)
        self._rest = lines.pop()
        self._lines.add(line + self._newline for line in lines)
        if len(self._rest) > MAX_LINE_CHARACTERS:
            raise LineTooLong
        if is_last:
            self._is_complete = True
            self._lines.add([self._rest] if self._rest else [])
            self._rest = ""

    def records(self) -> Iterator[Record]:
        """Yield the records that are complete. Empty lines are none."""
        lines = self._lines
        while True:
            lines.taken.clear()
            cells, error = self._next()
            if cells is None:
                return
            self._end += sum(map(self._size, lines.taken))
            if cells:
                yield Record(cells, self._end, error or _error_of(cells))

    def _next(self) -> tuple[list[str] | None, str | None]:
        """Return the cells of the next record, or the reason why it cannot be read. None if it is not complete."""
        try:
            return next(self._reader), None
        except _NeedsMore:
            if not (self._lines.taken and self._is_complete):
                self._retry(0)
                return None, None
            error = "a quotation mark is opened and never closed"
        except csv.Error as found:
            error = str(found)
        self._retry(1)  # the lines behind the first may be records of their own
        return [self._lines.taken[0].rstrip("\r\n")], error

    def _retry(self, kept: int) -> None:
        self._lines.put_back(kept)
        self._reader = csv.reader(self._lines, delimiter=self._delimiter)

    def _size(self, line: str) -> int:
        return len(line) if line.isascii() else len(line.encode(self._codec, "surrogateescape"))


class _Lines:
    """The lines that wait to be read, and those of the record that is being read."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if not self._waiting:
            raise _NeedsMore
        self.taken.append(self._waiting.popleft())
        return self.taken[-1]

    def add(self, lines: Iterable[str]) -> None:
        """Append lines."""
        self._waiting.extend(lines)

    def put_back(self, kept: int) -> None:
        """Let the lines of the record wait again, except the first ones."""
        self._waiting.extendleft(reversed(self.taken[kept:]))
        del self.taken[kept:]


def _error_of(cells: list[str]) -> str | None:
    for cell in cells:
        if "\0" in cell:
            return "it contains a NUL character"
        if not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell):
            return "it contains bytes that the encoding of the file does not have"
    return None


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a CSV file, found in its first part."""

    delimiter: str
    newline: str
    columns: list[str]
    begin: int
    """The position of the first record behind the header."""


def layout_of(begin: bytes, encoding: str, delimiter: str | None, *, is_whole: bool) -> Layout | None:
    """Return the layout of a file from its first bytes, or None if they contain no complete record."""
    newline = "\r" if b"\r" in begin and b"\n" not in begin else "\n"
    best: tuple[tuple[int, int], str, list[Record]] | None = None
    for candidate in [delimiter] if delimiter else DELIMITERS:
        reader = RecordReader(encoding, candidate, newline, 0)
        reader.feed(begin, is_last=is_whole)
        records = list(islice(reader.records(), _SAMPLED_RECORDS))
        if not records:
            return None
        width = len(records[0].cells)
        alike = sum(len(record.cells) == width for record in records)
        if best is None or (alike * (width > 1), width) > best[0]:
            best = ((alike * (width > 1), width), candidate, records)
    assert best is not None
    _, found, records = best
    return Layout(found, newline, [restore(cell.strip()) for cell in records[0].cells], records[0].end)


def repeated_columns(columns: list[str]) -> dict[str, list[int]]:
    """Return the names that several columns have, each with the numbers of its columns."""
    numbers: dict[str, list[int]] = {}
    for number, name in enumerate(columns, 1):
        if name:
            numbers.setdefault(name, []).append(number)
    return {name: found for name, found in numbers.items() if len(found) > 1}


def looks_like_data(columns: list[str]) -> bool:
    """Return whether the first record is no header: it contains an address, a number, a date, or nothing at all."""
    return not any(columns) or any("@" in name or _NUMBER.fullmatch(name) or _DATE.fullmatch(name) for name in columns)


class LineReader:
    """Turns bytes into lines, each a record of a single cell."""

    def __init__(self, encoding: str, begin: int) -> None:
        self._codec = CODECS[encoding]
        self._rest = b""
        self._end = begin
        self._is_complete = False

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Add bytes of the file. Raises LineTooLong."""
        self._rest += data
        self._is_complete = is_last
        if len(self._rest) - self._rest.rfind(b"\n") > MAX_LINE_CHARACTERS:
            raise LineTooLong

    def records(self) -> Iterator[Record]:
        """Yield the lines that are complete. Empty lines are none."""
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        if self._is_complete and rest:
            lines.append(rest)
            self._rest = b""
        for line in lines:
            self._end += len(line) + 1
            if line.strip():
                cells = [line.decode(self._codec, "surrogateescape").strip()]
                yield Record(cells, self._end, _error_of(cells))
