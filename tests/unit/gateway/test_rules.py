"""Gateway rules: the text form of API keys, the hash of their secret, and the choice of a tenant by name."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from gateway.access.rules import (
    NamedTenant,
    TenantNotFound,
    choose_tenant,
    hash_secret,
    key_text,
    matches_hash,
    new_secret,
    parse_key,
)

SHOP, OTHER_SHOP, LOWER_CASE = (
    NamedTenant(UUID(int=number), name) for number, name in enumerate(("Shop", "Shop", "shop"))
)


def test_key_text_is_parsed_into_its_parts() -> None:
    id, secret = uuid7(), new_secret()
    presented = parse_key(key_text("sandbox", id, secret))
    assert presented is not None
    assert (presented.kind, presented.id, presented.secret) == ("sandbox", id, secret)


@pytest.mark.parametrize(
    "text", ["", "rap_", "rap_live_x_y", f"rap_test_{'0' * 32}_{'a' * 43}", f"rap_live_{'0' * 32}_{'a' * 42}", "a\0b"]
)
def test_other_text_is_not_a_key(text: str) -> None:
    assert parse_key(text) is None


def test_only_the_secret_itself_matches_its_hash() -> None:
    secret = new_secret()
    assert matches_hash(secret, hash_secret(secret))
    assert not matches_hash(secret[:-1] + ("a" if secret[-1] != "a" else "b"), hash_secret(secret))


@pytest.mark.parametrize(
    ("case", "name", "candidates", "chosen"),
    [
        ("the same name", "Shop", [SHOP], SHOP),
        ("another case", "SHOP", [SHOP], SHOP),
        ("the same case takes precedence", "shop", [SHOP, OTHER_SHOP, LOWER_CASE], LOWER_CASE),
    ],
)
def test_tenant_is_chosen_by_name(case: str, name: str, candidates: Sequence[NamedTenant], chosen: NamedTenant) -> None:
    assert choose_tenant(name, candidates) == chosen.id


@pytest.mark.parametrize("name", ["Shop", "SHOP"])
def test_ambiguous_name_lists_the_ids(name: str) -> None:
    with pytest.raises(TenantNotFound, match=f"{SHOP.id} Shop\n{OTHER_SHOP.id} Shop"):
        choose_tenant(name, [SHOP, OTHER_SHOP])


def test_unknown_name_is_an_error() -> None:
    with pytest.raises(TenantNotFound, match="No tenant is named 'Shop'"):
        choose_tenant("Shop", [])
