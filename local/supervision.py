"""Supervision: a process that dies is started again, alone, after pauses that grow while it keeps dying."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from chassis.core.retry import Backoff
from local.data_dir import StackError
from local.processes import Process

STABLE_SECONDS = 10.0
"""A process that lives this long has recovered: its next death counts as the first."""
FIRST_PAUSE_SECONDS = 0.5
CHECK_SECONDS = 0.1
Notify = Callable[[str], None]


@dataclass
class ManagedProcess:
    """A process of the stack, and its deaths in a row."""

    name: str
    start: Callable[[], Process]
    answers: Callable[[], Awaitable[bool]]
    running: Process | None = None
    started_at: float = 0.0
    deaths: int = 0
    restart_at: float | None = None
    """The time of its next start, while it waits for that."""
    given_up: bool = False
    """Whether it is restarted at the longest pause only."""


class Supervisor:
    """Restarts processes that die. No process waits for another, and none ends the others."""

    def __init__(
        self, launch: Callable[[ManagedProcess], None], say: Notify, log: Callable[[str], object], longest_pause: float
    ) -> None:
        self._launch = launch
        self._say = say
        self._log = log
        self._longest_pause = longest_pause
        self._backoff = Backoff(FIRST_PAUSE_SECONDS, longest_pause, immediate=1)

    async def watch(self, members: Mapping[str, ManagedProcess], stopping: asyncio.Event) -> None:
        """Restart the processes that die, until `stopping` is set."""
        while not stopping.is_set():
            for member in list(members.values()):
                self.check(member, time.monotonic())
            try:
                await asyncio.wait_for(stopping.wait(), CHECK_SECONDS)
            except TimeoutError:
                pass

    def check(self, member: ManagedProcess, now: float) -> None:
        """Notice the death of a process, its recovery, or the end of its pause."""
        if member.restart_at is not None:
            if now >= member.restart_at:
                self._restart(member, now)
            return
        code = member.running.exit_code() if member.running else None
        if code is not None:
            self._count_death(member, _describe(code), now)
        elif member.deaths and now - member.started_at >= STABLE_SECONDS:
            if member.given_up:
                self._say(f"{member.name} runs again")
            member.deaths, member.given_up = 0, False

    def _restart(self, member: ManagedProcess, now: float) -> None:
        try:
            self._launch(member)
        except (OSError, EOFError, StackError) as error:  # EOFError: the fork server has died as well
            self._count_death(member, f"cannot start: {error}", now)
        else:
            member.restart_at, member.started_at = None, now

    def _count_death(self, member: ManagedProcess, how: str, now: float) -> None:
        if now - member.started_at >= STABLE_SECONDS and member.restart_at is None:
            member.deaths, member.given_up = 0, False
        member.deaths += 1
        pause = self._backoff.pause(member.deaths)
        member.restart_at = now + pause
        if member.given_up:
            return
        member.given_up = pause >= self._longest_pause
        if member.given_up:
            self._say(
                f"{member.name} {how}, and has died {member.deaths} times in a row. The others go on. It is restarted "
                f"every {pause:g} s; see {self._log(member.name)}"
            )
        else:
            self._say(f"{member.name} {how}; restarting it" + (f" in {pause:g} s" if pause else ""))


def _describe(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
