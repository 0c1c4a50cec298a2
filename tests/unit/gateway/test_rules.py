"""API keys: how they read, and how a secret is kept."""

import pytest

from chassis.ids import uuid7
from gateway.rules import hash_of, is_secret, key_text, new_secret, parse_key


def test_a_key_reads_back_as_what_it_was_made_of() -> None:
    id, secret = uuid7(), new_secret()
    presented = parse_key(key_text("sandbox", id, secret))
    assert presented is not None
    assert (presented.kind, presented.id, presented.secret) == ("sandbox", id, secret)


@pytest.mark.parametrize(
    "text", ["", "rap_", "rap_live_x_y", f"rap_test_{'0' * 32}_{'a' * 43}", f"rap_live_{'0' * 32}_{'a' * 42}", "a\0b"]
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert parse_key(text) is None


def test_a_secret_is_known_by_its_hash_alone() -> None:
    secret = new_secret()
    assert is_secret(secret, hash_of(secret))
    assert not is_secret(secret[:-1] + ("a" if secret[-1] != "a" else "b"), hash_of(secret))
