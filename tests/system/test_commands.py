"""Commands: they accept a tenant's name as well as its id, list tenants and keys, and print the version."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from chassis.core.version import VERSION
from local import SERVICES
from local.data_dir import DataDir, free_port, write_environments
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


async def test_a_key_is_listed_without_its_secret_and_revoked(stack: RunningStack, name: str) -> None:
    tenant = create_tenant(stack, name)
    key = create_key(stack, tenant).output.strip()
    id = str(UUID(key.split("_")[2]))
    listed = stack.command("keys", "list", "--tenant", name)
    assert id in listed
    assert key.split("_", 3)[3] not in listed

    revoked = commands.run(["keys", "revoke", id, "--tenant", name], stack.data_dir.root)

    assert (revoked.code, id in revoked.errors) == (0, True)
    assert id not in stack.command("keys", "list", "--tenant", name)
    assert id in stack.command("keys", "list", "--tenant", name, "--revoked")
    visitor = Visitor(stack, key)
    async with asyncio.timeout(1):
        while (await visitor.request("GET", "/v1/me")).status_code != 401:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await visitor.close()


def test_a_key_of_another_tenant_is_not_revoked(stack: RunningStack, name: str) -> None:
    key = create_key(stack, create_tenant(stack, name)).output.strip()
    other = create_tenant(stack, f"{name} 2")
    refused = commands.run(["keys", "revoke", str(UUID(key.split("_")[2])), "--tenant", other], stack.data_dir.root)
    assert refused.code == 1
    assert "No api key has the id" in refused.errors


def test_a_command_says_that_the_system_does_not_run(tmp_path: Path) -> None:
    nothing = f"127.0.0.1:{free_port(set())}"
    ports = dict.fromkeys(SERVICES, 1)
    write_environments(DataDir.at(tmp_path), f"postgresql://rapport:x@{nothing}/postgres", nothing, ports)
    for words in (["status"], ["tenants", "list"], ["dead-letters", "list", "loyalty"]):
        refused = commands.run(words, tmp_path)
        assert (refused.code, refused.output) == (1, "")
        assert "`rapport up` starts it" in refused.errors
        assert "Traceback" not in refused.errors
