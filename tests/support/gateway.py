"""The gateway under test: its real application and its real reverse proxy, on its real database, without services."""

from typing import Any
from uuid import UUID

import httpx

from chassis import Caller, Tenant
from chassis.core.identity import OPERATOR_CALLER
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from gateway import contracts
from gateway.access import api_keys, tenants
from gateway.access.credentials import Credentials
from gateway.proxy.reverse_proxy import ReverseProxy
from gateway.settings import Settings
from tests.support.service import ServiceUnderTest, a_tenant


class Shop:
    """A tenant of the gateway. Its requests carry a key."""

    def __init__(self, gateway: ServiceUnderTest, tenant: Tenant, key: str = "") -> None:
        self.gateway = gateway
        self.tenant = tenant
        self.key = key

    @property
    def id(self) -> UUID:
        """The id of the key."""
        return UUID(self.key.split("_")[2])

    @property
    def settings(self) -> Settings:
        """The settings of the gateway."""
        settings = self.gateway.shared.running.settings
        assert isinstance(settings, Settings)
        return settings

    def with_key(self, key: str) -> "Shop":
        """Return the same tenant with another key."""
        return Shop(self.gateway, self.tenant, key)

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the key."""
        headers = {"authorization": f"Bearer {self.key}", **(options.pop("headers", None) or {})}
        return await self.gateway.shared.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Send a GET request."""
        return await self.request("GET", path, params=params)

    async def status(self) -> int:
        """Return the status of a request that any valid key may send, if it has the scope."""
        return (await self.get("/v1/tenants")).status_code

    async def create(self, *scopes: str, **values: Any) -> "Shop":
        """Create a key through the API, with the scopes of this key by default."""
        body = {"name": "till", "scopes": list(scopes) or await self.scopes(), **values}
        response = await self.request("POST", "/v1/api-keys", json=body)
        assert response.status_code == 201, response.text
        return self.with_key(response.json()["key"])

    async def rotate(self, other: "Shop", **body: Any) -> httpx.Response:
        """Rotate a key with this key."""
        return await self.request("POST", f"/v1/api-keys/{other.id}/rotate", json=body)

    async def revoke(self, other: "Shop") -> httpx.Response:
        """Revoke a key with this key."""
        return await self.request("DELETE", f"/v1/api-keys/{other.id}")

    async def scopes(self) -> list[str]:
        """Return the scopes of the key."""
        return list((await self.stored())["scopes"])

    async def stored(self) -> dict[str, Any]:
        """Return the row of the key."""
        (row,) = await self.rows("select * from api_key where id = $1", self.id)
        return row

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement as the tenant."""
        return await self.gateway.for_tenant(self.tenant).rows(statement, *values)

    async def published(self, type: str) -> list[dict[str, Any]]:
        """Return the data of the tenant's events of a type in the outbox."""
        statement = "select data from chassis.outbox where tenant_id = $1 and type = $2 order by seq"
        return [row["data"] for row in await self.rows(statement, self.tenant.id, type)]

    async def command(self, *scopes: str, **values: Any) -> "Shop":
        """Create a key as the command line does, with all scopes by default."""
        known = contracts.scopes(self.settings.contracts)
        body = api_keys.ApiKeyCreate(name="command", scopes=list(scopes) or list(known), **values)
        async with self.as_command() as transaction:
            issued = await api_keys.issue_key(UnitOfWork(transaction), body, known)
        return self.with_key(issued.key)

    def as_command(self) -> Transaction:
        """Return a transaction of the command line."""
        return Transaction(self.gateway.shared.running.pool, Caller(self.tenant, "command", frozenset()))


async def a_shop(gateway: ServiceUnderTest, *scopes: str, facts: dict[str, Any] | None = None, **values: Any) -> Shop:
    """Create a tenant with these facts, and a key with these scopes, or with all."""
    shop = Shop(gateway, a_tenant(**facts or {}))
    async with shop.as_command() as transaction:
        await tenants.store_tenant(UnitOfWork(transaction))
    return await shop.command(*scopes, **values)


def credentials_of(gateway: ServiceUnderTest) -> Credentials:
    """Return the credentials of the running reverse proxy."""
    proxy = gateway.shared.running.outer_app
    assert isinstance(proxy, ReverseProxy)
    return proxy._credentials


def operator_of(gateway: ServiceUnderTest) -> Shop:
    """Return a client with the operator's token."""
    token = gateway.shared.running.settings.operator_token
    assert token is not None
    return Shop(gateway, OPERATOR_CALLER.tenant, token.get_secret_value())
