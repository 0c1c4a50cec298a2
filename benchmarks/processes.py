"""The cost of processes: CPU from /proc, memory as PSS (a page shared by n processes counts 1/n for each)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from local import PROCESSES
from local.data_dir import DataDir

MEMBERS = (*PROCESSES, "postgres", "kafka")


def seconds(data_dir: DataDir) -> dict[str, float]:
    """Return the CPU seconds that each member of the stack has used so far, including its children."""
    return {name: sum(_cpu(process) for process in _tree(data_dir, name)) for name in MEMBERS}


@contextmanager
def cpu_of(data_dir: DataDir) -> Iterator[dict[str, float]]:
    """Measure the CPU seconds of each member while a block runs; add the wall-clock time as `seconds`."""
    used: dict[str, float] = {}
    before, started = seconds(data_dir), time.perf_counter()
    yield used
    used |= {name: after - before[name] for name, after in seconds(data_dir).items()}
    used["seconds"] = time.perf_counter() - started


def megabytes(data_dir: DataDir) -> dict[str, float]:
    """Return the PSS of each member in MiB, including its children."""
    return {name: sum(_pss(process.pid) for process in _tree(data_dir, name)) / 1024 for name in MEMBERS}


def _tree(data_dir: DataDir, name: str) -> list[psutil.Process]:
    leader = psutil.Process(int(data_dir.pid_file(name).read_text().split()[0]))
    return [leader, *leader.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    # The CPU time of an ended child counts for the process that waited for it.
    return float(used.user + used.system + used.children_user + used.children_system)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
