"""Service: a FastAPI application that is its features on the chassis.

    service = Service("loyalty", settings=Settings, metadata=Owned.metadata)
    app = service.app

Features are found in `services.<name>.features`: a forgotten registration of a consumer would be a silent loss.
"""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from prometheus_client import generate_latest
from sqlalchemy import MetaData
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import json, tenants
from chassis.consumer import Consumer
from chassis.database import open_pool
from chassis.dispatch import Dispatch
from chassis.feature import Chore, Feature, Gauge, Reaction
from chassis.idempotency import Claim
from chassis.identity import HEADER as TOKEN_HEADER
from chassis.identity import Caller, Verifier
from chassis.migrations import older_revisions
from chassis.openapi import document_of
from chassis.problems import Problem
from chassis.reactions import Reactor
from chassis.refusals import problem_of
from chassis.relay import Relay
from chassis.requests import Endpoint
from chassis.settings import Settings
from chassis.status import StatusReader
from chassis.tables import SCHEMA
from chassis.telemetry import Metrics, Telemetry, configure_logging, is_shown, log
from chassis.work import Work
from chassis.worker import Worker

Role = Literal["api", "worker", "all"]


class Front(Protocol):
    """What may stand in front of a service's application: the gateway's data path does."""

    def __init__(self, app: ASGIApp, service: "Service") -> None: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Its life, within the service's."""


