"""What processes cost: CPU by /proc, memory as PSS (each page shared by n processes counts 1/n for each of them)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from local import PROCESSES
from local.places import Place

MEMBERS = (*PROCESSES, "postgres", "kafka")


def seconds(place: Place) -> dict[str, float]:
    """CPU seconds that each member of the stack has used so far, its children included."""
    return {name: sum(_cpu(one) for one in _tree(place, name)) for name in MEMBERS}


@contextmanager
def cpu_of(place: Place) -> Iterator[dict[str, float]]:
    """The CPU seconds of each member while a block runs; filled in at its end, with the wall clock as `seconds`."""
    used: dict[str, float] = {}
    before, started = seconds(place), time.perf_counter()
    yield used
    used |= {name: after - before[name] for name, after in seconds(place).items()}
    used["seconds"] = time.perf_counter() - started


def megabytes(place: Place) -> dict[str, float]:
    """PSS of each member in MiB, its children included."""
    return {name: sum(_pss(one.pid) for one in _tree(place, name)) / 1024 for name in MEMBERS}


def _tree(place: Place, name: str) -> list[psutil.Process]:
    leader = psutil.Process(int(place.pid_file(name).read_text().split()[0]))
    return [leader, *leader.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    # A child that has ended counts with who has waited for it.
    return float(used.user + used.system + used.children_user + used.children_system)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
