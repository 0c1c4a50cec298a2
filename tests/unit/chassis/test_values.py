"""Values in requests and responses: normalization, rejected values, and equality."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, Field, PlainSerializer, PrivateAttr, StrictInt, TypeAdapter, ValidationError

from chassis import (
    MAX_DOCUMENT_BYTES,
    Day,
    Instant,
    JsonObject,
    Line,
    MultilineText,
    Reference,
    Subject,
    Timezone,
    json,
    normalize_email,
    normalize_phone,
)
from chassis.types.rows import construct


@pytest.mark.parametrize(
    ("case", "text", "clean"),
    [
        ("spaces round it", "  Ada  ", "Ada"),
        ("composed and decomposed are one", "e\u0301", "\u00e9"),
        ("a tab from a spreadsheet", "Ada\tLovelace\n", "Ada Lovelace"),
        ("the folded subject of a mail", "Re: order\r\n 4711", "Re: order  4711"),
        ("a NUL", "a\x00b", "a b"),
        ("an apostrophe of Windows-1252", "it\u0092s", "it\u2019s"),
        ("half of an emoji", "hello \ud83d", "hello"),
        ("a joiner between letters stays", "\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
    ],
)
def test_a_line_is_cleaned(case: str, text: str, clean: str) -> None:
    assert TypeAdapter(Line).validate_python(text) == clean


@pytest.mark.parametrize("text", ["", "   ", "\t", "\x00", "\u200b", "\u2060\u00ad", "x" * 201, 5, None, ["a"]])
def test_what_is_no_line_is_refused(text: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Line).validate_python(text)


def test_paragraphs_keep_their_breaks() -> None:
    assert TypeAdapter(MultilineText).validate_python("a\r\n\tb ") == "a\n\tb"


@pytest.mark.parametrize(
    ("case", "text", "clean"),
    [
        ("a form feed", "page 1\fpage 2", "page 1\npage 2"),
        ("a vertical tab", "a\u000bb", "a\nb"),
        ("a lone carriage return", "a\rb", "a\nb"),
        ("a next-line character", "a\u0085b", "a\nb"),
        ("an apostrophe of Windows-1252", "it\u0092s", "it\u2019s"),
        ("a bell and a NUL", "a\x07\x00b", "ab"),
    ],
)
def test_a_message_is_cleaned(case: str, text: str, clean: str) -> None:
    assert TypeAdapter(MultilineText).validate_python(text) == clean


def test_a_message_has_at_most_a_hundred_thousand_characters_and_its_subject_998() -> None:
    for kind, limit in ((MultilineText, 100_000), (Subject, 998)):
        assert TypeAdapter(kind).validate_python("x" * limit)
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python("x" * (limit + 1))


@pytest.mark.parametrize("reference", ["a\nb", "a\x00b", "a\u0092b", ""])
def test_an_identifier_is_exact(reference: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Reference).validate_python(reference)


@pytest.mark.parametrize(
    ("case", "document"),
    [
        ("the largest integers", {"a": 2**64 - 1, "b": [-(2**63)]}),
        ("its largest size", {"a": "x" * (MAX_DOCUMENT_BYTES - len('{"a":""}'))}),
        ("any script", {"名": ["李伟", {"emoji": "\U0001f600"}]}),
    ],
)
def test_a_document_is_stored_as_it_is(case: str, document: dict[str, Any]) -> None:
    assert TypeAdapter(JsonObject).validate_python(document) == document


@pytest.mark.parametrize(
    ("case", "document", "reason"),
    [
        ("an integer beyond 64 bits", {"a": [89314404000123456789]}, "exceeds 64 bits"),
        ("a NUL", {"a": {"b": "\0"}}, "NUL"),
        ("a NUL in a name", {"a\0": 1}, "NUL"),
        ("half of an emoji", {"a": "\ud83d"}, "surrogate"),
        ("a byte too much", {"a": "x" * MAX_DOCUMENT_BYTES}, "larger than"),
    ],
)
def test_a_document_that_cannot_be_stored_exactly_is_rejected(case: str, document: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(JsonObject).validate_python(document)


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


def test_no_time_zone_that_was_ever_accepted_becomes_unreadable() -> None:
    for name in (Path(__file__).parents[2] / "data" / "timezones.txt").read_text().split():
        assert TypeAdapter(Timezone).validate_python(name) == ZoneInfo(name).key


@pytest.mark.parametrize("number", [True, "5", 5.0, 5.5])
def test_a_whole_number_is_nothing_else(number: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(StrictInt).validate_python(number)


@pytest.mark.parametrize(
    ("case", "address", "normal"),
    [
        ("the case does not count", "Ada@EXAMPLE.com", "ada@example.com"),
        ("a domain with umlauts", "kunde@Müller.de", "kunde@xn--mller-kva.de"),
        ("ß is not ss", "kunde@straße.de", "kunde@xn--strae-oqa.de"),
        ("ß is not ss in a name either", "weiß@example.de", "weiß@example.de"),
        ("a composed and a decomposed letter are the same", "e\u0301@x.fr", "\u00e9@x.fr"),
        ("two dots, as Docomo issued them", "taro..yamada.@docomo.ne.jp", "taro..yamada.@docomo.ne.jp"),
        ("a quoted name", '"Ada Lovelace"@example.com', '"ada lovelace"@example.com'),
        ("a quoted @", '"a@b"@example.com', '"a@b"@example.com'),
        ("a domain that IDNA rejects", "a@-ü-.example", "a@-ü-.example"),
    ],
)
def test_an_address_is_compared_without_regard_to_case_and_spelling(case: str, address: str, normal: str) -> None:
    assert normalize_email(address) == normal


@pytest.mark.parametrize("text", ["nobody", "@example.com", "ada@", "ada@exam ple.com"])
def test_a_text_without_name_and_domain_is_not_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="e-mail address is expected"):
        normalize_email(text)


@pytest.mark.parametrize(
    ("case", "number", "region", "normal"),
    [
        ("with a country code", "+31 20 794 0800", "US", "+31207940800"),
        ("by the tenant's region", "020 794 0800", "NL", "+31207940800"),
        ("possible, if odd", "+31 20 000 0000", "NL", "+31200000000"),
        ("a Mexican mobile of before 2019", "+52 1 55 1234 5678", "NL", "5215512345678"),
        ("an Ivorian number of before 2021", "+22559005608", "NL", "22559005608"),
        ("a short number", "1515", "NL", "1515"),
        ("with a remark", "020 7940800 (thuis)", "NL", "+31207940800"),
        ("too long for any table", "+31 20 794 0800 0800 0800 99", "NL", "3120794080008000800" + "99"),
        ("Arabic digits", "٠٢٠ ٧٩٤ ٠٨٠٠", "NL", "+31207940800"),
    ],
)
def test_phone_numbers_are_read_as_people_write_them(case: str, number: str, region: str, normal: str) -> None:
    assert normalize_phone(number, region) == normal


@pytest.mark.parametrize("number", ["abc", "+", "n/a"])
def test_a_text_without_digits_is_not_a_phone_number(number: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        normalize_phone(number, "NL")


class _Part(BaseModel):
    number: int


class _Whole(BaseModel):
    name: str
    at: datetime
    part: _Part | None
    parts: list[_Part]


def test_a_model_built_from_a_row_equals_the_one_that_pydantic_constructs() -> None:
    row = {"name": "n", "at": datetime(2026, 3, 1, tzinfo=UTC), "part": None, "other": "of no field"}
    parts = [_Part(number=1)]
    built = construct(_Whole, row, parts=parts)
    constructed = _Whole.model_construct(**{name: row[name] for name in ("name", "at", "part")}, parts=parts)
    assert built == constructed
    assert built.model_dump_json() == constructed.model_dump_json()
    assert built.model_fields_set == constructed.model_fields_set
    assert json.loads(json.dumps(built)) == built.model_dump(mode="json")
    with pytest.raises(KeyError):
        construct(_Whole, {"name": "n"}, parts=parts)


class _WithState(BaseModel):
    name: str

    _state: int = PrivateAttr(0)


@pytest.mark.parametrize(
    ("case", "model", "computed"),
    [("private state", _WithState, {}), ("a value that is not a field", _Part, {"word": "a"})],
)
def test_a_model_with_more_than_its_fields_is_not_built_from_a_row(
    case: str, model: type[BaseModel], computed: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=model.__name__):
        construct(model, {"name": "n", "number": 1}, **computed)


class _Odd(BaseModel):
    """A model whose JSON differs from its fields."""

    kind: str = Field(alias="type")
    share: Annotated[Decimal, PlainSerializer(lambda share: f"{share:.0%}")]


def test_a_model_with_a_serializer_of_its_own_is_written_by_it() -> None:
    odd = _Odd(type="a", share=Decimal("0.5"))
    assert json.loads(json.dumps({"odd": [odd]})) == {"odd": [{"type": "a", "share": "50%"}]}


def test_the_length_is_limited_before_the_text_is_trimmed() -> None:
    """The OpenAPI document states the limit of the request value, not of the stored value."""
    line = TypeAdapter(Line)
    assert line.validate_python(" " + "a" * 199) == "a" * 199
    with pytest.raises(ValidationError, match="at most 200 characters"):
        line.validate_python(" " + "a" * 200)


class Sums(BaseModel):
    """Sums of counts."""

    total: int
    parts: list[int]


@pytest.mark.parametrize("total", [2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**40])
def test_an_integer_of_any_size_is_written_exactly(total: int) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    value = {"sums": Sums(total=total, parts=[1, total]), "at": at, "rate": Decimal("0.5"), "is": True}
    rest = '"at":"2026-03-01T00:00:00Z","rate":"0.5","is":true'
    assert json.dumps_str(value) == f'{{"sums":{{"total":{total},"parts":[1,{total}]}},{rest}}}'


def test_a_value_without_json_is_rejected_beside_a_large_integer() -> None:
    with pytest.raises(TypeError):
        json.dumps([2**64, object()])
