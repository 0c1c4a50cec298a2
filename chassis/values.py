"""Values that cross the wire: cleaned text, instants, e-mail addresses and phone numbers, made comparable."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from importlib import resources
from operator import itemgetter
from typing import Annotated, Any, TypeVar

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Shown = TypeVar("Shown", bound=BaseModel)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Wire(BaseModel):
    """What a request carries: a field that is not known is refused, so nothing can be smuggled in."""

    model_config = ConfigDict(extra="forbid")


def clean_line(text: str) -> str:
    """One line of text: trimmed, NFC, without control characters."""
    text = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters are not allowed")
    return text


def clean_lines(text: str) -> str:
    """Several lines of text: as a line, but line breaks and tabs may stay."""
    text = unicodedata.normalize("NFC", text.strip()).replace("\r\n", "\n")
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in text):
        raise ValueError("control characters are not allowed")
    return text


def _only_dated(value: Any) -> Any:
    """Times come as RFC 3339 text: a number, in quotes too, would silently be read as seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("an RFC 3339 time is expected")


def _only_day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _DATE.fullmatch(value)):
        return value
    raise ValueError("a date is expected, written 2026-03-01")


def _in_range(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError("the year must lie between 1900 and 2199")
    return at.astimezone(UTC)


Word = Annotated[str, AfterValidator(clean_line), StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Line = Annotated[
    str, AfterValidator(clean_line), StringConstraints(min_length=1, max_length=200, strip_whitespace=True)
]
Reference = Annotated[
    str, AfterValidator(clean_line), StringConstraints(min_length=1, max_length=255, strip_whitespace=True)
]
"""Somebody else's identifier: a source's record id, a stock keeping unit, a till number."""
Paragraphs = Annotated[
    str, AfterValidator(clean_lines), StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)
]
Instant = Annotated[AwareDatetime, BeforeValidator(_only_dated), AfterValidator(_in_range)]
"""A moment: RFC 3339 with an offset, kept in UTC."""
Day = Annotated[date, Field(ge=date(1800, 1, 1), le=date(2200, 1, 1)), BeforeValidator(_only_day)]
"""A day without a time, such as one of birth: RFC 3339's full-date."""
WholeNumber = Annotated[int, Field(strict=True)]


@cache
def _zones() -> frozenset[str]:
    """What the IANA database names: a machine's own folder may hold more, such as `localtime`."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("not a time zone of the IANA database")
    return name


Timezone = Annotated[str, Field(max_length=64, examples=["Europe/Amsterdam"]), AfterValidator(_known_zone)]
"""The name of a time zone of the IANA database."""


def shown(model: type[Shown], row: Mapping[str, Any], **computed: Any) -> Shown:
    """A read model of a row, which nobody checks again; `computed` are fields that no column is.

    What `model_construct` does for a model that has all of its fields and neither aliases nor private attributes, at a
    tenth of its cost: a page of fifty is fifty of these. Documents of the row stay as they are: `chassis.json` shows
    them as well as models.
    """
    names, take, fields = _columns_of(model, tuple(computed))
    made = model.__new__(model)
    values = dict(zip(names, take(row), strict=True))
    object.__setattr__(made, "__dict__", values | computed if computed else values)
    object.__setattr__(made, "__pydantic_fields_set__", fields)
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


@cache
def _columns_of(
    model: type[BaseModel], computed: tuple[str, ...]
) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], tuple[Any, ...]], set[str]]:
    """The fields that a row holds, what takes them out of it, and all fields.

    Raises TypeError for a model that `shown` cannot make.
    """
    fields = set(model.model_fields)
    if model.__private_attributes__ or model.model_config.get("extra") == "allow" or not fields.issuperset(computed):
        raise TypeError(f"{model.__name__} has more than its fields, or lacks one of {computed}")
    names = tuple(name for name in model.model_fields if name not in computed)
    if len(names) < 2:  # itemgetter makes no tuple of one
        return names, lambda row: tuple(row[name] for name in names), fields
    return names, itemgetter(*names), fields


@lru_cache(maxsize=1_000)  # a request's address is read when it is validated and again when it is stored
def normal_email(address: str) -> str:
    """The address as it is compared and looked up: domain in lower case and IDNA, the whole case-folded.

    Raises ValueError when it is no address by syntax. Nothing is asked of the network.
    """
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return found.normalized.casefold()


def normal_phone(number: str, region: str | None) -> str:
    """The number in E.164, read with the tenant's region when it has no country code.

    Possible is enough: refusing a customer because a table does not know the prefix is worse than an odd number.
    Raises ValueError when it cannot be a phone number at all.
    """
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"not a phone number: {error}") from None
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("not a possible phone number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
