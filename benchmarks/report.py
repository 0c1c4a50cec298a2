"""What was measured, as tables; and docs/benchmarks.md between its two marks."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGINS, ENDS = "<!-- make bench: begin -->", "<!-- make bench: end -->"


@dataclass(frozen=True)
class Measured:
    """One kind of work, measured some times over."""

    work: str
    unit: str
    yardstick: str
    bar: float | None
    rates: list[float]
    ratios: list[float]
    p50: list[float]
    p99: list[float]
    cpu: dict[str, float]

    def row(self) -> str:
        """A line of the table."""
        ratio, low, high = median(self.ratios), min(self.ratios), max(self.ratios)
        bar = "-" if self.bar is None else f"{self.bar:g} {'met' if ratio >= self.bar else '**not met**'}"
        cpu = " / ".join(f"{self.cpu[name]:,.0f}" for name in ("gateway", "service", "postgres"))
        return (
            f"| {self.work} | {median(self.rates):,.0f} {self.unit} "
            f"| {median(self.p50):.1f} / {median(self.p99):.1f} | {cpu} "
            f"| {ratio:.3f} ({low:.3f} to {high:.3f}) of {self.yardstick} | {bar} |"
        )


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """What it ran on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit.stdout.strip() or 'unknown'}; {os.cpu_count()} cores "
        f"({model}), {memory / 2**20:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}; load generator, PostgreSQL and Kafka on the same cores"
    )


def write(text: str) -> None:
    """Puts a text between the marks of the page."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    PAGE.write_text(f"{before}{BEGINS}\n\n{text}\n\n{ENDS}{after}")


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
