"""Arguments of route functions: the parts of a request that they take, computed once from FastAPI's analysis.

FastAPI resolves dependencies again for each request and calls plain functions in a thread, which is half the cost of a
read. Here they are called directly, so they must not block.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, get_origin

from fastapi import Request, Response

from chassis.http.parameters import ParameterPrefix

MISSING: Any = object()
_MISSING_ERROR: dict[str, Any] = {"type": "missing", "msg": "Field required", "input": None}


class RequestField(Protocol):
    """The part of FastAPI's analysis of a parameter that is used here (docs/private-apis.md)."""

    name: str
    alias: str
    field_info: Any

    def get_default(self) -> Any:
        """Return the default value."""

    def validate(self, value: Any, *, loc: tuple[str, ...]) -> tuple[Any, list[dict[str, Any]]]:
        """Return the validated value and the errors."""


class Arguments:
    """The arguments of a function and of its dependencies."""

    def __init__(self, dependant: Any) -> None:
        function = dependant.call
        if dependant.cookie_params or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function} takes cookies or yields, which is not supported")
        self._function: Any = function
        self._is_coroutine = inspect.iscoroutinefunction(function)
        self._dependencies = [(str(item.name), Arguments(item)) for item in dependant.dependencies]
        self._path = [_Parameter.of(field, "path") for field in dependant.path_params]
        self._query = [_Parameter.of(field, "query") for field in dependant.query_params]
        self._defaults = {item.name: item.field.get_default() for item in self._query if item.has_fixed_default}
        self._headers = [_Parameter.of(field, "header") for field in dependant.header_params]
        self._body = _body_parameter(dependant)
        self._request = dependant.request_param_name
        self._response = dependant.response_param_name

    async def call(self, request: Request, response: Response, body: Any, errors: list[dict[str, Any]]) -> Any:
        """Call the function. If the request is invalid, append to `errors` and call nothing."""
        values = self._read(request, errors)
        for name, dependency in self._dependencies:
            values[name] = await dependency.call(request, response, body, errors)
        if self._body is not None:
            values[self._body.name] = self._body.validate(body, ("body",), errors)
        if self._request is not None:
            values[self._request] = request
        if self._response is not None:
            values[self._response] = response
        if errors:
            return None
        return await self._function(**values) if self._is_coroutine else self._function(**values)

    @property
    def query_names(self) -> set[str]:
        """The query parameters of the function and of its dependencies."""
        names = {parameter.alias for parameter in self._query}
        return names.union(*(dependency.query_names for _, dependency in self._dependencies))

    @property
    def single_query_names(self) -> set[str]:
        """The query parameters that may not be repeated."""
        names = {parameter.alias for parameter in self._query if not parameter.is_list}
        return names.union(*(dependency.single_query_names for _, dependency in self._dependencies))

    @property
    def query_prefixes(self) -> list[ParameterPrefix]:
        """The prefixes of parameters that the function or a dependency reads."""
        own = [self._function] if isinstance(self._function, ParameterPrefix) else []
        return own + [prefix for _, dependency in self._dependencies for prefix in dependency.query_prefixes]

    def _read(self, request: Request, errors: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the values of path, query and headers."""
        values = dict(self._defaults)
        for parameter in self._path:
            values[parameter.name] = parameter.read(request.path_params, errors)
        query: Mapping[str, Any] = request.query_params if self._query else {}
        for parameter in self._query:
            if parameter.alias in query or parameter.name not in self._defaults:
                values[parameter.name] = parameter.read(query, errors)
        for parameter in self._headers:
            values[parameter.name] = parameter.read(request.headers, errors)
        return values


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A value of a request."""

    name: str
    alias: str
    location: str
    field: RequestField
    is_list: bool

    @classmethod
    def of(cls, field: RequestField, location: str) -> "_Parameter":
        alias = field.alias.replace("_", "-") if location == "header" else field.alias
        return cls(field.name, alias, location, field, _is_list(field.field_info.annotation))

    @property
    def has_fixed_default(self) -> bool:
        """True if the default is immutable, so that requests can share it."""
        default = self.field.field_info.default
        return default is None or isinstance(default, (str, int, bool))

    def read(self, values: Mapping[str, Any], errors: list[dict[str, Any]]) -> Any:
        """Return the parameter's value, or its default."""
        value = MISSING
        if self.alias in values:
            value = values.getlist(self.alias) if self.is_list else values[self.alias]  # type: ignore[attr-defined]
        return self.validate(value, (self.location, self.alias), errors)

    def validate(self, value: Any, location: tuple[str, ...], errors: list[dict[str, Any]]) -> Any:
        """Return the value as the function takes it, or the default."""
        if value is MISSING:
            if not self.field.field_info.is_required():
                return self.field.get_default()
            errors.append({**_MISSING_ERROR, "loc": location})
            return None
        value, invalid = self.field.validate(value, loc=location)
        errors += invalid
        return value


def _is_list(annotation: Any) -> bool:
    """Return whether a parameter may be repeated: `list[...]`, alone or in a union."""
    alternatives = getattr(annotation, "__args__", ()) if get_origin(annotation) is not list else (annotation,)
    return any(get_origin(alternative) is list for alternative in alternatives)


def _body_parameter(dependant: Any) -> _Parameter | None:
    parameters = dependant.body_params
    if len(parameters) > 1 or any(getattr(field.field_info, "embed", None) for field in parameters):
        raise TypeError(f"{dependant.call} takes more than one body")
    return _Parameter.of(parameters[0], "body") if parameters else None
