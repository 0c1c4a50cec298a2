"""Supervision: processes that keep dying end no other, and damaged folders are recognized."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.facts import a_customer
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RAPPORT, RunningStack, Visitor, a_visitor

DEATHS = 100


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    stack = RunningStack(tmp_path_factory.mktemp("fragile"), RAPPORT_RESTART_SECONDS="0.05")
    stack.start()
    yield stack
    stack.stop()


async def killed(stack: RunningStack, name: str, times: int) -> None:
    for _ in range(times):
        await stack.revived(name, stack.kill(name))


async def created(visitor: Visitor) -> str:
    answer = await visitor.request_until_answered("POST", "/v1/customers", json=a_customer())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_service_that_dies_a_hundred_times_in_a_row_ends_no_other(fragile: RunningStack) -> None:
    visitor = a_visitor(fragile)
    others = {name: fragile.pid(name) for name in ("postgres", "kafka", "gateway", "customers")}

    await killed(fragile, "loyalty", DEATHS)

    assert {name: fragile.pid(name) for name in others} == others
    assert (await visitor.request("POST", "/v1/customers", json=a_customer())).status_code == 201
    assert fragile.said().count("times in a row") == 1
    assert (await visitor.request_until_answered("GET", "/v1/memberships")).status_code == 200
    await visitor.close()


@pytest.mark.parametrize("server", ["kafka", "postgres"])
async def test_a_server_that_dies_repeatedly_ends_no_service(fragile: RunningStack, server: str) -> None:
    visitor = a_visitor(fragile)
    services = {name: fragile.pid(name) for name in ("gateway", "customers", "interactions", "analytics")}
    await killed(fragile, server, 10)
    customer = await created(visitor)
    await visitor.drained()
    assert (await visitor.request("GET", f"/v1/customers/{customer}")).status_code == 200
    assert {name: fragile.pid(name) for name in services} == services
    await visitor.close()


async def test_a_wiped_kafka_starts_empty_and_names_the_way_to_repair(fragile: RunningStack) -> None:
    visitor = a_visitor(fragile)
    await visitor.drained()
    gateway = fragile.pid("gateway")
    pid = fragile.kill("kafka", signal.SIGSTOP)
    shutil.rmtree(fragile.data_dir.root / "kafka" / "logs")

    fragile.kill("kafka")
    await fragile.revived("kafka", pid)
    await fragile.revived("gateway", gateway)  # services create their topics when they start

    await created(visitor)
    await visitor.drained()
    assert "Kafka starts without events. Run `rapport reconcile --repair`" in fragile.said()
    await visitor.close()


def up(stack: RunningStack) -> subprocess.CompletedProcess[str]:
    command = [RAPPORT, "--data", str(stack.data_dir.root), "up", "--port", str(stack.port)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("kafka/logs/meta.properties", "meta.properties is missing. To go on without its contents: `rm -r "),
        ("kafka/logs/__cluster_metadata-0", "__cluster_metadata-0 is missing. To go on without its contents: `rm -r "),
        ("postgres/global/pg_control", "global/pg_control missing. Nothing was changed."),
        ("postgres/pg_wal", "pg_wal missing. Nothing was changed."),
        ("postgres", "is missing. Nothing was changed."),
    ],
)
async def test_a_damaged_folder_is_refused_with_the_way_out(
    stopped: RunningStack, tmp_path: Path, damage: str, message: str
) -> None:
    part = stopped.data_dir.root / damage
    shutil.move(part, tmp_path / "part")
    try:
        refused = await asyncio.to_thread(up, stopped)
        assert refused.returncode == 1
        assert message in refused.stderr
        assert not part.exists()
    finally:
        shutil.move(tmp_path / "part", part)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunningStack:
    """Return a stack that has run."""
    stack = RunningStack(tmp_path_factory.mktemp("stopped"))
    stack.start()
    stack.stop()
    return stack


async def test_the_undamaged_folder_still_starts(stopped: RunningStack) -> None:
    stopped.start()
    assert stopped.stop() == 0
