"""The context of a request: the running service, and the unit of work of the current attempt."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Protocol, cast

import asyncpg
from fastapi import Depends, Request
from starlette.types import Scope

from chassis.core.fair_share import FairShare
from chassis.core.identity import Verifier
from chassis.core.settings import Settings
from chassis.db.unit_of_work import UnitOfWork


class RouteContext(Protocol):
    """The parts of the running service that routes use."""

    settings: Settings
    verifier: Verifier
    pool: asyncpg.Pool
    cursor_secret: bytes
    expensive_reads: FairShare

    def notify_relay(self) -> None:
        """Report that a transaction has published events."""


ENDLESS = "rapport.endless"
"""Marks the scope of a request whose response ends only with its client or its server."""
_CONTEXT = "rapport.context"
_WORK = "rapport.work"


def set_context(scope: Scope, context: RouteContext) -> None:
    """Attach the context to a request."""
    scope[_CONTEXT] = context


def context_of(request: Request) -> RouteContext:
    """Return the context of a request."""
    return cast(RouteContext, request.scope[_CONTEXT])


@contextmanager
def injecting(request: Request, work: UnitOfWork) -> Iterator[None]:
    """Let a request's route take the unit of work of the current attempt.

    A server keeps the scope of a request until the next one of its connection. Without the removal, every idle
    connection would hold all rows and events of a batch.
    """
    request.scope[_WORK] = work
    try:
        yield
    finally:
        del request.scope[_WORK]


async def _injected_work(request: Request) -> UnitOfWork:
    return cast(UnitOfWork, request.scope[_WORK])


Work = Annotated[UnitOfWork, Depends(_injected_work)]
"""The unit of work of a route or an event handler."""
