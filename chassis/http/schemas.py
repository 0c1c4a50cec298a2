"""Schemas: the models of request bodies and responses.

    class ConsentFields(Fields): ...                                          # what request and response share
    class ConsentCreate(ConsentFields, RequestBody): ...                      # unknown fields and null are rejected
    class CustomerUpdate(CustomerFields, MergePatch): ...                     # null clears a field
    class Consent(ConsentFields, Resource, row=tables.ConsentReceipt): ...    # built from a row of the table

If request and response differ in their types, they are two classes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from chassis.db.statements import column_names
from chassis.db.tables import Table
from chassis.types.rows import construct

Item = TypeVar("Item", bound=BaseModel)


class Fields(BaseModel):
    """Fields that a request and a response share."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class RequestBody(BaseModel):
    """The body of a request. Unknown fields are rejected, so that none can be smuggled in.

    A field that is declared as `X | None = None` may be left out, and is then None. It is never null in a request.

    `example` is a body that is valid as it is, or with the ids of the reader's own records.
    """

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    example: ClassVar[dict[str, Any] | None] = None

    @classmethod
    def media_example(cls) -> dict[str, Any] | None:
        """Return the example of the body."""
        return cls.example

    @classmethod
    def accepts_null(cls, name: str) -> bool:
        """Return whether a request may set an optional field to null."""
        return False

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        fields = schema
        while fields["type"] != "model-fields":  # the model and its validators surround them
            fields = fields["schema"]
        for name, field in fields["fields"].items():
            if not cls.accepts_null(name):
                _reject_null(field)
        return cast(CoreSchema, schema)

    def values(self) -> dict[str, Any]:
        """Return all fields as plain values, defaults included."""
        return self.model_dump()

    def changes(self) -> dict[str, Any]:
        """Return the fields that the request contains, including those set to null: absent and null differ."""
        return self.model_dump(include=set(self.model_fields_set))


def _reject_null(field: Any) -> None:
    """Take null out of the schema of an optional field, below its default and its validators."""
    outer, value, is_optional = field, field["schema"], False
    while value["type"] == "default" or value["type"].startswith("function-"):
        is_optional = is_optional or value["type"] == "default"
        if "schema" not in value:
            return
        outer, value = value, value["schema"]
    if is_optional and value["type"] == "nullable":
        outer["schema"] = value["schema"]


class MergePatch(RequestBody):
    """A body in which absent and null differ: null clears a field, unless `never_null` names it (RFC 7396).

    The parts of such a body, which it replaces as a whole, take null for absent, as a response shows it.
    """

    never_null: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def accepts_null(cls, name: str) -> bool:
        """Return whether a request may clear a field."""
        return name not in cls.never_null


def record_name(body: type[BaseModel]) -> str:
    """Return the name of the record that a body creates or changes: `Purchase` for PurchaseCreate."""
    return re.sub("(Create|Upsert|Update)$", "", body.__name__)


class Resource(BaseModel):
    """A response, built from a row without validation.

    `row` is the table, or the dataclass of a query, that has a column for each field. A field without a column is named
    in `computed`. `etag` names the field whose value is the resource's ETag.
    """

    # Defaults of shared fields do not make a field of the response optional: it is always present.
    model_config = ConfigDict(
        json_schema_serialization_defaults_required=True,
        json_schema_mode_override="serialization",
        use_attribute_docstrings=True,
    )

    etag_field: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()  # the keywords of the class statement are for the method below

    @classmethod
    def __pydantic_init_subclass__(
        cls, *, row: type[Any] | None = None, computed: Iterable[str] = (), etag: str | None = None, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if etag is not None:
            cls.etag_field = etag
        unknown = set(computed) - cls.model_fields.keys()
        if row is not None:
            unknown |= cls.model_fields.keys() - set(computed) - _columns(row)
        if unknown:
            raise TypeError(f"{cls.__name__}: {', '.join(sorted(unknown))} is not a column, or not a field")

    @classmethod
    def from_row(cls, row: Any, **computed: Any) -> Self:
        """Build the resource from a row. `computed` supplies the fields that are not columns."""
        return construct(cls, row, **computed)

    @property
    def etag_value(self) -> int | None:
        """The version for the ETag, if the resource has one."""
        return None if self.etag_field is None else int(getattr(self, self.etag_field))


def _columns(row: type[Any]) -> set[str]:
    if issubclass(row, Table):
        return set(column_names(row))
    if is_dataclass(row):
        return {field.name for field in fields(row)}
    raise TypeError(f"{row.__name__} is neither a table nor a dataclass")


@dataclass(frozen=True, slots=True)
class Upserted(Generic[Item]):
    """The resource of a request that may find it existing: 201 if it was created, else 200."""

    resource: Item
    created: bool

    @property
    def status_code(self) -> int:
        """The status of the response."""
        return 201 if self.created else 200


@dataclass(frozen=True, slots=True)
class Accepted(Generic[Item]):
    """The resource of a request that was accepted and will be carried out later: 202."""

    resource: Item

    @property
    def status_code(self) -> int:
        """The status of the response."""
        return 202
