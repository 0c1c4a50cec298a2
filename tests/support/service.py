"""A service under test: its real application on its real, migrated database, without Kafka."""

import copy
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from chassis import Feature
from chassis.cli.rebuild import rebuild_one
from chassis.core.events import Envelope
from chassis.core.identity import HEADER, Caller, Signer, Tenant
from chassis.core.settings import Settings
from chassis.db.pool import open_pool
from chassis.db.tables import SCHEMA
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.messaging.dispatcher import EventDispatcher
from chassis.messaging.jobs import JobRunner
from chassis.messaging.periodic import run_once
from chassis.messaging.records import KafkaRecord
from chassis.service import RunningService, Service, start
from chassis.types import json
from chassis.types.ids import uuid7
from local.data_dir import DataDir

FREE_FAILURES = {"authentication_failures_per_key": 10**6, "authentication_failures_per_address": 10**6}
"""Tests send many wrong keys from a single address."""
_offsets = itertools.count()


def settings_of(data_dir: DataDir, service: Service, **changes: Any) -> Settings:
    """Return the settings that the local stack writes for a service."""
    settings = service.settings(_env_file=data_dir.env_file(service.name))  # type: ignore[call-arg]
    return settings.model_copy(update={"log_level": "error", "log_requests": False, **changes})


@dataclass(frozen=True)
class Published:
    """An event in the outbox."""

    id: UUID
    type: str
    subject: str
    data: dict[str, Any]
    traceparent: str | None
    actor: str


@dataclass
class Shared:
    """The resources that all tenants of a tested service share."""

    running: RunningService
    worker_pool: asyncpg.Pool
    dispatcher: EventDispatcher
    client: httpx.AsyncClient
    signer: Signer


