"""Databases of an earlier release, restored beside those of the session."""

import re
import subprocess
from pathlib import Path
from typing import Any

import asyncpg

from chassis import json
from chassis.migrations import provision
from chassis.service import Service
from local.places import Place
from local.postgres import binaries
from tests.support.server import renamed
from tests.support.service import settings_of

RELEASES = Path(__file__).parents[1] / "data" / "releases"
NAMES = "rapport_", "restored_"
Contents = dict[str, list[dict[str, Any]]]


def releases() -> list[str]:
    """The versions that a dump was kept of."""
    return sorted(folder.name for folder in RELEASES.iterdir() if folder.is_dir())


def beside(place: Place, root: Path) -> Place:
    """Return a place on the same server whose databases, roles and logins have names of their own."""
    other = renamed(place, root, NAMES[1].rstrip("_"))
    for file in (other.root / "env").iterdir():
        file.write_text(re.sub(r"//(\w+)_(api|worker):", r"//\1_\2_restored:", file.read_text()))
    return other


async def restore(place: Place, service: Service, release: str) -> None:
    """Makes a service's database anew as it was at a release."""
    settings = settings_of(place, service)
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
    """Every row of every table, as the superuser sees them; each as its columns' texts."""
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
