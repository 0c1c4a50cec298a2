"""Customers of tokens: the customer with an external id, looked up in the service of customers."""

from urllib.parse import urlencode
from uuid import UUID

import aiohttp

from chassis import Caller, Tenant
from chassis.core.identity import HEADER as TOKEN_HEADER
from chassis.core.identity import Signer
from chassis.types import json
from gateway.proxy.upstreams import Upstream, UpstreamUnavailable

DEADLINE = aiohttp.ClientTimeout(total=5)
SCOPE = "customers:read"


class CustomerFinder:
    """Finds customers by their external ids."""

    def __init__(self, upstream: Upstream, signer: Signer, session: aiohttp.ClientSession) -> None:
        self._upstream = upstream
        self._signer = signer
        self._session = session

    async def find(self, tenant: Tenant, source: str, id: str) -> UUID | None:
        """Return the customer of a tenant with an external id. Raises UpstreamUnavailable."""
        query = urlencode({"source": source, "id": id})
        caller = Caller(tenant, "gateway", frozenset((SCOPE,)))
        headers = {TOKEN_HEADER: self._signer.sign(caller, self._upstream.service)}
        url = f"{self._upstream.url}/v1/customers/by-external-id?{query}"
        try:
            async with self._session.get(url, headers=headers, timeout=DEADLINE) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamUnavailable(self._upstream.service) from error
        if response.status == 404:
            return None
        if response.status != 200:
            raise UpstreamUnavailable(self._upstream.service)
        return UUID(json.loads(content)["id"])
