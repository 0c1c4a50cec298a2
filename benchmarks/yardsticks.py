"""Yardsticks: what PostgreSQL itself does on this machine in the same minute, under the settings of the stack.

Pinned: fsync on, pgbench with 16 clients and the simple protocol, single-row insert and select by key; COPY of the rows
that a batch carries.
"""

import re
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from local import postgres

CLIENTS = 16
ROWS, COPIED = 100_000, 20_000
INSERT = "insert into yard (payload) values ('{}');\n".format("x" * 200)
SELECT = f"\\set key random(1, {ROWS})\nselect * from yard where id = :key;\n"


class Yard:
    """A database of its own beside the services', with the two scripts of pgbench."""

    def __init__(self, admin_url: str, folder: Path) -> None:
        self.url = admin_url.rsplit("/", 1)[0] + "/yard"
        self._admin_url = admin_url
        self._scripts = {"insert": folder / "insert.sql", "select": folder / "select.sql"}

    async def build(self) -> None:
        """Makes the tables."""
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
        """Transactions a second."""
        address = urlsplit(self.url)
        command = [postgres.binaries() / "pgbench", "-n", "-c", CLIENTS, "-j", 1, "-T", seconds, "-M", "simple"]
        command += ["-f", self._scripts[script], "-h", address.hostname, "-p", address.port, "-U", address.username]
        environment = {"PGPASSWORD": address.password or "", "PATH": "/usr/bin:/bin"}
        done = subprocess.run([*map(str, command), "yard"], env=environment, capture_output=True, text=True, check=True)
        found = re.search(r"tps = ([\d.]+) \(without initial", done.stdout)
        assert found is not None, done.stdout
        return float(found.group(1))

    async def copy(self, service_url: str, table: str) -> float:
        """Rows a second of COPY: a service's own rows, into a table that has the same columns and indexes."""
        connection = await asyncpg.connect(service_url)
        try:
            rows = await connection.fetch(f"select * from {table} limit {COPIED}")
            await connection.execute(f"create table yard_{table} (like {table} including all)")
            try:
                started = time.perf_counter()
                await connection.copy_records_to_table(
                    f"yard_{table}", records=[tuple(row) for row in rows], columns=list(rows[0].keys())
                )
                return len(rows) / (time.perf_counter() - started)
            finally:
                await connection.execute(f"drop table yard_{table}")
        finally:
            await connection.close()
