"""The memory of the stack's processes: how far each grew, at its peak."""

import asyncio
from dataclasses import dataclass, field

import psutil

from local import PROCESSES
from tests.support.memory import forget_peak, held, peak
from tests.support.stack import RunningStack

SAMPLE_SECONDS = 1.0
POSTGRES = "postgres"
MEBIBYTE = 2**20


@dataclass
class Growth:
    """Watches the processes from its creation on.

    The kernel records the peaks of the five processes. Of PostgreSQL's processes, the largest is sampled, without the
    memory that they share. Kafka's heap has a fixed maximum, up to which it always grows.
    """

    stack: RunningStack
    pids: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    largest_backend: int = 0

    def __post_init__(self) -> None:
        self.pids = {name: self.stack.pid(name) for name in PROCESSES}
        self.before = {name: forget_peak(pid) for name, pid in self.pids.items()}
        self.before[POSTGRES] = self.largest_backend = self._largest_backend()

    async def watch(self) -> None:
        """Sample PostgreSQL's processes until cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self.largest_backend = max(self.largest_backend, await asyncio.to_thread(self._largest_backend))

    def by_process(self) -> dict[str, float]:
        """Return the growth of each process in MiB. Raises AssertionError if one has died."""
        died = [name for name, pid in self.pids.items() if self.stack.pid(name) != pid]
        assert not died, f"{died} died; see {self.stack.data_dir.root}"
        peaks = {name: peak(pid) for name, pid in self.pids.items()} | {POSTGRES: self.largest_backend}
        return {name: (most - self.before[name]) / MEBIBYTE for name, most in peaks.items()}

    def _largest_backend(self) -> int:
        most = 0
        for process in psutil.Process(self.stack.pid("postgres")).children():
            try:
                most = max(most, held(process.pid))
            except (OSError, StopIteration, psutil.NoSuchProcess):
                continue
        return most
