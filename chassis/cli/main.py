"""The command line: `rapport`.

This module has the commands that operate a service. Other packages contribute their own. Settings come from the
environment, as for the services, or else from the local stack's data folder.
"""

import asyncio
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import asyncpg
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from chassis.core.field_errors import field_errors
from chassis.core.settings import Settings
from chassis.core.telemetry import Metrics
from chassis.core.version import VERSION
from chassis.db.pool import connect, open_pool
from chassis.db.statements import Record
from chassis.db.tables import SCHEMA
from chassis.messaging.dispatcher import EventDispatcher, TransientFailure
from chassis.service import Role, Service, installed_services, load
from chassis.types import json

COMMAND_MODULES = (
    "chassis.cli.backup",
    "chassis.cli.erasures",
    "chassis.cli.recovery",
    "gateway.commands",
    "local.commands",
)
"""Modules outside the services that contribute commands, if they are installed."""
Kind = TypeVar("Kind", bound=Settings)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
dead_letters = typer.Typer(help="Inspect and replay events that a service could not apply.", no_args_is_help=True)
migrations = typer.Typer(help="Develop migrations.", no_args_is_help=True)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(migrations, name="migrations")


def settings_for(service: str, kind: type[Kind]) -> Kind:
    """Return the settings of a service: from the environment, or from the file that the local stack wrote."""
    file = Path(os.environ.get("RAPPORT_DATA", ".rapport")) / "env" / f"{service}.env"
    if "DATABASE_URL" not in os.environ and file.exists():
        return kind(_env_file=file)
    try:
        return kind()
    except ValidationError as error:
        print(
            f"{service} is not configured: start a local stack (`rapport up`), name its folder by RAPPORT_DATA, or set "
            "the environment (docs/settings.md):",
            *(f"  {item.pointer.lstrip('/').upper()} {item.detail}" for item in field_errors(error.errors(), "body")),
            sep="\n",
            file=sys.stderr,
        )
        raise typer.Exit(2) from None


def print_table(table: Table) -> None:
    """Print a table. Its lines are not broken where no terminal shows them."""
    Console(width=None if sys.stdout.isatty() else 240).print(table)


def load_configured(name: str) -> tuple[Service, Settings]:
    """Return a service and its settings. Ends the command if it is not installed."""
    if name not in installed_services():
        print(f"{name} is not installed; installed are: {', '.join(installed_services())}", file=sys.stderr)
        raise typer.Exit(2)
    service = load(name)
    return service, settings_for(name, service.settings)


@app.command()
def serve(
    service: str,
    role: Annotated[str, typer.Option(help="api, worker or all.")] = "all",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
) -> None:
    """Run a service until it receives SIGTERM or Ctrl-C."""
    from chassis.cli.server import serve as run

    if role not in ("api", "worker", "all"):
        print("the role must be api, worker or all", file=sys.stderr)
        raise typer.Exit(2)
    definition, settings = load_configured(service)
    chosen: Role = role  # type: ignore[assignment]
    run(definition, settings, chosen, host, port)


@app.command()
def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="The services; by default all.")] = None,
) -> None:
    """Create missing databases and roles, and migrate databases to the newest revision.

    The owners and rights of databases that exist are repaired.
    """
    from chassis.db.migrations import DowngradeNotSupported, run
    from chassis.db.provisioning import RestoreNotFinished

    for name in services or installed_services():
        service, settings = load_configured(name)
        try:
            run(settings, name, service.migrations)
        except (DowngradeNotSupported, RestoreNotFinished) as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
        print(f"{name} is migrated", file=sys.stderr)


@migrations.command("new")
def new_migration(service: str, subject: str) -> None:
    """Write a migration from the difference between a service's tables and its history. Read it before you commit."""
    from chassis.cli.new_migration import write_migration

    definition, settings = load_configured(service)
    path = asyncio.run(write_migration(definition, settings, subject))
    print(path or "The history already creates these tables: there is nothing to migrate.", file=sys.stderr)
    raise typer.Exit(0 if path else 1)


@app.command()
def status() -> None:
    """Show the outbox and the dead letters of each service."""
    table = Table("service", "outbox", "oldest (s)", "dead letters")
    for name in installed_services():
        row = asyncio.run(_counts(settings_for(name, Settings)))
        table.add_row(name, *(str(value) for value in row))
    Console().print(table)


