"""`rapport migrations new`: what differs between the declared tables and the history becomes a migration.

Each migration is written from a history in a temporary folder, and applied to a database of its own.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import asyncpg
import pytest

from chassis import (
    DatabaseFunction,
    DatabaseView,
    Service,
    Table,
    Versioned,
    belongs_to,
    bigint,
    check,
    choice,
    document,
    index,
    new_registry,
    text_list,
    timestamp,
    unique,
)
from chassis.cli.new_migration import write_migration
from chassis.core.settings import Settings
from chassis.db.drift import find_drift
from chassis.db.migrations import migrate
from chassis.db.provisioning import api_role, drop_database
from chassis.db.tables import SCHEMA
from chassis.service import load
from local.data_dir import DataDir
from tests.support.service import settings_of

PACKAGE = "library_with_a_history"
FIRST = '''"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_chassis_tables, create_tenant_table, grant_function

revision = "0001"
down_revision = None


def upgrade() -> None:
    """A shelf, and a function that counts shelves."""
    create_chassis_tables("library")
    create_tenant_table(
        "shelf",
        "library",
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("width > 0", name="ck_shelf_is_wide"),
        sa.CheckConstraint("kind in ('open', 'closed')", name="ck_shelf_kind"),
        append_only=False,
    )
    op.execute(
        "create function count_shelves() returns bigint language sql stable set search_path = public, pg_temp "
        "as 'select count(*) from shelf'"
    )
    grant_function("count_shelves()", "library")
'''
COUNT = (
    "create or replace function count_shelves() returns bigint language sql stable set search_path = public, pg_temp "
    "as 'select count(*) from shelf{where}'"
)


@dataclass(frozen=True, slots=True)
class LoanRow:
    id: UUID
    shelf_id: UUID


def tables(
    *,
    kinds: Any = Literal["open", "closed"],
    wide: str = "width > 0",
    where: str = "",
    with_loans: bool = False,
    with_color: bool = False,
) -> Any:
    """Declare the tables, in metadata of their own."""

    class Base(Table, registry=new_registry()):
        """A table of the library."""

    columns: dict[str, Any] = {"__tablename__": "shelf", "__table_args__": (check("is_wide", wide),)}
    annotations: dict[str, Any] = {"width": int, "kind": kinds}
    columns |= {"width": bigint(), "kind": choice(kinds, "kind"), "__annotations__": annotations}
    if with_color:
        annotations["color"] = Literal["red", "green"]
        columns["color"] = choice(annotations["color"], "color", default="red", sa_column_kwargs=DEFAULT)
    columns["__module__"] = __name__
    type(Base)("Shelf", (Base,), columns, table=True)
    objects: list[Any] = [DatabaseFunction("count_shelves()", COUNT.format(where=where))]
    if with_loans:
        declare_loans(Base)
        objects.append(
            DatabaseView(
                "open_loan",
                LoanRow,
                "create or replace view open_loan with (security_invoker = true) as "
                "select id, shelf_id from loan where returned_on is null",
            )
        )
    Base.metadata.info["objects"] = objects
    return Base.metadata


DEFAULT = {"server_default": "red"}


def declare_loans(base: type[Table]) -> None:
    """Declare a table with every kind of column and constraint."""

    class Loan(Versioned, base, table=True):  # type: ignore[misc, valid-type]
        __tablename__ = "loan"
        __table_args__ = (
            belongs_to("shelf_id", "shelf", cascade=True),
            unique("number"),
            index("lent_at", "id"),
            check("is_in_order", "returned_on is null or returned_on >= lent_at::date"),
        )

        shelf_id: UUID
        number: int = bigint()
        reader: str | None = None
        state: Literal["open", "late"] = choice(Literal["open", "late"], "state")
        lent_at: datetime = timestamp()
        returned_on: date | None = None
        notes: dict[str, Any] = document(default_factory=dict)
        tags: list[str] = text_list()


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The migrations of a service whose package is in a temporary folder."""
    folder = tmp_path / PACKAGE / "migrations" / "versions"
    folder.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").touch()
    (folder.parent / "env.py").write_text((load("customers").migrations / "env.py").read_text())
    (folder / "0001_first_tables.py").write_text(FIRST)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop(PACKAGE, None)


@pytest.fixture
async def settings(database: DataDir) -> AsyncIterator[Settings]:
    """Settings with an administrator's address of a database that does not exist yet."""
    settings = settings_of(database, load("customers"))
    url = str(settings.migration_database_url).rsplit("/", 1)[0] + "/library"
    settings = settings.model_copy(update={"migration_database_url": url})
    yield settings
    if await exists(settings, "library"):
        await drop_database(settings, "library")


def service_with(metadata: Any) -> Service:
    return Service("library", settings=Settings, metadata=metadata, areas=(), package=PACKAGE)


