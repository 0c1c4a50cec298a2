"""Databases of an earlier release, restored next to those of the session."""

import re
import subprocess
from pathlib import Path
from typing import Any

import asyncpg

from chassis.db.provisioning import provision
from chassis.service import Service
from chassis.types import json
from local.data_dir import DataDir
from local.postgres import binaries
from tests.support.server import renamed
from tests.support.service import settings_of

RELEASES = Path(__file__).parents[1] / "data" / "releases"
NAMES = "rapport_", "restored_"
Contents = dict[str, list[dict[str, Any]]]


def releases() -> list[str]:
    """Return the versions with a stored dump."""
    return sorted(folder.name for folder in RELEASES.iterdir() if folder.is_dir())


def beside(data_dir: DataDir, root: Path) -> DataDir:
    """Return a place on the same server whose databases, roles and logins have names of their own."""
    other = renamed(data_dir, root, NAMES[1].rstrip("_"))
    for file in (other.root / "env").iterdir():
        file.write_text(re.sub(r"//(\w+)_(api|worker):", r"//\1_\2_restored:", file.read_text()))
    return other


async def restore(data_dir: DataDir, service: Service, release: str) -> None:
    """Create the database of a service again, from the dump of a release."""
    settings = settings_of(data_dir, service)
    url = str(settings.migration_database_url)
    admin = await asyncpg.connect(url.rsplit("/", 1)[0] + "/postgres")
    await admin.execute(f'drop database if exists "{NAMES[1]}{service.name}" with (force)')
    await admin.close()
    await provision(settings, service.name)
    dump = (RELEASES / release / f"{service.name}.sql").read_text().replace(*(f"{one}{service.name}_" for one in NAMES))
    command = [str(binaries() / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={url}"]
    done = subprocess.run(command, input=dump, capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert done.returncode == 0, done.stderr


async def contents(url: str) -> Contents:
    """Return every row of every table, as JSON values by column. The superuser reads them."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select schemaname || '.' || tablename as name from pg_tables where schemaname in ('public', 'chassis')"
        )
        return {
            table["name"]: [
                json.loads(row["row"])
                for row in await connection.fetch(f"select to_json(t)::text as row from {table['name']} t")
            ]
            for table in tables
            if table["name"] != "chassis.alembic_version"
        }
    finally:
        await connection.close()