@app.command()
def rebuild(
    service: str,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit with 1 if rows differ.")] = False,
) -> None:
    """Compute a service's rollups again from its facts, while it runs, and repair the rows that differ."""
    from chassis.cli.rebuild import rebuild_all

    definition, settings = load_configured(service)
    total = 0
    for feature, tenant, rows in asyncio.run(rebuild_all(definition, settings, repair=not check)):
        total += rows
        print(f"{feature}: {rows} rows of tenant {tenant} {'differ' if check else 'differed'}")
    print(f"{total or 'no'} rows {'differ' if check else 'differed'}", file=sys.stderr)
    raise typer.Exit(1 if check and total else 0)


@dead_letters.command("list")
def list_dead_letters(service: str) -> None:
    """List a service's dead letters, oldest first."""
    table = Table("id", "feature", "type", "topic/partition/offset", "attempts", "reason")
    for row in asyncio.run(_dead_letters(service)):
        position = f"{row['topic']}/{row['partition']}/{row['record_offset']}"
        table.add_row(str(row["id"]), row["feature"], row["type"], position, str(row["attempts"]), row["reason"][:200])
    print_table(table)


@dead_letters.command("show")
def show_dead_letter(service: str, id: UUID) -> None:
    """Show a dead letter: its headers, its data, and the reason."""
    letters = [row for row in asyncio.run(_dead_letters(service)) if row["id"] == id]
    if not letters:
        print("the dead letter does not exist", file=sys.stderr)
        raise typer.Exit(1)
    row = dict(letters[0])
    row["headers"] = {name: bytes.fromhex(value).decode("utf-8", "replace") for name, value in row["headers"]}
    for name in ("key", "value"):
        row[name] = row[name].decode("utf-8", "replace") if row[name] is not None else None
    print(json.dumps_str(row))


@dead_letters.command("replay")
def replay_dead_letters(
    service: str,
    ids: Annotated[list[UUID] | None, typer.Argument(help="The dead letters; all of the service by default.")] = None,
) -> None:
    """Apply dead letters again. Those that succeed are removed."""
    left = asyncio.run(_replay(service, ids))
    raise typer.Exit(1 if left else 0)


async def _counts(settings: Settings) -> tuple[object, ...]:
    connection = await connect(settings.database_url, settings)
    columns = "outbox_pending, outbox_oldest_seconds, dead_letters"
    try:
        return tuple(await connection.fetchrow(f"select {columns} from {SCHEMA}.counts()") or ())
    finally:
        await connection.close()


async def _dead_letters(service: str) -> list[Record]:
    settings = settings_for(service, Settings)
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is required"
    connection = await connect(settings.worker_database_url, settings)
    try:
        letters: list[Record] = await connection.fetch(f"select * from {SCHEMA}.dead_letter order by parked_at, id")
        return letters
    finally:
        await connection.close()


async def _replay(name: str, ids: list[UUID] | None) -> int:
    """Replay, print the result of each, and return how many are left."""
    service, settings = load_configured(name)
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is required"
    chosen = ids or [row["id"] for row in await _dead_letters(name)]
    left = 0
    async with await open_pool(settings.worker_database_url, settings, size=2) as pool:
        # The relay of the running service polls the outbox, so there is nothing to notify here.
        dispatcher = EventDispatcher(pool, service.handlers, settings, Metrics(), lambda: None)
        for id in chosen:
            try:
                reason = await dispatcher.replay(id)
            except (LookupError, TransientFailure) as error:
                reason = str(error)
            left += reason is not None
            print(f"{id}: {'applied' if reason is None else reason}")
    return left


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"rapport {VERSION}")
        raise typer.Exit


@app.callback()
def rapport(
    data: Annotated[Path | None, typer.Option(help="The local stack's data folder; the same as RAPPORT_DATA.")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Operate Rapport, a customer-relationship backend."""
    if data is not None:
        os.environ["RAPPORT_DATA"] = str(data)


def _command_modules() -> list[str]:
    """Return the modules that contribute commands: those of installed packages, and `commands.py` of services."""
    modules = [module for module in COMMAND_MODULES if importlib.util.find_spec(module.partition(".")[0]) is not None]
    services = [f"services.{name}.commands" for name in installed_services() if name != "gateway"]
    return modules + [module for module in services if importlib.util.find_spec(module) is not None]


def main() -> None:
    """Run this command line, with the commands of the packages that are installed."""
    for module in _command_modules():
        contributed = importlib.import_module(module)
        for name, group in getattr(contributed, "groups", {}).items():
            app.add_typer(group, name=name)
        for command in getattr(contributed, "commands", ()):
            app.command()(command)
    try:
        app()
    except (ConnectionError, asyncpg.CannotConnectNowError) as error:
        print(f"A server does not respond ({error}). Is the system running? `rapport up` starts it.", file=sys.stderr)
        raise SystemExit(1) from None
