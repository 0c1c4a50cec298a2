"""One service under test: its real application on its real, migrated database, without Kafka."""

import copy
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from chassis import json
from chassis.chores import do_once
from chassis.database import open_pool
from chassis.events import Envelope
from chassis.identity import HEADER, Caller, Signer, Tenant
from chassis.ids import uuid7
from chassis.openapi import document_of
from chassis.reactions import Reactor, Received
from chassis.rebuilding import rebuild_one
from chassis.service import Service
from chassis.settings import Settings
from chassis.tables import SCHEMA
from chassis.work import Work
from local.places import Place

_offsets = itertools.count()


def settings_of(place: Place, service: Service, **changes: Any) -> Settings:
    """The settings that the local stack writes for a service."""
    settings = service.settings_class(_env_file=place.env_file(service.name))  # type: ignore[call-arg]
    return settings.model_copy(update={"log_level": "error", "log_requests": False, **changes})


@dataclass(frozen=True)
class Published:
    """An event in the outbox."""

    id: UUID
    type: str
    subject: str
    data: dict[str, Any]
    traceparent: str | None


@dataclass
class Shared:
    """What all tenants of a tested service have in common."""

    pool: asyncpg.Pool
    worker_pool: asyncpg.Pool
    reactor: Reactor
    client: httpx.AsyncClient
    signer: Signer


class ServiceUnderTest:
    """A service, as one tenant meets it."""

    def __init__(self, service: Service, place: Place) -> None:
        self.service = service
        self.place = place
        self.tenant = a_tenant()
        self.scopes = frozenset(_scopes(service))
        self._shared: Shared | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens the pools; no relay and no consumer run."""
        self.service.configure(settings_of(self.place, self.service, reaction_attempts=2, unknown_tenant_seconds=0.1))
        self.service.role = "api"
        settings = self.service.settings
        assert settings.worker_database_url is not None
        made = self.place.secrets()
        async with self.service.running(), await open_pool(settings.worker_database_url, settings, 8) as worker_pool:
            transport = httpx.ASGITransport(app=self.service.asgi(), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                reactor = self.service.reactor(worker_pool)
                self._shared = Shared(self.service.pool, worker_pool, reactor, client, Signer(made["token_private"]))
                yield

    async def for_new_tenant(self, **facts: Any) -> "ServiceUnderTest":
        """The same service for another, new tenant that has been announced to it."""
        other = self.for_tenant(a_tenant(**facts))
        await other.announce()
        return other

    def for_tenant(self, tenant: Tenant) -> "ServiceUnderTest":
        """The same service for another tenant."""
        other = copy.copy(self)
        other.tenant = tenant
        return other

    def with_scopes(self, *scopes: str) -> "ServiceUnderTest":
        """The same service for a caller who may only do this."""
        other = self.for_tenant(self.tenant)
        other.scopes = frozenset(scopes)
        return other

    @property
    def shared(self) -> Shared:
        """The pools and the client."""
        assert self._shared is not None
        return self._shared

    @property
    def caller(self) -> Caller:
        """Who asks in this test."""
        return Caller(self.tenant, "key:test", self.scopes)

    # Requests

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request as the gateway would send it on."""
        headers = {
            HEADER: self.shared.signer.sign(self.caller, self.service.name),
            **(options.pop("headers", None) or {}),
        }
        return await self.shared.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Reads."""
        return await self.request("GET", path, params=params)

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Posts; headers by their names with underscores."""
        return await self.request("POST", path, json=body, headers=_headers(headers))

    async def put(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Puts."""
        return await self.request("PUT", path, json=body, headers=_headers(headers))

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Patches."""
        return await self.request("PATCH", path, json=body, headers=_headers(headers))

    # Events

    async def deliver(self, *facts: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
        """Events as the consumer gets them: each a dict of type, key and data, and an id when it matters."""
        flat = [one for fact in facts for one in ([fact] if isinstance(fact, dict) else fact)]
        await self.shared.reactor.apply([self.record_of(fact) for fact in flat])

    def record_of(self, fact: dict[str, Any]) -> Received:
        """The Kafka record of a fact."""
        envelope = Envelope(
            id=fact.get("id") or uuid7(),
            type=fact["type"],
            tenant=fact.get("tenant") or self.tenant.id,
            subject=str(fact["key"]),
            time=datetime.now(UTC),
            actor="test",
            sequence=1,
            traceparent=fact.get("traceparent"),
        )
        headers = tuple(envelope.to_headers())
        value = fact["raw"] if "raw" in fact else json.dumps(fact["data"])
        return Received(f"rapport.{envelope.source}", 0, next(_offsets), envelope.key, headers, value)

    async def announce(self) -> None:
        """Tells the service of its tenant."""
        data = {**self.tenant.to_claims(), "tenant_id": str(self.tenant.id)}
        await self.deliver({"type": "gateway.tenant_changed.v1", "key": self.tenant.id, "data": data})

    async def published(self) -> list[Published]:
        """What this tenant has in the outbox, in order; it is taken out."""
        rows = await self.shared.worker_pool.fetch(
            f"with taken as (delete from {SCHEMA}.outbox where tenant_id = $1 returning *) "
            "select * from taken order by seq",
            self.tenant.id,
        )
        return [
            Published(row["event_id"], row["type"], row["subject"], row["data"], row["traceparent"]) for row in rows
        ]

    # The database

    async def do_chores(self) -> None:
        """What the worker does from time to time for this tenant."""
        for chore in self.service.chores:
            while await do_once(self.shared.worker_pool, chore, self.tenant):
                pass

    async def rebuild(self, *, repair: bool = True) -> int:
        """How many rows of this tenant's rollups differed from their facts."""
        rebuilds = [again for feature in self.service.features for again in feature.rebuilds]
        pool = self.shared.worker_pool
        return sum([await rebuild_one(pool, self.tenant, again, repair=repair) for again in rebuilds])

    def work(self, *, writes: bool = True) -> Work:
        """A transaction of this tenant."""
        return Work(self.shared.pool, self.caller, writes=writes)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of this tenant, by the worker's login."""
        async with self.shared.worker_pool.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('app.tenant', $1, true)", str(self.tenant.id))
            return [dict(row) for row in await connection.fetch(statement, *values)]

    async def as_owner(self, *statements: str) -> None:
        """Changes the tables themselves, as a migration would."""
        connection = await asyncpg.connect(str(self.service.settings.migration_database_url))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def dead_letters(self) -> list[dict[str, Any]]:
        """What was parked of this tenant."""
        return await self.rows(f"select * from {SCHEMA}.dead_letter where tenant_id = $1 order by id", self.tenant.id)


def a_tenant(**facts: Any) -> Tenant:
    """A tenant that nobody else has."""
    blank = Tenant(uuid7(), "Corner Shop", "live", "Europe/Amsterdam", "EUR", "NL", None)
    return replace(blank, **facts)


def _headers(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _scopes(service: Service) -> set[str]:
    document = document_of(service.app, service.name)
    operations = [one for path in document["paths"].values() for one in path.values()]
    return {"status:read"} | {
        scope for one in operations for needs in one["security"] for scope in next(iter(needs.values()))
    }
