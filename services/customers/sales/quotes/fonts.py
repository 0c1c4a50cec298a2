"""The fonts of documents, and the characters that none of them has.

FiraGO has the letters of most scripts, and Noto Sans CJK those of East Asia. The operator may name another font, which
is asked before the second. A font is only read for a text that needs it.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import fpdf
import noto_cjk_sans_jp_regular
import pymupdf_fonts
from fontTools.ttLib import TTFont

FONT = "FiraGO"
EAST_ASIAN = Path(str(noto_cjk_sans_jp_regular.FONT_PATH))
UNSEEN = (*range(0xFE00, 0xFE10), 0x2060)
"""Variation selectors and the word joiner: characters without a glyph of their own."""
_CONTROLS = frozenset((*map(ord, "\n\t"), *UNSEEN))
_FOLDER = TemporaryDirectory(prefix="rapport-fonts-")


@dataclass(frozen=True, slots=True)
class Fonts:
    """The fonts that a text needs beside FiraGO, and the characters that no font has."""

    others: tuple[Path, ...]
    missing: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return a word that changes with the fonts and with what they lack."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:8]

    def add_to(self, pdf: fpdf.FPDF) -> None:
        """Add the fonts to a document."""
        pdf.add_font(FONT, fname=_font_file("figo"))
        pdf.add_font(FONT, style="B", fname=_font_file("figbo"))
        for path in self.others:
            pdf.add_font(path.stem, fname=path)
        if self.others:
            pdf.set_fallback_fonts([path.stem for path in self.others], exact_match=False)


def fonts_for(text: str, operators: Path | None) -> Fonts:
    """Return the fonts that a text needs. `operators` is the operator's font."""
    left = {ord(character): character for character in text}
    for code in _CONTROLS | _characters(_font_file("figo")):
        left.pop(code, None)
    others = []
    for path in (operators, EAST_ASIAN):
        found = left.keys() & _characters(path) if left and path is not None else set()
        if path is not None and found:
            others.append(path)
            left = {code: character for code, character in left.items() if code not in found}
    return Fonts(tuple(others), tuple(left.values()))


@cache
def _characters(path: Path) -> frozenset[int]:
    with TTFont(path, lazy=True, fontNumber=0) as font:
        return frozenset(font.getBestCmap())


@cache
def _font_file(name: str) -> Path:
    """Return the file of a font of pymupdf-fonts, which has them as Python modules."""
    path = Path(_FOLDER.name) / f"{name}.ttf"
    path.write_bytes(pymupdf_fonts.myfont(name))
    return path
