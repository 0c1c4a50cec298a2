"""The command line: `rapport`. The commands that operate a service stand here; others mount theirs when installed.

Settings come from the environment, as for the services; where it is silent, from the local stack's data folder.
"""

import asyncio
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from chassis import json
from chassis.database import connect, open_pool
from chassis.reactions import TryLater
from chassis.service import Service, load
from chassis.settings import Settings
from chassis.tables import SCHEMA

MOUNTED = ("gateway.commands", "local.commands")
SERVICES = ("customers", "interactions", "loyalty", "analytics", "gateway")
Kind = TypeVar("Kind", bound=Settings)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
letters = typer.Typer(help="Events that a service could not apply.", no_args_is_help=True)
app.add_typer(letters, name="dead-letters")


def settings_for(service: str, kind: type[Kind]) -> Kind:
    """The settings of a service: the environment's, or those that the local stack has written for it."""
    file = Path(os.environ.get("RAPPORT_DATA", ".rapport")) / "env" / f"{service}.env"
    if "DATABASE_URL" not in os.environ and file.exists():
        return kind(_env_file=file)
    try:
        return kind()
    except ValueError as error:
        print(
            f"{service} is not configured: start a local stack (`rapport up`), name its folder by RAPPORT_DATA, or set "
            f"the environment (docs/settings.md).\n{error}",
            file=sys.stderr,
        )
        raise typer.Exit(2) from None


def _load(name: str) -> Service:
    if importlib.util.find_spec(name if name == "gateway" else f"services.{name}") is None:
        print(f"{name} is not installed here", file=sys.stderr)
        raise typer.Exit(2)
    service = load(name)
    service.configure(settings_for(name, service.settings_class))
    return service


@app.command()
def serve(
    service: str,
    role: Annotated[str, typer.Option(help="api, worker or all.")] = "all",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
) -> None:
    """Run one service until it is told to stop."""
    from chassis.serving import serve as run

    if role not in ("api", "worker", "all"):
        print("the role is api, worker or all", file=sys.stderr)
        raise typer.Exit(2)
    run(_load(service), role, host, port)  # type: ignore[arg-type]


@app.command()
def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Which; else all that are installed.")] = None,
) -> None:
    """Bring databases to the newest revision; makes databases and roles where they are missing."""
    from chassis.migrations import NoWayDown, run

    for name in services or [one for one in SERVICES if _is_installed(one)]:
        loaded = _load(name)
        try:
            run(loaded.settings, name, loaded.migrations)
        except NoWayDown as why:
            print(why, file=sys.stderr)
            raise typer.Exit(1) from None
        print(f"{name} is migrated", file=sys.stderr)


@app.command()
def status() -> None:
    """Show what waits in each service's database."""
    table = Table("service", "outbox", "oldest (s)", "dead letters")
    for name in (one for one in SERVICES if _is_installed(one)):
        row = asyncio.run(_counts(settings_for(name, Settings)))
        table.add_row(name, *(str(value) for value in row))
    Console().print(table)


@app.command()
def rebuild(
    service: str,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit with 1 when something differs.")] = False,
) -> None:
    """Compute a service's rollups again from its facts, while it runs, and repair what differs."""
    from chassis.rebuilding import rebuild_all

    differed = 0
    for feature, tenant, rows in asyncio.run(rebuild_all(_load(service), repair=not check)):
        differed += rows
        print(f"{feature}: {rows} rows of tenant {tenant} {'differ' if check else 'differed'}")
    print(f"{differed or 'no'} rows {'differ' if check else 'differed'}", file=sys.stderr)
    raise typer.Exit(1 if check and differed else 0)


@letters.command("list")
def list_letters(service: str) -> None:
    """List a service's dead letters, oldest first."""
    table = Table("id", "feature", "type", "topic/partition/offset", "attempts", "reason")
    for row in asyncio.run(_letters(service)):
        place = f"{row['topic']}/{row['partition']}/{row['record_offset']}"
        table.add_row(str(row["id"]), row["feature"], row["type"], place, str(row["attempts"]), row["reason"][:200])
    Console(width=None if sys.stdout.isatty() else 240).print(table)


@letters.command("show")
def show_letter(service: str, id: UUID) -> None:
    """Show a dead letter: its headers, its data, why it is here."""
    found = [row for row in asyncio.run(_letters(service)) if row["id"] == id]
    if not found:
        print("there is no such dead letter", file=sys.stderr)
        raise typer.Exit(1)
    row = dict(found[0])
    row["headers"] = {name: bytes.fromhex(value).decode("utf-8", "replace") for name, value in row["headers"]}
    for name in ("key", "value"):
        row[name] = row[name].decode("utf-8", "replace") if row[name] is not None else None
    print(json.dump_text(row))


@letters.command("replay")
def replay_letters(
    service: str,
    ids: Annotated[list[UUID] | None, typer.Argument(help="Which; all of the service when none is named.")] = None,
) -> None:
    """Try dead letters again; those that are applied are gone."""
    left = asyncio.run(_replay(service, ids))
    raise typer.Exit(1 if left else 0)


async def _counts(settings: Settings) -> tuple[object, ...]:
    connection = await connect(settings.database_url, settings)
    try:
        return tuple(await connection.fetchrow(f"select * from {SCHEMA}.counts()") or ())
    finally:
        await connection.close()


async def _letters(service: str) -> list[Any]:
    settings = settings_for(service, Settings)
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is needed"
    connection = await connect(settings.worker_database_url, settings)
    try:
        return list(await connection.fetch(f"select * from {SCHEMA}.dead_letter order by parked_at, id"))
    finally:
        await connection.close()


async def _replay(name: str, ids: list[UUID] | None) -> int:
    """Replays, says what became of each, and answers with how many are left."""
    service = _load(name)
    assert service.settings.worker_database_url is not None, "WORKER_DATABASE_URL is needed"
    wanted = ids or [row["id"] for row in await _letters(name)]
    left = 0
    async with await open_pool(service.settings.worker_database_url, service.settings, size=2) as pool:
        reactor = service.reactor(pool)
        for id in wanted:
            try:
                reason = await reactor.replay(id)
            except (LookupError, TryLater) as error:
                reason = str(error)
            left += reason is not None
            print(f"{id}: {'applied' if reason is None else reason}")
    return left


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name if name == "gateway" else f"services.{name}") is not None


@app.callback()
def rapport(data: Annotated[Path, typer.Option(help="The local stack's data folder.")] = Path(".rapport")) -> None:
    """Rapport: a customer-relationship backend."""


def _take_data_folder() -> None:
    """`--data DIR` may stand anywhere in a command; it is the same as RAPPORT_DATA."""
    for index, word in enumerate(sys.argv):
        if word == "--data" and index + 1 < len(sys.argv):
            os.environ["RAPPORT_DATA"] = sys.argv[index + 1]
            del sys.argv[index : index + 2]
            return
        if word.startswith("--data="):
            os.environ["RAPPORT_DATA"] = word.removeprefix("--data=")
            del sys.argv[index]
            return


def main() -> None:
    """The entry point: this command line, and whatever is installed beside it."""
    _take_data_folder()
    for module in MOUNTED:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            continue
        mounted = importlib.import_module(module)
        for name, group in getattr(mounted, "groups", {}).items():
            app.add_typer(group, name=name)
        for command in getattr(mounted, "commands", ()):
            app.command()(command)
    app()
