"""The Idempotency-Key header: valid, quoted and malformed values."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.db.idempotency import Claim, IdempotencyKeyMalformed

SCOPE = {"method": "POST", "path": "/v1/purchases", "query_string": b"a=b"}
VISIBLE = st.text(alphabet=[chr(code) for code in range(0x21, 0x7F)], min_size=1, max_size=255)
LATIN = st.text(st.characters(max_codepoint=0xFF), max_size=300)


def claim(key: str, body: Any = None) -> Claim:
    return Claim.of(cast(Any, SimpleNamespace(actor="key:1", tenant=SimpleNamespace(id=None))), SCOPE, key, body)


@given(LATIN)
def test_a_key_is_visible_characters_or_malformed(header: str) -> None:
    bare = header[1:-1] if len(header) > 1 and header.startswith('"') and header.endswith('"') else header
    if 0 < len(bare) < 256 and all(0x20 < ord(character) < 0x7F for character in bare):
        assert claim(header).key == bare
    else:
        with pytest.raises(IdempotencyKeyMalformed):
            claim(header)


@given(VISIBLE.filter(lambda key: not key.startswith('"')))
def test_a_key_in_quotes_is_the_same_key(key: str) -> None:
    assert claim(key) == claim(f'"{key}"')


NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=5,
)


@given(DOCUMENTS, DOCUMENTS)
def test_two_bodies_are_one_request_only_when_they_are_equal(first: Any, second: Any) -> None:
    are_equal = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (claim("k", first) == claim("k", second)) is are_equal


@given(st.dictionaries(st.text(max_size=3), DOCUMENTS, max_size=5))
def test_the_order_of_names_does_not_count(body: dict[str, Any]) -> None:
    assert claim("k", body) == claim("k", dict(reversed(body.items())))


@pytest.mark.parametrize("body", [{"a": 89314404000123456789}, {"a": "\ud83d"}])
def test_a_body_that_cannot_be_stored_has_a_fingerprint(body: Any) -> None:
    assert claim("k", body) == claim("k", dict(body)) != claim("k", {"a": 1})
