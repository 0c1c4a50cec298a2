"""The headers of e-mails: addresses, ids and encoded words, as they really occur."""

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import getaddresses

from chassis.types.text import normalize_email
from services.interactions.contact.rules.email_texts import decode_text

MAX_ADDRESSES = 50
MAX_ADDRESS = 255
MAX_NAME = 200
_FOLD = re.compile(r"\s*[\r\n]+\s*")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"@]{1,64}@[^\s<>()\[\],;:\"@]{1,190}")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,998})>")


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address in the form by which it is looked up, and the name that is shown beside it."""

    address: str
    name: str | None


def unfolded(value: str) -> str:
    """Return a header in a line. Bytes beyond ASCII are read as UTF-8, or else as Windows-1252."""
    value = _FOLD.sub(" ", value)
    if not value.isascii():
        value = decode_text(value.encode("utf-8", "surrogateescape"), None)
    return value.strip()


def decoded(value: str) -> str:
    """Return a header with its encoded words (RFC 2047) decoded. One that cannot be decoded is kept as it is."""
    if "=?" not in value:
        return value
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(part if isinstance(part, str) else decode_text(part, charset) for part, charset in parts)


def addresses(*values: str) -> list[MailAddress]:
    """Return the addresses of headers, each once."""
    found: dict[str, MailAddress] = {}
    try:
        pairs = getaddresses([value for value in values if value])
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):  # of comments within comments
        pairs = [("", written) for value in values for written in _ADDRESS.findall(value)]
    for name, written in pairs:
        try:
            address = normalize_email(written)
        except ValueError:
            continue
        if len(address) <= MAX_ADDRESS and address.isprintable() and len(found) < MAX_ADDRESSES:
            found.setdefault(address, MailAddress(address, decoded(name)[:MAX_NAME].strip() or None))
    return list(found.values())


def message_ids(value: str) -> list[str]:
    """Return the ids of a header in their order, without angle brackets."""
    ids: list[str] = _MESSAGE_ID.findall(value)
    return ids or ([value.strip()] if value.strip() and " " not in value.strip() else [])
