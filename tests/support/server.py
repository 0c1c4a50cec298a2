"""The PostgreSQL of a test run: started once, with the five migrated databases; each xdist worker gets copies of them.

It belongs to the process that started it: pytest, or xdist's controller.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from chassis.migrations import migrate
from chassis.service import load
from local import PROCESSES, postgres
from local.places import Place, free_port, write_environments
from local.programs import Started, stop
from tests.support.guard import Guard
from tests.support.service import settings_of


async def start(place: Place) -> tuple[Started, Guard]:
    """Start PostgreSQL in an empty folder and migrate the five databases."""
    ports = place.ports(free_port(set()))
    postgres.initialise(place)
    running = postgres.start(place, ports["postgres"], unsafe_speed=True)
    guard = Guard(running.pid)
    url = postgres.admin_url(place, ports["postgres"])
    await _until_it_accepts_connections(url)
    write_environments(place, url, "127.0.0.1:1", ports)
    for name in PROCESSES:
        service = load(name)
        await migrate(settings_of(place, service), name, service.migrations)
    return running, guard


async def end(place: Place, running: Started, guard: Guard) -> None:
    """Stop PostgreSQL."""
    await stop(place, "postgres", running, signal.SIGINT)
    guard.dismiss()


@asynccontextmanager
async def started(root: Path) -> AsyncIterator[Place]:
    """Run PostgreSQL with the five migrated databases while the block runs."""
    place = Place.at(root)
    running, guard = await start(place)
    try:
        yield place
    finally:
        await end(place, running, guard)


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


def renamed(place: Place, root: Path, prefix: str) -> Place:
    """Return a place on the same server whose databases are called `<prefix>_<service>`."""
    other = Place.at(root)
    (other.root / "secrets.json").write_bytes((place.root / "secrets.json").read_bytes())
    for file in (place.root / "env").iterdir():
        text = re.sub(rf"/[a-z0-9]+_{file.stem}'$", f"/{prefix}_{file.stem}'", file.read_text(), flags=re.MULTILINE)
        other.env_file(file.stem).write_text(text)
    return other


async def copied(place: Place, root: Path, prefix: str) -> Place:
    """Copy the five migrated databases, which nothing may be connected to, under names that begin with the prefix."""
    other = renamed(place, root, prefix)
    for name in PROCESSES:
        source = urlsplit(str(settings_of(place, load(name)).migration_database_url))
        admin = await asyncpg.connect(source._replace(path="/postgres").geturl())
        try:
            await _copy(admin, source.path.lstrip("/"), f"{prefix}_{name}")
        finally:
            await admin.close()
    return other


async def _copy(admin: asyncpg.Connection, source: str, copy: str) -> None:
    owner = await admin.fetchval("select datdba::regrole::text from pg_database where datname = $1", source)
    await admin.execute(f"create database {copy} template {source} owner {owner} strategy file_copy")
    # A template's rights on the database itself, CONNECT among them, are not copied by PostgreSQL.
    rights = "(select datacl from pg_database where datname = $1)"
    await admin.execute(f"update pg_database set datacl = {rights} where datname = $2", source, copy)
