"""The codes of invalid values: each with its cause and its remedy, as the API reference lists them.

A service declares its own beside them, in the module that uses it:

    NO_PRICE = FieldCode("no_price", "A line has neither a price nor an amount.", "Send either of them.")
"""

from typing import ClassVar

from pydantic_core import PydanticCustomError


class FieldCode(str):
    """The code of an invalid value: a string, with its cause and its remedy."""

    known: ClassVar[dict[str, "FieldCode"]] = {}
    cause: str
    remedy: str

    def __new__(cls, code: str, cause: str, remedy: str) -> "FieldCode":
        """Declare a code. Raises TypeError if another meaning of it is declared."""
        new = super().__new__(cls, code)
        new.cause, new.remedy = cause, remedy
        first = cls.known.setdefault(code, new)
        if (first.cause, first.remedy) != (cause, remedy):
            raise TypeError(f"the code {code} is declared twice")
        return new


def invalid(code: FieldCode, text: str) -> PydanticCustomError:
    """Return the ValueError for an invalid value, to be raised by a validator."""
    return PydanticCustomError(code, "{text}", {"text": text})


def code_of(error: PydanticCustomError) -> FieldCode:
    """Return the code with which `invalid` built an error."""
    return FieldCode.known[error.type]


REQUIRED = FieldCode("required", "The field or parameter is missing.", "Send it.")
UNKNOWN_FIELD = FieldCode(
    "unknown_field", "The object has no such field.", "Check the spelling: names are in snake_case. Remove the field."
)
READ_ONLY = FieldCode("read_only", "Only responses contain this field.", "Leave it out of the request.")
UNKNOWN_PARAMETER = FieldCode(
    "unknown_parameter", "The operation has no such query parameter.", "Check the spelling, or remove the parameter."
)
WRONG_TYPE = FieldCode(
    "wrong_type", "The JSON type differs, such as a number instead of a string.", "Send the type that the text names."
)
WRONG_FORMAT = FieldCode(
    "wrong_format", "The text does not have the expected form.", "Send the form of the example in the text."
)
NOT_ONE_OF = FieldCode("not_one_of", "The value is not among those allowed.", "Send one of the values in the text.")
NOT_A_TIME = FieldCode(
    "not_a_time",
    "The value is not a time with an offset from UTC (RFC 3339).",
    "Send a time such as 2026-03-01T10:00:00Z. In a URL, write + as %2B.",
)
NOT_A_DATE = FieldCode("not_a_date", "The value is not a date that exists.", "Send a date such as 2026-03-01.")
NOT_A_DATE_OR_TIME = FieldCode(
    "not_a_date_or_time",
    "The value is neither a date that exists nor a time with an offset from UTC (RFC 3339).",
    "Send a date such as 2026-03-01, or a time such as 2026-03-01T10:00:00Z. In a URL, write + as %2B.",
)
NOT_AN_AMOUNT = FieldCode(
    "not_an_amount",
    "The value is not a decimal string, or has more decimals than its currency.",
    'Send a string such as "12.50", never a number.',
)
UNKNOWN_CURRENCY = FieldCode(
    "unknown_currency",
    "The code is not a currency of ISO 4217.",
    "Send a code such as EUR, in capitals.",
)
CURRENCY_WITHDRAWN = FieldCode(
    "currency_withdrawn",
    "The currency was withdrawn before the time in question.",
    "Send an amount in the currency that replaced it, or the time at which it was valid.",
)
EMPTY = FieldCode("empty", "The value is empty, or nothing in it is visible.", "Send a value, or leave the field out.")
TOO_SHORT = FieldCode("too_short", "The text is shorter than allowed.", "Send a longer text.")
TOO_LONG = FieldCode("too_long", "The text is longer than allowed.", "Shorten it.")
TOO_SMALL = FieldCode("too_small", "The number or time is below the minimum.", "Send at least the minimum.")
TOO_LARGE = FieldCode("too_large", "The number or time is above the maximum.", "Send at most the maximum.")
TOO_FEW_ITEMS = FieldCode("too_few_items", "The list has fewer items than allowed.", "Add items.")
TOO_MANY_ITEMS = FieldCode("too_many_items", "The list has more items than allowed.", "Send several requests.")
TOO_MANY_DIGITS = FieldCode("too_many_digits", "The number has more digits than allowed.", "Round the number.")
CONTROL_CHARACTER = FieldCode(
    "control_character", "An identifier contains a control character.", "Remove line breaks, tabs and NULs."
)
NOT_STORABLE = FieldCode(
    "not_storable",
    "The document is too large, or contains a value that cannot be stored exactly.",
    "Keep it below 64 KiB. Send integers beyond 64 bits as strings.",
)
UNKNOWN_RECORD = FieldCode(
    "unknown_record", "The id names no record of this tenant.", "Read the list of the collection to find the id."
)
NOT_AFTER = FieldCode("not_after", "The end of a period is not after its start.", "Send a later end.")
IN_THE_FUTURE = FieldCode(
    "in_the_future", "The time is more than a day ahead of the server's clock.", "Correct the clock of the source."
)
UNKNOWN_TIMEZONE = FieldCode(
    "unknown_timezone", "The name is not in the IANA database.", "Send a name such as Europe/Amsterdam."
)
NOT_AN_ADDRESS = FieldCode(
    "not_an_address", "The text has no name and domain around an @.", "Send an address such as ada@example.com."
)
NO_DIGITS = FieldCode("no_digits", "A phone number contains no digit.", "Send the number, in any notation.")
INVALID_VALUE = FieldCode("invalid_value", "The value breaks a rule of this field.", "Follow the text of the error.")
