"""E-mails: from the bytes of a message (RFC 5322) to its parts, whatever the bytes are.

The parser is that of the standard library with its policy `compat32`, which keeps headers as they were received. The
policy `default` parses them by a grammar that raises on some, and whose time grows with the square of their length.
Reading is bounded: lines, nesting, parts, and the characters of a header and of a text.

A thread follows from the ids of messages alone. Equal subjects do not make one: "Invoice" and "Question" would join
strangers. A message without a plain text has the text of its HTML.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import Compat32
from email.utils import parsedate_to_datetime
from typing import Any

from services.interactions.contact.rules.email_headers import (
    MailAddress,
    addresses,
    decoded,
    message_ids,
    unfolded,
)
from services.interactions.contact.rules.email_texts import MAX_HTML, MAX_TEXT, decode_text, text_of_html
from services.interactions.contact.rules.touch_points import AttachmentDocument, AutomaticKind

MAX_HEADER = 10_000
"""Characters of a header that are read."""
MAX_HEAD_LINES = 5_000
MAX_LINES = 500_000
MAX_NESTED = 50
"""Containers of parts. A message with more is read without its parts."""
MAX_LINES_TIMES_NESTED = 3_000_000
MAX_BOUNDARIES = 20_000
"""Lines that may be a boundary between parts."""
MAX_PARTS = 1_000
MAX_LISTED_ATTACHMENTS = 100
MAX_SOURCE_ID = 255
MAX_SUBJECT = 998
_CONTAINER = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
_FINAL_RECIPIENT = re.compile(r"(?im)^(?:final|original)-recipient:[^;\n]{0,100};[ \t]*(\S{1,255})")
_MACHINES = ("mailer-daemon@", "postmaster@")


class _Policy(Compat32):
    """The policy `compat32`, with bounded headers: the time to split one grows with the square of its length."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_HEADER]


@dataclass(frozen=True, slots=True)
class Email:
    """A message, as it was read."""

    source_id: str
    """Its Message-ID, or a hash of its content."""
    answers: str | None
    """The source id of the first message of its thread, as far as the message says."""
    sender: MailAddress | None
    recipients: list[MailAddress]
    copied: list[MailAddress]
    subject: str | None
    text: str | None
    sent_at: datetime | None
    automatic: AutomaticKind | None
    attachments: list[AttachmentDocument]
    undelivered_to: MailAddress | None = None
    """The address that a notice of failed delivery names."""


