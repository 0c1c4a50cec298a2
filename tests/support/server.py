"""The PostgreSQL server of a test run, with the five migrated databases. Each xdist worker uses copies of them.

The process that started the server owns it: pytest, or xdist's controller.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from chassis.db.migrations import migrate
from chassis.service import load
from local import PROCESSES, postgres
from local.data_dir import DataDir, free_port, write_environments
from local.processes import Subprocess, stop
from tests.support.guard import Guard
from tests.support.service import settings_of


async def start(data_dir: DataDir) -> tuple[Subprocess, Guard]:
    """Start PostgreSQL in an empty folder and migrate the five databases."""
    ports = data_dir.ports(free_port(set()))
    postgres.initialise(data_dir)
    running = postgres.start(data_dir, ports["postgres"], unsafe_speed=True)
    guard = Guard(running.pid)
    url = postgres.admin_url(data_dir, ports["postgres"])
    await _until_it_accepts_connections(url)
    write_environments(data_dir, url, "127.0.0.1:1", ports)
    for name in PROCESSES:
        service = load(name)
        await migrate(settings_of(data_dir, service), name, service.migrations)
    return running, guard


async def end(data_dir: DataDir, running: Subprocess, guard: Guard) -> None:
    """Stop PostgreSQL."""
    await stop(data_dir, "postgres", running, signal.SIGINT)
    guard.dismiss()


@asynccontextmanager
async def started(root: Path) -> AsyncIterator[DataDir]:
    """Run PostgreSQL with the five migrated databases while the block runs."""
    data_dir = DataDir.at(root)
    running, guard = await start(data_dir)
    try:
        yield data_dir
    finally:
        await end(data_dir, running, guard)


async def _until_it_accepts_connections(url: str) -> None:
    for _ in range(200):
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return
    raise RuntimeError("PostgreSQL does not accept connections")


# Databases of other names on the same server


def renamed(data_dir: DataDir, root: Path, prefix: str) -> DataDir:
    """Return a data folder for databases on the same server that are called `<prefix>_<service>`."""
    other = DataDir.at(root)
    (other.root / "secrets.json").write_bytes((data_dir.root / "secrets.json").read_bytes())
    for file in (data_dir.root / "env").iterdir():
        text = re.sub(rf"/[a-z0-9]+_{file.stem}'$", f"/{prefix}_{file.stem}'", file.read_text(), flags=re.MULTILINE)
        other.env_file(file.stem).write_text(text)
    return other


async def copied(data_dir: DataDir, root: Path, prefix: str) -> DataDir:
    """Copy the five migrated databases under names that begin with the prefix. They must have no connections."""
    other = renamed(data_dir, root, prefix)
    for name in PROCESSES:
        source = urlsplit(str(settings_of(data_dir, load(name)).migration_database_url))
        admin = await asyncpg.connect(source._replace(path="/postgres").geturl())
        try:
            await _copy(admin, source.path.lstrip("/"), f"{prefix}_{name}")
        finally:
            await admin.close()
    return other


async def _copy(admin: asyncpg.Connection, source: str, copy: str) -> None:
    owner = await admin.fetchval("select datdba::regrole::text from pg_database where datname = $1", source)
    await admin.execute(f"create database {copy} template {source} owner {owner} strategy file_copy")
    # PostgreSQL does not copy a template's rights on the database itself, such as CONNECT.
    rights = "(select datacl from pg_database where datname = $1)"
    await admin.execute(f"update pg_database set datacl = {rights} where datname = $2", source, copy)
