"""The encoding of a file, found while it arrives. UTF-16 becomes UTF-8, so that a reader can begin at any record."""

import codecs
from typing import Literal

from typing_extensions import TypeAliasType

Encoding = TypeAliasType("Encoding", Literal["utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15"])
CODECS = {
    "utf-8": "utf-8",
    "windows-1252": "cp1252",
    "iso-8859-1": "iso8859-1",
    "iso-8859-15": "iso8859-15",
}
"""The codec of each encoding in which a file may be stored."""
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_LONGEST_MARK = 3


class NotInEncoding(ValueError):
    """The bytes are not a text in the encoding."""


class Recoder:
    """Reads the bytes of an upload, removes a byte order mark, and finds the encoding unless it is stated."""

    def __init__(self, stated: Encoding | None) -> None:
        self._stated = stated
        self._begin = b""
        self._utf16: codecs.IncrementalDecoder | None = None
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._is_utf8 = True
        self._has_begun = False
        self.received: Encoding | None = None
        """The encoding in which the file arrived, once all of it has."""

    def feed(self, piece: bytes) -> bytes:
        """Return the bytes to store. Raises NotInEncoding."""
        if not self._has_begun:
            self._begin += piece
            if len(self._begin) < _LONGEST_MARK + 1:
                return b""
            piece = self._start()
        return self._convert(piece, is_last=False)

    def finish(self) -> bytes:
        """Return the last bytes to store. Raises NotInEncoding."""
        rest = b"" if self._has_begun else self._start()
        return self._convert(rest, is_last=True)

    @property
    def stored(self) -> str:
        """The encoding in which the file is stored."""
        return "utf-8" if self._utf16 is not None else self.received or "utf-8"

    def _start(self) -> bytes:
        """Look for a mark, and return the bytes behind it."""
        self._has_begun = True
        mark = next((mark for mark in _MARKS if self._begin.startswith(mark)), b"")
        found = _MARKS.get(mark) or _without_mark(self._begin)
        if self._stated == "utf-16" and not found.startswith("utf-16"):
            found = "utf-16-le"
        if self._stated in (None, "utf-16") and found.startswith("utf-16"):
            self._utf16 = codecs.getincrementaldecoder(found)("strict")
        return self._begin[len(mark) :]

    def _convert(self, piece: bytes, *, is_last: bool) -> bytes:
        if self._utf16 is not None:
            try:
                text = self._utf16.decode(piece, is_last)
            except UnicodeDecodeError:
                raise NotInEncoding("The file begins as UTF-16, and does not go on in it.") from None
            if is_last:
                self.received = "utf-16"
            return text.encode()
        if self._is_utf8 and self._stated is None:
            try:
                self._utf8.decode(piece, is_last)
            except UnicodeDecodeError:
                self._is_utf8 = False
        if is_last:
            self.received = self._stated or ("utf-8" if self._is_utf8 else "windows-1252")
        return piece


def _without_mark(begin: bytes) -> str:
    """Return UTF-16 for a text whose first characters are Latin: every second byte is zero."""
    if begin[1:2] == begin[3:4] == b"\0" and 0 not in (begin[0], begin[2]):
        return "utf-16-le"
    return "utf-16-be" if begin[0:1] == begin[2:3] == b"\0" and 0 not in (begin[1], begin[3]) else ""
