"""The data path: a request comes in with a key, goes to the service that owns its path, and streams back.

Pure ASGI with aiohttp to the services: a FastAPI route and httpx would cost ten times the CPU.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from yarl import URL

from chassis.identity import HEADER as TOKEN_HEADER
from chassis.identity import Signer
from chassis.problems import NotFound, Problem, Unavailable
from gateway import contracts
from gateway.client import SMALL, Body, ClientGone, Watch, announced_length
from gateway.credentials import Credential, Credentials
from gateway.settings import Settings

if TYPE_CHECKING:
    from chassis import Service

Headers = list[tuple[bytes, bytes]]
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade")
)  # fmt: skip
REPLACED = frozenset((b"host", b"authorization", b"cookie", b"traceparent", b"x-request-id", b"expect", b"forwarded"))
FORGED = (b"x-rapport-", b"x-forwarded-", b"x-tenant", b"x-user")
OURS = (b"x-request-id", b"x-content-type-options", b"date")
PUBLIC = ("/health", "/ready", "/metrics", "/openapi.json", "/asyncapi.json", "/docs", "/problems/")
RETRIED_METHODS = frozenset(("GET", "HEAD", "PUT", "DELETE"))


class ServiceAway(Problem, status=503):
    """The service that owns this is away; the others answer."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service is away.", headers={"Retry-After": "1"}, service=service)


class ServiceLost(Problem, status=502):
    """The service that owns this went away while it answered; whether it did what was asked is not known."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service went away while it answered.", service=service)


class ServiceBusy(Problem, status=503):
    """The service that owns this has as many requests open as it may."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service is busy.", headers={"Retry-After": "1"}, service=service)


class ServiceSlow(Problem, status=504):
    """The service that owns this did not answer in time; whether it did what was asked is not known."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} service did not answer in time.", service=service)


class RequestSlow(Problem, status=408):
    """The request did not arrive in time."""


class Lane:
    """One service's share of the gateway: how many requests it has open."""

    def __init__(self, service: str, url: str, most: int) -> None:
        self.service = service
        self.url = url.rstrip("/")
        self.most = most
        self.open = 0

    def __enter__(self) -> None:
        if self.open >= self.most:
            raise ServiceBusy(self.service)
        self.open += 1

    def __exit__(self, *_: object) -> None:
        self.open -= 1


class DataPath:
    """Stands in front of the gateway's own application."""

    def __init__(self, app: ASGIApp, service: "Service") -> None:
        settings = service.settings
        assert isinstance(settings, Settings)
        self.settings = settings
        self._app = app
        self._service = service
        self.signer = Signer(settings.internal_token_private_key.get_secret_value(), settings.internal_token_seconds)
        self._owners = contracts.owners(settings.contracts)
        self.lanes = {name: Lane(name, url, settings.upstream_concurrency) for name, url in settings.upstreams.items()}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens the connections to the services and begins to listen for revocations."""
        self.credentials = Credentials(self.settings, self._service.pool)
        listening = asyncio.create_task(self.credentials.run())
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=2),
        ) as self.session:
            yield
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await self.credentials.note_use()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["path"].startswith(PUBLIC):
            await self._app(scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        except Problem as problem:
            response = problem.response(scope["path"], scope["state"]["trace_id"])
            await response(scope, receive, send)
        except ClientGone:
            pass

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope["path"].split("/", 3)
        if len(parts) < 3 or parts[1] != "v1":
            raise NotFound
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        credential = await self._prove(authorization.decode("latin-1"))
        owner = self._owners.get(parts[2], "gateway")
        token = credential.token(self.signer, owner)
        if owner == "gateway":
            scope["headers"] = _forwarded(scope, token)
            await self._app(scope, receive, self._forgetting(scope["method"], send))
            return
        scope["rapport.route"] = f"{owner}:{parts[2]}"
        lane = self.lanes[owner]
        body = Body(receive, self.settings.batch_body_limit_bytes, announced_length(scope))
        if body.expected:  # before the lane: who is slow to send takes nobody's place
            try:
                async with asyncio.timeout(self.settings.upstream_deadline_seconds):
                    await body.gather_small()
            except TimeoutError:
                raise RequestSlow from None
        with lane, Watch(body):
            await self._forward(lane, token, body, scope, send)

    def _forgetting(self, method: str, send: Send) -> Send:
        """Forgets the known keys before an answer leaves that tells of a change of keys or tenants."""

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start" and method != "GET" and message["status"] < 300:
                self.credentials.forget()
            await send(message)

        return watch

    async def _prove(self, authorization: str) -> Credential:
        try:
            return await self.credentials.prove(authorization)
        except Problem:
            raise
        except Exception as error:
            raise Unavailable("The gateway's database is busy or away.") from error

    async def _forward(self, lane: Lane, token: str, body: Body, scope: Scope, send: Send) -> None:
        headers = _forwarded(scope, token)
        started = False
        try:
            async with asyncio.timeout(self.settings.upstream_deadline_seconds):
                response = await self._ask(lane, scope, headers, body)
                try:
                    length = response.content_length
                    small = length is not None and length <= SMALL
                    whole = await response.read() if small else b""
                    started = True
                    await send(_start_of(response))
                    if not small:
                        async for chunk in response.content.iter_any():
                            await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    await send({"type": "http.response.body", "body": whole})
                finally:
                    response.release()
        except (TimeoutError, aiohttp.ServerTimeoutError):
            if started:
                raise
            raise ServiceSlow(lane.service) from None
        except aiohttp.ClientError as error:
            if isinstance(error.__cause__, Problem):
                raise error.__cause__ from None
            if started:
                raise
            if isinstance(error, aiohttp.ClientConnectorError) or scope["method"] in RETRIED_METHODS:
                raise ServiceAway(lane.service) from error
            raise ServiceLost(lane.service) from error

    async def _ask(self, lane: Lane, scope: Scope, headers: Headers, body: Body) -> aiohttp.ClientResponse:
        """Sends the request on and waits for the head of the answer."""
        query = scope["query_string"].decode("latin-1")
        url = URL(lane.url + scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""), encoded=True)
        for attempt in (1, 2):
            try:
                return await self.session.request(
                    scope["method"],
                    url,
                    headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
                    data=body.content(),
                    allow_redirects=False,
                )
            except aiohttp.ServerDisconnectedError:
                # A kept connection that the service closed meanwhile: nothing was answered, and asking again is safe.
                if attempt == 2 or scope["method"] not in RETRIED_METHODS or body.expected:
                    raise
        raise AssertionError("unreachable")


def _forwarded(scope: Scope, token: str) -> Headers:
    """The request's headers for a service: without what belongs to the connection, without what is forged."""
    state = scope["state"]
    named = _named_by_connection(scope["headers"])
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name not in HOP_BY_HOP and name not in REPLACED and name not in named and not name.startswith(FORGED)
    ]
    kept.append((TOKEN_HEADER.encode(), token.encode()))
    kept.append((b"traceparent", state["traceparent"].encode()))
    kept.append((b"x-request-id", state["trace_id"].encode()))
    return kept


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    return {one.strip().lower() for name, value in headers if name == b"connection" for one in value.split(b",")}


def _start_of(response: aiohttp.ClientResponse) -> Message:
    named = _named_by_connection((name.lower(), value) for name, value in response.raw_headers)
    headers = [
        (name.lower(), value)
        for name, value in response.raw_headers
        if name.lower() not in HOP_BY_HOP and name.lower() not in named and name.lower() not in OURS
    ]
    return {"type": "http.response.start", "status": response.status, "headers": headers}
