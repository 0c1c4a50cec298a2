"""Tables: the columns that every table has, and helpers for columns, keys and constraints of a tenant's table.

Each service has its own registry (`class Base(Table, registry=new_registry())`), so that two services in a process
do not share metadata. The chassis' own tables live in a schema of their own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Self, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from chassis.db.persons import Person
from chassis.types.choices import choices_of
from chassis.types.ids import uuid7

SCHEMA = "chassis"
CURRENT_TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"
"""The tenant of the running statement. After a reset the setting is '', which must hide rows rather than raise."""
TECHNICAL = frozenset(("tenant_id", "id", "version", "created_at", "updated_at"))
"""The columns that the chassis fills."""

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_registry() -> registry:
    """Return a registry for a service's tables, with predictable constraint names."""
    return registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))


class Table(SQLModel):
    """A row of a tenant. The tenant id leads every key: row-level security and a cluster distribute by it."""

    audited: ClassVar[bool] = False
    """If true, a unit of work writes changes of this table to the audit log."""
    computed: ClassVar[frozenset[str]] = frozenset()
    """Derived columns, which the audit log leaves out."""
    persons: ClassVar[tuple[Person, ...]] = ()
    """The columns that name a person, each with the effects of a merge and of an erasure."""

    def __init__(self, **values: Any) -> None:
        """Build a row with these values and the other columns' defaults, without validation.

        SQLModel's constructor reports each column to SQLAlchemy for a session that Rapport does not use, at many times
        the cost.
        """
        fixed, factories = _defaults(type(self))
        if unknown := values.keys() - fixed.keys() - factories.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        row = self.__dict__
        row.update(fixed)
        row.update(values)
        for name in factories.keys() - values.keys():
            row[name] = factories[name]()

    def replace(self, **values: Any) -> Self:
        """Return a copy of the row with these values. The row itself does not change."""
        row = self.__dict__
        return self.from_columns({name: row[name] for name in type(self).model_fields} | values)

    @classmethod
    def from_columns(cls, columns: dict[str, Any]) -> Self:
        """Build a row from a value for every column.

        The constructor is wrapped by SQLAlchemy, which attaches the state of a session at three times the cost. A row
        without it can be read, and setting an attribute fails: rows do not change in place.
        """
        row: Self = cls.__new__(cls)
        row.__dict__.update(columns)
        return row

    tenant_id: UUID = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": text(CURRENT_TENANT)})
    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_column_kwargs={"server_default": text("uuidv7()")})


@cache
def _defaults(table: type[Table]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """Return the default values and the default factories of columns. A required column is None until it is set."""
    fields = table.model_fields.items()
    factories: dict[str, Callable[[], Any]] = {
        name: cast(Callable[[], Any], field.default_factory) for name, field in fields if field.default_factory
    }
    fixed = {
        name: None if field.is_required() else field.default for name, field in fields if field.default_factory is None
    }
    return fixed, factories


def blank_values(table: type[Table], columns: Iterable[str]) -> dict[str, Any]:
    """Return a value for each column that says nothing: null, or else the default of the column."""
    fixed, factories = _defaults(table)
    described = table.__table__.columns  # type: ignore[attr-defined]
    return {
        name: None if described[name].nullable else factories[name]() if name in factories else fixed[name] or ""
        for name in columns
    }


SURVIVES_RESTORE = {"info": {"survives_restore": True}}
"""Marks a table, last in its `__table_args__`: `rapport restore --replace` adds its present rows to a backup's."""

# Columns

LONG = "long"
"""Marks columns of long texts, in SQLAlchemy's `info`."""


def timestamp(**options: Any) -> Any:
    """Declare a point in time (timestamptz)."""
    return Field(sa_type=DateTime(timezone=True), **options)


def bigint(**options: Any) -> Any:
    """Declare a count of points or of minor units of money (bigint). It holds any figure, but no sum."""
    return Field(sa_type=BigInteger, **options)


def exact_sum(**options: Any) -> Any:
    """Declare a sum of counts or of minor units (numeric). It cannot overflow, and is read as an integral Decimal."""
    return Field(sa_type=Numeric, **options)


def choice(values: Any, column: str, **options: Any) -> Any:
    """Declare a text column that is limited to the values of a vocabulary, by a CHECK named after the column."""
    allowed = ", ".join(f"'{value}'" for value in choices_of(values))
    constraint = CheckConstraint(f"{column} in ({allowed})", name=column)
    return Field(sa_type=Text, sa_column_args=[constraint], **options)


def document(**options: Any) -> Any:
    """Declare a JSON document (jsonb). None is SQL's null."""
    return Field(sa_type=JSONB(none_as_null=True), **options)


def long_text(**options: Any) -> Any:
    """Declare a text of more than a few lines. Pages of rows with long texts may end early."""
    return Field(sa_type=Text, sa_column_kwargs={"info": {LONG: True}}, **options)


def text_list(**options: Any) -> Any:
    """Declare a list of texts (text[]), empty by default."""
    return Field(default_factory=list, sa_type=ARRAY(Text), **options)


# Keys and constraints, each led by the tenant


def belongs_to(column: str, table: str, *, cascade: bool = False, name: str | None = None) -> ForeignKeyConstraint:
    """Declare that a column is the id of a row of another table. `cascade` deletes this row with its parent.

    A second column that refers to the same table needs a name for its constraint.
    """
    ondelete = "cascade" if cascade else None
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], ondelete=ondelete, name=name
    )


def unique(*columns: str) -> UniqueConstraint:
    """Declare that a tenant has one row with these values."""
    return UniqueConstraint("tenant_id", *columns)


def index(*columns: Any, name: str | None = None, **options: Any) -> Index:
    """Declare an index on these columns of a tenant's rows."""
    return Index(name, "tenant_id", *columns, **options)


def check(name: str, condition: str) -> CheckConstraint:
    """Declare a condition that holds for every row."""
    return CheckConstraint(condition, name=name)


class Versioned(Table):
    """A record that changes. Its version counts the changes and is its ETag."""

    version: int = Field(default=1, sa_type=BigInteger)
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()


# Database objects that are not tables


@dataclass(frozen=True, slots=True)
class DatabaseFunction:
    """A function that a service keeps in its database, as `create or replace` SQL.

    `signature` is its name with the types of its arguments. A service lists its functions and views in
    `Base.metadata.info["objects"]`, and the drift test compares them with the database.
    """

    signature: str
    sql: str
    requires: str | None = None
    """A statement to run first, for example to load the extension whose settings the function changes."""


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """A view that a service keeps in its database, as `create or replace` SQL. `row` is a dataclass of its columns."""

    name: str
    row: type[Any]
    sql: str
    documents: tuple[str, ...] = ()
    """The columns that may be large. A page of rows with large documents ends early."""


@dataclass(frozen=True, slots=True)
class TableUnion:
    """The rows of several tables as a single list. `row` is a dataclass of its columns.

    Each part selects these columns from a table that has an index in the order of the list. A page reads only its own
    number of rows from each. A view with the same parts would read and sort all rows of a person.
    """

    row: type[Any]
    parts: tuple[str, ...]
    documents: tuple[str, ...] = ()
    """As in `DatabaseView`."""