def read_email(content: bytes) -> Email:
    """Return a message. No content raises an error: a part that cannot be read is left out."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if lines.count(b"\n") > MAX_LINES:
        lines = b"\n".join(lines.split(b"\n", MAX_LINES)[:MAX_LINES])
    head, blank, body = lines.partition(b"\n\n")
    if head.count(b"\n") > MAX_HEAD_LINES:
        lines = b"\n".join(head.split(b"\n", MAX_HEAD_LINES)[:MAX_HEAD_LINES]) + blank + body
    nested = len(_CONTAINER.findall(lines))
    cost = nested * lines.count(b"\n")
    if nested <= MAX_NESTED and cost <= MAX_LINES_TIMES_NESTED and lines.count(b"\n--") <= MAX_BOUNDARIES:
        try:
            return _read_parts(BytesParser(policy=_Policy()).parsebytes(lines), content)
        except Exception:  # the parser raises errors of a dozen types on hostile messages, RecursionError among them
            pass
    return _read_head(lines, content)


def _read_head(lines: bytes, content: bytes) -> Email:
    """Return a message whose parts cannot be read: its headers, and its body as text."""
    head, _, body = lines.partition(b"\n\n")
    message = BytesHeaderParser(policy=_Policy()).parsebytes(head + b"\n\n")
    text = decode_text(body[: MAX_TEXT * 4], None)[:MAX_TEXT]
    return replace(_of_headers(_headers(message), content), text=text or None)


def _read_parts(message: Message, content: bytes) -> Email:
    email = _of_headers(_headers(message), content)
    parts = list(_leaves(message))
    text_part = next((part for part in parts if _is_text(part, "text/plain")), None)
    html_part = next((part for part in parts if _is_text(part, "text/html")), None)
    text = _text(text_part)[:MAX_TEXT] if text_part is not None else None
    if not (text and text.strip()) and html_part is not None:
        text = text_of_html(_text(html_part))[:MAX_TEXT]
    files = [part for part in parts if not _is_alternative(part)][:MAX_LISTED_ATTACHMENTS]
    email = replace(email, text=text, attachments=[_attachment(part) for part in files])
    return _bounced(email, message, parts) if _is_report(message, "delivery-status") else email


# Headers


def _headers(message: Message) -> dict[str, str]:
    """Return the first value of each header, unfolded."""
    headers: dict[str, str] = {}
    for name, value in message.raw_items():
        headers.setdefault(name.lower(), value)
    return {name: unfolded(str(value)[:MAX_HEADER]) for name, value in headers.items()}


def _of_headers(headers: dict[str, str], content: bytes) -> Email:
    ids = message_ids(headers.get("message-id", ""))
    source_id = _source_id(ids[0]) if ids else f"sha256:{hashlib.sha256(content).hexdigest()}"
    earlier = [*message_ids(headers.get("references", "")), *message_ids(headers.get("in-reply-to", ""))]
    answered = [id for id in map(_source_id, earlier) if id != source_id]
    senders = addresses(headers.get("from", "")) or addresses(headers.get("sender", ""), headers.get("reply-to", ""))
    subject = decoded(headers.get("subject", ""))[:MAX_SUBJECT].strip()
    return Email(
        source_id=source_id,
        answers=answered[0] if answered else None,
        sender=senders[0] if senders else None,
        recipients=addresses(headers.get("to", "")),
        copied=addresses(headers.get("cc", "")),
        subject=subject or None,
        text=None,
        sent_at=_time(headers.get("date", "")),
        automatic=_automatic(headers, senders),
        attachments=[],
    )


def _source_id(message_id: str) -> str:
    """Return a Message-ID, or its hash if it cannot be stored as it is."""
    if len(message_id) <= MAX_SOURCE_ID and message_id.isascii() and message_id.isprintable():
        return message_id
    return f"sha256:{hashlib.sha256(message_id.encode('utf-8', 'replace')).hexdigest()}"


def _time(value: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None


def _automatic(headers: dict[str, str], senders: list[MailAddress]) -> AutomaticKind | None:
    """Return what a machine has sent: by RFC 3834, and by the headers that older programs set instead."""
    submitted = re.split(r"[;(\s]", headers.get("auto-submitted", "no").strip().lower(), maxsplit=1)[0]
    precedence = headers.get("precedence", "").lower()
    kind = headers.get("content-type", "").lower()
    is_machine = bool(senders) and senders[0].address.startswith(_MACHINES)
    if kind.startswith("multipart/report") and "delivery-status" in kind:
        return "bounce"
    if is_machine and headers.get("return-path", "").replace(" ", "") == "<>":
        return "bounce"
    if submitted == "auto-replied" or precedence == "auto_reply" or {"x-autoreply", "x-autorespond"} & headers.keys():
        return "reply"
    if submitted not in ("no", "") or precedence in ("bulk", "list", "junk") or "list-id" in headers:
        return "notification"
    return None


# Parts


def _leaves(message: Message) -> Iterator[Message]:
    """Yield the parts that contain no others, in order. A forwarded message is a part."""
    pending = [message]
    for _ in range(MAX_PARTS):
        if not pending:
            return
        part = pending.pop()
        payload: Any = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            pending += reversed(payload)
        else:
            yield part


def _is_text(part: Message, media_type: str) -> bool:
    return part.get_content_type() == media_type and _is_alternative(part)


def _is_alternative(part: Message) -> bool:
    """Return whether a part is a form of the text of the message, and not a file."""
    is_text = part.get_content_type() in ("text/plain", "text/html") or part.get_content_maintype() == "multipart"
    return is_text and part.get_content_disposition() != "attachment" and part.get_filename() is None


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    charset = part.get_content_charset()
    return decode_text(content[: MAX_HTML * 4], charset) if isinstance(content, bytes) else ""


def _attachment(part: Message) -> AttachmentDocument:
    payload: Any = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else None
    name = part.get_filename()
    media_type = part.get_content_type()
    return {
        "name": decoded(unfolded(name))[:200].strip() or None if name else None,
        "media_type": media_type[:64] if media_type.isascii() and media_type.isprintable() else None,
        "size_bytes": None if content is None else len(content),
        "sha256": None if content is None else hashlib.sha256(content).hexdigest(),
        "url": None,
    }


def _is_report(message: Message, kind: str) -> bool:
    return message.get_content_type() == "multipart/report" and message.get_param("report-type") == kind


def _bounced(email: Email, message: Message, parts: list[Message]) -> Email:
    """Return a notice of failed delivery with the address that it names, in the thread of the message that failed."""
    answers, undelivered = email.answers, email.undelivered_to
    for part in parts:
        payload: Any = part.get_payload()
        inner = [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
        if part.get_content_type() == "message/delivery-status":
            fields = "\n".join(f"{name}: {value}" for block in inner for name, value in block.raw_items())
            found = _FINAL_RECIPIENT.findall(fields)
            named = addresses(*found[:1])
            undelivered = undelivered or (named[0] if named else None)
        elif part.get_content_type() == "message/rfc822" and inner:
            headers = _headers(inner[0])
            earlier = message_ids(headers.get("references", "")) + message_ids(headers.get("message-id", ""))
            answers = answers or (_source_id(earlier[0]) if earlier else None)
    return replace(email, answers=answers, undelivered_to=undelivered)
