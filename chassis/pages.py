"""Lists: keyset pages, whose hundredth costs what the first one costs, under cursors that nobody can bend.

A cursor carries the last row's sort values, signed together with the tenant, the operation, the filters and the sort:
it is good for nothing else.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import json
from chassis.problems import FieldError, MalformedRequest
from chassis.statements import columns_of, name_of
from chassis.tables import Table
from chassis.values import Instant
from chassis.work import Record, Work

Item = TypeVar("Item")
MOST = 200
_VERSION = 1


class BadCursor(MalformedRequest, status=400):
    """The cursor does not belong to this list."""


class Page(BaseModel, Generic[Item]):
    """Some rows of a list, and where the next ones begin."""

    items: list[Item]
    next_cursor: str | None


class Paging:
    """What a request says of its page. Injected: `paging: Paged`."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Rows of a page.")] = 50,
        cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor
        self._request = request
        self._response = response
        self._secret: bytes = request.app.state.cursor_secret

    def _seal(self, tenant: UUID) -> bytes:
        asked = sorted((name, value) for name, value in self._request.query_params.multi_items() if name != "cursor")
        bound = [_VERSION, str(tenant), self._request.scope["path"], [pair for pair in asked if pair[0] != "limit"]]
        return json.dumps(bound)

    def after(self, tenant: UUID) -> list[Any] | None:
        """The sort values to go on after. Raises BadCursor."""
        if self.cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(self.cursor.encode("ascii") + b"==")
            signature, place = raw[:16], raw[16:]
            if not hmac.compare_digest(signature, self._sign(tenant, place)):
                raise ValueError
            values = json.loads(place)
        except ValueError:
            wrong = FieldError(where="query", pointer="/cursor", code="bad_cursor", detail=BadCursor.title)
            raise BadCursor(errors=[wrong]) from None
        return list(values)

    def next(self, tenant: UUID, values: Sequence[Any]) -> str:
        """The cursor of the page after the row with these sort values; also sets the Link header."""
        place = json.dumps(list(values))
        cursor = base64.urlsafe_b64encode(self._sign(tenant, place) + place).decode().rstrip("=")
        asked = [pair for pair in self._request.query_params.multi_items() if pair[0] != "cursor"]
        query = urlencode([*asked, ("cursor", cursor)])
        self._response.headers["Link"] = f'<{self._request.scope["path"]}?{query}>; rel="next"'
        return cursor

    def _sign(self, tenant: UUID, place: bytes) -> bytes:
        return hmac.new(self._secret, self._seal(tenant) + place, hashlib.sha256).digest()[:16]


Paged = Annotated[Paging, Depends(Paging)]
Condition = tuple[str, Any]
"""A condition in SQL and its value, which stands where `{}` does: `("created_at >= {}", since)`."""


class TimeRange:
    """A filter on a moment, by up to four bounds."""

    def __init__(self, column: str, bounds: Mapping[str, datetime | None]) -> None:
        self.conditions: list[Condition] = [
            (f"{column} {comparison} {{}}", bound) for comparison, bound in bounds.items() if bound is not None
        ]


def time_range(column: str) -> Callable[..., TimeRange]:
    """A dependency that reads `<column>.gte`, `.gt`, `.lte` and `.lt` from the query."""

    def read(
        gte: Annotated[Instant | None, Query(alias=f"{column}.gte", description="At or after.")] = None,
        gt: Annotated[Instant | None, Query(alias=f"{column}.gt", description="After.")] = None,
        lte: Annotated[Instant | None, Query(alias=f"{column}.lte", description="At or before.")] = None,
        lt: Annotated[Instant | None, Query(alias=f"{column}.lt", description="Before.")] = None,
    ) -> TimeRange:
        return TimeRange(column, {">=": gte, ">": gt, "<=": lte, "<": lt})

    return read


async def page(
    work: Work,
    paging: Paging,
    table: type[Table] | str,
    render: Callable[[Record], Item],
    *,
    sort: str = "id",
    where: Mapping[str, Any] | None = None,
    conditions: Sequence[Condition] = (),
) -> Page[Item]:
    """A page of a table's rows with these values, sorted by a column (`-` before it: falling), ties by id.

    `where` compares columns; a value of None does not filter. `conditions` are for whatever is more than that. A view
    is given by its name.
    """
    falling, column = sort.startswith("-"), sort.lstrip("-")
    assert isinstance(table, str) or column in columns_of(table)
    compared = [(f"{name} = {{}}", value) for name, value in (where or {}).items() if value is not None]
    values: list[Any] = []
    filters = []
    for text, value in (*compared, *conditions):
        values.append(value)
        filters.append(text.format(f"${len(values)}"))
    after = paging.after(work.tenant.id)
    if after is not None:
        values += [_typed(after[0], column), UUID(after[1])]
        comparison = "<" if falling else ">"
        filters.append(f"({column}, id) {comparison} (${len(values) - 1}, ${len(values)})")
    direction = " desc" if falling else ""
    rows = await work.read(
        f"select * from {table if isinstance(table, str) else name_of(table)} where {' and '.join(filters) or 'true'} "
        f"order by {column}{direction}, id{direction} limit {paging.limit + 1}",
        *values,
    )
    shown = rows[: paging.limit]
    more = len(rows) > paging.limit
    cursor = paging.next(work.tenant.id, [shown[-1][column], shown[-1]["id"]]) if more else None
    return Page.model_construct(items=[render(row) for row in shown], next_cursor=cursor)


def _typed(value: Any, column: str) -> Any:
    """A cursor holds JSON; a time or an id must be one again."""
    if column.endswith("_at"):
        return datetime.fromisoformat(value)
    return UUID(value) if column == "id" else value
