"""Versions: merge patches, by the examples and laws of RFC 7396, and the If-Match header with any value."""

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import merge_patch
from chassis.core.problems import MalformedRequest
from chassis.http.etags import _if_match, etag
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


@given(st.text(alphabet='"0123456789*W/, -+²é', max_size=24) | st.integers(0, 10**18 - 1).map(etag))
def test_an_if_match_is_a_version_or_any_or_malformed(header: str) -> None:
    found = re.fullmatch(r'\s*(?:"(?P<version>[0-9]{1,18})"|\*)\s*', header)
    if found is None:
        with pytest.raises(MalformedRequest):
            _if_match(header)
    else:
        assert _if_match(header) == (int(found["version"]) if found["version"] else None)
