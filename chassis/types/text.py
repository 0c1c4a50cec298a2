"""Clean text from requests, and normalize e-mail addresses and phone numbers for comparison."""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import idna
import phonenumbers
from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticKnownError

from chassis.types.codes import CONTROL_CHARACTER, NO_DIGITS, NOT_AN_ADDRESS, invalid

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_CONTROLS_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# A C1 control is nearly always a character of Windows-1252 that was read as Latin-1: U+0092 was an apostrophe.
_WINDOWS_1252 = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0) if code != 0x85}
_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def clean_text(text: str) -> str:
    """Return a line of text in NFC, trimmed. Tabs, line breaks and other control characters become single spaces."""
    if text.isascii() and text.isprintable():  # most texts
        return text.strip()
    return unicodedata.normalize("NFC", _CONTROLS.sub(" ", text.translate(_WINDOWS_1252))).strip()


def clean_multiline_text(text: str) -> str:
    """Return text in NFC, trimmed. Every line break becomes `\n`, and control characters except tabs are removed.

    Mails contain form feeds, vertical tabs, lone carriage returns and C1 controls.
    """
    text = _LINE_BREAKS.sub("\n", text).translate(_WINDOWS_1252)
    return unicodedata.normalize("NFC", _CONTROLS_IN_LINES.sub("", text)).strip()


def require_plain_text(text: str) -> str:
    """Return an identifier, trimmed and in NFC. Raises ValueError for control characters: identifiers are exact."""
    text = unicodedata.normalize("NFC", text.strip())
    if _CONTROLS.search(text):
        raise invalid(CONTROL_CHARACTER, "an identifier must not contain control characters")
    return text


def _cleaned_by(clean: Callable[[str], str], *, limit: int) -> tuple[Any, ...]:
    """Return the validators of a text, in the only order in which pydantic limits it without a detour by Python."""

    def check_length(value: Any) -> Any:
        # The length counts before the text is trimmed, as the OpenAPI document states it.
        if isinstance(value, str) and len(value) > limit:
            raise PydanticKnownError("string_too_long", {"max_length": limit})
        return value

    def clean_to_text(text: str) -> str:
        cleaned = clean(text)
        if not any(map(_is_visible, cleaned)):
            raise PydanticKnownError("string_too_short", {"min_length": 1})
        return cleaned

    return (
        AfterValidator(clean_to_text),
        StringConstraints(min_length=1, max_length=limit, strip_whitespace=True),
        BeforeValidator(check_length),
    )


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in ("Cf", "Mn", "Zs")


ShortLine = Annotated[str, *_cleaned_by(clean_text, limit=64)]
Line = Annotated[str, *_cleaned_by(clean_text, limit=200)]
Subject = Annotated[str, *_cleaned_by(clean_text, limit=998)]
"""The subject of a message. RFC 5322 limits a line to 998 characters."""
Reference = Annotated[str, *_cleaned_by(require_plain_text, limit=255)]
"""An identifier that another system assigned: a source's record id, a stock keeping unit, a till number."""
Lines = Annotated[str, *_cleaned_by(clean_multiline_text, limit=500)]
"""A few lines of text, such as the street of a postal address."""
MultilineText = Annotated[str, *_cleaned_by(clean_multiline_text, limit=100_000)]


def normalize_email(address: str) -> str:
    """Return the form by which an address is compared and looked up: the domain in IDNA, all of it in lower case.

    Addresses that the RFCs reject exist and receive mail, so only a text without a local part and a domain raises
    ValueError.
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    if not (at and local and domain) or any(character.isspace() for character in domain):
        raise invalid(NOT_AN_ADDRESS, "an e-mail address is expected, such as ada@example.com")
    return f"{local.lower()}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower()


def normalize_phone(number: str, region: str | None) -> str:
    """Return the form by which a number is looked up: E.164 if it is a possible number, else its digits.

    A number without a country code is read for the tenant's region. The tables of possible numbers are incomplete and
    change, so they refuse no number. Raises ValueError if the text contains no digit.
    """
    digits = "".join(str(unicodedata.digit(character)) for character in number if character.isdigit())
    if not digits:
        raise invalid(NO_DIGITS, "a phone number must contain digits")
    plus = "+" if number.lstrip("( ").startswith("+") else ""
    for candidate in (number, plus + digits):  # without remarks such as "(home)", but a vanity number has letters
        with suppress(phonenumbers.NumberParseException):
            parsed = phonenumbers.parse(candidate, region)
            if phonenumbers.is_possible_number(parsed):
                return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return digits


def snake_case(name: str) -> str:
    """Return `InsufficientPoints` as `insufficient_points`."""
    return _CAMEL_CASE_BOUNDARY.sub("_", name).lower()
