"""Lists: keyset pages with signed cursors, limited in rows and bytes. The hundredth page costs as much as the first.

A cursor holds the sort values of the last row, signed together with the tenant, the operation, the filters and the
sort, so it is valid for nothing else.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Generic, TypeVar, cast
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from chassis.core.field_errors import FieldError
from chassis.core.problems import MalformedRequest, ValidationFailed
from chassis.db.row_json import (
    json_columns,
    json_rows_sql,
    row_size_sql,
    rows_within_sql,
    small_rows_sql,
)
from chassis.db.statements import Filter, Record, condition, row_builder, table_name
from chassis.db.statements import Query as SqlQuery
from chassis.db.tables import DatabaseView, Table, TableUnion
from chassis.db.unit_of_work import UnitOfWork
from chassis.http.context import context_of
from chassis.http.schemas import Resource
from chassis.types import json
from chassis.types.codes import NOT_AFTER, FieldCode
from chassis.types.times import Day, Instant

Item = TypeVar("Item", bound=BaseModel)
View = DatabaseView | TableUnion
MAX_PAGE_SIZE = 200
MAX_PAGE_BYTES = 4_000_000
"""A page ends with the row that reaches this size, as PostgreSQL stores it. It has at least one row."""
_CURSOR_VERSION = 1
INVALID_CURSOR = FieldCode(
    "invalid_cursor",
    "The cursor was changed, or comes from a list with another path, filter or sort.",
    "Start again without it.",
)


class InvalidCursor(MalformedRequest, status=400):
    """The cursor does not belong to this list.

    Start again without it. A cursor is valid for its own list, filters and sort.
    """


class Page(BaseModel, Generic[Item]):
    """A part of a list, and the cursor of the next part: null in the last."""

    # Not by docstrings: pydantic would look for them in the source again for the page of each resource, 50 ms each.
    items: list[Item] = Field(description="The items of this page.")
    next_cursor: str | None = Field(description="The `cursor` of the next page, or null on the last one.")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Return `CustomerPage` for items of the class Customer."""
        return f"{params[0].__name__}Page"


