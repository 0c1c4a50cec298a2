"""Link tokens: they name their tenant, and no log contains them."""

import pytest

from chassis.core.link_tokens import hash_link_token, new_link_token, tenant_of_link, without_link_tokens
from chassis.types.ids import uuid7


def test_a_token_names_its_tenant_and_is_unique() -> None:
    tenant = uuid7()
    first, second = new_link_token(tenant), new_link_token(tenant)
    assert tenant_of_link(first) == tenant_of_link(second) == tenant
    assert hash_link_token(first) != hash_link_token(second)


@pytest.mark.parametrize("text", ["", "x", "A" * 63, "A" * 65, "A" * 63 + "=", "A" * 63 + "é", "A" * 63 + "\n"])
def test_another_text_names_no_tenant(text: str) -> None:
    assert tenant_of_link(text) is None


def test_a_path_is_logged_without_its_token() -> None:
    token = new_link_token(uuid7())
    assert without_link_tokens(f"/v1/preferences/{token}") == "/v1/preferences/{token}"
    assert without_link_tokens(f"/v1/preferences/{token}/x") == "/v1/preferences/{token}/x"
    other = f"/v1/customers/{uuid7()}/consents/{uuid7()}"
    assert without_link_tokens(other) == other
