"""Feature: one capability of a service, its routes and its reactions, in one file.

A `Feature` is a `fastapi.APIRouter`: whatever FastAPI documents works on it. It adds `scope` and `refuses` to its
routes, `on` and `on_batch` for events, and `chore` for what time brings. What happens round a route stands in
`chassis.requests`, round a reaction in `chassis.reactions`, round a chore in `chassis.chores`.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter

from chassis.events import Incoming
from chassis.idempotency import ShownOnce
from chassis.openapi import declared_refusals
from chassis.problems import NotFound, Problem
from chassis.requests import Endpoint
from chassis.work import Work

Read = TypeVar("Read", bound=Incoming)
One = Callable[[Work, Read], Awaitable[None]]
Many = Callable[[Work, Sequence[Read]], Awaitable[None]]
Function = TypeVar("Function", bound=Callable[..., Any])
Gauge = Callable[[Any], Awaitable[int]]
Doing = Callable[[Work], Awaitable[bool]]
Rebuilding = Callable[[Work, bool], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a feature does when something happened elsewhere."""

    feature: str
    incoming: type[Incoming]
    react: Callable[..., Awaitable[None]]
    by_batch: bool


@dataclass(frozen=True, slots=True)
class Chore:
    """What a feature does when time has passed."""

    feature: str
    do: Doing


class Feature(APIRouter):
    """The routes and reactions of one capability.

    Its name stands in the inbox and in dead letters: a feature that is renamed reads its events anew.
    """

    def __init__(self, name: str) -> None:
        super().__init__(prefix="/v1", tags=[name], route_class=Endpoint)
        self.name = name
        self.reactions: list[Reaction] = []
        self.chores: list[Chore] = []
        self.rebuilds: list[Rebuilding] = []
        self.gauges: dict[str, Gauge] = {}

    def on(self, incoming: type[Read]) -> Callable[[One[Read]], One[Read]]:
        """Reacts to one event at a time."""

        def register(react: One[Read]) -> One[Read]:
            self._register(incoming, react, by_batch=False)
            return react

        return register

    def on_batch(self, incoming: type[Read]) -> Callable[[Many[Read]], Many[Read]]:
        """Reacts to many events of one type and one tenant at a time, in their order: for what is hot."""

        def register(react: Many[Read]) -> Many[Read]:
            self._register(incoming, react, by_batch=True)
            return react

        return register

    def chore(self, do: Doing) -> Doing:
        """Is done for each tenant about twice a minute: a portion in one transaction, again while it answers True."""
        self.chores.append(Chore(self.name, do))
        return do

    def rebuild(self, again: Rebuilding) -> Rebuilding:
        """Computes a rollup again from its facts, when told to by `rapport rebuild`.

        It answers with how many rows differ from what they should be, and repairs them when its second argument says
        so; at most a portion of them, then it is called again.
        """
        self.rebuilds.append(again)
        return again

    def gauge(self, name: str) -> Callable[[Gauge], Gauge]:
        """A count over all tenants that belongs on the status page; the function gets a bare connection."""

        def register(count: Gauge) -> Gauge:
            self.gauges[name] = count
            return count

        return register

    def get(self, path: str, **options: Any) -> Callable[[Function], Function]:
        """A route that reads."""
        return self._operation(path, "GET", **options)

    def post(self, path: str, **options: Any) -> Callable[[Function], Function]:
        """A route that creates, or does what its path's verb says."""
        return self._operation(path, "POST", **options)

    def put(self, path: str, **options: Any) -> Callable[[Function], Function]:
        """A route that sets the whole."""
        return self._operation(path, "PUT", **options)

    def patch(self, path: str, **options: Any) -> Callable[[Function], Function]:
        """A route that changes some fields: a JSON Merge Patch."""
        return self._operation(path, "PATCH", **options)

    def delete(self, path: str, **options: Any) -> Callable[[Function], Function]:
        """A route that removes."""
        return self._operation(path, "DELETE", **options)

    def _operation(
        self,
        path: str,
        method: str,
        *,
        scope: str,
        refuses: Sequence[type[Problem]] = (),
        key_required: bool = False,
        repeatable: bool = False,
        batch: bool = False,
        secret: bool = False,
        **options: Any,
    ) -> Callable[[Function], Function]:
        """Registers a route.

        scope: what the credential must allow. refuses: the problems it raises beside those that every route may.
        key_required: points or money move and no natural key stands in the body. repeatable: a natural key stands in
        the body, and a repetition answers 200 with what stands. batch: the body may be as large as a batch. secret:
        the answer holds one, so that it is not kept for an Idempotency-Key that comes again.
        """

        def register(endpoint: Function) -> Function:
            refusals = [*refuses, *([NotFound] if "{" in path else []), *([ShownOnce] if secret else [])]
            responses = declared_refusals(refusals, method, scope, key_required) | options.pop("responses", {})
            if repeatable:
                model = inspect.signature(endpoint).return_annotation
                responses[200] = {"model": model, "description": "It stands already, as it is here."}
            extra = {"x-key-required": key_required, "x-batch": batch, "x-scope": scope, "x-secret": secret}
            self.add_api_route(
                path,
                _noting_version(endpoint),
                methods=[method],
                operation_id=endpoint.__name__,
                summary=endpoint.__name__.replace("_", " ").capitalize(),
                responses=responses,
                openapi_extra=extra | options.pop("openapi_extra", {}),
                **options,
            )
            return endpoint

        return register

    def _register(self, incoming: type[Incoming], react: Callable[..., Awaitable[None]], *, by_batch: bool) -> None:
        if any(reaction.incoming.event_type == incoming.event_type for reaction in self.reactions):
            raise TypeError(f"{self.name} reacts to {incoming.event_type} twice")
        self.reactions.append(Reaction(self.name, incoming, react, by_batch))


def _noting_version(endpoint: Function) -> Function:
    """The endpoint, telling its Work the version of what it answers with, for the ETag."""

    @functools.wraps(endpoint)
    async def call(*args: Any, **kwargs: Any) -> Any:
        result = await endpoint(*args, **kwargs)
        work = kwargs.get("work")
        if work is not None:
            work.answer_version = getattr(result, "version", None)
        return result

    return call  # type: ignore[return-value]