class PageRequest:
    """The page that a request asks for. Injected as `params: PageParams`."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[
            int, Query(ge=1, le=MAX_PAGE_SIZE, description="Maximum items per page. A page of large items has fewer.")
        ] = 50,
        cursor: Annotated[str | None, Query(max_length=3000, description="`next_cursor` of the previous page.")] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor
        self._request = request
        self._response = response
        self._secret = context_of(request).cursor_secret

    def after(self, tenant: UUID, sort: str) -> list[Any] | None:
        """Return the sort values to continue after, or None for the first page. Raises InvalidCursor."""
        if self.cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(self.cursor.encode("ascii") + b"==")
            signature, position = raw[:16], raw[16:]
            if not hmac.compare_digest(signature, self._sign(tenant, sort, position)):
                raise ValueError
            values = json.loads(position)
        except ValueError:
            error = FieldError(location="query", pointer="/cursor", code=INVALID_CURSOR, detail=InvalidCursor.title)
            raise InvalidCursor(errors=[error]) from None
        return list(values)

    def next(self, tenant: UUID, sort: str, values: Sequence[Any]) -> str:
        """Return the cursor of the page after a row with these sort values, and set the Link header."""
        position = json.dumps(list(values))
        cursor = base64.urlsafe_b64encode(self._sign(tenant, sort, position) + position).decode().rstrip("=")
        parameters = [pair for pair in self._request.query_params.multi_items() if pair[0] != "cursor"]
        query = urlencode([*parameters, ("cursor", cursor)])
        self._response.headers["Link"] = f'<{self._request.scope["path"]}?{query}>; rel="next"'
        return cursor

    def _sign(self, tenant: UUID, sort: str, position: bytes) -> bytes:
        return hmac.new(self._secret, self._signed_context(tenant, sort) + position, hashlib.sha256).digest()[:16]

    def _signed_context(self, tenant: UUID, sort: str) -> bytes:
        """Return the context of a cursor: the tenant, the path, the sort, and the parameters that choose the rows."""
        parameters = sorted(self._request.query_params.multi_items())
        bound = [list(pair) for pair in parameters if pair[0] not in ("cursor", "limit")]
        return json.dumps([_CURSOR_VERSION, str(tenant), self._request.scope["path"], sort, bound])


PageParams = Annotated[PageRequest, Depends(PageRequest)]


class TimeRange:
    """A filter on a point in time or a day, by up to four bounds."""

    def __init__(self, column: str, bounds: Sequence[tuple[str, datetime | date | None]]) -> None:
        _reject_reversed(column, bounds)
        self.filters: list[Filter] = [
            condition(f"{column} {comparison} :bound", bound=bound) for comparison, bound in bounds if bound is not None
        ]


def _reject_reversed(column: str, bounds: Sequence[tuple[str, Any]]) -> None:
    """Raise ValidationFailed for a range that ends before its start, which no row could be in."""
    starts = [bound for comparison, bound in bounds if comparison.startswith(">") and bound is not None]
    ends = [(comparison, bound) for comparison, bound in bounds if comparison.startswith("<") and bound is not None]
    for comparison, end in ends:
        if starts and end < max(starts):
            name = "lte" if comparison == "<=" else "lt"
            detail = f"the range ends before it starts, at {max(starts).isoformat().replace('+00:00', 'Z')}"
            raise ValidationFailed.field(f"/{column}.{name}", NOT_AFTER, detail, "query")


def time_range(column: str) -> Callable[..., TimeRange]:
    """Return a dependency that reads `<column>.gte`, `.gt`, `.lte` and `.lt` from the query."""

    def read(
        gte: Annotated[Instant | None, Query(alias=f"{column}.gte", description="At or after.")] = None,
        gt: Annotated[Instant | None, Query(alias=f"{column}.gt", description="After.")] = None,
        lte: Annotated[Instant | None, Query(alias=f"{column}.lte", description="At or before.")] = None,
        lt: Annotated[Instant | None, Query(alias=f"{column}.lt", description="Before.")] = None,
    ) -> TimeRange:
        return TimeRange(column, ((">=", gte), (">", gt), ("<=", lte), ("<", lt)))

    return read


def day_range(column: str) -> Callable[..., TimeRange]:
    """Return a dependency that reads `<column>.gte` and `.lte` from the query, which are days."""

    def read(
        gte: Annotated[Day | None, Query(alias=f"{column}.gte", description="On or after this day.")] = None,
        lte: Annotated[Day | None, Query(alias=f"{column}.lte", description="On or before this day.")] = None,
    ) -> TimeRange:
        return TimeRange(column, ((">=", gte), ("<=", lte)))

    return read


@dataclass(frozen=True, slots=True)
class SortKey:
    """A text that another table holds for each row of a list, and by which the list is sorted.

    `rows` selects `row_id`, `sort_key`, and the columns of `where`, whose names the list's own table does not have.
    """

    rows: str
    where: Filter
    few: bool = False
    """True if other filters leave few rows. Otherwise the keys are read in order until the page is full."""

    def join(self, table: str) -> str:
        """Return the join with the list's own table.

        A planner that underestimates the rows of a large tenant would join them all and sort them. The offset makes it
        look up the row of each key.
        """
        if self.few:
            return f"join {table} on {table}.id = row_id"
        return f"cross join lateral (select * from {table} where id = row_id offset 0) as {table}"


async def paginate(
    work: UnitOfWork,
    params: PageRequest,
    source: type[Table] | View,
    item: type[Item] | Callable[[Any], Item],
    *,
    sort: str = "id",
    key: SortKey | None = None,
    where: Iterable[Filter] = (),
) -> Page[Item]:
    """Return a page of the rows of a table, view or union, sorted by a column (`-` before it: descending), ties by id.

    With a `key`, `sort` only names it, and the rows are sorted by the key.

    A page ends early if its rows are large. Only a missing cursor means that there are no more.

    `item` is the resource of each row, or a function that builds it from a table object or the view's row type. If it
    is the resource of a table, PostgreSQL writes its JSON: the items of the page are then only good to be sent.
    """
    descending, column, row_id = sort.startswith("-"), sort.lstrip("-"), "id"
    direction, comparison = (" desc", "<") if descending else ("", ">")
    filters = list(where)
    if key is not None:
        column, row_id = "sort_key", "row_id"  # of the same index, in which the page begins
        filters.append(key.where)
    after = params.after(work.tenant.id, sort)
    if after is not None:
        position = after[0] if key else _column_adapter(source, column).validate_python(after[0])
        position_text = f"({column}, {row_id}) {comparison} (:position, :id)"
        filters.append(condition(position_text, position=position, id=UUID(after[1])))
    rows = _rows_sql(source, key, f"order by {column}{direction}, {row_id}{direction} limit {params.limit + 1}")
    columns = _json_columns(source, item)
    sql = _PageSql(source, rows, columns, f"page.{column}", direction, key is not None)
    records, rows_read = await _read(work, sql, filters, params.limit)
    shown = records[: params.limit]
    cursor = None
    if rows_read > len(shown):
        cursor = params.next(work.tenant.id, sort, [shown[-1][column], shown[-1]["id"]])
    build = _item_builder(source, item) if columns is None else _written_item
    return Page.model_construct(items=[build(record) for record in shown], next_cursor=cursor)


def _rows_sql(source: type[Table] | View, key: SortKey | None, ending: str) -> str:
    """Return the statement that reads the rows of a page. `ending` has their order and their number."""
    if isinstance(source, TableUnion):
        parts = (f"(select * from ({part}) as part where {{where}} {ending})" for part in source.parts)
        return f"select * from ({' union all '.join(parts)}) as parts {ending}"
    name = source.name if isinstance(source, DatabaseView) else table_name(source)
    if key is None:
        return f"select * from {name} where {{where}} {ending}"
    return f"select {name}.*, sort_key from ({key.rows}) as sorted {key.join(name)} where {{where}} {ending}"


@dataclass(frozen=True, slots=True)
class _PageSql:
    """The statements that read a page."""

    source: type[Table] | View
    rows: str
    json_columns: str | None
    column: str
    direction: str
    has_key: bool

    @property
    def size(self) -> str | None:
        """The expression for the size of a row, or None if rows are always small."""
        if not isinstance(self.source, View):
            return row_size_sql(self.source)
        return " + ".join(f"coalesce(pg_column_size(page.{name}), 0)" for name in self.source.documents) or None

    def all_rows(self) -> str:
        """Return the statement that reads all rows."""
        return self.rows if self.json_columns is None else self._as_json(self.rows)

    def small_rows(self, size: str, most: int) -> str:
        """Return the statement that reads rows, but little of those that are larger than `most`."""
        assert not isinstance(self.source, View)
        if self.json_columns is not None:
            return self._as_json(self.rows, only=f"{size} <= {most}")
        more = ("sort_key",) if self.has_key else ()
        return small_rows_sql(self.rows, self.source, self._order, most=most, more=more)

    def first_rows(self, size: str, most: int) -> str:
        """Return the statement that reads the first rows of large ones, and the number of all."""
        rows = rows_within_sql(self.rows, size, self._order, most=most)
        return rows if self.json_columns is None else self._as_json(rows, "page_rows")

    @property
    def _order(self) -> str:
        return f"{self.column}{self.direction}, page.id{self.direction}"

    def _as_json(self, rows: str, more: str | None = None, only: str | None = None) -> str:
        kept = f"{self.column}, page.id" if more is None else f"{self.column}, page.id, page.{more}"
        return json_rows_sql(rows, self.json_columns or "", kept, self._order, only=only)


async def _read(work: UnitOfWork, sql: _PageSql, filters: list[Filter], limit: int) -> tuple[list[Record], int]:
    """Return the rows of a page, and how many rows there are up to the limit and one more.

    Sums over the rows would cost 4 % of an ordinary page. So a page of small rows is read without them.
    """
    size = sql.size
    if size is None:
        records = await work.select(SqlQuery(Record, sql.all_rows()).where(filters))
        return records, len(records)
    if not isinstance(sql.source, View):
        most = MAX_PAGE_BYTES // (limit + 1)
        records = await work.select(SqlQuery(Record, sql.small_rows(size, most)).where(filters))
        if all(record["item"] is not None if sql.json_columns else record["row_bytes"] <= most for record in records):
            return records, len(records)
    records = await work.select(SqlQuery(Record, sql.first_rows(size, MAX_PAGE_BYTES)).where(filters))
    return records, records[0]["page_rows"] if records else 0


def _json_columns(source: type[Table] | View, item: Any) -> str | None:
    """Return the columns of an item whose JSON PostgreSQL builds, or None if it is built here."""
    is_resource = isinstance(item, type) and issubclass(item, Resource) and json.is_plain(item)
    if isinstance(source, View) or not is_resource:
        return None
    return json_columns(source, tuple(item.model_fields))


def _written_item(record: Record) -> Any:
    return json.Written(record["item"])


def _item_builder(source: type[Table] | View, item: type[Item] | Callable[[Any], Item]) -> Callable[[Record], Item]:
    if isinstance(item, type):
        assert issubclass(item, Resource)
        return cast(Callable[[Record], Item], item.from_row)
    row_type: Any = source.row if isinstance(source, View) else source
    build, convert = row_builder(row_type), item
    return lambda record: convert(build(record))


@cache
def _column_adapter(source: type[Table] | View, column: str) -> TypeAdapter[Any]:
    """Return the type of a column, by which a cursor's JSON value is read. Raises KeyError for an unknown column."""
    types: dict[str, Any] = (
        {field.name: field.type for field in fields(source.row)}
        if isinstance(source, View)
        else {name: field.annotation for name, field in source.model_fields.items()}
    )
    return TypeAdapter(types[column])
