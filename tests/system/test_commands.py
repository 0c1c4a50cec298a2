"""Commands: they accept a tenant's name as well as its id, list the tenants, and print the version."""

from uuid import uuid4

import pytest

from chassis.core.version import VERSION
from tests.support import commands
from tests.support.stack import RunningStack, Visitor


def create_tenant(stack: RunningStack, name: str) -> str:
    return stack.command("tenants", "create", name)


def create_key(stack: RunningStack, tenant: str) -> commands.Finished:
    return commands.run(["keys", "create", "--tenant", tenant, "--scopes", "tenants:read"], stack.data_dir.root)


async def tenant_of(stack: RunningStack, key: str) -> str:
    visitor = Visitor(stack, key.strip())
    try:
        (tenant,) = (await visitor.request("GET", "/v1/tenants")).json()["items"]
        return str(tenant["id"])
    finally:
        await visitor.close()


@pytest.fixture
def name() -> str:
    return f"Shop {uuid4()}"


async def test_exact_name_takes_precedence_over_another_case(stack: RunningStack, name: str) -> None:
    tenant = create_tenant(stack, name)
    create_tenant(stack, name.upper())
    created = create_key(stack, name)
    assert created.code == 0, created.errors
    assert await tenant_of(stack, created.output) == tenant


async def test_name_in_another_case_is_accepted_if_it_is_unique(stack: RunningStack, name: str) -> None:
    tenant = create_tenant(stack, name)
    created = create_key(stack, name.upper())
    assert created.code == 0, created.errors
    assert await tenant_of(stack, created.output) == tenant


def test_name_of_several_tenants_lists_their_ids(stack: RunningStack, name: str) -> None:
    tenants = [create_tenant(stack, name) for _ in range(2)]
    refused = create_key(stack, name)
    assert (refused.code, refused.output) == (1, "")
    assert all(tenant in refused.errors for tenant in tenants)


def test_unknown_name_is_reported(stack: RunningStack, name: str) -> None:
    refused = create_key(stack, name)
    assert (refused.code, refused.output) == (1, "")
    assert f"No tenant is named '{name}'" in refused.errors


def test_tenants_are_listed_with_their_state_and_their_clock(stack: RunningStack, name: str) -> None:
    sandbox = stack.command("tenants", "create", name, "--sandbox", "--clock", "2026-01-05T10:00:00Z")
    suspended = create_tenant(stack, f"{name} 2")
    stack.command("tenants", "suspend", suspended)
    lines = {
        id: line for line in stack.command("tenants", "list").splitlines() for id in (sandbox, suspended) if id in line
    }
    assert all(word in lines[sandbox] for word in (name, "sandbox", "active", "2026-01-05T10:00:00+00:00"))
    assert all(word in lines[suspended] for word in (name, "live", "suspended"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--clock", "2026-01-05T10:00:00Z"], "pass --sandbox"),
        (["--sandbox", "--clock", "tomorrow"], "a time with an offset is expected"),
    ],
)
def test_a_clock_that_no_tenant_can_have_is_refused(
    stack: RunningStack, name: str, options: list[str], text: str
) -> None:
    refused = commands.run(["tenants", "create", name, *options], stack.data_dir.root)
    assert (refused.code, refused.output) == (2, "")
    assert text in refused.errors


def test_the_version_is_printed(stack: RunningStack) -> None:
    assert stack.command("--version") == f"rapport {VERSION}"
