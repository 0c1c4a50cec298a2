"""Arguments: what a route's function takes of a request, worked out once from what FastAPI found out about it.

FastAPI works it out anew for each request, and calls functions that are no coroutines in a thread: that is half of what
a read costs. Here they are called where they are, so they must not block.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant

NOT_GIVEN: Any = object()
_MISSING: dict[str, Any] = {"type": "missing", "msg": "Field required", "input": None}


class Arguments:
    """What one function takes, and what its dependencies take."""

    def __init__(self, dependant: Dependant) -> None:
        call = dependant.call
        if dependant.cookie_params or inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
            raise TypeError(f"{call} takes what is not read here: cookies, or a dependency that yields")
        self._call: Any = call
        self._awaited = inspect.iscoroutinefunction(call)
        self._dependencies = [(str(one.name), Arguments(one)) for one in dependant.dependencies]
        self._path = [_Parameter.of(field, "path") for field in dependant.path_params]
        self._query = [_Parameter.of(field, "query") for field in dependant.query_params]
        self._defaults = {one.name: one.field.get_default() for one in self._query if one.has_fixed_default}
        self._headers = [_Parameter.of(field, "header") for field in dependant.header_params]
        self._body = _body_of(dependant)
        self._request = dependant.request_param_name
        self._response = dependant.response_param_name

    async def call(self, request: Request, response: Response, body: Any, errors: list[dict[str, Any]]) -> Any:
        """Calls the function; notes in `errors` what is wrong with the request, and then calls nothing."""
        values = self._read(request, errors)
        for name, dependency in self._dependencies:
            values[name] = await dependency.call(request, response, body, errors)
        if self._body is not None:
            values[self._body.name] = self._body.validated(body, ("body",), errors)
        if self._request is not None:
            values[self._request] = request
        if self._response is not None:
            values[self._response] = response
        if errors:
            return None
        return await self._call(**values) if self._awaited else self._call(**values)

    def _read(self, request: Request, errors: list[dict[str, Any]]) -> dict[str, Any]:
        """What path, query and headers say."""
        values = dict(self._defaults)
        for parameter in self._path:
            values[parameter.name] = parameter.read(request.path_params, errors)
        given: Mapping[str, Any] = request.query_params if self._query else {}
        for parameter in self._query:
            if parameter.alias in given or parameter.name not in self._defaults:
                values[parameter.name] = parameter.read(given, errors)
        for parameter in self._headers:
            values[parameter.name] = parameter.read(request.headers, errors)
        return values


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One value of a request."""

    name: str
    alias: str
    where: str
    field: ModelField
    many: bool

    @classmethod
    def of(cls, field: ModelField, where: str) -> "_Parameter":
        alias = field.alias.replace("_", "-") if where == "header" else field.alias
        return cls(field.name, alias, where, field, field_annotation_is_sequence(field.field_info.annotation))

    @property
    def has_fixed_default(self) -> bool:
        """Whether its default is a value that nobody can change."""
        default = self.field.field_info.default
        return default is None or isinstance(default, (str, int, bool))

    def read(self, given: Mapping[str, Any], errors: list[dict[str, Any]]) -> Any:
        """The value among those that were given, or its default."""
        value = NOT_GIVEN
        if self.alias in given:
            value = given.getlist(self.alias) if self.many else given[self.alias]  # type: ignore[attr-defined]
        return self.validated(value, (self.where, self.alias), errors)

    def validated(self, value: Any, location: tuple[str, ...], errors: list[dict[str, Any]]) -> Any:
        """The value as the function takes it, or its default."""
        if value is NOT_GIVEN:
            if not self.field.field_info.is_required():
                return self.field.get_default()
            errors.append({**_MISSING, "loc": location})
            return None
        value, wrong = self.field.validate(value, loc=location)
        errors += wrong
        return value


def _body_of(dependant: Dependant) -> _Parameter | None:
    fields = dependant.body_params
    if len(fields) > 1 or any(getattr(field.field_info, "embed", None) for field in fields):
        raise TypeError(f"{dependant.call} takes more than one body")
    return _Parameter.of(fields[0], "body") if fields else None
