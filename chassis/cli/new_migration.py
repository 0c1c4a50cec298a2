"""`rapport migrations new`: write a migration from the difference between a service's tables and its history.

The history is applied to a scratch database, so the state of the developer's own databases does not matter. The result
is a draft: read it, and add the parts that no comparison can find, such as the backfill of a new column.
"""

import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from alembic.autogenerate import produce_migrations, render_python_code, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import CheckConstraint, Column, Connection, MetaData, PrimaryKeyConstraint, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import conv
from sqlmodel import AutoString

from chassis.core.settings import Settings
from chassis.db.drift import CheckChange, DatabaseObject, Drift, constraint_name, find_drift, migration_context
from chassis.db.migrations import migrate, newest_revision, with_owner_connection
from chassis.db.provisioning import drop_database
from chassis.db.tables import DatabaseFunction
from chassis.service import Service


async def write_migration(service: Service, settings: Settings, subject: str) -> Path | None:
    """Write the migration and return its path, or None if the history already creates the tables as declared."""
    scratch = _scratch_settings(settings)
    try:
        await migrate(scratch, service.name, service.migrations, logins=False)
        drift = await find_drift(scratch, service.metadata)
        if not drift:
            return None
        body = await _render(scratch, service, drift)
    finally:
        await drop_database(scratch, service.name)
    previous = newest_revision(service.migrations, service.name)
    if previous is None:
        body = _CHASSIS_TABLES.format(service=service.name) + body
    number = f"{int(previous or 0) + 1:04}"
    name = re.sub(r"[^a-z0-9]+", "_", subject.lower()).strip("_")
    path = service.migrations / "versions" / f"{number}_{name}.py"
    path.write_text(
        _TEMPLATE.format(
            subject=subject[0].upper() + subject[1:],
            number=number,
            previous=f'"{previous}"' if previous else None,
            body=body,
        )
    )
    _tidy(path)
    return path


def _tidy(path: Path) -> None:
    """Remove unused imports and format the file, where ruff is installed."""
    ruff = Path(sys.executable).with_name("ruff")
    if ruff.exists():
        subprocess.run([ruff, "check", "--fix", "--quiet", "--ignore", "D,E501", path], check=False)
        subprocess.run([ruff, "format", "--quiet", path], check=False)


def _scratch_settings(settings: Settings) -> Settings:
    """Return settings for a database of another name on the same server."""
    assert settings.migration_database_url is not None, "MIGRATION_DATABASE_URL is required"
    address = urlsplit(str(settings.migration_database_url))._replace(path=f"/draft_{secrets.token_hex(6)}")
    return settings.model_copy(update={"migration_database_url": address.geturl()})


async def _render(settings: Settings, service: Service, drift: Drift) -> str:
    """Return the statements of `upgrade`."""
    parts: list[str] = []

    def render(connection: Connection) -> None:
        parts.extend(_render_tables(connection, service.metadata, service.name))

    await with_owner_connection(settings, render)
    parts += [_render_check(change) for change in drift.checks]
    parts += [_render_object(item, service.name) for item in drift.objects]
    return "\n".join(f"    {line}" if line else "" for part in parts for line in part.splitlines())


def _render_tables(connection: Connection, metadata: MetaData, service: str) -> list[str]:
    context = migration_context(connection)
    script = produce_migrations(context, metadata)
    assert script.upgrade_ops is not None
    script.upgrade_ops.ops = [_as_tenant_table(operation, service, connection) for operation in script.upgrade_ops.ops]
    code = render_python_code(script.upgrade_ops, migration_context=context, render_item=_render_item)
    lines = (line.removeprefix("    ") for line in code.splitlines())
    return ["\n".join(line for line in lines if not line.strip().startswith("# ###") and line.strip() != "pass")]


class _CreateTenantTable(ops.CreateTableOp):
    """The creation of a table by the helper that makes it a tenant's: ids, primary key, row-level security, grants."""

    service: str


def _as_tenant_table(operation: Any, service: str, connection: Connection) -> Any:
    if not isinstance(operation, ops.CreateTableOp):
        return operation
    items = [item for item in operation.columns if not isinstance(item, PrimaryKeyConstraint)]
    # Alembic leaves out the CHECKs that are declared with a column.
    checks = [check for item in items if isinstance(item, Column) for check in item.constraints]
    items += [
        CheckConstraint(check.sqltext, name=conv(constraint_name(connection, check)))
        for check in checks
        if isinstance(check, CheckConstraint)
    ]
    tenant_table = _CreateTenantTable(operation.table_name, items)
    tenant_table.service = service
    return tenant_table


@renderers.dispatch_for(_CreateTenantTable)
def _render_create(context: AutogenContext, operation: _CreateTenantTable) -> str:
    code = str(renderers.dispatch(ops.CreateTableOp)(context, operation))
    body = code.removeprefix(f"op.create_table('{operation.table_name}',").strip().removesuffix(")").rstrip()
    body = re.sub(r"sa\.PrimaryKeyConstraint\(.*\),?\n?", "", body).rstrip(", \n")  # SQLAlchemy adds one for the ids
    arguments = f'"{operation.table_name}",\n"{operation.service}",\n{body},\nappend_only=False,'
    return f"create_tenant_table(\n{arguments}\n)"


def _render_item(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Render types as this project writes them, and nothing for columns that the helper adds.

    False leaves an item to Alembic.
    """
    if kind == "column" and item.name in ("tenant_id", "id"):
        return ""
    if kind == "type" and isinstance(item, (String, AutoString)):
        return "sa.Text()"
    if kind == "type" and isinstance(item, JSONB):
        return "postgresql.JSONB()"
    return False


def _render_check(change: CheckChange) -> str:
    lines = []
    if change.exists:
        lines.append(f'op.drop_constraint("{change.name}", "{change.table}", type_="check")')
    if change.constraint is not None:
        condition = str(change.constraint.sqltext)
        lines.append(f'op.create_check_constraint("{change.name}", "{change.table}", {condition!r})')
    return "\n".join(lines)


def _render_object(item: DatabaseObject, service: str) -> str:
    lines = [f'op.execute("{item.requires}")'] if isinstance(item, DatabaseFunction) and item.requires else []
    lines += [f'op.execute("""{item.sql.rstrip()}\n"""', ")"]
    if isinstance(item, DatabaseFunction):
        lines.append(f'grant_function("{item.signature}", "{service}")')
    else:
        lines.append(f'grant_view("{item.name}", "{service}")')
    return "\n".join(lines)


_CHASSIS_TABLES = """\
    create_chassis_tables("{service}")
    store_tenant_facts_as_json()
"""
"""How the first migration of a service begins."""
_TEMPLATE = '''"""{subject}.

Generated by `rapport migrations new`, then read.

Revision ID: {number}
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import (
    create_chassis_tables,
    create_tenant_table,
    grant_function,
    grant_view,
    store_tenant_facts_as_json,
)

revision = "{number}"
down_revision = {previous}


def upgrade() -> None:
    """{subject}."""
{body}
'''
