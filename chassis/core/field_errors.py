"""Invalid values of a request: from pydantic's errors to codes and texts of our own, which say what to send."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails
from typing_extensions import TypeAliasType

from chassis.types import codes
from chassis.types.codes import FieldCode
from chassis.types.limits import AMOUNT_DIGITS
from chassis.types.money import AMOUNT_PATTERN, CURRENCY_PATTERN, POSITIVE_AMOUNT_PATTERN
from chassis.types.text import snake_case

MAX_ERRORS = 100
"""Maximum errors of a response. Without a limit, an invalid body could produce a response ten times its size."""
MAX_LISTED_ERRORS = 5_000
"""With more errors than this, none is listed, because collecting them would cost more than the request itself."""
MAX_COMPARED_LENGTH = 100
"""No name is suggested for a longer one, because comparing them would take too long."""
Location = Literal["body", "query", "path", "header"]
Path = tuple[int | str, ...]
# A step of the path that names a branch of a union or a validator, such as `list[str]`. The client never sent it.
_SCHEMA_TAG = re.compile(r"[a-z-]*\[.*\]", re.DOTALL)


FieldErrorCode = TypeAliasType(
    "FieldErrorCode",
    Annotated[
        str,
        Field(
            description="A code of the table `x-field-codes`. A release may add codes: show the user the `detail`.",
            examples=["required"],
        ),
    ],
)


class FieldError(BaseModel):
    """An invalid value of a request."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, use_attribute_docstrings=True)

    location: Location = Field(alias="in", description="the part of the request")
    pointer: str = Field(description="JSON Pointer (RFC 6901) into that part", examples=["/lines/0/sku"])
    code: FieldErrorCode
    """Names the reason. Programs decide by it."""
    detail: str = Field(description="what to send instead")


def field_errors(
    errors: Sequence[ErrorDetails | dict[str, Any]],
    location: Location | None = None,
    *,
    body: Any = None,
    resource: Any = None,
) -> list[FieldError]:
    """Return pydantic's errors as our own.

    `location` names the part of the request if the errors' own paths do not begin with it. `body` is the type of the
    request's body, by which a misspelt field is recognized, and `resource` that of the response.
    """
    return [_field_error(error, location, body, resource) for error in errors[:MAX_ERRORS]]


def _field_error(error: Any, location: Location | None, body: Any, resource: Any) -> FieldError:
    path: Path = error["loc"]
    if location is None:
        location, path = path[0], path[1:]  # type: ignore[assignment]  # FastAPI puts the part first
    # The last step of an unknown field is its name, whatever it looks like.
    ours = path[:-1] if error["type"] == "extra_forbidden" else path
    steps = tuple(step for step in ours if not (isinstance(step, str) and _SCHEMA_TAG.fullmatch(step)))
    steps += path[len(ours) :]
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    types = (body, resource) if location == "body" else (None, None)
    code, detail = _explain(error, steps, *types)
    return FieldError(location=location, pointer=pointer, code=code, detail=detail)


