"""Ownership and rights of a database's objects: repaired by every migration, because a restore can lose them.

The rights are those that the migrations grant. Their statements are recorded by running the history on a connection
that executes nothing, so no second list of rights exists.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy.dialects import postgresql

_GRANT = re.compile(r"\s*(grant|revoke)\s", re.IGNORECASE)
_ABSENT = ("42P01", "42883", "42704", "3F000")
"""SQLSTATEs of a table, function, type or schema that a later migration has removed."""
_FOREIGN_OBJECTS = """
    with own_schema as (
        select oid, nspname, nspowner from pg_namespace
        where nspname not in ('public', 'information_schema') and nspname !~ '^pg_'
    ), member as (
        select classid, objid from pg_depend where deptype = 'e'
    )
    select format('schema %I', nspname) as object from own_schema where nspowner <> $1::regrole
    union all
    select format('%s %s', case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                           else 'table' end, pg_class.oid::regclass)
    from pg_class where relowner <> $1::regrole and relkind in ('r', 'p', 'v', 'm', 'S')
      and relnamespace in (select oid from own_schema union select 'public'::regnamespace)
      and ('pg_class'::regclass, pg_class.oid) not in (select classid, objid from member)
      and not exists (  -- a sequence of a column has the owner of its table
          select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i')
              and relkind = 'S')
    union all
    select format('routine %s', pg_proc.oid::regprocedure)
    from pg_proc where proowner <> $1::regrole
      and pronamespace in (select oid from own_schema union select 'public'::regnamespace)
      and ('pg_proc'::regclass, pg_proc.oid) not in (select classid, objid from member)
    union all
    select format('type %s', pg_type.oid::regtype)
    from pg_type where typowner <> $1::regrole and typtype in ('d', 'e')
      and typnamespace in (select oid from own_schema union select 'public'::regnamespace)
      and ('pg_type'::regclass, pg_type.oid) not in (select classid, objid from member)
"""


async def give_to_owner(connection: asyncpg.Connection, owner: str) -> int:
    """Make a role the owner of every object of a service's database. Returns the number of objects that changed."""
    objects = [row["object"] for row in await connection.fetch(_FOREIGN_OBJECTS, owner)]
    for item in objects:
        await connection.execute(f"alter {item} owner to {owner}")
    return len(objects)


def recorded_grants(history: Iterable[Script]) -> list[str]:
    """Return every GRANT and REVOKE of a history, oldest first."""
    recorder = _Recorder()
    context = MigrationContext.configure(connection=recorder)  # type: ignore[arg-type]
    with Operations.context(context):
        for script in history:
            script.module.upgrade()
    return list(recorder.grants())


def repeat_grants(connection: sa.Connection, statements: Iterable[str]) -> None:
    """Execute recorded statements again. Those on objects that no longer exist are skipped."""
    for statement in statements:
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(statement)
        except sa.exc.ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) not in _ABSENT:
                raise


class _Recorder:
    """A connection that records statements instead of executing them. Every result is empty."""

    dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]

    def __init__(self) -> None:
        self._statements: list[str] = []

    def execute(self, statement: Any, *_: object, **__: object) -> "_NoRows":
        """Record a statement."""
        if isinstance(statement, sa.TextClause):
            self._statements.append(statement.text)
        return _NoRows()

    def in_transaction(self) -> bool:
        """Return that Alembic need not begin a transaction."""
        return True

    def grants(self) -> Iterator[str]:
        """Iterate over the statements on rights."""
        return (text for text in self._statements if _GRANT.match(text))


class _NoRows:
    """The result of a statement that was not executed."""

    def all(self) -> list[Any]:
        """Return no rows."""
        return []
