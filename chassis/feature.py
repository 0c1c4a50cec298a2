"""Features: each is a capability of a service, with its routes and event handlers.

A `Feature` is a `fastapi.APIRouter`, so everything that FastAPI documents works on it. It adds options such as `scope`
and `raises` to routes, `on` and `on_batch` for events, `periodic` and `loop` for work that no request causes,
`job` for long work in chunks, and `rebuild` for rollups.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from inspect import getdoc, signature
from typing import Any, Literal, Required, TypedDict, TypeVar, Union, Unpack, get_args, get_origin
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Response

from chassis.core.events import IncomingEvent
from chassis.core.problems import Problem
from chassis.core.settings import Settings
from chassis.db.jobs import JobKind, RunChunk
from chassis.db.redirects import OWN_MOVES
from chassis.db.tables import Table
from chassis.db.unit_of_work import UnitOfWork
from chassis.http.openapi import error_responses
from chassis.http.owners import OwnerOption
from chassis.http.route import FeatureRoute, RouteOptions
from chassis.http.schemas import Accepted, Upserted

EventT = TypeVar("EventT", bound=IncomingEvent)
EraseT = TypeVar("EraseT", bound=Callable[..., Awaitable[int]])
MoveT = TypeVar("MoveT", bound=Callable[..., Awaitable[None]])
Handler = Callable[[UnitOfWork, EventT], Awaitable[None]]
BatchHandler = Callable[[UnitOfWork, Sequence[EventT]], Awaitable[None]]
RunLoop = Callable[["LoopContext"], Awaitable[None]]
RunTask = Callable[[UnitOfWork], Awaitable[bool]]
EraseFunction = Callable[[UnitOfWork, Sequence[UUID]], Awaitable[int]]
"""Erases persons from a table, and returns the number of rows that changed."""
RebuildFunction = Callable[[UnitOfWork, bool], Awaitable[int]]
Gauge = Callable[[asyncpg.Pool], Awaitable[int]]
TenantGauge = Callable[[UnitOfWork], Awaitable[int]]
Function = TypeVar("Function", bound=Callable[..., Any])


class RouteArguments(TypedDict, total=False):
    """The keywords of a route: the fields of `RouteOptions`, and those of FastAPI's that features use."""

    scope: Required[str | None]
    raises: Sequence[type[Problem]]
    idempotency_key: Literal["optional", "required"]
    batch: bool
    upload: tuple[str, ...]
    form: bool
    streamed: bool
    store_response: bool
    expensive: bool | tuple[str, ...]
    public: bool
    owner: OwnerOption
    owner_fields: tuple[str, ...]
    owner_hidden: tuple[str, ...]
    status_code: int


@dataclass(frozen=True, slots=True)
class EventHandler:
    """A feature's function for a type of event."""

    feature: str
    event: type[IncomingEvent]
    handle: Callable[..., Awaitable[None]]
    is_batch: bool
    of_erased: bool = False
    """If true, it handles late events about erased persons as well. It must store ids and figures alone."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A feature's function that runs from time to time, for each tenant."""

    feature: str
    every: timedelta
    run: RunTask
    of_deleted_tenants: bool = False
    """If true, it runs for the deleted tenants whose rows are not deleted yet, instead of all others."""


@dataclass(frozen=True, slots=True)
class LoopContext:
    """The parts of a worker that a feature's loop uses. The pool has the worker's login."""

    settings: Settings
    pool: asyncpg.Pool
    notify_relay: Callable[[], None]
    """Report that a transaction has published events."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the rows of a table are kept."""

    feature: str
    table: type[Table]
    column: str
    order_by: str
    setting: str


