"""The page of the preference centre. It needs no script, and loads nothing.

Each choice is a form of its own, whose address has the token already: a relative address does not repeat it.
"""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from urllib.parse import urlencode

from fastapi import Response

from chassis import UnitOfWork
from services.customers.permission.preferences.choices import Cell, Centre
from services.customers.permission.rules.texts import TEXTS, Texts
from services.customers.permission.rules.vocabulary import PageLanguage

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-inline-size: 40rem; margin: 2rem auto; padding-inline: 1rem; }
ul { list-style: none; padding: 0; }
li { display: flex; flex-wrap: wrap; gap: 0.5rem; justify-content: space-between; border-block-end: 1px solid; }
li, section { padding-block: 0.5rem; }
button { font: inherit; padding: 0.5rem 1rem; min-block-size: 2.75rem; text-align: start; }
[role=status] { border: 2px solid; padding: 0.5rem 1rem; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}


class PreferencePage(Response):
    """The page as HTML."""

    media_type = "text/html"

    def __init__(self, language: PageLanguage, title: str, body: str, status: int = 200) -> None:
        text = (
            f'<!DOCTYPE html>\n<html lang="{language}" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
        )
        super().__init__(text, status, {**HEADERS, "Content-Language": language})


def gone_page(language: PageLanguage) -> PreferencePage:
    """Return the page for every token that is not valid."""
    texts = TEXTS[language]
    return PreferencePage(language, texts.gone_title, f"<p>{escape(texts.gone)}</p>", 404)


def preference_page(work: UnitOfWork, centre: Centre, saved: str | None) -> PreferencePage:
    """Return the page of a customer. `saved` is the action that it follows."""
    texts = TEXTS[centre.language]
    parts = []
    if saved is not None:
        parts.append(f'<p role="status">{escape(texts.confirmed if saved == "confirm" else texts.saved)}</p>')
    parts += _confirmation(work, centre, texts)
    parts.append(f"<p>{_with_company(texts.intro, work.tenant.name)}</p>")
    parts += _sections(work, centre, texts)
    parts.append(f"<p>{escape(texts.stop_all_hint)}</p>\n{_form(escape(texts.stop_all), action='stop')}")
    return PreferencePage(centre.language, texts.title, "\n".join(parts))


def _confirmation(work: UnitOfWork, centre: Centre, texts: Texts) -> Iterator[str]:
    pending = centre.pending
    if pending is not None and centre.confirmation(pending, work) == "open":
        label = _label(texts.confirm, centre, Cell(pending.purpose, pending.channel))
        yield f"<section>\n<h2>{escape(texts.confirm_title)}</h2>"
        if pending.wording:
            yield f'<p dir="auto">{escape(pending.wording)}</p>'
        yield f"{_form(label, action='confirm')}\n</section>"


def _sections(work: UnitOfWork, centre: Centre, texts: Texts) -> Iterator[str]:
    """Yield a section for each purpose, with a choice for each channel."""
    for purpose in dict.fromkeys(cell.purpose for cell in centre.cells):
        cells = [cell for cell in centre.cells if cell.purpose == purpose]
        yield f"<section>\n<h2>{_isolated(centre.names(cells[0])[0])}</h2>\n<ul>"
        for cell in cells:
            is_allowed = centre.allows(cell, work)
            state = texts.allowed if is_allowed else texts.not_allowed
            label = _label(texts.stop if is_allowed else texts.allow, centre, cell)
            action = "stop" if is_allowed else "allow"
            form = _form(label, action=action, purpose=cell.purpose, channel=cell.channel)
            yield f"<li><span>{_isolated(centre.names(cell)[1])}: <strong>{escape(state)}</strong></span>{form}</li>"
        yield "</ul>\n</section>"


def _form(label: str, **fields: str) -> str:
    """Return a button. Its label is HTML already."""
    address = escape("?" + urlencode(fields))
    return f'<form method="post" action="{address}"><button type="submit">{label}</button></form>'


def _label(text: str, centre: Centre, cell: Cell) -> str:
    purpose, channel = centre.names(cell)
    return escape(text).format(purpose=_isolated(purpose), channel=_isolated(channel))


def _with_company(text: str, name: str) -> str:
    return escape(text).format(company=_isolated(name))


def _isolated(name: str) -> str:
    """Return a name that a tenant has chosen as HTML. It may be written from right to left, in any text around it."""
    return f"<bdi>{escape(name)}</bdi>"
