"""The memory of a process, as Linux reports it."""

from pathlib import Path

CAN_BE_READ = Path("/proc/self/smaps_rollup").exists()


def held(pid: int) -> int:
    """Return the bytes that belong to no file. A page shared by a fork counts the same after it is copied."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return _bytes_of(next(line for line in lines if line.startswith("Anonymous:")))


def peak(pid: int) -> int:
    """Return the peak resident bytes since `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return _bytes_of(next(line for line in lines if line.startswith("VmHWM:")))


def forget_peak(pid: int) -> int:
    """Reset the peak to the current resident bytes, and return it."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak(pid)


def _bytes_of(line: str) -> int:
    return int(line.split()[1]) * 1024
