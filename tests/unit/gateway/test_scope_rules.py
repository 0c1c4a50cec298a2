"""Scopes of users, from the claims of their tokens."""

from typing import Any

import pytest

from gateway.access.rules import Change, claim_values, mapped_scopes, parse_payload, url_id
from gateway.access.web_tokens import parse_token

CLAIMS: dict[str, Any] = {
    "groups": ["staff", "all", 7],
    "role": "admin",
    "scope": "read write",
    "realm_access": {"roles": ["manager"]},
    "https://example.com/roles": ["owner"],
    "a.b": "flat",
    "a": {"b": "nested"},
    "number": 7,
    "nothing": None,
}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("groups", ["staff", "all"]),
        ("role", ["admin"]),
        ("scope", ["read", "write"]),
        ("realm_access.roles", ["manager"]),
        ("https://example.com/roles", ["owner"]),
        ("a.b", ["flat"]),
        ("number", []),
        ("nothing", []),
        ("role.name", []),
        ("missing.path", []),
    ],
)
def test_the_texts_of_a_claim(name: str, values: list[str]) -> None:
    assert claim_values(CLAIMS, name) == values


def test_scopes_are_the_default_ones_and_those_of_each_rule_that_fits() -> None:
    rules = [
        {"claim": "groups", "value": "staff", "scopes": ["a", "b"]},
        {"claim": "role", "value": "admi", "scopes": ["c"]},
        {"claim": "role", "value": "admin", "scopes": ["b", "d"]},
    ]
    assert mapped_scopes(CLAIMS, rules, ["z"]) == {"a", "b", "d", "z"}
    assert mapped_scopes({}, rules, []) == frozenset()


def test_an_issuers_change_is_announced_by_the_id_of_its_url() -> None:
    id = url_id("https://login.example.com")
    assert parse_payload(f"issuer {id.hex}") == Change(issuer=id)
    assert parse_payload(f"issuer {id.hex} {id.hex}") is None
    assert parse_payload("issuer") is None


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c", "..", "e30.e30.", "e30.e30.e30", "W10.e30.x", "é.e30.x", "a" * 20_000]
)
def test_a_text_that_is_no_token_has_no_parts(text: str) -> None:
    assert parse_token(text) is None