def _explain(error: Any, path: Path, body: Any, resource: Any) -> tuple[FieldCode, str]:
    kind, context = error["type"], error.get("ctx") or {}
    if kind.endswith("_type") and error.get("input", kind) is None:
        return codes.WRONG_TYPE, "must not be null; send a value, or leave the field out"
    if kind in _EXPLANATIONS:  # first, because pydantic and we call some errors the same
        return _EXPLANATIONS[kind](context, error.get("input"))
    if kind in FieldCode.known:
        return FieldCode.known[kind], error["msg"]
    if kind == "value_error":
        return codes.INVALID_VALUE, error["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return _unknown_field(path, body, resource)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return codes.WRONG_TYPE, _object_expected(_model_at(body, path))
    return codes.INVALID_VALUE, "is not a valid value"


# Fields that do not exist


def _unknown_field(path: Path, body: Any, resource: Any) -> tuple[FieldCode, str]:
    name = str(path[-1])
    if name in _names(_model_at(resource, path[:-1])):
        return codes.READ_ONLY, f"{name} is set by the server; leave it out"
    hint = did_you_mean(name, _names(_model_at(body, path[:-1])))
    return codes.UNKNOWN_FIELD, f"{name} is not a field of this object{hint}"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return `; did you mean x?` for the known name that is closest to a misspelt one, or an empty text."""
    if len(name) > MAX_COMPARED_LENGTH:
        return ""
    spelled = snake_case(name).replace("-", "_")
    close = get_close_matches(spelled, known, n=1, cutoff=0.7)
    return f"; did you mean {close[0]}?" if close else ""


def _object_expected(model: type[BaseModel] | None) -> str:
    names = [] if model is None else [name for name, field in model.model_fields.items() if field.is_required()]
    example = ", ".join(f'"{name}": ...' for name in names)
    return f"a JSON object is expected: {{{example}}}" if names else "a JSON object is expected"


def _names(model: type[BaseModel] | None) -> list[str]:
    return [] if model is None else list(model.model_fields)


def _model_at(annotation: Any, path: Path) -> type[BaseModel] | None:
    """Return the model at a path into a type, or None if there is none."""
    for step in path:
        if isinstance(step, str):
            field = getattr(_model_in(annotation), "model_fields", {}).get(step)
            annotation = field.annotation if field else None
    return _model_in(annotation)  # the position in a list does not change the type of its items


def _model_in(annotation: Any) -> type[BaseModel] | None:
    return next(_models_in(annotation), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


# Values of the wrong type, form or size

Explain = Callable[[Mapping[str, Any], Any], tuple[FieldCode, str]]
_FORMATS = {
    AMOUNT_PATTERN: f'a decimal is expected, such as "12.50", of at most {AMOUNT_DIGITS} digits before its decimals',
    POSITIVE_AMOUNT_PATTERN: 'a positive decimal is expected, such as "12.50", '
    f"of at most {AMOUNT_DIGITS} digits before its decimals",
    CURRENCY_PATTERN: "a currency of ISO 4217 in capitals is expected, such as EUR",
}


def _fixed(code: FieldCode, text: str) -> Explain:
    return lambda context, value: (code, text)


def _limit(code: FieldCode, text: str) -> Explain:
    return lambda context, value: (code, text.format_map(context))


def _length(code: FieldCode, items_code: FieldCode, text: str, limit: str) -> Explain:
    """Explain the length of a text or a list. Pydantic calls a text a list if another validator ran before."""

    def explain(context: Mapping[str, Any], value: Any) -> tuple[FieldCode, str]:
        if code == codes.TOO_SHORT and context[limit] == 1:
            return (codes.EMPTY, "must not be empty") if isinstance(value, str) else (items_code, "must not be empty")
        unit = "characters" if isinstance(value, str) else "items"
        return (code if unit == "characters" else items_code), f"{text} {context[limit]} {unit}"

    return explain


def _pattern(context: Mapping[str, Any], value: Any) -> tuple[FieldCode, str]:
    pattern = context["pattern"]
    return codes.WRONG_FORMAT, _FORMATS.get(pattern, f"must match the pattern {pattern}")


def _choice(context: Mapping[str, Any], value: Any) -> tuple[FieldCode, str]:
    allowed = context["expected"].replace("'", "").replace(" or ", ", ")
    return codes.NOT_ONE_OF, f"must be one of: {allowed}"


def _time(context: Mapping[str, Any], value: Any) -> tuple[FieldCode, str]:
    hint = "; write + as %2B in a URL" if isinstance(value, str) and re.search(r"[0-9] [0-9:]+$", value) else ""
    return codes.NOT_A_TIME, f"a time with an offset is expected, such as 2026-03-01T10:00:00Z{hint}"


_too_long = _length(codes.TOO_LONG, codes.TOO_MANY_ITEMS, "must have at most", "max_length")
_too_short = _length(codes.TOO_SHORT, codes.TOO_FEW_ITEMS, "must have at least", "min_length")
_date = _fixed(codes.NOT_A_DATE, "a date that exists is expected, such as 2026-03-01")
_integer = _fixed(codes.WRONG_TYPE, "an integer is expected")
_number = _fixed(codes.WRONG_TYPE, "a number is expected")
_boolean = _fixed(codes.WRONG_TYPE, "true or false is expected")
_text = _fixed(codes.WRONG_TYPE, "a string is expected")
_uuid = _fixed(codes.WRONG_FORMAT, "a UUID is expected, such as 0193a7c2-5b1e-7c3a-9d54-0242ac120002")
_decimal = _fixed(codes.WRONG_FORMAT, 'a decimal string is expected, such as "12.50"')
_EXPLANATIONS: dict[str, Explain] = {
    "missing": _fixed(codes.REQUIRED, "is required"),
    "string_type": _text,
    "string_unicode": _text,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "too_short": _too_short,
    "too_long": _too_long,
    "list_type": _fixed(codes.WRONG_TYPE, "a list is expected"),
    "int_type": _integer,
    "int_parsing": _integer,
    "int_from_float": _integer,
    "int_parsing_size": _fixed(codes.TOO_LARGE, "the integer is too large"),
    "float_type": _number,
    "float_parsing": _number,
    "finite_number": _number,
    "bool_type": _boolean,
    "bool_parsing": _boolean,
    "greater_than": _limit(codes.TOO_SMALL, "must be greater than {gt}"),
    "greater_than_equal": _limit(codes.TOO_SMALL, "must be at least {ge}"),
    "less_than": _limit(codes.TOO_LARGE, "must be less than {lt}"),
    "less_than_equal": _limit(codes.TOO_LARGE, "must be at most {le}"),
    "literal_error": _choice,
    "enum": _choice,
    "uuid_type": _uuid,
    "uuid_parsing": _uuid,
    "decimal_type": _decimal,
    "decimal_parsing": _decimal,
    "decimal_max_digits": _limit(codes.TOO_MANY_DIGITS, "must have at most {max_digits} digits"),
    "decimal_max_places": _limit(codes.TOO_MANY_DIGITS, "must have at most {decimal_places} decimals"),
    "decimal_whole_digits": _limit(codes.TOO_MANY_DIGITS, "must have at most {whole_digits} whole digits"),
    "datetime_type": _time,
    "datetime_parsing": _time,
    "datetime_object_invalid": _time,
    "datetime_from_date_parsing": _time,
    "timezone_aware": _time,
    "timezone_offset": _time,
    "date_type": _date,
    "date_parsing": _date,
    "date_from_datetime_parsing": _date,
    "date_from_datetime_inexact": _date,
}
