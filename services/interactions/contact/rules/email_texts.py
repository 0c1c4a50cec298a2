"""The texts of e-mails: from bytes of any encoding, and from HTML."""

import codecs
import html
import re

MAX_TEXT = 100_000
"""Characters of a text that are kept."""
MAX_HTML = 400_000
_FALLBACKS = ("utf-8", "cp1252")
_SLOW = frozenset(("idna", "punycode"))
"""Codecs whose time grows with the square of the length, and which no message uses for a text."""
_TAG = re.compile(r"/?[a-zA-Z][a-zA-Z0-9]{0,20}")
_HIDDEN = frozenset(("script", "style", "head", "title", "template"))
_BLOCKS = frozenset(
    (
        *("p", "br", "div", "tr", "li", "ul", "ol", "table", "hr", "blockquote", "pre"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer"),
    )
)
_SPACES = re.compile(r"[ \t\f\xa0]+")
_BLANK_LINES = re.compile(r"\n\s*\n\s*")


def decode_text(content: bytes, charset: str | None) -> str:
    """Return bytes as text: in the charset that is declared, or else in UTF-8, or else in Windows-1252.

    Lone surrogates, which are no characters, are replaced.
    """
    names = ([charset] if charset and _is_usable(charset) else []) + list(_FALLBACKS)
    for name in names:
        try:
            text = content.decode(name)
        except (UnicodeError, ValueError):
            continue
        return text.encode("utf-8", "replace").decode()
    return content.decode("cp1252", "replace")


def _is_usable(charset: str) -> bool:
    try:
        codec = codecs.lookup(charset)
    except (LookupError, ValueError, TypeError):
        return False
    return codec.name not in _SLOW and bool(getattr(codec, "_is_text_encoding", True))


def text_of_html(document: str) -> str:
    """Return the visible text of a document, a block on each line.

    It is split at each `<`, in time linear in the length of any document. The library's parser is slower than that on
    comments and tags that never end.
    """
    first, *pieces = document[:MAX_HTML].split("<")
    shown = [first]
    hidden: str | None = None
    comment = False
    for piece in pieces:
        if comment or piece.startswith("!--"):
            _, end, rest = piece.partition("-->")
            comment = not end
            shown.append(rest if end and hidden is None else "")
            continue
        tag = _TAG.match(piece)
        if tag is None and piece[:1] not in ("!", "?"):  # such as 1 < 2
            shown.append("" if hidden else f"<{piece}")
            continue
        name = tag[0].lower() if tag else ""
        text = piece.partition(">")[2]
        if hidden is not None:
            hidden = None if name == f"/{hidden}" else hidden
        elif name in _HIDDEN:
            hidden = name
        if hidden is None:
            shown.append(
                ("\n" if name.removeprefix("/") in _BLOCKS else "") + _SPACES.sub(" ", text.replace("\n", " "))
            )
    text = html.unescape("".join(shown))
    return _BLANK_LINES.sub("\n\n", text).strip()
