"""Tables: what every table has, and the chassis' own, which stand in a schema of their own.

Each service has its own registry (`class Owned(Table, registry=new_registry())`): two services in one process must
not collide on one metadata.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, MetaData, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.ids import uuid7

SCHEMA = "chassis"
CURRENT_TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"
"""The tenant of the running statement. After a reset the setting is '', which must hide rows and not raise."""

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_registry() -> registry:
    """A registry for one service's tables, with predictable constraint names."""
    return registry(metadata=MetaData(naming_convention=NAMES))


class Table(SQLModel):
    """A row of a tenant. The tenant leads every key: it is what row-level security and a cluster go by."""

    audited: ClassVar[bool] = False
    """Whether Work writes who changed what, from what to what."""
    computed: ClassVar[frozenset[str]] = frozenset()
    """Columns that follow from others: the audit leaves them out."""

    def __init__(self, **values: Any) -> None:
        """A row with these values and, for the other columns, their defaults. Nothing is validated.

        SQLModel's own way tells SQLAlchemy of each column, at twenty times the cost, for a session that nobody opens.
        """
        fixed, made = _defaults_of(type(self))
        if unknown := values.keys() - fixed.keys() - made.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        row = self.__dict__
        row.update(fixed)
        row.update(values)
        for name in made.keys() - values.keys():
            row[name] = made[name]()

    tenant_id: UUID = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": text(CURRENT_TENANT)})
    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_column_kwargs={"server_default": text("uuidv7()")})


@cache
def _defaults_of(table: type[Table]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """What columns are when nobody says: a value, or what makes one. One that is required is None until it is set."""
    fields = table.model_fields.items()
    made: dict[str, Callable[[], Any]] = {
        name: cast(Callable[[], Any], field.default_factory) for name, field in fields if field.default_factory
    }
    fixed = {
        name: None if field.is_required() else field.default for name, field in fields if field.default_factory is None
    }
    return fixed, made


def instant(**options: Any) -> Any:
    """A column that holds a moment (timestamptz)."""
    return Field(sa_type=DateTime(timezone=True), **options)


def whole(**options: Any) -> Any:
    """A column that holds points or minor units of money (bigint)."""
    return Field(sa_type=BigInteger, **options)


class Versioned(Table):
    """A record that changes: its version counts the changes and is its ETag."""

    version: int = Field(default=1, sa_type=BigInteger)
    created_at: datetime = instant()
    updated_at: datetime = instant()
