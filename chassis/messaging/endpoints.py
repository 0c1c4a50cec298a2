"""Operational endpoints of a process: health, readiness, metrics, and the readings that the gateway collects."""

import asyncio
import hmac
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from fastapi import Request, Response
from prometheus_client import generate_latest
from sqlalchemy import MetaData
from starlette.routing import Route

from chassis.core.clock import clock
from chassis.core.identity import HEADER as TOKEN_HEADER
from chassis.core.identity import OPERATOR_CALLER, Verifier
from chassis.core.problems import MissingScope, Unauthenticated
from chassis.core.settings import Settings
from chassis.core.telemetry import Metrics, log
from chassis.db.tables import SCHEMA
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import EventHandler
from chassis.http.unmatched import no_such_route
from chassis.messaging.consumer import Consumer
from chassis.messaging.personal_data import collect
from chassis.messaging.status import StatusReader
from chassis.messaging.tallies import read_tallies
from chassis.types import json

PERSONAL_DATA_SCOPE = "personal-data:read"
OPERATIONAL_PATHS = (
    "/health",
    "/ready",
    "/metrics",
    "/internal/status",
    "/internal/tallies",
    "/internal/personal-data",
)
"""Paths that every service serves outside the API."""


class OperationalEndpoints:
    """The endpoints of a process. `consumer` is None if it runs no worker."""

    def __init__(
        self,
        settings: Settings,
        pool: asyncpg.Pool,
        verifier: Verifier,
        metrics: Metrics,
        status: StatusReader,
        handlers: Sequence[EventHandler],
        past_revisions: Collection[str],
        consumer: Consumer | None,
        metadata: MetaData,
    ) -> None:
        self.operator_token = settings.operator_token
        self._pool = pool
        self._verifier = verifier
        self._metrics_registry = metrics
        self._status_reader = status
        self._handlers = handlers
        self._past_revisions = past_revisions
        self._consumer = consumer
        self._metadata = metadata

    def routes(self) -> list[Route]:
        """Return the routes."""
        endpoints = (self._health, self._ready, self._metrics, self._status, self._tallies, self._personal_data)
        return [Route(path, endpoint) for path, endpoint in zip(OPERATIONAL_PATHS, endpoints, strict=True)]

    async def _health(self, _: Request) -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def _ready(self, _: Request) -> Response:
        missing = await self._missing()
        body = json.dumps({"status": "waiting" if missing else "ready", "waits_for": missing})
        return Response(body, 503 if missing else 200, media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        """Return the metrics to the operator. Without an operator's token this path does not exist."""
        token = self.operator_token
        if token is None:
            raise no_such_route(request.method, request.url.path, ())
        expected = f"Bearer {token.get_secret_value()}"
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode()):
            raise Unauthenticated("Send the operator's token as `Authorization: Bearer ...`.")
        await self._read_gauges()
        return Response(generate_latest(self._metrics_registry.registry), media_type="text/plain; version=0.0.4")

    async def _status(self, request: Request) -> Response:
        caller = self._verifier.caller(request.headers.get(TOKEN_HEADER))
        caller.require("status:read")
        status = await self._status_reader.read_for(caller)
        return Response(status.model_dump_json(), media_type="application/json")

    async def _tallies(self, request: Request) -> Response:
        if self._verifier.caller(request.headers.get(TOKEN_HEADER)) != OPERATOR_CALLER:
            raise MissingScope("The gateway alone reads the tallies.")
        period = [datetime.fromisoformat(request.query_params[name]) for name in ("since", "until")]
        tallies = await read_tallies(self._pool, self._handlers, period[0], period[1])
        return Response(tallies.model_dump_json(), media_type="application/json")

    async def _personal_data(self, request: Request) -> Response:
        caller = self._verifier.caller(request.headers.get(TOKEN_HEADER))
        caller.require(PERSONAL_DATA_SCOPE)
        ids = [UUID(id) for id in request.query_params.getlist("person")]
        async with Transaction(self._pool, caller, writes=False) as transaction:
            data = await collect(UnitOfWork(transaction), self._metadata, ids)
        return Response(json.dumps(data), media_type="application/json")

    async def _missing(self) -> list[str]:
        """Return the reasons why this process is not ready yet."""
        missing = []
        try:
            revision = await asyncio.wait_for(
                self._pool.fetchval(f"select version_num from {SCHEMA}.alembic_version"), 2
            )
            if revision in self._past_revisions:  # an unknown revision is newer: a rolling upgrade is under way
                missing.append("migrations")
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
            missing.append("migrations")
        except Exception:
            missing.append("database")
        if clock.was_compared and not clock.is_reliable:
            missing.append("clock")
        if self._consumer is not None and not self._consumer.ready:
            missing.append("kafka")
        return missing

    async def _read_gauges(self) -> None:
        metrics = self._metrics_registry
        metrics.clock_difference.set(clock.difference_seconds)
        metrics.pool_connections.set(self._pool.get_size())
        metrics.pool_busy.set(self._pool.get_size() - self._pool.get_idle_size())
        try:
            status = await self._status_reader.read_cached()
        except Exception as error:
            log.warning("gauges were not read", error=repr(error))
            return
        metrics.outbox_pending.set(status.outbox_pending)
        metrics.outbox_oldest.set(status.outbox_oldest_seconds)
        metrics.stored_dead_letters.set(status.dead_letters)
        if status.consumer_lag is not None:
            metrics.consumer_lag.set(status.consumer_lag)
        for name, count in status.gauges.items():
            metrics.gauges.labels(name).set(count)