class Feature(APIRouter):
    """The routes, event handlers and periodic tasks of a capability.

    The inbox and dead letters store its name, so renaming a feature makes it handle its events again.
    """

    def __init__(self, name: str) -> None:
        super().__init__(prefix="/v1", tags=[name])
        self.name = name
        self.about = ""
        """The first paragraph of its module's docstring, which describes its operations in the API's document."""
        self.handlers: list[EventHandler] = []
        self.tasks: list[PeriodicTask] = []
        self.loops: list[RunLoop] = []
        self.retentions: list[Retention] = []
        self.job_kinds: list[JobKind] = []
        self.rebuilds: list[RebuildFunction] = []
        self.erasers: dict[type[Table], EraseFunction] = {}
        self.gauges: dict[str, Gauge] = {}
        self.tenant_gauges: dict[str, TenantGauge] = {}

    @property
    def operations(self) -> list[FeatureRoute]:
        """The routes, as Rapport runs them."""
        return [route for route in self.routes if isinstance(route, FeatureRoute)]

    def include(self, *parts: "Feature") -> "Feature":
        """Add everything that other modules of the same feature declare. Returns the feature."""
        for part in parts:
            if part.name != self.name:
                raise TypeError(f"{part.name} is not a part of {self.name}")
            self.routes += part.routes
            for handler in part.handlers:
                self._add_handler(handler)
            self.tasks += part.tasks
            self.loops += part.loops
            self.retentions += part.retentions
            self.job_kinds += part.job_kinds
            self.rebuilds += part.rebuilds
            self.erasers |= part.erasers
            self.gauges |= part.gauges
            self.tenant_gauges |= part.tenant_gauges
        return self

    def on(self, event: type[EventT], *, of_erased: bool = False) -> Callable[[Handler[EventT]], Handler[EventT]]:
        """Handle events one at a time. Events about erased persons are ignored unless `of_erased`."""

        def register(handle: Handler[EventT]) -> Handler[EventT]:
            self._add_handler(EventHandler(self.name, event, handle, False, of_erased))
            return handle

        return register

    def on_batch(
        self, event: type[EventT], *, of_erased: bool = False
    ) -> Callable[[BatchHandler[EventT]], BatchHandler[EventT]]:
        """Handle many events of a tenant at a time, in their order. For frequent events. `of_erased` as in `on`."""

        def register(handle: BatchHandler[EventT]) -> BatchHandler[EventT]:
            self._add_handler(EventHandler(self.name, event, handle, True, of_erased))
            return handle

        return register

    def periodic(self, every: timedelta, *, of_deleted_tenants: bool = False) -> Callable[[RunTask], RunTask]:
        """Run a function for each tenant, a batch per transaction, again at once while it returns True."""

        def register(run: RunTask) -> RunTask:
            self.tasks.append(PeriodicTask(self.name, every, run, of_deleted_tenants))
            return run

        return register

    def loop(self, run: RunLoop) -> RunLoop:
        """Run a function in each worker, without end. It is started again after an error.

        It serves all tenants, and several replicas run it at once.
        """
        self.loops.append(run)
        return run

    def keep(self, table: type[Table], column: str, *, days: str, order_by: str = "") -> None:
        """Delete rows some days after the time in a column. `days` names the setting, and None keeps them for ever.

        `order_by` is an indexed column in whose order the rows were added, by default the column itself.
        """
        self.retentions.append(Retention(self.name, table, column, order_by or column, days))

    def job(self, kind: str) -> Callable[[RunChunk], RunChunk]:
        """Do the jobs of a kind in the worker. The function does a chunk, in the transaction that moves the cursor.

        A chunk takes about a second at most, because it keeps its job and the rows that it writes locked. The table of
        jobs stores the name of the kind.
        """

        def register(run: RunChunk) -> RunChunk:
            self.job_kinds.append(JobKind(self.name, kind, run))
            return run

        return register

    def rebuild(self, function: RebuildFunction) -> RebuildFunction:
        """Compute a rollup again from its facts when `rapport rebuild` asks for it.

        The function returns how many rows differ from their facts, and repairs them if its second argument is true. It
        covers at most a batch of rows, and is called again until none differs.
        """
        self.rebuilds.append(function)
        return function

    def erases(self, table: type[Table]) -> Callable[[EraseT], EraseT]:
        """Erase persons from a table that declares `erase="own"`, or that names them in another way.

        The function gets the ids of the persons, and may run again for the same persons.
        """

        def register(function: EraseT) -> EraseT:
            self.erasers[table] = function
            return function

        return register

    def moves(self, *tables: type[Table]) -> Callable[[MoveT], MoveT]:
        """Move the rows of merged persons in tables that declare `merge="own"`.

        The function must bring the rows to where `Moves` says, from wherever they are. It may run again for the same
        merges.
        """

        def register(function: MoveT) -> MoveT:
            OWN_MOVES.update(dict.fromkeys(tables, function))
            return function

        return register

    def gauge(self, name: str) -> Callable[[Gauge], Gauge]:
        """Publish a count over all tenants in the metrics and in the operator's status. The function gets a pool."""

        def register(count: Gauge) -> Gauge:
            self.gauges[name] = count
            return count

        return register

    def tenant_gauge(self, name: str) -> Callable[[TenantGauge], TenantGauge]:
        """Publish the same count of a single tenant in the status that the tenant reads."""

        def register(count: TenantGauge) -> TenantGauge:
            self.tenant_gauges[name] = count
            return count

        return register

    def get(  # type: ignore[override]
        self, path: str, **arguments: Unpack[RouteArguments]
    ) -> Callable[[Function], Function]:
        """Declare a route that reads."""
        return self._operation("GET", path, **arguments)

    def post(  # type: ignore[override]
        self, path: str, **arguments: Unpack[RouteArguments]
    ) -> Callable[[Function], Function]:
        """Declare a route that creates, or performs the verb of its path."""
        return self._operation("POST", path, **arguments)

    def put(  # type: ignore[override]
        self, path: str, **arguments: Unpack[RouteArguments]
    ) -> Callable[[Function], Function]:
        """Declare a route that sets the whole resource."""
        return self._operation("PUT", path, **arguments)

    def patch(  # type: ignore[override]
        self, path: str, **arguments: Unpack[RouteArguments]
    ) -> Callable[[Function], Function]:
        """Declare a route that changes some fields: a JSON Merge Patch."""
        return self._operation("PATCH", path, **arguments)

    def delete(  # type: ignore[override]
        self, path: str, **arguments: Unpack[RouteArguments]
    ) -> Callable[[Function], Function]:
        """Declare a route that removes."""
        return self._operation("DELETE", path, **arguments)

    def _operation(
        self, method: str, path: str, *, status_code: int | None = None, **arguments: Any
    ) -> Callable[[Function], Function]:
        options = RouteOptions(**arguments | {"raises": tuple(arguments.get("raises", ()))})

        def register(function: Function) -> Function:
            status, model, responses = _successes(signature(function).return_annotation, status_code)
            self.routes.append(
                FeatureRoute(
                    self.prefix + path,
                    function,
                    options=options,
                    methods=[method],
                    tags=list(self.tags),
                    operation_id=function.__name__,
                    summary=function.__name__.replace("_", " ").capitalize(),
                    status_code=status,
                    response_model=model,
                    response_description=_description(status, model),
                    responses=error_responses(method, options, path) | responses,
                )
            )
            return function

        return register

    def _add_handler(self, handler: EventHandler) -> None:
        if any(other.event.event_type == handler.event.event_type for other in self.handlers):
            raise TypeError(f"{self.name} handles {handler.event.event_type} twice")
        self.handlers.append(handler)


