"""Versions: merge patches, by the examples and laws of RFC 7396, and the lists of ETags of RFC 9110."""

import copy
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import merge_patch
from chassis.core.problems import MalformedRequest
from chassis.http.etags import etag, is_unchanged, versions_in
from tests.support.rfc7396 import merge_patch_of_the_rfc

EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_the_examples_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(JSON, JSON)
def test_a_patch_twice_is_the_patch_once_and_the_target_stays(target: Any, patch: Any) -> None:
    kept = copy.deepcopy(target)
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert target == kept


@given(JSON, JSON)
def test_any_patch_of_any_document_is_what_the_rfc_says(target: Any, patch: Any) -> None:
    assert merge_patch(target, patch) == merge_patch_of_the_rfc(target, patch)


IF_MATCH = [
    ("a version", '"3"', {3}),
    ("a list", '"3", "4"', {3, 4}),
    ("a list without spaces", '"3","4"', {3, 4}),
    ("a list with empty elements", ', "3",, "4" ,', {3, 4}),
    ("any version", " * ", None),
    ("a tag that a proxy has weakened", 'W/"3"', {3}),
    ("tags of other systems", '"abc", "", "4,5", "-1", "3.0", W/"3"', {3}),
    ("a leading zero, which no tag of a version has", '"03"', set()),
    ("a version beyond bigint", f'"{"9" * 19}"', set()),
    ("zero", '"0"', {0}),
    ("a tag in Latin-1", '"\xe9"', set()),
]
NO_TAGS = [
    "1",
    "W/1",
    '"1',
    '1"',
    "'1'",
    'w/"1"',
    "",
    "  ",
    ",",
    '"1" "2"',
    '"1", 2',
    '"1", *',
    "*, *",
    '"a b"',
    '"²€"',
]


@pytest.mark.parametrize(("case", "header", "versions"), IF_MATCH)
def test_an_if_match_is_a_list_of_versions(case: str, header: str, versions: set[int] | None) -> None:
    assert versions_in(header) == versions


@pytest.mark.parametrize("header", NO_TAGS)
def test_an_if_match_that_is_no_list_of_tags_is_refused_with_an_example(header: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        versions_in(header)
    assert str(refused.value) == 'an ETag in double quotes is expected, e.g. "1"'
    assert [(error.location, error.pointer) for error in refused.value.errors] == [("header", "/if-match")]


@pytest.mark.parametrize(
    ("header", "current", "unchanged"),
    [
        (None, '"3"', False),
        ('"3"', '"3"', True),
        ('W/"3"', '"3"', True),
        ('"3"', 'W/"3"', True),
        ('W/"3"', 'W/"3"', True),
        ('"2", "3"', '"3"', True),
        ('"2",W/"3" , "4"', '"3"', True),
        ("*", '"3"', True),
        ('"2"', '"3"', False),
        ('"33"', '"3"', False),
        ("3", '"3"', False),
        ('"3" "3"', '"3"', False),
        ('"2,3"', '"3"', False),
        ('"W/"', '"W/"', True),
        ('"W"', '"W/"', False),
    ],
)
def test_an_if_none_match_is_compared_weakly_and_ignored_if_malformed(
    header: str | None, current: str, unchanged: bool
) -> None:
    assert is_unchanged(header, current) is unchanged


@given(st.lists(st.integers(0, 10**18 - 1), min_size=1), st.sampled_from([",", ", ", " , ,"]), st.booleans())
def test_any_list_of_versions_is_read(versions: list[int], separator: str, weak: bool) -> None:
    header = separator.join(f"{'W/' * weak}{etag(version)}" for version in versions)
    assert versions_in(header) == set(versions)
    assert all(is_unchanged(header, etag(version)) for version in versions)


@pytest.mark.parametrize(
    "header", ["," * 60_000, '"1"' + "," * 60_000 + "x", '"1"' + " ," * 30_000 + "x", '"' * 60_001]
)
def test_a_long_header_is_read_in_linear_time(header: str) -> None:
    started = time.perf_counter()
    assert not is_unchanged(header, '"3"')
    assert time.perf_counter() - started < 0.5
