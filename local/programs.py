"""Programs that the stack starts, watches and stops: PostgreSQL and Kafka by exec, the services by fork.

Each runs in a session of its own, so that Ctrl-C reaches the stack alone and it can stop the others in order. Each is
noted in a pid file: what a killed stack left running is found and stopped by the next one.
"""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from local.places import Place

STOP_SECONDS = 30.0


class Running(Protocol):
    """A program that was started."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def ended(self) -> int | None:
        """Its exit code once it has ended (negative: the signal), else None."""


class Started:
    """A program started by exec."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        self.pid = self._process.pid

    def ended(self) -> int | None:
        """The exit code."""
        return self._process.poll()


class Forked:
    """A function run in a fork of a process that has imported everything once: five services share its memory."""

    _context = multiprocessing.get_context("forkserver")

    def __init__(self, run: Callable[..., None], *arguments: object) -> None:
        self._context.set_forkserver_preload(["local.preload"])
        self._process: BaseProcess = self._context.Process(target=run, args=arguments, daemon=False)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def ended(self) -> int | None:
        """The exit code."""
        return self._process.exitcode


def note(place: Place, name: str, pid: int) -> None:
    """Writes down what runs, with its start time: a pid alone may be somebody else's by tomorrow."""
    file = place.pid_file(name)
    half = file.with_suffix(".new")
    half.write_text(f"{pid} {_started_at(pid)}")
    half.replace(file)  # at once, so that nobody reads an empty one


async def stop(place: Place, name: str, running: Running, how: signal.Signals) -> None:
    """Asks a program to end, and kills it when it does not in time."""
    _send(running.pid, how)
    for _ in range(int(STOP_SECONDS * 20)):
        if running.ended() is not None:
            break
        await asyncio.sleep(0.05)
    else:
        _send(running.pid, signal.SIGKILL)
    place.pid_file(name).unlink(missing_ok=True)


def stop_leftovers(place: Place, how: Mapping[str, signal.Signals]) -> list[str]:
    """Stops what a killed stack left running on this folder; answers with the names."""
    found = []
    for name, stop_signal in how.items():
        file = place.pid_file(name)
        if not file.exists():
            continue
        pid, _, started = file.read_text().partition(" ")
        if started and _started_at(int(pid)) == started:
            found.append(name)
            _end(int(pid), stop_signal, started)
        file.unlink()
    return found


def _end(pid: int, how: signal.Signals, started: str) -> None:
    _send(pid, how)
    deadline = time.monotonic() + STOP_SECONDS
    while _started_at(pid) == started and time.monotonic() < deadline:
        time.sleep(0.05)
    if _started_at(pid) == started:
        _send(pid, signal.SIGKILL)


def _send(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass


def _started_at(pid: int) -> str:
    """When a process began, as `ps` tells it on Linux and macOS; empty when there is none."""
    asked = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    text = asked.stdout.strip()
    started, _, state = text.rpartition(" ")
    return "" if state.startswith("Z") else started.strip()
