"""The PDF document of a quote.

A character that no font has is a question mark, and a line below the document names it: nothing is lost silently.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

import fpdf
from fpdf.enums import MethodReturnValue

from chassis import json, text_from_minor
from services.customers.people.tables import Customer
from services.customers.sales import tables
from services.customers.sales.quotes.fonts import FONT, UNSEEN, Fonts

UNPRINTABLE = "?"
_COMPLEX = range(0x0590, 0x2000)
"""The characters from Hebrew on: scripts that are written from right to left, or whose letters join."""
_TEXT_WIDTH, _FIGURE_WIDTH = 70, 24
"""Widths of the columns, in millimetres."""


@dataclass(frozen=True, slots=True)
class QuoteContent:
    """The content of a document, and the digest by which a copy is known to be current."""

    title: str
    seller: str
    buyer: tuple[str, ...]
    created_at: datetime
    valid_until: date
    lines: tuple[tuple[str, ...], ...]
    totals: tuple[tuple[str, str], ...]
    note: str
    digest: str = ""

    @property
    def text(self) -> str:
        """All texts, to find the fonts that they need."""
        return "".join((self.title, self.seller, *self.buyer, *(cells[0] for cells in self.lines), self.note))


def name_of(customer: Customer) -> str | None:
    """Return the name of a customer as it is written on a document."""
    parts = [part for part in (customer.given_name, customer.family_name) if part]
    return customer.name or " ".join(parts) or None


def address_of(customer: Customer) -> str | None:
    """Return the primary address of a customer in lines."""
    address: dict[str, Any] | None = next((each for each in customer.addresses if each.get("primary")), None)
    if address is None:
        return None
    city = " ".join(part for part in (address.get("postal_code"), address.get("city")) if part)
    parts = (address.get("street"), city, address.get("region"), address.get("country"))
    return "\n".join(part for part in parts if part) or None


def content_of(quote: tables.Quote, seller: str) -> QuoteContent:
    """Return the content of a quote's document."""
    draft = " (draft)" if quote.state == "draft" else ""
    amounts = {"Net": quote.net_minor, "Tax": quote.tax_minor, "Total": quote.net_minor + quote.tax_minor}
    content = QuoteContent(
        title=f"Quote {quote.number}, version {quote.revision}{draft}",
        seller=seller,
        buyer=(quote.customer_name or "", *(quote.customer_address or "").splitlines()),
        created_at=quote.created_at,
        valid_until=quote.valid_until,
        lines=tuple(
            (
                line["name"],
                line["quantity"],
                line["unit_price"],
                line["discount"],
                line["tax_rate"] or "0",
                line["amount"],
            )
            for line in quote.lines
        ),
        totals=tuple(
            (f"{name} ({quote.currency})", text_from_minor(minor, quote.currency)) for name, minor in amounts.items()
        ),
        note=quote.note or "",
    )
    written = json.dumps([[getattr(content, field.name) for field in fields(content)], fpdf.FPDF_VERSION])
    return replace(content, digest=hashlib.sha256(written).hexdigest()[:32])


def render(content: QuoteContent, fonts: Fonts) -> bytes:
    """Return the document. The same content and fonts give the same bytes."""
    page = _Page(fonts)
    pdf = page.pdf
    pdf.set_creation_date(content.created_at)
    pdf.set_title(page.shown(content.title))
    page.write(content.seller, size=11)
    page.write(content.title, size=18, bold=True)
    for line in content.buyer:
        page.write(line)
    page.write(f"Date: {content.created_at.date()}    Valid until: {content.valid_until}")
    pdf.ln(4)
    _write_table(page, content)
    for name, amount in content.totals:
        page.write(f"{name}: {amount}", bold=name.startswith("Total"), align="R")
    if content.note:
        pdf.ln(4)
        page.write(content.note)
    if fonts.missing:
        pdf.ln(4)
        codes = ", ".join(f"U+{ord(character):04X}" for character in fonts.missing)
        page.write(f"Not printable in this document: {codes}", size=8)
    return bytes(pdf.output())


def _write_table(page: "_Page", content: QuoteContent) -> None:
    heading = ("Item", "Quantity", "Unit price", "Discount", "Tax rate", "Amount")
    page.write_row(heading, bold=True)
    for cells in content.lines:
        page.write_row(cells)


class _Page:
    """A page on which texts are written."""

    def __init__(self, fonts: Fonts) -> None:
        self.pdf = fpdf.FPDF()
        fonts.add_to(self.pdf)
        self.pdf.add_page()
        self._shown = dict.fromkeys(UNSEEN) | {ord(character): UNPRINTABLE for character in fonts.missing}

    def write(self, text: str, *, size: int = 10, bold: bool = False, align: str = "L") -> None:
        """Write a paragraph."""
        self._use(text, size=size, bold=bold)
        self.pdf.multi_cell(0, size * 0.5, self.shown(text), align=align, new_x="LMARGIN", new_y="NEXT")

    def write_row(self, cells: Sequence[str], *, bold: bool = False) -> None:
        """Write a row: a text that may take several lines, and figures to the right of it."""
        text, figures = self.shown(cells[0]), cells[1:]
        self._use(text, size=10, bold=bold)
        height: Any = self.pdf.multi_cell(_TEXT_WIDTH, 5, text, dry_run=True, output=MethodReturnValue.HEIGHT)
        if self.pdf.will_page_break(height):
            self.pdf.add_page()
        top = self.pdf.get_y()
        self.pdf.multi_cell(_TEXT_WIDTH, 5, text, align="L", new_x="RIGHT", new_y="TOP")
        self._use("", size=10, bold=bold)
        for figure in figures:
            self.pdf.cell(_FIGURE_WIDTH, 5, figure, align="R")
        self.pdf.set_xy(self.pdf.l_margin, top + height + 1)

    def _use(self, text: str, *, size: int, bold: bool) -> None:
        """Choose the font of a text. Its letters are joined only where the script needs it, which is slow."""
        self.pdf.set_font(FONT, style="B" if bold else "", size=size)
        self.pdf.set_text_shaping(any(ord(character) in _COMPLEX for character in text))

    def shown(self, text: str) -> str:
        """Return a text with a question mark for each character that no font has."""
        return text.translate(self._shown)