class ServiceUnderTest:
    """A service, used as a single tenant."""

    def __init__(self, service: Service, data_dir: DataDir) -> None:
        self.service = service
        self.data_dir = data_dir
        self.tenant = a_tenant()
        self.scopes = frozenset(_scopes(service))
        self.customer: UUID | None = None
        self.actor = "key:test"
        self._shared: Shared | None = None

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[None]:
        """Open the pools, with these settings. No relay and no consumer run."""
        changes = {"handler_attempts": 2, "unknown_tenant_seconds": 0.1, **changes}
        if self.service.name == "gateway":
            changes = FREE_FAILURES | changes
        settings = settings_of(self.data_dir, self.service, **changes)
        assert settings.worker_database_url is not None
        made = self.data_dir.secrets()
        worker_url = settings.worker_database_url
        async with start(self.service, settings, "api") as running, await open_pool(worker_url, settings, 8) as workers:
            transport = httpx.ASGITransport(app=running.asgi, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                dispatcher = running.dispatcher(workers)
                self._shared = Shared(running, workers, dispatcher, client, Signer(made["token_private"]))
                yield

    async def for_new_tenant(self, **facts: Any) -> "ServiceUnderTest":
        """Return the same service for a new tenant that has been announced to it."""
        other = self.for_tenant(a_tenant(**facts))
        await other.announce()
        return other

    def for_tenant(self, tenant: Tenant) -> "ServiceUnderTest":
        """Return the same service for another tenant."""
        other = copy.copy(self)
        other.tenant = tenant
        return other

    def with_scopes(self, *scopes: str) -> "ServiceUnderTest":
        """Return the same service for a caller with only these scopes."""
        other = self.for_tenant(self.tenant)
        other.scopes = frozenset(scopes)
        return other

    def acting_as(self, actor: str) -> "ServiceUnderTest":
        """Return the same service for another principal of the tenant."""
        other = self.for_tenant(self.tenant)
        other.actor = actor
        return other

    def for_customer(self, customer: UUID, *scopes: str) -> "ServiceUnderTest":
        """Return the same service for a customer's token, with all scopes by default."""
        other = self.with_scopes(*(scopes or self.scopes))
        other.customer = customer
        return other

    @property
    def shared(self) -> Shared:
        """The pools and the client."""
        assert self._shared is not None
        return self._shared

    @property
    def caller(self) -> Caller:
        """The caller of this tenant's requests."""
        actor = self.actor if self.customer is None else f"customer:{self.customer}"
        return Caller(self.tenant, actor, self.scopes, self.customer)

    # Requests

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, as the gateway would forward it."""
        headers = {HEADER: self.signed(), **(options.pop("headers", None) or {})}
        return await self.shared.client.request(method, path, headers=headers, **options)

    def signed(self) -> str:
        """Return the token of this tenant's caller."""
        return self.shared.signer.sign(self.caller, self.service.name)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Send a GET request."""
        return await self.request("GET", path, params=params)

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Send a POST request. Header names are given with underscores."""
        return await self.request("POST", path, json=body, headers=_headers(headers))

    async def put(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Send a PUT request."""
        return await self.request("PUT", path, json=body, headers=_headers(headers))

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Send a PATCH request."""
        return await self.request("PATCH", path, json=body, headers=_headers(headers))

    # Events

    async def deliver(self, *facts: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
        """Deliver events as the consumer receives them. Each is a dict of type, key, data and optionally an id."""
        flat = [one for fact in facts for one in ([fact] if isinstance(fact, dict) else fact)]
        await self.shared.dispatcher.apply([self.record_of(fact) for fact in flat])

    def record_of(self, fact: dict[str, Any]) -> KafkaRecord:
        """Return the Kafka record of a fact."""
        envelope = Envelope(
            id=fact.get("id") or uuid7(),
            type=fact["type"],
            tenant=fact.get("tenant") or self.tenant.id,
            subject=str(fact["key"]),
            time=datetime.fromisoformat(fact["time"]) if "time" in fact else self.tenant.now(),
            actor=fact.get("actor", "test"),
            sequence=1,
            traceparent=fact.get("traceparent"),
        )
        headers = tuple(envelope.to_headers())
        value = fact["raw"] if "raw" in fact else json.dumps(fact["data"])
        return KafkaRecord(f"rapport.{envelope.source}", 0, next(_offsets), envelope.key, headers, value)

    def dispatcher_with(self, feature: Feature) -> EventDispatcher:
        """Return a dispatcher as if the service had an additional feature."""
        running = self.shared.running
        handlers = [*self.service.handlers, *feature.handlers]
        return EventDispatcher(self.shared.worker_pool, handlers, running.settings, running.metrics, lambda: None)

    async def announce(self) -> None:
        """Announce the tenant to the service."""
        data = {**self.tenant.facts, "tenant_id": str(self.tenant.id)}
        await self.deliver({"type": "gateway.tenant_changed.v1", "key": self.tenant.id, "data": data})

    async def published(self) -> list[Published]:
        """Remove and return this tenant's events in the outbox, in order."""
        rows = await self.shared.worker_pool.fetch(
            f"with taken as (delete from {SCHEMA}.outbox where tenant_id = $1 returning *) "
            "select * from taken order by seq",
            self.tenant.id,
        )
        return [
            Published(row["event_id"], row["type"], row["subject"], row["data"], row["traceparent"], row["actor"])
            for row in rows
        ]

    # The database

    async def run_periodic_tasks(self) -> None:
        """Run the periodic tasks of the worker for this tenant."""
        for task in self.service.tasks:
            while not task.of_deleted_tenants and await run_once(self.shared.worker_pool, task, self.tenant):
                pass

    async def run_jobs(self, *, chunks: int = 1_000) -> int:
        """Run this tenant's jobs in the worker until they end, or this many chunks. Return the number of chunks."""
        for done in range(chunks):
            rows = await self.rows("select id from job where state in ('queued', 'running') order by id limit 1")
            if not rows:
                return done
            await self.run_chunk(rows[0]["id"])
        return chunks

    async def run_chunk(self, id: UUID | str) -> None:
        """Run the next chunk of a job in the worker."""
        assert self.service.jobs is not None
        shared = self.shared
        settings = shared.running.settings
        runner = JobRunner(shared.worker_pool, self.service.jobs, self.service.job_kinds, settings, lambda: None)
        await runner.run_chunk(self.tenant, id if isinstance(id, UUID) else UUID(id))

    async def rebuild(self, *, repair: bool = True) -> int:
        """Rebuild this tenant's rollups. Return the number of rows that differed from their facts."""
        pool = self.shared.worker_pool
        return sum([await rebuild_one(pool, self.tenant, run, repair=repair) for _, run in self.service.rebuilds])

    def transaction(self, *, writes: bool = True) -> Transaction:
        """Return a transaction of this tenant, to be entered."""
        return Transaction(self.shared.running.pool, self.caller, writes=writes)

    def transaction_of_worker(self) -> Transaction:
        """Return a transaction of this tenant with the worker's login, to be entered."""
        return Transaction(self.shared.worker_pool, self.caller)

    @asynccontextmanager
    async def work(self, *, writes: bool = True) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work of this tenant."""
        async with self.transaction(writes=writes) as transaction:
            yield UnitOfWork(transaction)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement with the worker's login. Return the rows, which are this tenant's only."""
        async with self.shared.worker_pool.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('app.tenant', $1, true)", str(self.tenant.id))
            return [dict(row) for row in await connection.fetch(statement, *values)]

    async def as_owner(self, *statements: str) -> None:
        """Run statements as the owner of the tables, like a migration."""
        connection = await asyncpg.connect(str(self.shared.running.settings.migration_database_url))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def dead_letters(self) -> list[dict[str, Any]]:
        """Return this tenant's dead letters."""
        return await self.rows(f"select * from {SCHEMA}.dead_letter where tenant_id = $1 order by id", self.tenant.id)


def a_tenant(**facts: Any) -> Tenant:
    """Return a new tenant."""
    usual = {"name": "Corner Shop", "kind": "live", "timezone": "Europe/Amsterdam", "currency": "EUR", "region": "NL"}
    return Tenant.model_validate({"id": uuid7(), "clock_at": None, **usual, **facts})


def _headers(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _scopes(service: Service) -> set[str]:
    return {"status:read", *(route.options.scope for route in service.routes if route.options.scope is not None)}
