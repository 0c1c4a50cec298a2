"""The Idempotency-Key header: valid, quoted and malformed values."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.db.idempotency import Claim, IdempotencyKeyMalformed

SCOPE = {"method": "POST", "path": "/v1/purchases", "query_string": b"a=b"}
VISIBLE = st.text(alphabet=[chr(code) for code in range(0x21, 0x7F)], min_size=1, max_size=255)
LATIN = st.text(st.characters(max_codepoint=0xFF), max_size=300)


def claim(key: str, body: bytes = b"") -> Claim:
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


@given(VISIBLE, st.binary(max_size=20), st.binary(max_size=20))
def test_two_bodies_are_one_request_only_when_they_are_equal(key: str, one: bytes, other: bytes) -> None:
    assert (claim(key, one) == claim(key, other)) is (one == other)
