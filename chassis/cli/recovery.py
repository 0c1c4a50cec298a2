"""Commands of recovery: find the events that a service has not applied, and publish events again."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from chassis.cli.main import load_configured
from chassis.core.settings import Settings
from chassis.db.pool import connect, open_pool
from chassis.messaging.reconciliation import Report, Side
from chassis.messaging.reconciliation import reconcile as compare
from chassis.messaging.republishing import Selection
from chassis.messaging.republishing import republish as publish_again
from chassis.messaging.status import StatusReader
from chassis.service import Service, installed_services

MAX_STATEMENT_SECONDS = 3600.0
"""A scan of all events may take longer than the statement of a request."""
ConfiguredService = tuple[Service, Settings]


def reconcile(
    since: Annotated[datetime | None, typer.Option(help="Compare events from this moment on; UTC.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Publish missing events again.")] = False,
    ids: Annotated[bool, typer.Option("--ids", help="Print the ids of missing and unknown events.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds that services get to apply the events on their way.")] = 60.0,
) -> None:
    """Compare what each service has published with what each reader has applied; exit with 1 if events are missing.

    By default, it compares as far back as the inboxes reach.
    """
    services = [load_configured(name) for name in installed_services()]
    start = since.replace(tzinfo=UTC) if since else datetime.now(UTC) - _remembered(services)
    report = asyncio.run(_reconcile(services, start, wait))
    _print_report(report, ids=ids)
    if repair:
        missing = {id for gap in report.gaps for id in gap.missing}
        # The gateway's first: other events of a tenant wait for the one that announces it.
        for service, settings in sorted(services, key=lambda each: each[0].name != "gateway") if missing else []:
            if count := asyncio.run(_republish(settings, Selection(ids=missing))):
                print(f"{service.name}: published {count} events again", file=sys.stderr)
    raise typer.Exit(0 if report.is_complete else 1)


def republish(
    service: str,
    since: Annotated[datetime | None, typer.Option(help="Only events from this moment on; UTC.")] = None,
    tenant: Annotated[UUID | None, typer.Option(help="Only events of the tenant with this id.")] = None,
    feature: Annotated[
        str | None, typer.Option(help="Only events that a feature handles, as SERVICE.FEATURE of the reader.")
    ] = None,
) -> None:
    """Publish a service's events again, with their ids, in their order. Readers skip those that they have applied."""
    definition, settings = load_configured(service)
    start = since.replace(tzinfo=UTC) if since else None
    types = _types_for(feature, definition) if feature else []
    count = asyncio.run(_republish(settings, Selection(start, tenant, types)))
    print(f"published {count} events again", file=sys.stderr)


commands = (reconcile, republish)


def _remembered(services: Iterable[ConfiguredService]) -> timedelta:
    """Return the time that every inbox covers."""
    return timedelta(days=min(settings.inbox_days for _, settings in services) - 1)


async def _reconcile(services: Iterable[ConfiguredService], since: datetime, wait_seconds: float) -> Report:
    async with _sides(services) as sides:
        return await compare(sides, since, wait_seconds)


@asynccontextmanager
async def _sides(services: Iterable[ConfiguredService]) -> AsyncIterator[Sequence[Side]]:
    sides = []
    async with AsyncExitStack() as stack:
        for service, configured in services:
            settings = _patient(configured)
            assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is required"
            pool = await stack.enter_async_context(await open_pool(settings.worker_database_url, settings, 2))
            types = [handler.event.event_type for handler in service.handlers]
            status = StatusReader(pool, settings, service.name, types, {}, {})
            stack.push_async_callback(status.close)
            sides.append(Side(service.name, service.handlers, pool, status))
        yield sides


async def _republish(configured: Settings, selection: Selection) -> int:
    settings = _patient(configured)
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is required"
    connection = await connect(settings.worker_database_url, settings)
    try:
        return await publish_again(connection, selection)
    finally:
        await connection.close()


def _patient(settings: Settings) -> Settings:
    return settings.model_copy(update={"database_statement_seconds": MAX_STATEMENT_SECONDS})


def _types_for(reader: str, publisher: Service) -> list[str]:
    """Return the types of a publisher's events that a feature handles, or nothing if it handles all of them."""
    name, _, feature = reader.partition(".")
    handlers = load_configured(name)[0].handlers
    types = [handler.event.event_type for handler in handlers if handler.feature == feature]
    chosen = [type for type in types if type.startswith(f"{publisher.name}.")]
    if f"{publisher.name}.*" in chosen:
        return []  # all of them
    if not chosen:
        known = ", ".join(sorted({f"{name}.{handler.feature}" for handler in handlers}))
        print(f"{reader} handles no events of {publisher.name}. {name} has: {known}", file=sys.stderr)
        raise typer.Exit(2)
    return chosen


def _print_report(report: Report, *, ids: bool) -> None:
    table = Table("reader", "feature", "tenant", "type", "day", "missing", "unknown")
    for gap in report.gaps:
        day, counts = f"{gap.bucket.start:%Y-%m-%d}", (str(len(gap.missing)), str(len(gap.unknown)))
        table.add_row(gap.reader, gap.feature, str(gap.bucket.tenant), gap.bucket.type, day, *counts)
    if report.gaps:
        Console(width=None if sys.stdout.isatty() else 240).print(table)
    for gap in report.gaps if ids else []:
        for id in gap.missing:
            print(f"{gap.reader} {gap.feature} missing {id}")
        for id in gap.unknown:
            print(f"{gap.reader} {gap.feature} unknown {id}")
    for name in report.behind:
        print(f"{name} is still behind: the events that it misses may only be waiting", file=sys.stderr)
    for name, count in report.dead_letters.items():
        if count:
            print(f"{name} has {count} dead letters: see `rapport dead-letters list {name}`", file=sys.stderr)
    verdict = "complete" if report.is_complete else "not complete"
    print(f"{verdict}: {report.compared} events were compared", file=sys.stderr)
