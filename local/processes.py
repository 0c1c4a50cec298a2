"""Processes that the stack starts, supervises and stops: PostgreSQL and Kafka by exec, the services by fork.

Each runs in its own session, so that Ctrl-C reaches the stack alone, which stops the others in order. Each has a pid
file, so that the next stack can stop processes that a killed stack left running.
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

from local.data_dir import DataDir

STOP_SECONDS = 30.0


class Process(Protocol):
    """A running process."""

    @property
    def pid(self) -> int:
        """The process id."""

    def exit_code(self) -> int | None:
        """Return the exit code (negative: the signal) if the process has ended, else None."""


class Subprocess:
    """A process started by exec."""

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

    def exit_code(self) -> int | None:
        """Return the exit code, or None."""
        return self._process.poll()


class ForkedProcess:
    """A function in a fork of a process that has imported everything, so that the services share its memory."""

    _context = multiprocessing.get_context("forkserver")

    def __init__(self, run: Callable[..., None], *arguments: object) -> None:
        self._context.set_forkserver_preload(["local.preload"])
        self._process: BaseProcess = self._context.Process(target=run, args=arguments, daemon=False)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, or None."""
        return self._process.exitcode


def write_pid_file(data_dir: DataDir, name: str, pid: int) -> None:
    """Record a process with its start time: a pid alone may belong to another process later."""
    file = data_dir.pid_file(name)
    half = file.with_suffix(".new")
    half.write_text(f"{pid} {_started_at(pid)}")
    half.replace(file)  # atomic, so that a reader never finds an empty file


async def stop(data_dir: DataDir, name: str, running: Process, how: signal.Signals) -> None:
    """Stop a process by a signal, and kill it if it does not end in time."""
    _send(running.pid, how)
    for _ in range(int(STOP_SECONDS * 20)):
        if running.exit_code() is not None:
            break
        await asyncio.sleep(0.05)
    else:
        _send(running.pid, signal.SIGKILL)
    data_dir.pid_file(name).unlink(missing_ok=True)


def stop_leftovers(data_dir: DataDir, how: Mapping[str, signal.Signals]) -> list[str]:
    """Stop the processes that a killed stack left running on this folder. Returns their names."""
    found = []
    for name, stop_signal in how.items():
        file = data_dir.pid_file(name)
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
    """Return when a process started, as `ps` reports it on Linux and macOS, or an empty text if it does not run."""
    asked = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    text = asked.stdout.strip()
    started, _, state = text.rpartition(" ")
    return "" if state.startswith("Z") else started.strip()
