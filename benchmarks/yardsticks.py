"""Yardsticks: the speed of PostgreSQL and Kafka alone, in the same minute and configured as in the stack.

PostgreSQL runs with fsync on. The yardsticks are single-row inserts and selects by key in pgbench, with 16 clients and
the simple protocol; COPY of the rows of a batch; and batches of asyncpg and aiokafka with the contents of the events.
"""

import asyncio
import re
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from chassis.core.settings import Settings
from chassis.core.telemetry import Metrics
from chassis.messaging import kafka
from chassis.messaging.relay import Relay
from local import postgres

CLIENTS = 16
ROWS, COPIED, A_TRANSACTION = 100_000, 20_000, 1_000
INSERT = "insert into yard (payload) values ('{}');\n".format("x" * 200)
SELECT = f"\\set key random(1, {ROWS})\nselect * from yard where id = :key;\n"


class Yard:
    """A separate database on the server of the services, and the two pgbench scripts."""

    def __init__(self, admin_url: str, folder: Path) -> None:
        self.url = admin_url.rsplit("/", 1)[0] + "/yard"
        self._admin_url = admin_url
        self._scripts = {"insert": folder / "insert.sql", "select": folder / "select.sql"}

    async def build(self) -> None:
        """Create the database, its table and the scripts."""
        admin = await asyncpg.connect(self._admin_url)
        await admin.execute("drop database if exists yard with (force)")
        await admin.execute("create database yard")
        await admin.close()
        self._scripts["insert"].write_text(INSERT)
        self._scripts["select"].write_text(SELECT)
        connection = await asyncpg.connect(self.url)
        await connection.execute("create table yard (id bigint generated always as identity primary key, payload text)")
        await connection.execute(f"insert into yard (payload) select repeat('x', 200) from generate_series(1, {ROWS})")
        await connection.execute("vacuum analyze yard")
        await connection.close()

    def pgbench(self, script: str, seconds: int) -> float:
        """Return the transactions per second of a pgbench script."""
        address = urlsplit(self.url)
        command = [postgres.binaries() / "pgbench", "-n", "-c", CLIENTS, "-j", 1, "-T", seconds, "-M", "simple"]
        command += ["-f", self._scripts[script], "-h", address.hostname, "-p", address.port, "-U", address.username]
        environment = {"PGPASSWORD": address.password or "", "PATH": "/usr/bin:/bin"}
        done = subprocess.run([*map(str, command), "yard"], env=environment, capture_output=True, text=True, check=True)
        match = re.search(r"tps = ([\d.]+) \(without initial", done.stdout)
        assert match is not None, done.stdout
        return float(match.group(1))

    async def copy(self, database: str, table: str) -> float:
        """Return the rows per second of COPY, for a service's rows and a table with the same columns and indexes."""

        async def write(connection: asyncpg.Connection, yard: str, rows: list[asyncpg.Record]) -> None:
            names = list(rows[0].keys())
            await connection.copy_records_to_table(yard, records=[tuple(row) for row in rows], columns=names)

        return await _rewritten(database, table, write)

    async def insert(self, database: str, table: str) -> float:
        """Return the rows per second of asyncpg's `executemany`, for the same rows in transactions of a thousand."""

        async def write(connection: asyncpg.Connection, yard: str, rows: list[asyncpg.Record]) -> None:
            places = ", ".join(f"${number}" for number in range(1, len(rows[0]) + 1))
            statement = f"insert into {yard} ({', '.join(rows[0].keys())}) overriding system value values ({places})"
            for begin in range(0, len(rows), A_TRANSACTION):
                await connection.executemany(statement, [tuple(row) for row in rows[begin : begin + A_TRANSACTION]])

        return await _rewritten(database, table, write)


async def _rewritten(
    database: str, table: str, write: Callable[[asyncpg.Connection, str, list[asyncpg.Record]], Awaitable[None]]
) -> float:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(f"select * from {table} limit {COPIED}")
        await connection.execute(f"create table yard_{table} (like {table} including all)")
        try:
            started = time.perf_counter()
            await write(connection, f"yard_{table}", rows)
            return len(rows) / (time.perf_counter() - started)
        finally:
            await connection.execute(f"drop table yard_{table}")
    finally:
        await connection.close()


async def produce(settings: Settings, records: Sequence[tuple[bytes, bytes, list[tuple[str, bytes]]]]) -> float:
    """Return the records per second of bare aiokafka, with the relay's producer and a separate topic."""
    await kafka.ensure_topics(settings, ["yard"])
    producer = Relay(settings, "yard", Metrics())._new_producer()
    await producer.start()
    try:
        started = time.perf_counter()
        sent = [await producer.send("yard", value, key=key, headers=headers) for key, value, headers in records]
        await asyncio.gather(*sent)
        return len(records) / (time.perf_counter() - started)
    finally:
        await producer.stop()
