"""A service: its definition, and the running service that is started from it.

    service = Service("loyalty", settings=Settings, metadata=Base.metadata, areas=("points",))

Features are found in the areas: a forgotten registration of an event handler would lose events silently.
"""

import asyncio
import importlib
import importlib.util
import pkgutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, cast

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import MetaData
from starlette.routing import Route
from starlette.routing import Router as LifespanApp
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.core.fair_share import FairShare
from chassis.core.files import FileStore
from chassis.core.identity import Verifier
from chassis.core.settings import Settings
from chassis.core.telemetry import Metrics, Telemetry, configure_logging, is_enabled, log
from chassis.core.tracing import Tracing, open_tracing
from chassis.db.jobs import JobColumns, JobKind
from chassis.db.migrations import past_revisions
from chassis.db.pool import comparing_clocks, open_pool
from chassis.feature import EventHandler, Feature, Gauge, PeriodicTask, RebuildFunction, Retention, RunLoop, TenantGauge
from chassis.http.context import context_of
from chassis.http.openapi import service_document
from chassis.http.route import FeatureRoute
from chassis.http.router import Router
from chassis.messaging import erasures, merges, tenants
from chassis.messaging.consumer import Consumer
from chassis.messaging.dispatcher import EventDispatcher
from chassis.messaging.endpoints import OperationalEndpoints
from chassis.messaging.files import FileSweeper
from chassis.messaging.jobs import JobRunner
from chassis.messaging.periodic import PeriodicTasks
from chassis.messaging.relay import Relay
from chassis.messaging.retention import deletion_tasks
from chassis.messaging.status import StatusReader
from chassis.messaging.worker import Worker

Role = Literal["api", "worker", "all"]
MAX_WAITING_EXPENSIVE_READS = 64
"""Of a tenant."""
AREA_MODULES = frozenset(("tables", "rules", "queries"))
"""Modules of an area that are not features."""


class OuterApp(Protocol):
    """An application in front of a service's own, such as the gateway's reverse proxy."""

    def __init__(self, app: ASGIApp, running: "RunningService") -> None: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return its lifespan, within that of the service."""


@dataclass(frozen=True)
class Service:
    """The definition of a service: its features, its tables, its settings."""

    name: str
    settings: type[Settings]
    metadata: MetaData
    areas: tuple[str, ...]
    """Its areas from the foundation upwards: each may import those before it."""
    package: str = ""
    """The package of the areas, `services.<name>` by default."""
    outer_app: type[OuterApp] | None = None
    jobs: type[JobColumns] | None = None
    """Its table of jobs, if features declare kinds of them."""
    plain_routes: tuple[Route, ...] = ()
    """Routes outside the API, such as pages."""

    @cached_property
    def module(self) -> str:
        """The name of the package."""
        return self.package or f"services.{self.name}"

    @cached_property
    def features(self) -> list[Feature]:
        """Its features, and the chassis' own."""
        discovered = discover(self.module, self.areas)
        erasers = {table: function for feature in discovered for table, function in feature.erasers.items()}
        return [
            tenants.feature,
            erasures.feature_of(self.name, self.metadata, erasers),
            merges.feature_of(self.name, self.metadata),
            *discovered,
        ]

    @property
    def migrations(self) -> Path:
        """The folder of its Alembic history."""
        package = importlib.import_module(self.module)
        return Path(next(iter(package.__path__))) / "migrations"

    @property
    def routes(self) -> list[FeatureRoute]:
        """The operations of its features."""
        return [route for feature in self.features for route in feature.operations]

    @property
    def handlers(self) -> list[EventHandler]:
        """The event handlers of its features."""
        return [handler for feature in self.features for handler in feature.handlers]

    @property
    def tasks(self) -> list[PeriodicTask]:
        """The periodic tasks of its features."""
        return [task for feature in self.features for task in feature.tasks]

    @property
    def loops(self) -> list[RunLoop]:
        """The loops of its features."""
        return [run for feature in self.features for run in feature.loops]

    @property
    def retentions(self) -> list[Retention]:
        """How long rows of its features are kept."""
        declared = [retention for feature in self.features for retention in feature.retentions]
        own = [Retention("jobs", self.jobs, "finished_at", "finished_at", "job_days")] if self.jobs else []
        return [*declared, *own]

    @property
    def job_kinds(self) -> list[JobKind]:
        """The kinds of jobs that its features do."""
        return [kind for feature in self.features for kind in feature.job_kinds]

    @property
    def rebuilds(self) -> list[tuple[str, RebuildFunction]]:
        """The rebuild functions of its features, each with the feature's name."""
        return [(feature.name, function) for feature in self.features for function in feature.rebuilds]

    @property
    def gauges(self) -> dict[str, Gauge]:
        """The counts that its features publish."""
        return {name: count for feature in self.features for name, count in feature.gauges.items()}

    @property
    def tenant_gauges(self) -> dict[str, TenantGauge]:
        """The counts of a tenant that its features publish."""
        return {name: count for feature in self.features for name, count in feature.tenant_gauges.items()}

    def openapi(self) -> dict[str, Any]:
        """Return its OpenAPI document."""
        tags = {feature.name: feature.about for feature in self.features if feature.operations}
        return service_document(self.routes, self.name, tags)


