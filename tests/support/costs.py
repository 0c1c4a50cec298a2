"""Time of the generated tests per operation of the OpenAPI document, to estimate the cost of new operations."""

from collections import Counter
from collections.abc import Iterable

import pytest

from chassis.types import json
from local.generated import ROOT
from tests.support.operations import operations

MARKER = "generated"
PLANNED = 300
"""The number of operations that the suite must be able to cover."""


def print_costs(terminal: pytest.TerminalReporter) -> None:
    """Print the time per operation of each generated module, or nothing if none of them ran."""
    reports = [report for reports in terminal.stats.values() for report in reports]
    seconds = seconds_by_module(report for report in reports if isinstance(report, pytest.TestReport))
    if not seconds:
        return
    number = len(list(operations(json.loads((ROOT / "contracts" / "openapi.json").read_bytes()))))
    terminal.section(f"cost of each of {number} operations in generated proofs", sep="=")
    for module, spent in seconds.most_common():
        terminal.write_line(f"{1000 * spent / number:7.0f} ms  {module}")
    each = seconds.total() / number
    terminal.write_line(f"{1000 * each:7.0f} ms  in all; {PLANNED} operations: {PLANNED * each:,.0f} s in one process")


def seconds_by_module(reports: Iterable[pytest.TestReport]) -> Counter[str]:
    """Return the time of the marked tests by module. Fixtures are excluded, because they run once per start."""
    seconds: Counter[str] = Counter()
    for report in reports:
        if report.when == "call" and MARKER in report.keywords:
            seconds[report.nodeid.partition("::")[0]] += report.duration
    return seconds
