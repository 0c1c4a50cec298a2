"""Values that cross the wire: what is cleaned, what is refused, what compares equal."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, PlainSerializer, TypeAdapter, ValidationError

from chassis import Instant, Line, Paragraphs, Timezone, WholeNumber, json
from chassis.values import Day, normal_email, normal_phone, shown


@pytest.mark.parametrize(
    ("case", "text", "clean"),
    [("spaces round it", "  Ada  ", "Ada"), ("composed and decomposed are one", "e\u0301", "\u00e9")],
)
def test_a_line_is_cleaned(case: str, text: str, clean: str) -> None:
    assert TypeAdapter(Line).validate_python(text) == clean


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "a\nb", "a\x1bb", "x" * 201, 5, None, ["a"]])
def test_what_is_no_line_is_refused(text: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Line).validate_python(text)


def test_paragraphs_keep_their_breaks() -> None:
    assert TypeAdapter(Paragraphs).validate_python("a\r\n\tb ") == "a\n\tb"


@pytest.mark.parametrize(
    "at",
    [
        "2026-01-01T10:00:00",
        "1899-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        1767261600,
        "1767261600",
        "0.5",
        "tomorrow",
        "2026-02-30T00:00:00Z",
    ],
)
def test_what_is_no_moment_is_refused(at: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Instant).validate_python(at)


def test_a_moment_is_kept_in_utc() -> None:
    at = TypeAdapter(Instant).validate_python("2026-01-01T00:30:00+01:00")
    assert at.isoformat() == "2025-12-31T23:30:00+00:00"


@pytest.mark.parametrize(
    "day", [0, 86400, 86400.0, "0", "86400", "2026-03-01T00:00:00Z", "2026-3-1", "2026-02-30", True]
)
def test_what_is_no_day_is_refused(day: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Day).validate_python(day)


def test_a_day_is_a_day() -> None:
    assert TypeAdapter(Day).validate_python("2026-03-01") == date(2026, 3, 1)


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "europe/paris", "../etc/passwd", "", "Europe/Paris\0", "CEST"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Timezone).validate_python(name)


@pytest.mark.parametrize("number", [True, "5", 5.0, 5.5])
def test_a_whole_number_is_nothing_else(number: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(WholeNumber).validate_python(number)


def test_addresses_that_reach_the_same_box_compare_equal() -> None:
    assert normal_email("Ada@EXAMPLE.com") == normal_email("ada@example.com")
    with pytest.raises(ValueError, match="@"):
        normal_email("nobody")


@pytest.mark.parametrize(
    ("case", "number", "region", "normal"),
    [
        ("with a country code", "+31 20 794 0800", "US", "+31207940800"),
        ("by the tenant's region", "020 794 0800", "NL", "+31207940800"),
        ("possible, if odd", "+31 20 000 0000", "NL", "+31200000000"),
    ],
)
def test_phone_numbers_are_read_as_people_write_them(case: str, number: str, region: str, normal: str) -> None:
    assert normal_phone(number, region) == normal


@pytest.mark.parametrize("number", ["12", "abc", "+31 20 794 0800 0800 0800 99"])
def test_what_cannot_be_a_phone_number_raises(number: str) -> None:
    with pytest.raises(ValueError, match="phone number"):
        normal_phone(number, "NL")


class _Part(BaseModel):
    number: int


class _Whole(BaseModel):
    name: str
    at: datetime
    part: _Part | None
    parts: list[_Part]


def test_what_is_shown_is_what_the_model_would_make() -> None:
    row = {"name": "n", "at": datetime(2026, 3, 1, tzinfo=UTC), "part": None, "other": "of no field"}
    parts = [_Part(number=1)]
    made = shown(_Whole, row, parts=parts)
    constructed = _Whole.model_construct(**{name: row[name] for name in ("name", "at", "part")}, parts=parts)
    assert made == constructed
    assert made.model_dump_json() == constructed.model_dump_json()
    assert made.model_fields_set == constructed.model_fields_set
    assert json.loads(json.dumps(made)) == made.model_dump(mode="json")
    with pytest.raises(KeyError):
        shown(_Whole, {"name": "n"}, parts=parts)


class _Odd(BaseModel):
    """A model whose JSON is not its fields."""

    kind: str = Field(alias="type")
    share: Annotated[Decimal, PlainSerializer(lambda share: f"{share:.0%}")]


def test_a_model_with_a_serializer_of_its_own_is_written_by_it() -> None:
    odd = _Odd(type="a", share=Decimal("0.5"))
    assert json.loads(json.dumps({"odd": [odd]})) == {"odd": [{"type": "a", "share": "50%"}]}