class RunningService:
    """A service in a process, with its pool and its loops. `start` creates it, and routes get it as their context."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        pool: asyncpg.Pool,
        metrics: Metrics,
        status: StatusReader,
        worker: Worker | None,
        tracing: Tracing | None = None,
    ) -> None:
        self.service = service
        self.settings = settings
        self.pool = pool
        self.metrics = metrics
        self.status = status
        self.verifier = Verifier(settings.internal_token_public_key, service.name)
        self.expensive_reads = FairShare(settings.expensive_reads, max_waiting=MAX_WAITING_EXPENSIVE_READS)
        self.files = FileStore(settings.files)
        self.cursor_secret = settings.cursor_secret.get_secret_value().encode()
        self._worker = worker
        self.endpoints = OperationalEndpoints(
            settings,
            pool,
            self.verifier,
            metrics,
            status,
            service.handlers,
            past_revisions(service.migrations, service.name),
            worker.consumer if worker else None,
            service.metadata,
        )
        router = Router(self, service.routes, [*self.endpoints.routes(), *service.plain_routes])
        self.outer_app = service.outer_app(router, self) if service.outer_app else None
        logs_requests = settings.log_requests and is_enabled("info", settings.log_level)
        self.asgi: ASGIApp = Telemetry(self.outer_app or router, metrics, service.name, logs_requests, tracing)

    def notify_relay(self) -> None:
        """Report that a transaction of this process has published events."""
        if self._worker is not None:
            self._worker.relay.notify()

    def dispatcher(self, pool: asyncpg.Pool) -> EventDispatcher:
        """Return a dispatcher of events that uses another pool."""
        return EventDispatcher(pool, self.service.handlers, self.settings, self.metrics, self.notify_relay)


def _running_service(request: Request) -> RunningService:
    return cast(RunningService, context_of(request))


Running = Annotated[RunningService, Depends(_running_service)]
"""The running service, for the few routes that need more of it than a unit of work."""


@asynccontextmanager
async def start(service: Service, settings: Settings, role: Role = "all") -> AsyncIterator[RunningService]:
    """Open the pools and start the loops of a service. At the end stop both, without losing anything."""
    configure_logging(settings.log_level, service.name)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        tracing = open_tracing(settings.otel_exporter_otlp_endpoint, service.name)
        if tracing is not None:
            stack.push_async_callback(asyncio.to_thread, tracing.close)
        pool = await open_pool(settings.database_url, settings)
        stack.push_async_callback(_close, pool)
        await stack.enter_async_context(comparing_clocks(pool))
        status = StatusReader(
            pool,
            settings,
            service.name,
            [handler.event.event_type for handler in service.handlers],
            service.gauges,
            service.tenant_gauges,
        )
        worker = None
        if role != "api":
            worker = await stack.enter_async_context(_running_worker(service, settings, metrics, role, tracing))
        stack.push_async_callback(status.close)
        running = RunningService(service, settings, pool, metrics, status, worker, tracing)
        if running.outer_app is not None:
            await stack.enter_async_context(running.outer_app.running())
        log.info("started", role=role)
        yield running
    log.info("stopped")


@asynccontextmanager
async def _running_worker(
    service: Service, settings: Settings, metrics: Metrics, role: Role, tracing: Tracing | None
) -> AsyncIterator[Worker]:
    if settings.worker_database_url is None:
        raise RuntimeError("WORKER_DATABASE_URL is required by the roles worker and all")
    pool = await open_pool(settings.worker_database_url, settings)
    relay = Relay(settings, service.name, metrics, is_notified=role == "all", tracing=tracing)
    tasks = PeriodicTasks(pool, [*service.tasks, *deletion_tasks(service.retentions, settings)])
    dispatcher = EventDispatcher(pool, service.handlers, settings, metrics, relay.notify, tasks.notify, tracing)
    consumer = Consumer(settings, service.name, dispatcher, pool)
    jobs = sweeper = None
    if service.jobs is not None:
        jobs = JobRunner(pool, service.jobs, service.job_kinds, settings, relay.notify)
        sweeper = FileSweeper(pool, service.jobs, FileStore(settings.files))
    worker = Worker(settings, pool, relay, consumer, tasks, service.loops, jobs, sweeper)
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
        await _close(pool)


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), 5)
    except TimeoutError:
        pool.terminate()


def asgi_app(service: Service, settings: Settings, role: Role = "all") -> ASGIApp:
    """Return the application that a server runs. Its lifespan starts the service, and keeps it in the ASGI state."""

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[dict[str, RunningService]]:
        async with start(service, settings, role) as running:
            yield {"service": running}

    lifespan_app = LifespanApp(lifespan=lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan_app(scope, receive, send)
        else:
            await scope["state"]["service"].asgi(scope, receive, send)

    return app


def discover(package: str, areas: tuple[str, ...]) -> list[Feature]:
    """Return the `feature` of every module in the areas of a package, area by area.

    Raises TypeError for a module without a feature, unless AREA_MODULES or the area's `NOT_FEATURES` names it,
    and for a package that is not listed as an area.
    """
    unlisted = _subpackages(package) - {*areas, "migrations"}
    if unlisted:
        raise TypeError(f"{package} has the packages {', '.join(sorted(unlisted))}, which are not among its areas")
    return [feature for area in areas for feature in _area_features(f"{package}.{area}")]


def _subpackages(package: str) -> set[str]:
    module = importlib.import_module(package)
    return {info.name for info in pkgutil.iter_modules(module.__path__) if info.ispkg}


def _area_features(area: str) -> list[Feature]:
    package = importlib.import_module(area)
    not_features = AREA_MODULES.union(getattr(package, "NOT_FEATURES", ()))
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if info.name not in not_features)
    features = []
    for name in names:
        module = importlib.import_module(f"{area}.{name}")
        feature = getattr(module, "feature", None)
        if not isinstance(feature, Feature):
            raise TypeError(f"{area}.{name} has no `feature`; if it is not one, name it in {area}.NOT_FEATURES")
        feature.about = " ".join((module.__doc__ or "").partition("\n\n")[0].split())
        features.append(feature)
    return features


def installed_services() -> list[str]:
    """Return the names of the services that are installed here, and of the gateway if it is."""
    names: list[str] = []
    if importlib.util.find_spec("services") is not None:
        known = importlib.import_module("services").NAMES
        names += [name for name in known if importlib.util.find_spec(f"services.{name}") is not None]
    return names + (["gateway"] if importlib.util.find_spec("gateway") is not None else [])


def load(name: str) -> Service:
    """Return the service of that name, from `services.<name>.app` or `gateway.app`, with its features imported."""
    module = "gateway.app" if name == "gateway" else f"services.{name}.app"
    service = importlib.import_module(module).service
    assert isinstance(service, Service)
    assert service.features, "every service has features"
    return service
