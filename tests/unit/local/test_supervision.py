"""Supervision: pauses grow while a process keeps dying, recovery resets them, and each process is on its own."""

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from local.data_dir import StackError
from local.supervision import STABLE_SECONDS, ManagedProcess, Supervisor


@dataclass
class Ended:
    """A process that can end."""

    code: int | None = None
    pid: int = 0

    def exit_code(self) -> int | None:
        return self.code


@dataclass
class Bench:
    """A supervisor of one process, with a clock that moves by hand."""

    said: list[str] = field(default_factory=list)
    starts: int = 0
    error: Exception | None = None
    now: float = 1_000.0

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.launch, self.said.append, lambda name: f"{name}.log", 30.0)
        self.member = ManagedProcess("loyalty", Ended, always, Ended(), started_at=self.now)

    def launch(self, member: ManagedProcess) -> None:
        if self.error:
            raise self.error
        self.starts += 1
        member.running = Ended()

    def die(self) -> None:
        self.member.running = Ended(-9)
        self.supervisor.check(self.member, self.now)

    def pause(self) -> float:
        """Return how long the process waits for its restart, and let that time pass."""
        assert self.member.restart_at is not None
        pause = self.member.restart_at - self.now
        self.supervisor.check(self.member, self.now + pause / 2)
        self.now += pause
        self.supervisor.check(self.member, self.now)
        return pause

    def live(self, seconds: float) -> None:
        self.now += seconds
        self.supervisor.check(self.member, self.now)


async def always() -> bool:
    return True


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_pauses_grow_to_the_longest_and_a_hundred_deaths_are_survived(bench: Bench) -> None:
    pauses = []
    for _ in range(100):
        bench.die()
        pauses.append(bench.pause())
    assert pauses[:8] == [0, 0.5, 1, 2, 4, 8, 16, 30]
    assert set(pauses[8:]) == {30}
    assert bench.starts == 100


def test_giving_up_is_said_once_and_so_is_the_recovery(bench: Bench) -> None:
    for _ in range(20):
        bench.die()
        bench.pause()
    assert bench.said[0] == "loyalty was killed by SIGKILL; restarting it"
    assert [text for text in bench.said if "in a row" in text] == [bench.said[-1]]
    assert bench.said[-1].endswith(
        "died 8 times in a row. The others go on. It is restarted every 30 s; see loyalty.log"
    )

    bench.live(STABLE_SECONDS)
    bench.live(1)
    assert bench.said[-1] == "loyalty runs again"
    bench.die()
    assert bench.pause() == 0


def test_a_process_that_lived_long_enough_restarts_at_once(bench: Bench) -> None:
    for _ in range(20):
        bench.die()
        assert bench.pause() == 0
        bench.live(STABLE_SECONDS)


@pytest.mark.parametrize("error", [OSError("no memory"), EOFError(), StackError("its folder is damaged")])
def test_a_start_that_fails_counts_as_a_death(bench: Bench, error: Exception) -> None:
    bench.die()
    bench.error = error
    bench.pause()
    assert bench.member.deaths == 2
    assert bench.said[-1] == f"loyalty cannot start: {error}; restarting it in 0.5 s"
    bench.error = None
    bench.pause()
    assert bench.starts == 1


async def test_a_process_that_waits_for_its_restart_does_not_delay_another() -> None:
    bench, stopping = Bench(now=time.monotonic()), asyncio.Event()
    other = ManagedProcess("customers", Ended, always, Ended(1))
    for _ in range(10):
        bench.die()
        bench.pause()
    bench.die()
    watching = asyncio.create_task(bench.supervisor.watch({"loyalty": bench.member, "customers": other}, stopping))
    async with asyncio.timeout(5):
        while other.running is None or other.running.exit_code() is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    stopping.set()
    await watching
    assert bench.member.restart_at is not None
