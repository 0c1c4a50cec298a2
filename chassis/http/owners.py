"""Owners' tokens: an end user calls only the operations that allow it, and only for his or her own records.

An owner is the person whom records concern, such as an end customer. An operation allows such tokens by its option
`owner`, which says where a request names the owner. All others refuse them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from chassis.core.problems import NotFound, Problem
from chassis.db.redirects import current_person
from chassis.db.tables import Table
from chassis.db.unit_of_work import UnitOfWork
from chassis.types import json


class OwnerAccessDenied(Problem, status=403):
    """The token reaches only the records of its own customer.

    It allows only operations with `x-owner`, which says where a request names the customer: send the token's own.
    Everything else takes an API key, or another token that belongs to no customer.
    """


class OwnerAccess(Enum):
    """An operation that allows owners' tokens without the id of an owner."""

    CALLER = "caller"
    """The response concerns only the caller."""


CALLER = OwnerAccess.CALLER


@dataclass(frozen=True, slots=True)
class Owned:
    """The record that the path names by its `id`, and the column with its owner."""

    table: type[Table]
    column: str

    def __post_init__(self) -> None:
        if self.column not in self.table.model_fields:
            raise TypeError(f"{self.table.__name__} has no {self.column}")


OwnerOption = str | Owned | OwnerAccess | None


@dataclass(frozen=True, slots=True)
class Places:
    """The names by which a request may name an owner."""

    path: set[str]
    query: set[str]
    body: set[str]


class OwnerRule:
    """The rule of an operation for owners' tokens."""

    def __init__(self, option: OwnerOption, fields: tuple[str, ...], hidden: tuple[str, ...], places: Places) -> None:
        self.option = option
        self._fields = frozenset(fields)
        self._hidden = frozenset(hidden)
        self._in_path = option in places.path
        self._in_query = not self._in_path and option in places.query
        self._in_body = not self._in_path and not self._in_query and option in places.body
        if isinstance(option, str) and not (self._in_path or self._in_query or self._in_body):
            raise TypeError(f"no parameter or field is named {option}")
        if unknown := self._fields - places.body:
            raise TypeError(f"the body has no {', '.join(sorted(unknown))}")

    @property
    def described(self) -> str | None:
        """How a request names the owner, for the OpenAPI document. None if owners' tokens are refused."""
        if self.option is None:
            return None
        if isinstance(self.option, OwnerAccess):
            return str(self.option.value)
        if isinstance(self.option, str):
            place = "path" if self._in_path else "query" if self._in_query else "body"
            return f"{place}:{self.option}"
        return f"record:{self.option.table.__tablename__}"

    def check_request(self, request: Request, owner: UUID) -> None:
        """Raise OwnerAccessDenied unless the path and the query name no other owner."""
        if self.option is None:
            raise OwnerAccessDenied
        if self._in_path:
            _require_same(self.option, request.path_params.get(str(self.option)), owner)
        elif self._in_query:
            _require_same(self.option, request.query_params.get(str(self.option)), owner)

    def check_body(self, body: Any, owner: UUID) -> None:
        """Raise OwnerAccessDenied unless the body names no other owner, and only fields that are allowed."""
        if self._in_body:
            _require_same(self.option, body.get(self.option) if isinstance(body, dict) else None, owner)
        if self._fields and isinstance(body, dict):
            excess = sorted(body.keys() - self._fields)
            if excess:
                raise OwnerAccessDenied(f"This token cannot change {', '.join(excess)}.")

    async def check_record(self, work: UnitOfWork, request: Request, owner: UUID) -> None:
        """Raise NotFound unless the record of the path belongs to the owner, as if it did not exist."""
        if isinstance(self.option, Owned):
            table, id = self.option.table, request.path_params["id"]
            row = await work.find(table, id=id)
            holder = None if row is None else getattr(row, self.option.column)
            if holder is None or (holder != owner and holder != await current_person(work, owner)):
                raise NotFound(f"No {str(table.__tablename__).replace('_', ' ')} has the id {id}.")

    def hide(self, response: Response) -> None:
        """Set the fields of a response that owners do not see to null."""
        if self._hidden and response.body:
            response.body = json.dumps(_without(json.loads(bytes(response.body)), self._hidden))
            response.headers["content-length"] = str(len(response.body))


def _without(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: None if name in hidden else _without(item, hidden) for name, item in value.items()}
    return [_without(item, hidden) for item in value] if isinstance(value, list) else value


def _require_same(name: object, value: object, owner: UUID) -> None:
    if str(value).lower() != str(owner):
        raise OwnerAccessDenied(f"Send {name}={owner}, which is the token's own.")
