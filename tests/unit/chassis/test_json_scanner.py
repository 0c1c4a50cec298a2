"""The scanner of bodies: its counts, its limits, and its slices, however the body is cut into chunks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.problems import MalformedRequest, PayloadTooLarge
from chassis.http.body import _parse_slices, parse_json
from chassis.http.json_scanner import BATCH_LIMITS, MAX_JSON_DEPTH, JsonLimits, JsonScanner

TEXTS = st.text(alphabet='ab\\"{}[],:é\n', max_size=6)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXTS, children, max_size=4),
    max_leaves=20,
)


def scanned(body: bytes, size: int, limits: JsonLimits = BATCH_LIMITS, items: JsonLimits = BATCH_LIMITS) -> JsonScanner:
    """Return a scanner that has received the body in chunks of a size."""
    scanner = JsonScanner(items, limits, slice_bytes=1)
    for begin in range(0, len(body), size):
        scanner.feed(body[begin : begin + size])
    return scanner


def values_in(value: Any) -> int:
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(values_in, children))


def empty_in(value: Any) -> int:
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (value in ({}, [])) + sum(map(empty_in, children))


def depth_of(value: Any) -> int:
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth_of, children), default=0)


@given(DOCUMENTS.filter(lambda value: depth_of(value) < 20), st.integers(1, 9), st.booleans())
def test_values_are_counted_however_they_are_cut(value: Any, size: int, ascii_only: bool) -> None:
    scanner = scanned(json.dumps(value, ensure_ascii=ascii_only).encode(), size)
    assert scanner.values == values_in(value) + empty_in(value)  # an empty object or list counts twice


@given(st.lists(DOCUMENTS.filter(lambda value: depth_of(value) < 20), max_size=6), st.integers(1, 40), st.data())
async def test_the_slices_of_a_batch_have_the_value_of_the_whole(items: list[Any], size: int, data: Any) -> None:
    more = data.draw(st.sampled_from([{}, {"more": [{"a": [{}]}]}]))
    body = json.dumps({"items": items} | more, indent=data.draw(st.sampled_from([None, 1]))).encode()
    assert await _parse_slices(body, scanned(body, size)) == {"items": items} | more


@pytest.mark.parametrize(
    "body",
    [
        b'{"items":[{"a":1},]}',
        b'{"items":[{"a":1}{"a":2}]}',
        b'{"items":[{"a":1},,{"a":2}]}',
        b'{"items":[,{"a":1}]}',
        b'{"items":[{"a":1}]',
        b'{"items":[{"a":1}]}}',
        b'{"items":[{"a":1}],"items":[{"a":2}]}',
        b'{"items":[{"a":1},{"b":2,"b":3}]}',
        b'{"items":[{"a":1}],[{"a":2}]}',
        b'{"items":[{"a":1},"\xff",{"a":2}]}',
        b'{"items":[{"a":"\\"}]}',
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1_000])
async def test_what_is_invalid_as_a_whole_is_invalid_in_slices(body: bytes, size: int) -> None:
    with pytest.raises(MalformedRequest):
        parse_json(body)
    with pytest.raises(MalformedRequest):
        await _parse_slices(body, scanned(body, size))


async def test_an_error_in_a_slice_is_reported_at_its_position_in_the_body() -> None:
    body = b'{"items":[{"a":1},{"a":2},{"a":x},{"a":4}]}'
    with pytest.raises(MalformedRequest, match=f"at {body.index(b'x')}"):
        await _parse_slices(body, scanned(body, 9))


@pytest.mark.parametrize(
    ("case", "body", "text"),
    [
        ("objects", b'{"items":[' + b"{}," * 16, "10 objects and lists"),
        ("nested objects", b'{"items":[' + b'{"a":{},"b":{}},' * 6, "10 objects and lists"),
        ("numbers", b"[" + b"1," * 40, "40 values"),
        ("texts", b'["a' + b'","a' * 40, "40 values"),
        ("texts without punctuation", b'""' * 90, "40 values"),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_a_body_with_too_many_values_is_refused_before_its_end(case: str, body: bytes, text: str, size: int) -> None:
    with pytest.raises(PayloadTooLarge, match=f"may contain {text}"):
        scanned(body, size, JsonLimits(values=40, containers=10), JsonLimits(values=40, containers=10))


ITEM = b'{"a":[1,2,3,4,5,6,7]},'


@pytest.mark.parametrize(
    ("case", "body", "text"),
    [
        ("many items", b'{"items":[' + ITEM * 20, "100 values"),
        ("a large item", b'{"items":[' + ITEM + b'{"a":[' + b"1," * 40, "30 values per item"),
        ("no batch", b'{"others":[' + b"1," * 500, "30 values"),
    ],
)
@pytest.mark.parametrize("size", [1, 5])
def test_a_batch_and_each_of_its_items_have_limits(case: str, body: bytes, text: str, size: int) -> None:
    with pytest.raises(PayloadTooLarge, match=rf"may contain {text}\."):
        scanned(body, size, JsonLimits(100, 100), JsonLimits(30, 30))


def test_what_follows_the_items_has_the_limits_of_the_batch() -> None:
    scanned(b'{"items":[' + ITEM * 8 + b'1],"a":1}', 5, JsonLimits(100, 100), JsonLimits(30, 30))


@pytest.mark.parametrize(
    "text", ['"' + "{[,:" * 90 + '"', '"' + r"\"," * 90 + '"', '"' + r"\\" * 91 + '"', r'"\\\",\\\"{,,,,,,,,,,,,,"']
)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1_000])
def test_punctuation_in_a_text_is_not_counted(text: str, size: int) -> None:
    scanner = scanned(f"[{text},{text}]".encode(), size, items=JsonLimits(values=4, containers=1))
    assert (scanner.values, scanner.containers) == (3, 1)


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_the_deepest_level_is_exact(bracket: bytes) -> None:
    scanned(bracket * MAX_JSON_DEPTH, 7)
    with pytest.raises(MalformedRequest, match="nested deeper than 32"):
        scanned(bracket * (MAX_JSON_DEPTH + 1), 7)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"[1234567890123456789]", True), (b"[123456789012345678,1]", False), (b'["12345678901234567890"]', False)],
)
@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_long_integers_are_noticed_across_chunks(body: bytes, expected: bool, size: int) -> None:
    assert scanned(body, size).has_long_integer is expected
