"""The local stack: it starts, finds its data again, runs beside another stack, and cleans up after a killed stack."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer
from tests.support.stack import RAPPORT, RunningStack, Visitor, a_visitor


@pytest.mark.nightly
async def test_a_second_stack_stands_beside_the_first_and_finds_its_data_again(
    stack: RunningStack, tmp_path: Path
) -> None:
    second = RunningStack(tmp_path / "second")
    second.start()
    visitor = a_visitor(second)
    customer = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()
    await visitor.close()
    assert second.stop() == 0
    assert leftovers(second) == []

    second.start()
    try:
        again = Visitor(second, visitor.key)
        assert (await again.request("GET", f"/v1/customers/{customer['id']}")).json() == customer
        first = Visitor(stack, visitor.key)
        assert (await first.request("GET", f"/v1/customers/{customer['id']}")).status_code == 401
        await again.close()
        await first.close()
    finally:
        second.stop()


async def test_a_killed_stack_is_cleaned_up_by_the_next_one(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path / "killed")
    stack.start()
    postgres = stack.pid("postgres")
    os.kill(stack.process.pid, signal.SIGKILL)
    stack.process.wait()
    assert stack.process.stdout is not None
    stack.process.stdout.close()
    assert is_alive(postgres)
    stack.start()
    try:
        assert not is_alive(postgres)
        assert "was left running" in stack.said()
        visitor = a_visitor(stack)
        answer = await visitor.request("GET", f"/v1/customers/{uuid7()}")
        assert answer.status_code == 404
        await visitor.close()
    finally:
        assert stack.stop() == 0


@pytest.mark.nightly
async def test_a_half_made_data_folder_is_made_anew(tmp_path: Path) -> None:
    stack = RunningStack(tmp_path / "half")
    (tmp_path / "half" / "postgres" / "base").mkdir(parents=True)
    (tmp_path / "half" / "kafka").mkdir()
    stack.start()
    assert stack.stop() == 0


def test_two_stacks_on_one_folder_are_refused_with_a_reason(stack: RunningStack) -> None:
    environment = {**os.environ, "RAPPORT_DATA": str(stack.data_dir.root)}
    second = subprocess.run([RAPPORT, "up"], env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "running" in second.stderr
    assert "--data" in second.stderr


def leftovers(stack: RunningStack) -> list[str]:
    return [file.name for file in (stack.data_dir.root / "run").iterdir()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/status").exists() and "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
