"""Imports: the rate of a file of customers, compared with COPY of the same rows, and the memory that it takes.

The file has a name, an e-mail address, a phone number and an id of another system in each row. The rate counts the job
from its start to its end, without the upload.
"""

import asyncio
import time
from statistics import mean

from benchmarks.bars import Bar, at_most
from benchmarks.load import ask
from benchmarks.processes import megabytes
from benchmarks.report import table
from benchmarks.stand import Stand, say
from benchmarks.yardsticks import Yard
from chassis.types import json

SAMPLE_SECONDS = 0.5
BARS = [
    Bar("import of customers from a file", 0.3, "of COPY"),
    at_most("memory that an import adds to customers", 50, "MiB PSS"),
]


def a_file(rows: int) -> bytes:
    """Return a file with this many customers."""
    lines = (f"i{number},Name {number},n{number}@example.org,+3120{number:07}" for number in range(rows))
    return ("Id,Name,Mail,Phone\n" + "\n".join(lines) + "\n").encode()


async def measure(stand: Stand, yard: Yard, rows: int) -> tuple[str, dict[str, float]]:
    """Import rows. Returns the report, and the figures that have bars."""
    gateway = stand.gateway
    started = time.perf_counter()
    (uploaded,) = await ask(gateway, [gateway.request("POST", "/v1/imports?format=csv", a_file(rows))])
    upload_seconds = time.perf_counter() - started
    path = f"/v1/imports/{json.loads(uploaded)['id']}"
    targets = ("external_ids.bench", "name", "emails.1", "phones.1")
    start = {"mapping": dict(zip(("Id", "Name", "Mail", "Phone"), targets, strict=True))}
    before = peak = megabytes(stand.data_dir)["customers"]
    started = time.perf_counter()
    await ask(gateway, [gateway.request("POST", f"{path}/start", start)])
    while (job := json.loads((await ask(gateway, [gateway.request("GET", path)]))[0]))["finished_at"] is None:
        peak = max(peak, megabytes(stand.data_dir)["customers"])
        await asyncio.sleep(SAMPLE_SECONDS)
    seconds = time.perf_counter() - started
    if (job["state"], job["created"]) != ("succeeded", rows):
        raise RuntimeError(f"the import did not create every customer: {job}")
    await stand.drained()
    copied = mean([await yard.copy(stand.database("customers"), "customer") for _ in range(2)])
    say(f"{rows:,} rows imported: {rows / seconds:,.0f} per second; COPY {copied:,.0f}; peak {peak:.0f} MiB")
    head = ["import", "upload", "rate", "COPY", "ratio", "customers, PSS in MiB: before / peak"]
    cells = [f"{rows:,} rows", f"{upload_seconds:.1f} s", f"{rows / seconds:,.0f} rows/s", f"{copied:,.0f} rows/s"]
    report = table(head, [[*cells, f"{rows / seconds / copied:.3f}", f"{before:.0f} / {peak:.0f}"]])
    return report, dict(zip((bar.figure for bar in BARS), (rows / seconds / copied, peak - before), strict=True))
