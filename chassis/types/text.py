"""Clean text from requests, and normalize e-mail addresses and phone numbers for comparison."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticKnownError

_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def clean_text(text: str) -> str:
    """Return a line of text, trimmed and in NFC. Raises ValueError for control characters."""
    text = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters are not allowed")
    return text


def clean_multiline_text(text: str) -> str:
    """Return text, trimmed and in NFC. Raises ValueError for control characters other than line breaks and tabs."""
    text = unicodedata.normalize("NFC", text.strip()).replace("\r\n", "\n")
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in text):
        raise ValueError("control characters are not allowed")
    return text


def _cleaned_by(clean: Callable[[str], str], *, limit: int) -> tuple[Any, ...]:
    """Return the validators of a text, in the only order in which pydantic limits it without a detour by Python."""

    def check_length(value: Any) -> Any:
        # The length counts before the text is trimmed, as the OpenAPI document states it.
        if isinstance(value, str) and len(value) > limit:
            raise PydanticKnownError("string_too_long", {"max_length": limit})
        return value

    return (
        AfterValidator(clean),
        StringConstraints(min_length=1, max_length=limit, strip_whitespace=True),
        BeforeValidator(check_length),
    )


ShortLine = Annotated[str, *_cleaned_by(clean_text, limit=64)]
Line = Annotated[str, *_cleaned_by(clean_text, limit=200)]
Reference = Annotated[str, *_cleaned_by(clean_text, limit=255)]
"""An identifier that another system assigned: a source's record id, a stock keeping unit, a till number."""
MultilineText = Annotated[str, *_cleaned_by(clean_multiline_text, limit=20_000)]


@lru_cache(maxsize=1_000)  # an address is normalized once for validation and once for storage
def normalize_email(address: str) -> str:
    """Return the form by which an address is compared and looked up: domain in IDNA, all of it case-folded.

    Raises ValueError if the syntax is not that of an address. No network request is made.
    """
    try:
        validated = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return validated.normalized.casefold()


def normalize_phone(number: str, region: str | None) -> str:
    """Return the number in E.164. A number without a country code is read for the tenant's region.

    A possible number is enough: refusing a customer because a prefix is not in a table is worse than an odd number.
    Raises ValueError if the text cannot be a phone number.
    """
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"not a phone number: {error}") from None
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("not a possible phone number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def snake_case(name: str) -> str:
    """Return `InsufficientPoints` as `insufficient_points`."""
    return _CAMEL_CASE_BOUNDARY.sub("_", name).lower()
