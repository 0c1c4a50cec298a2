"""The inspection of a file while it arrives: its encoding, its delimiter, its columns."""

from dataclasses import dataclass
from typing import Any

from chassis import json
from services.customers.transfer.imports.schemas import (
    MAX_COLUMNS,
    EmptyFile,
    FileFormat,
    NoHeader,
    RepeatedColumn,
    UnreadableFile,
)
from services.customers.transfer.rules.encodings import CODECS, Encoding, NotInEncoding, Recoder
from services.customers.transfer.rules.records import LineTooLong, layout_of, looks_like_data, repeated_columns

FORMATS: dict[str, FileFormat] = {"text/csv": "csv", "application/jsonl": "jsonl", "application/x-ndjson": "jsonl"}
"""The format of a file by its content type."""
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
INSPECTED_BYTES = 262_144


@dataclass
class Inspector:
    """Looks at a file while it is stored."""

    format: FileFormat | None
    """The format, or None if the file's first sign shows it."""
    encoding: Encoding | None
    delimiter: str | None

    def __post_init__(self) -> None:
        self._recoder = Recoder(self.encoding)
        self._begin = bytearray()
        self._size = 0

    def feed(self, piece: bytes) -> bytes:
        """Return the bytes to store. Raises UnreadableFile."""
        return self._note(self._recoded(piece))

    def finish(self) -> bytes:
        """Return the last bytes to store. Raises UnreadableFile."""
        return self._note(self._recoded(None))

    def parameters(self) -> dict[str, Any]:
        """Return the facts about the file. Raises EmptyFile, NoHeader, RepeatedColumn or UnreadableFile."""
        begin = bytes(self._begin)
        if not begin.strip():
            raise EmptyFile
        format = self.format or ("jsonl" if begin.lstrip().startswith(b"{") else "csv")
        found: dict[str, Any] = {
            "format": format,
            "size": self._size,
            "received_encoding": self._recoder.received,
            "encoding": self._recoder.stored,
            "begin": 0,
            "columns": [],
            "delimiter": None,
            "newline": "\n",
        }
        return found | (self._layout(begin) if format == "csv" else self._lines(begin))

    def _recoded(self, piece: bytes | None) -> bytes:
        try:
            return self._recoder.finish() if piece is None else self._recoder.feed(piece)
        except NotInEncoding as error:
            raise UnreadableFile(str(error)) from None

    def _note(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if len(self._begin) < INSPECTED_BYTES:
            self._begin += piece
        return piece

    def _layout(self, begin: bytes) -> dict[str, Any]:
        delimiter = DELIMITERS[self.delimiter] if self.delimiter else None
        try:
            layout = layout_of(begin, self._recoder.stored, delimiter, is_whole=len(begin) == self._size)
        except LineTooLong:
            layout = None
        if layout is None or len(layout.columns) > MAX_COLUMNS:
            raise UnreadableFile("The file has no header of a reasonable length. Is it a CSV file?")
        columns = layout.columns
        if any(not name.isprintable() for name in columns):
            raise UnreadableFile("The header contains signs that are no text. Is the encoding right?")
        if repeated := repeated_columns(columns):
            name, numbers = next(iter(repeated.items()))
            text = " and ".join(map(str, numbers))
            raise RepeatedColumn(f"The columns {text} are both called {name}.", columns=repeated)
        if looks_like_data(columns):
            raise NoHeader(f"The first row is {', '.join(columns)[:200]}.")
        if layout.begin >= self._size:
            raise EmptyFile
        found = {name: sign for sign, name in DELIMITERS.items()}[layout.delimiter]
        return {"columns": columns, "delimiter": found, "newline": layout.newline, "begin": layout.begin}

    def _lines(self, begin: bytes) -> dict[str, Any]:
        first = begin.lstrip().partition(b"\n")[0].decode(CODECS[self._recoder.stored], "replace")
        try:
            is_object = isinstance(json.loads(first), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise UnreadableFile("The first line is no JSON object. JSON Lines has one on each line.")
        return {}
