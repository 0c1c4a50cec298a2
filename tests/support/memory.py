"""What a process holds of memory, as Linux tells it."""

from pathlib import Path

CAN_BE_READ = Path("/proc/self/smaps_rollup").exists()


def held(pid: int) -> int:
    """Bytes that belong to no file. A page that was shared after a fork and is copied counts the same as before."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return _bytes_of(next(line for line in lines if line.startswith("Anonymous:")))


def peak(pid: int) -> int:
    """The most bytes that it held at once since `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return _bytes_of(next(line for line in lines if line.startswith("VmHWM:")))


def forget_peak(pid: int) -> int:
    """Makes what it holds now the peak; answers with that."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak(pid)


def _bytes_of(line: str) -> int:
    return int(line.split()[1]) * 1024
