"""The commands `rapport erasures list` and `rapport erasures apply`: erased persons outside the databases.

A list that is kept beside the backups lets a restore on empty servers erase the persons again.
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from chassis.cli.backups.erased import ErasedPerson, add_erased, read_all_erased
from chassis.cli.main import load_configured
from chassis.service import installed_services
from chassis.types import json

erasures_commands = typer.Typer(help="Keep erased persons outside the databases.", no_args_is_help=True)
groups = {"erasures": erasures_commands}


@erasures_commands.command("list")
def list_erasures() -> None:
    """Print the persons that were erased, by id alone, as JSON Lines."""
    for person in sorted(asyncio.run(_read())):
        print(json.dumps_str({name: getattr(person, name) for name in ErasedPerson.__slots__}))


@erasures_commands.command("apply")
def apply_erasures(file: Annotated[Path, typer.Argument(help="The output of `rapport erasures list`.")]) -> None:
    """Erase these persons again, after a restore on empty servers. The services do so within a minute."""
    persons = {_parse(line) for line in file.read_text().splitlines() if line.strip()}
    for name, count in asyncio.run(_apply(persons)).items():
        print(f"{name}: {count} persons will be erased again", file=sys.stderr)


async def _read() -> set[ErasedPerson]:
    return await read_all_erased(load_configured(name)[1] for name in installed_services())


async def _apply(persons: set[ErasedPerson]) -> dict[str, int]:
    return {name: await add_erased(load_configured(name)[1], persons) for name in installed_services()}


def _parse(line: str) -> ErasedPerson:
    values = json.loads(line)
    tenant, person, erasure = (UUID(values[name]) for name in ("tenant_id", "person_id", "erasure_id"))
    return ErasedPerson(tenant, person, erasure, datetime.fromisoformat(values["erased_at"]))