class Service:
    """One service: its features, its tables, and the loops behind them."""

    def __init__(
        self,
        name: str,
        *,
        package: str | None = None,
        settings: type[Settings],
        metadata: MetaData,
        front: type[Front] | None = None,
    ) -> None:
        self.name = name
        self.package = package or f"services.{name}"
        self.metadata = metadata
        self.settings_class = settings
        self.role: Role = "all"
        self.features = [tenants.feature, *discover(f"{self.package}.features")]
        self.metrics = Metrics()
        self.app = self._build_app()
        self._settings: Settings | None = None
        self._worker: Worker | None = None
        self._front_class = front

    # What it is made of

    @property
    def migrations(self) -> Path:
        """The folder of its Alembic history."""
        module = importlib.import_module(self.package)
        return Path(next(iter(module.__path__))) / "migrations"

    @property
    def reactions(self) -> list[Reaction]:
        """Every reaction of its features."""
        return [reaction for feature in self.features for reaction in feature.reactions]

    @property
    def chores(self) -> list[Chore]:
        """Every chore of its features."""
        return [chore for feature in self.features for chore in feature.chores]

    @property
    def gauges(self) -> dict[str, Gauge]:
        """Its features' counts for the status page."""
        return {name: count for feature in self.features for name, count in feature.gauges.items()}

    @property
    def settings(self) -> Settings:
        """The settings, read from the environment when first asked for."""
        if self._settings is None:
            self.configure(self.settings_class())
        assert self._settings is not None
        return self._settings

    def configure(self, settings: Settings) -> None:
        """Takes settings that were read elsewhere: a test's, a command's."""
        self._settings = settings
        self.verifier = Verifier(settings.internal_token_public_key, self.name)
        self.app.state.cursor_secret = settings.cursor_secret.get_secret_value().encode()

    # What requests and reactions use

    def work(self, caller: Caller, request: Request, claim: Claim | None = None) -> Work:
        """A transaction for a request."""
        state = request.scope.get("state", {})
        return Work(
            self.pool,
            caller,
            writes=request.method not in ("GET", "HEAD"),
            wait_seconds=self.settings.database_wait_seconds,
            traceparent=state.get("traceparent"),
            trace_id=state.get("trace_id", ""),
            claim=claim,
        )

    def wake_relay(self) -> None:
        """Something was published in this process."""
        if self._worker is not None:
            self._worker.relay.wake()

    def reactor(self, pool: asyncpg.Pool) -> Reactor:
        """What applies events to this service's database."""
        return Reactor(pool, self.reactions, self.settings, self.metrics, self.wake_relay)

    def problem_response(self, request: Request, problem: Problem) -> Response:
        """The answer that carries a problem."""
        return problem.response(request.url.path, request.scope.get("state", {}).get("trace_id", ""))

    async def refusal(self, request: Request, error: Exception) -> Response:
        """The answer to a request that raised."""
        return self.problem_response(request, problem_of(self.app, request, error))

    # Its life

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens the pools and starts the loops; at the end stops both, losing nothing."""
        settings = self.settings
        configure_logging(settings.log_level, self.name)
        self.pool = await open_pool(settings.database_url, settings)
        self.status = StatusReader(
            settings, self.name, [one.incoming.event_type for one in self.reactions], self.gauges
        )
        worker_pool = None
        if self.role != "api":
            if settings.worker_database_url is None:
                raise RuntimeError("WORKER_DATABASE_URL is needed by the roles worker and all")
            worker_pool = await open_pool(settings.worker_database_url, settings)
            consumer = Consumer(settings, self.name, self.reactor(worker_pool))
            relay = Relay(settings, self.name, self.metrics)
            self._worker = Worker(settings, worker_pool, relay, consumer, self.chores)
            self._worker.start()
        log.info("started", role=self.role)
        try:
            async with self.front.running() if self.front else nullcontext():
                yield
        finally:
            if self._worker is not None:
                await self._worker.stop()
                self._worker = None
            await self.status.close()
            for pool in (self.pool, worker_pool):
                if pool is not None:
                    await _close(pool)
            log.info("stopped")

    def _build_app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with self.running():
                yield

        app = _Api(title=f"Rapport {self.name}", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
        app.state.service = self
        app.router.redirect_slashes = False
        for feature in self.features:
            app.router.routes += feature.routes  # included routers are matched twice
        self._add_operations(app)
        for error in (HTTPException, RequestValidationError, Exception):  # FastAPI answers the first two itself
            app.add_exception_handler(error, self.refusal)
        app.openapi = lambda: document_of(app, self.name)  # type: ignore[method-assign]
        return app

    @cached_property
    def front(self) -> Front | None:
        """What stands in front of the application, if anything does."""
        return self._front_class(self.dispatch, self) if self._front_class else None

    @cached_property
    def dispatch(self) -> Dispatch:
        """The quick way to the features' routes."""
        routes = (route for feature in self.features for route in feature.routes if isinstance(route, Endpoint))
        return Dispatch(self.app, routes, self.refusal)

    def asgi(self) -> ASGIApp:
        """The application as a server runs it, with logs, metrics and request ids round it."""
        settings = self.settings
        shows_requests = settings.log_requests and is_shown("info", settings.log_level)
        return Telemetry(self.front or self.dispatch, self.metrics, self.name, shows_requests)

    def _add_operations(self, app: FastAPI) -> None:
        @app.get("/health", include_in_schema=False)
        async def health() -> Response:
            return Response(b'{"status":"alive"}', media_type="application/json")

        @app.get("/ready", include_in_schema=False)
        async def ready() -> Response:
            missing = await self._missing()
            body = json.dumps({"status": "waiting" if missing else "ready", "waits_for": missing})
            return Response(body, 503 if missing else 200, media_type="application/json")

        @app.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            await self._read_gauges()
            return Response(generate_latest(self.metrics.registry), media_type="text/plain; version=0.0.4")

        @app.get("/internal/status", include_in_schema=False)
        async def status(request: Request) -> Response:
            self.verifier.caller(request.headers.get(TOKEN_HEADER)).require("status:read")
            found = await self.status.read(self.pool)
            return Response(found.model_dump_json(), media_type="application/json")

    @cached_property
    def _older_revisions(self) -> set[str]:
        """Revisions that the code has outgrown. One that it does not know is newer: a rolling upgrade is under way."""
        return older_revisions(self.migrations, self.name)

    async def _missing(self) -> list[str]:
        """What this process still waits for."""
        missing = []
        try:
            revision = await asyncio.wait_for(
                self.pool.fetchval(f"select version_num from {SCHEMA}.alembic_version"), 2
            )
            if revision in self._older_revisions:
                missing.append("migrations")
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
            missing.append("migrations")
        except Exception:
            missing.append("database")
        if self._worker is not None and not self._worker.consumer.ready:
            missing.append("kafka")
        return missing

    async def _read_gauges(self) -> None:
        try:
            found = await self.status.read(self.pool)
        except Exception as error:
            log.warning("gauges were not read", error=repr(error))
            return
        self.metrics.outbox_pending.set(found.outbox_pending)
        self.metrics.outbox_oldest.set(found.outbox_oldest_seconds)
        if found.consumer_lag is not None:
            self.metrics.consumer_lag.set(found.consumer_lag)


class _Api(FastAPI):
    """FastAPI without the layers whose work is done elsewhere: telemetry, body limits, the last resort for errors."""

    def build_middleware_stack(self) -> ASGIApp:
        """The handlers of errors, and what FastAPI's own routes need."""
        return ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=dict(self.exception_handlers))


def discover(package: str) -> list[Feature]:
    """The `feature` of every module in a package, by name."""
    module = importlib.import_module(package)
    found = []
    for info in sorted(pkgutil.iter_modules(module.__path__), key=lambda info: info.name):
        feature = getattr(importlib.import_module(f"{package}.{info.name}"), "feature", None)
        if not isinstance(feature, Feature):
            raise TypeError(f"{package}.{info.name} has no `feature`")
        found.append(feature)
    return found


def load(name: str) -> Service:
    """The service of that name, from `services.<name>.app` or `<name>.app`."""
    module = "gateway.app" if name == "gateway" else f"services.{name}.app"
    service = importlib.import_module(module).service
    assert isinstance(service, Service)
    return service


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), 5)
    except TimeoutError:
        pool.terminate()
