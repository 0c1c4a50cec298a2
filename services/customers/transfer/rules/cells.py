"""Cells that a spreadsheet would take for formulas: written with an apostrophe before them, and read without it."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

# A text that already has apostrophes before such a sign gets one more, so that reading is the exact reverse of writing.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_NEUTRALISED = re.compile(r"'+[=+\-@\t\r]")


def neutralise(text: str) -> str:
    """Return a text as the cell of a file."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(cell: str) -> str:
    """Return the text of a cell."""
    return cell[1:] if cell[:1] == "'" and _NEUTRALISED.match(cell) else cell


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows of texts as lines of a file (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out).writerows([neutralise(text) for text in row] for row in rows)
    return out.getvalue().encode()
