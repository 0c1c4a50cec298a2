"""Drift: the differences between a service's declared tables, functions and views and its migrated database.

Alembic compares tables, columns, indexes and keys. It does not compare the text of CHECKs, functions and views, so the
declarations are created in a transaction that is rolled back, and PostgreSQL's own text of both is compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, MetaData, String, Table
from sqlalchemy.exc import ProgrammingError
from sqlmodel import AutoString

from chassis.core.settings import Settings
from chassis.db.migrations import with_owner_connection
from chassis.db.tables import SCHEMA, DatabaseFunction, DatabaseView

DatabaseObject = DatabaseFunction | DatabaseView
_SCRATCH = "drift_check"


@dataclass(frozen=True)
class CheckChange:
    """A CHECK whose text differs. `constraint` is None if only the database has it."""

    table: str
    name: str
    constraint: CheckConstraint | None
    exists: bool


@dataclass
class Drift:
    """The differences, from which a migration is written."""

    tables: list[Any]
    """Alembic's differences."""
    checks: list[CheckChange]
    objects: list[DatabaseObject]
    """Functions and views that are missing or differ."""

    def __bool__(self) -> bool:
        return bool(self.tables or self.checks or self.objects)


async def find_drift(settings: Settings, metadata: MetaData) -> Drift:
    """Compare the declarations with the database of the settings."""
    drift = Drift([], [], [])

    def compare(connection: Connection) -> None:
        drift.tables = compare_metadata(migration_context(connection), metadata)
        drift.checks = _compare_checks(connection, metadata)
        drift.objects = _compare_objects(connection, metadata.info.get("objects", []))

    await with_owner_connection(settings, compare)
    return drift


def migration_context(connection: Connection) -> MigrationContext:
    """Return Alembic's context for a comparison. The chassis' own tables come from its SQL and are left out."""
    options = {
        "compare_type": _compare_type,
        "version_table_schema": SCHEMA,
        "include_name": lambda name, kind, _: kind != "schema" or name is None,
    }
    return MigrationContext.configure(connection, opts=options)


def _compare_type(_: object, __: object, ___: object, existing: object, declared: object) -> bool | None:
    """Text equals text, whether a declaration says `str` or a migration says TEXT. Alembic decides on the rest."""
    text = (String, AutoString)
    return False if isinstance(existing, text) and isinstance(declared, text) else None


def checks_of(table: Table) -> list[CheckConstraint]:
    """Return the CHECKs of a table: its own, and those that are declared with a column."""
    items = [*table.constraints, *(item for column in table.columns for item in column.constraints)]
    return [item for item in items if isinstance(item, CheckConstraint)]


def _compare_checks(connection: Connection, metadata: MetaData) -> list[CheckChange]:
    """Compare CHECKs by name and by text. The text is PostgreSQL's own, from copies of the tables."""
    changes = []
    for table in metadata.sorted_tables:
        existing = _check_texts(connection, table.name)
        if existing is None:
            continue  # the whole table is new
        declared = {constraint_name(connection, check): check for check in checks_of(table)}
        texts = _declared_texts(connection, table, declared)
        names = sorted({*existing, *declared})
        changes += [
            CheckChange(table.name, name, declared.get(name), name in existing)
            for name in names
            if existing.get(name) != texts.get(name)
        ]
    return changes


def constraint_name(connection: Connection, check: CheckConstraint) -> str:
    """Return the name of a CHECK in the database, by the naming convention."""
    return str(connection.dialect.identifier_preparer.format_constraint(check))


def _check_texts(connection: Connection, table: str) -> dict[str, str] | None:
    """Return PostgreSQL's text of a table's CHECKs by name, or None if the table does not exist."""
    if connection.exec_driver_sql(f"select to_regclass('{table}')").scalar() is None:
        return None
    rows = connection.exec_driver_sql(
        "select conname, pg_get_constraintdef(oid) from pg_constraint "
        f"where contype = 'c' and conrelid = to_regclass('{table}')"
    )
    return {row[0]: row[1] for row in rows}


def _declared_texts(connection: Connection, table: Table, checks: Mapping[str, CheckConstraint]) -> dict[str, str]:
    """Return PostgreSQL's text of the declared CHECKs, from a temporary copy of the table's columns."""
    savepoint = connection.begin_nested()
    try:
        connection.exec_driver_sql(f"create temporary table {_SCRATCH} (like {table.name}) on commit drop")
        for column in table.columns:  # a CHECK may be about a column that is new
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f"alter table {_SCRATCH} add column if not exists {column.name} {kind}")
        for name, check in checks.items():
            connection.exec_driver_sql(f"alter table {_SCRATCH} add constraint {name} check ({check.sqltext})")
        return _check_texts(connection, _SCRATCH) or {}
    finally:
        savepoint.rollback()


def _compare_objects(connection: Connection, objects: Sequence[DatabaseObject]) -> list[DatabaseObject]:
    """Return the functions and views whose text in the database differs from that of their declaration."""
    changed = []
    for item in objects:
        before = _definition(connection, item)
        savepoint = connection.begin_nested()
        try:
            if isinstance(item, DatabaseFunction) and item.requires:
                connection.exec_driver_sql(item.requires)
            connection.exec_driver_sql(item.sql)
            if _definition(connection, item) != before:
                changed.append(item)
        except ProgrammingError:  # it refers to a table or a column that is new
            changed.append(item)
        finally:
            savepoint.rollback()
    return changed


def _definition(connection: Connection, item: DatabaseObject) -> str | None:
    """Return PostgreSQL's text of a function or view, without differences in white space."""
    if isinstance(item, DatabaseView):
        query = f"select pg_get_viewdef(to_regclass('{item.name}'))"
    else:
        query = f"select pg_get_functiondef(to_regprocedure('{item.signature}'))"
    text: str | None = connection.exec_driver_sql(query).scalar()
    return None if text is None else " ".join(text.split())