async def ask(settings: Settings, query: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(str(settings.migration_database_url).rsplit("/", 1)[0] + "/postgres")
    try:
        return [row[0] for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()


async def exists(settings: Settings, name: str) -> bool:
    return await ask(settings, "select 1 from pg_database where datname = $1", name) != []


async def scratch_of(settings: Settings) -> list[str]:
    """Return the scratch databases of drafts on the server, and the roles named after them."""
    databases = await ask(settings, "select datname from pg_database where datname like 'draft%'")
    return databases + await ask(settings, "select rolname from pg_roles where rolname like 'draft%'")


async def drift_after(settings: Settings, metadata: Any) -> Any:
    """Apply the history, and compare its database with the declared tables."""
    service = service_with(metadata)
    await migrate(settings, service.name, service.migrations, logins=False)
    return await find_drift(settings, metadata)


CHANGES = [
    ("a new table, and a view of it", {"with_loans": True}),
    ("another vocabulary", {"kinds": Literal["open", "closed", "glass"]}),
    ("another condition", {"wide": "width > 10"}),
    ("another text of a function", {"where": " where width > 5"}),
    ("a new column with a vocabulary", {"with_color": True}),
    ("all of it", {"with_loans": True, "with_color": True, "wide": "width > 9", "where": " where width > 5"}),
]


@pytest.mark.parametrize(("case", "changes"), CHANGES, ids=[case for case, _ in CHANGES])
async def test_a_difference_becomes_a_migration_that_removes_it(
    settings: Settings, history: Path, case: str, changes: dict[str, Any]
) -> None:
    declared = tables(**changes)
    assert await drift_after(settings, declared)
    path = await write_migration(service_with(declared), settings, case)
    assert path is not None
    assert path.parent == history
    assert path.name == f"0002_{case.replace(',', '').replace(' ', '_')}.py"
    assert not await drift_after(settings, declared), path.read_text()
    assert await write_migration(service_with(declared), settings, "nothing") is None
    assert await scratch_of(settings) == []


async def test_a_new_table_is_written_as_a_tenants_table(settings: Settings, history: Path) -> None:
    path = await write_migration(service_with(tables(with_loans=True)), settings, "loans")
    assert path is not None
    text = path.read_text()
    assert 'create_tenant_table(\n        "loan",\n        "library",\n' in text
    assert "append_only=False" in text
    assert not [word for word in ('sa.Column("tenant_id"', 'sa.Column("id"', "PrimaryKeyConstraint") if word in text]
    assert 'revision = "0002"\ndown_revision = "0001"' in text
    await migrate(settings, "library", history.parent, logins=False)
    connection = await asyncpg.connect(str(settings.migration_database_url))
    try:
        policies = await connection.fetch("select tablename from pg_policies where policyname = 'tenant' order by 1")
        rights = await connection.fetch(
            "select table_name, string_agg(privilege_type, ' ' order by privilege_type) as rights "
            "from information_schema.role_table_grants "
            "where grantee = 'library_api' and table_schema = 'public' group by 1"
        )
    finally:
        await connection.close()
    assert "loan" in [row[0] for row in policies]
    everything = "DELETE INSERT SELECT UPDATE"
    assert dict(rights) == {"shelf": everything, "loan": everything, "open_loan": "SELECT"}


async def test_a_changed_check_is_dropped_and_created(settings: Settings, history: Path) -> None:
    path = await write_migration(service_with(tables(wide="width > 10")), settings, "wider")
    assert path is not None
    body = path.read_text().partition("def upgrade")[2]
    assert 'op.drop_constraint("ck_shelf_is_wide", "shelf", type_="check")' in body
    assert 'op.create_check_constraint("ck_shelf_is_wide", "shelf", "width > 10")' in body
    assert "ck_shelf_kind" not in body


async def test_a_changed_function_is_replaced_and_granted(settings: Settings, history: Path) -> None:
    path = await write_migration(service_with(tables(where=" where width > 5")), settings, "count wide ones")
    assert path is not None
    body = path.read_text().partition("def upgrade")[2]
    assert "select count(*) from shelf where width > 5" in body
    assert 'grant_function("count_shelves()", "library")' in body
    assert "constraint" not in body


async def test_without_a_difference_nothing_is_written(settings: Settings, history: Path) -> None:
    assert await write_migration(service_with(tables()), settings, "nothing") is None
    assert [file.name for file in sorted(history.glob("*.py"))] == ["0001_first_tables.py"]  # noqa: ASYNC240
    assert await scratch_of(settings) == []
    assert not await exists(settings, "library")


async def test_a_history_that_fails_leaves_no_scratch_database(settings: Settings, history: Path) -> None:
    (history / "0001_first_tables.py").write_text(FIRST.replace("bigint language sql", "bigint language klingon"))
    with pytest.raises(Exception, match="klingon"):
        await write_migration(service_with(tables()), settings, "nothing")
    assert await scratch_of(settings) == []


async def test_the_first_migration_of_a_service_also_creates_the_tables_of_the_chassis(
    settings: Settings, history: Path
) -> None:
    (history / "0001_first_tables.py").unlink()
    declared = tables(with_loans=True)
    path = await write_migration(service_with(declared), settings, "first tables")
    assert path is not None
    assert path.name == "0001_first_tables.py"
    assert 'revision = "0001"\ndown_revision = None\n' in path.read_text()
    assert not await drift_after(settings, declared), path.read_text()
    columns = await columns_of_tenant(settings)
    assert "facts" in columns
    assert "timezone" not in columns


async def columns_of_tenant(settings: Settings) -> list[str]:
    connection = await asyncpg.connect(str(settings.migration_database_url))
    try:
        query = "select column_name from information_schema.columns where table_schema = $1 and table_name = 'tenant'"
        return [row[0] for row in await connection.fetch(query, SCHEMA)]
    finally:
        await connection.close()


async def test_roles_are_named_after_another_database_only_while_it_is_migrated(
    settings: Settings, history: Path
) -> None:
    await migrate(settings, "library", history.parent, logins=False)
    assert api_role("customers") == "rapport_customers_api"
    await drop_database(settings, "library")
    assert api_role("customers") == "rapport_customers_api"
