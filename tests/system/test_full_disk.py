"""A full disk under PostgreSQL or Kafka: the test fills a small tmpfs under load, and empties it again."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import PROCESSES
from tests.auditor.load import Load, a_load
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RunningStack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a tmpfs is mounted by root on Linux"),
]


@contextmanager
def on_a_small_disk(stack: RunningStack, name: str, megabytes: int) -> Iterator[Path]:
    """Move the server's folder to a tmpfs for the block. The stack is stopped for the move."""
    folder = stack.data_dir.root / name
    stack.stop()
    kept = folder.rename(folder.with_suffix(".kept"))
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", folder], check=True)
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        stack.start()
        yield folder
    finally:
        stack.stop()
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Fill the free space of a disk, and return the file that does it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        for size in (1_000_000, 4_096):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                pass
    return ballast


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[RunningStack]:
    running = RunningStack(tmp_path / "stack")
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.mark.parametrize(
    ("name", "megabytes"), [("postgres", 400), pytest.param("kafka", 200, marks=pytest.mark.nightly)]
)
async def test_a_full_disk_is_waited_out(own_stack: RunningStack, name: str, megabytes: int) -> None:
    with on_a_small_disk(own_stack, name, megabytes) as folder:
        pids = [own_stack.pid(one) for one in PROCESSES]
        async with a_load(own_stack, f"{name} has no disk left") as load:
            ballast = fill(folder)
            await until_it_is_felt(own_stack, name, load)
            ballast.unlink()
            await load.further(100)
        assert [own_stack.pid(one) for one in PROCESSES] == pids


async def until_it_is_felt(stack: RunningStack, name: str, load: Load) -> None:
    """Wait until PostgreSQL rejects writes, or until the server (either of the two) exits."""
    first = stack.pid(name)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if stack.pid(name) != first or "No space left on device" in stack.data_dir.log(name).read_text():
                return
            await asyncio.sleep(0.1)