def _successes(annotation: Any, status: int | None) -> tuple[int | None, Any, dict[int | str, dict[str, Any]]]:
    """Return status and model of the usual success, and the `responses` of the others.

    A function that returns `Upserted[X]` responds with 201 or 200, and with 202 if it may return `Accepted[Y]`. A class
    of responses, such as a stream, is another media type of the usual success.
    """
    models: dict[int, Any] = {}
    alternatives = get_args(annotation) if get_origin(annotation) in (Union, type(int | str)) else [annotation]
    streams = [one for one in alternatives if isinstance(one, type) and issubclass(one, Response)]
    if streams:
        annotation = next((one for one in alternatives if one not in streams), None)
        content = {str(stream.media_type): {"schema": _schema_of_text(stream)} for stream in streams}
        return status, annotation, {200: {"content": content}}
    for alternative in alternatives:
        origin = get_origin(alternative)
        if origin is Upserted:
            models |= dict.fromkeys((201, 200), get_args(alternative)[0])
        elif origin is Accepted:
            models[202] = get_args(alternative)[0]
    if not models:
        return status, annotation, {}
    (usual, model), *others = models.items()
    return usual, model, {other: {"model": model, "description": _DESCRIPTIONS[other]} for other, model in others}


def _schema_of_text(stream: type[Response]) -> dict[str, str]:
    return {"type": "string"} | ({"format": "binary"} if stream.media_type == "application/pdf" else {})


def _description(status: int | None, model: Any) -> str:
    """Return the description of a success: of a new record, or of the returned model."""
    if status in _WITHOUT_MODEL:
        return _WITHOUT_MODEL[status]
    return (getdoc(model) or "").partition("\n")[0] or "The result."


_WITHOUT_MODEL = {201: "The record was created.", 204: "Done. The response has no body."}
_DESCRIPTIONS = {200: "The resource that already exists.", 202: "Accepted, to be carried out later."}
