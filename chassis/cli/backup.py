"""The commands `rapport backup` and `rapport restore`. Both print the moment of the state, and their duration."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from chassis.cli.backups import BackupError
from chassis.cli.backups.create import create_backup
from chassis.cli.backups.manifest import Manifest, describe
from chassis.cli.backups.restore import restore_backup
from chassis.cli.main import load_configured
from chassis.db.migrations import DowngradeNotSupported
from chassis.service import installed_services

MEGABYTE = 1_000_000


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder; the command never overwrites.")],
) -> None:
    """Back up the databases of all services at a single moment, while they run. Prints the moment."""
    started = time.monotonic()
    services = {name: load_configured(name) for name in installed_services()}
    try:
        made = asyncio.run(create_backup(folder, services))
    except BackupError as error:
        _fail(error)
    print(f"{folder}: {_summary(made)}, written in {time.monotonic() - started:.1f} s")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A backup.")],
    replace: Annotated[bool, typer.Option("--replace", help="Drop what the databases contain now.")] = False,
    service: Annotated[str | None, typer.Option(help="Restore this service only; Kafka is kept.")] = None,
    keep_kafka: Annotated[
        bool, typer.Option("--keep-kafka", help="Keep Kafka's topics, which may hold events newer than the backup.")
    ] = False,
) -> None:
    """Restore the databases of a backup while no service runs. Prints how long that took."""
    started = time.monotonic()
    services = {name: load_configured(name) for name in ([service] if service else installed_services())}
    keep_kafka = keep_kafka or service is not None
    try:
        restored = asyncio.run(restore_backup(folder, services, _say, replace=replace, keep_kafka=keep_kafka))
    except (BackupError, DowngradeNotSupported) as error:
        _fail(error)
    print(f"{', '.join(services)}: {_summary(restored)}, restored in {time.monotonic() - started:.1f} s")
    _say("Start the services, and run `rapport reconcile --repair`: it publishes again the events that readers miss.")


commands = (backup, restore)


def _summary(made: Manifest) -> str:
    return f"the state of {describe(made.moment)}, {made.bytes / MEGABYTE:.1f} MB"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _fail(error: Exception) -> NoReturn:
    _say(str(error))
    raise typer.Exit(1) from None
