"""The reverse proxy: authenticate a request, forward it to the service that owns its path, stream the response back.

Pure ASGI, with aiohttp to the services: a FastAPI route and httpx would cost ten times the CPU.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import UUID

import aiohttp
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from yarl import URL

from chassis.core.identity import HEADER as TOKEN_HEADER
from chassis.core.identity import Signer
from chassis.core.problems import Problem, RequestTimeout, Unavailable
from chassis.http.outbound import open_session
from chassis.http.unmatched import fits, is_unambiguous, no_such_route
from chassis.service import RunningService
from gateway import contracts
from gateway.access.credentials import Credentials
from gateway.access.key_cache import Credential
from gateway.access.key_sets import KeySets
from gateway.access.queries import collect_changes
from gateway.proxy.authorization import bearer_key, require_origin
from gateway.proxy.browsers import Cors, PathMethods
from gateway.proxy.client import (
    MAX_BUFFERED_BYTES,
    ClientDisconnected,
    DisconnectWatcher,
    StreamedBody,
    announced_length,
)
from gateway.proxy.completeness import Completeness
from gateway.proxy.compression import CompressingSend
from gateway.proxy.customers import CustomerFinder
from gateway.proxy.rate_limits import REFUSAL_SECONDS, RateLimits
from gateway.proxy.readings import Readings
from gateway.proxy.signals import FEED_CHANNEL, TenantSignals
from gateway.proxy.streams import IS_HEAD, StreamGuard
from gateway.proxy.upstreams import Upstream, UpstreamLost, UpstreamTimeout, UpstreamUnavailable
from gateway.proxy.visitors import PRIVATE, Visitors, without_stripped
from gateway.settings import Settings

Headers = list[tuple[bytes, bytes]]
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade")
)  # fmt: skip
REPLACED = frozenset((b"host", b"authorization", b"cookie", b"traceparent", b"x-request-id", b"expect", b"forwarded"))
"""Headers of requests that the gateway sets itself, or that are meant for it alone."""
UNTRUSTED_PREFIXES = (b"x-rapport-", b"x-forwarded-", b"x-tenant", b"x-user")
"""Headers of requests that only a proxy may set. From a client they would be forged."""
SET_BY_GATEWAY = (b"x-request-id", b"x-content-type-options", b"date")
"""Headers of responses that the gateway sets itself."""
PUBLIC_PATHS = frozenset(
    ("/", "/health", "/ready", "/metrics", "/openapi.json", "/asyncapi.json", "/docs", "/docs/try", "/docs/guide",
     "/favicon.ico")
)  # fmt: skip
PUBLIC_FOLDERS = ("/problems/", "/docs/guide/", "/docs/assets/")
PUBLIC_TEMPLATES = ("/problems/{name}", "/docs/guide/{name}", "/docs/assets/{digest}/{name}")
SERVED_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))
IDEMPOTENT_METHODS = frozenset(("GET", "PUT", "DELETE"))
CONNECT_SECONDS = 2
BODY_SECONDS = 20
"""How long the first 64 kB of a body, or a smaller body, may take."""
KEEP_ALIVE_SECONDS = 30


class ReverseProxy:
    """The ASGI application in front of the gateway's own."""

    def __init__(self, app: ASGIApp, running: RunningService) -> None:
        settings = running.settings
        assert isinstance(settings, Settings)
        self._settings = settings
        self._app = app
        self._pool = running.pool
        self._running = running
        self._signer = Signer(settings.internal_token_private_key.get_secret_value(), settings.internal_token_seconds)
        self._streamed = contracts.streamed(settings.contracts)
        self._owners = contracts.owners(settings.contracts)
        paths = {path: ("get",) for path in (*PUBLIC_PATHS, *PUBLIC_TEMPLATES)}
        paths |= contracts.openapi(settings.contracts)["paths"]
        self._known_paths = paths.keys() - {"/"}
        self._cors = Cors(settings.cors_origins)
        self._methods = PathMethods(paths, self._cors)
        self.upstreams = {name: Upstream(name, url, settings) for name, url in settings.upstreams.items()}
        self._own = Upstream("gateway", "", settings)
        self._limits = RateLimits(settings, running.pool)
        self._visitors = Visitors(settings)
        self.feed_signal = TenantSignals(FEED_CHANNEL, settings)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the connections to the services, and listen for changes of credentials."""
        # The resolver of the system, because services may have names that only it knows.
        resolver = aiohttp.ThreadedResolver()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, resolver=resolver)
        policy = self._settings.outbound_policy
        async with (
            open_session(policy) as outbound,
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            ) as self._session,
        ):
            key_sets = KeySets(outbound, policy)
            customers = CustomerFinder(self.upstreams["customers"], self._signer, self._session)
            self._credentials = Credentials(self._settings, self._pool, key_sets, customers.find)
            self.readings = Readings(self._running, self.upstreams, self._signer, self._session)
            self.completeness = Completeness(self.readings, self._running.metrics)
            tasks = [
                asyncio.create_task(self._credentials.run()),
                asyncio.create_task(self.feed_signal.run()),
                asyncio.create_task(self.completeness.run(self._settings.reconcile_seconds)),
            ]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await key_sets.close()
        await self._credentials.record_usage()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = CompressingSend(send, scope["headers"])
        sending.added = self._cors.headers_for(scope["headers"])
        method = scope["method"]
        if method in SERVED_METHODS:
            await self._serve(scope, receive, sending)
        elif method == "HEAD":
            # Served as GET, so that the headers are the same. The server leaves the content out.
            served = {**scope, "method": "GET", IS_HEAD: True}
            await self._serve(served, receive, sending)
            scope.update({name: served[name] for name in ("route", "rapport.route") if name in served})  # for the logs
        else:
            await self._methods.respond(scope, receive, sending)

    async def _serve(self, scope: Scope, receive: Receive, send: CompressingSend) -> None:
        if scope["path"] in PUBLIC_PATHS or scope["path"].startswith(PUBLIC_FOLDERS):
            await self._app(scope, receive, send)
            return
        try:
            await self._serve_authenticated(scope, receive, send)
        except Problem as problem:
            if problem.status == 429:
                await asyncio.sleep(REFUSAL_SECONDS)
            response = problem.response(scope["path"], scope["state"]["trace_id"])
            await response(scope, receive, send)
        except ClientDisconnected:
            pass

    async def _serve_authenticated(self, scope: Scope, receive: Receive, send: CompressingSend) -> None:
        parts = scope["path"].split("/", 3)
        if len(parts) < 3 or parts[1] != "v1" or not is_unambiguous(scope["path"], scope["raw_path"]):
            raise no_such_route(scope["method"], scope["path"], self._known_paths)
        link_token = self._visitors.token_of(scope)
        if link_token is not None:
            await self._serve_visitor(link_token, scope, receive, send)
            return
        key = bearer_key(scope["headers"])
        credential = await self._authenticate(key, scope)
        if credential.origin is not None:
            require_origin(credential.origin, scope["headers"])
        owner = self._owners.get(parts[2])
        if owner is None:
            raise no_such_route(scope["method"], scope["path"], self._known_paths)
        if self._limits.is_shared:
            await self._limits.lease(credential)
        send.added = send.added + self._limits.admit(credential)
        token, tenant = credential.token(self._signer, owner), credential.caller.tenant.id
        with self._limits.open_request(tenant):
            if owner == "gateway":
                await self._serve_own(tenant, key, token, scope, receive, send)
            else:
                scope["rapport.route"] = f"{owner}:{parts[2]}"
                await self._serve_upstream(self.upstreams[owner], tenant, token, scope, receive, send)

    async def _serve_visitor(self, link_token: str, scope: Scope, receive: Receive, send: CompressingSend) -> None:
        """Serve a request to a public operation. Its service checks the token, and responds alike to all wrong ones."""
        send.added = send.added + PRIVATE
        visit = self._visitors.admit(scope, link_token)
        try:
            credential = await self._credentials.visitors.credential(visit.tenant)
        except Exception as error:
            raise Unavailable("The gateway's database is busy or unavailable.") from error
        segment = scope["path"].split("/", 3)[2]
        owner = self._owners[segment]
        scope["rapport.route"] = f"{owner}:{segment}"
        scope["headers"] = without_stripped(scope["headers"])
        token, upstream, counting = credential.token(self._signer, owner), self.upstreams[owner], visit.counting(send)
        with self._limits.open_request(visit.share):
            await self._serve_upstream(upstream, visit.share, token, scope, receive, counting, MAX_BUFFERED_BYTES)

    async def _authenticate(self, key: str, scope: Scope) -> Credential:
        try:
            return await self._credentials.authenticate(key, scope)
        except Problem:
            raise
        except Exception as error:
            raise Unavailable("The gateway's database is busy or unavailable.") from error

    def _invalidate_on_change(self, send: Send) -> Send:
        """Invalidate the keys that a request has changed before its response leaves."""
        changes = collect_changes()

        async def invalidate_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                for change in changes:
                    self._credentials.invalidate(change)
            await send(message)

        return invalidate_and_send

    async def _serve_own(self, tenant: UUID, key: str, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._receive_body(scope, receive, MAX_BUFFERED_BYTES)
        scope["headers"] = _request_headers(scope, token)
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(self._own.turn(tenant, is_upload=False))
            guarded = StreamGuard(scope, send, turn.aclose, partial(self._authenticate, key, scope))
            await self._app(scope, body.replayed(), self._invalidate_on_change(guarded))

    async def _serve_upstream(
        self,
        upstream: Upstream,
        tenant: UUID,
        token: str,
        scope: Scope,
        receive: Receive,
        send: Send,
        body_limit: int | None = None,
    ) -> None:
        is_streamed = self._is_streamed(scope)
        settings = self._settings
        limit = settings.upload_limit_bytes if is_streamed else settings.batch_body_limit_bytes
        body = await self._receive_body(scope, receive, body_limit or limit)
        with DisconnectWatcher(body):
            async with upstream.turn(tenant, is_upload=body.is_large):
                await self._forward(upstream, token, body, scope, send, is_streamed=is_streamed)

    def _is_streamed(self, scope: Scope) -> bool:
        """Return whether the request or its response is a file."""
        operations = self._streamed.get(scope["path"].split("/", 3)[2], ())
        return any(method == scope["method"] and fits(scope["path"], path) for method, path in operations)

    async def _receive_body(self, scope: Scope, receive: Receive, limit: int) -> StreamedBody:
        """Receive a small body or the first part of a large one. A client that sends slowly keeps no slot meanwhile."""
        body = StreamedBody(receive, limit, announced_length(scope))
        if body.is_expected:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    await body.buffer()
            except TimeoutError:
                raise RequestTimeout from None
        return body

    async def _forward(
        self, upstream: Upstream, token: str, body: StreamedBody, scope: Scope, send: Send, *, is_streamed: bool
    ) -> None:
        """Send the request to the service and its response to the client, within the deadline.

        With a file, the deadline is that of each part.
        """
        headers = _request_headers(scope, token)
        started = False
        seconds = self._settings.upstream_deadline_seconds
        try:
            async with asyncio.timeout(seconds) as timer:
                if is_streamed:
                    extending = _Extending(timer, seconds, send)
                    send, body.on_progress = extending, extending.extend
                response = await self._send_upstream(upstream, scope, headers, body)
                try:
                    length = response.content_length
                    is_small = length is not None and length <= MAX_BUFFERED_BYTES
                    content = await response.read() if is_small else None
                    started = True
                    await _send_response(response, content, send)
                finally:
                    response.release()
        except TimeoutError:  # the deadline, or aiohttp's own
            if started:
                raise
            raise UpstreamTimeout(upstream.service) from None
        except aiohttp.ClientError as error:
            if isinstance(error.__cause__, Problem):  # raised by the body while it was streamed
                raise error.__cause__ from None
            if started:
                raise
            if isinstance(error, aiohttp.ClientConnectorError) or scope["method"] in IDEMPOTENT_METHODS:
                raise UpstreamUnavailable(upstream.service) from error
            raise UpstreamLost(upstream.service) from error

    async def _send_upstream(
        self, upstream: Upstream, scope: Scope, headers: Headers, body: StreamedBody
    ) -> aiohttp.ClientResponse:
        """Send the request and return the response as soon as its headers have arrived."""
        query = scope["query_string"].decode("latin-1")
        url = URL(upstream.url + scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""), encoded=True)
        for attempt in (1, 2):
            try:
                return await self._session.request(
                    scope["method"],
                    url,
                    headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
                    data=body.content(),
                    allow_redirects=False,
                )
            except aiohttp.ServerDisconnectedError:
                # The service had closed the kept-alive connection. There was no response, and a retry is safe.
                if attempt == 2 or scope["method"] not in IDEMPOTENT_METHODS or body.is_expected:
                    raise
        raise AssertionError("unreachable")


class _Extending:
    """The `send` of a request with a file. Each part that is sent or received extends the deadline."""

    def __init__(self, timer: asyncio.Timeout, seconds: float, send: Send) -> None:
        self._timer = timer
        self._seconds = seconds
        self._send = send

    def extend(self) -> None:
        """Start the deadline again."""
        self._timer.reschedule(asyncio.get_running_loop().time() + self._seconds)

    async def __call__(self, message: Message) -> None:
        """Send a part of the response."""
        await self._send(message)
        self.extend()


async def _send_response(response: aiohttp.ClientResponse, content: bytes | None, send: Send) -> None:
    """Send a response to the client: with its content, or streaming it if that is None."""
    await send(_response_start(response))
    if content is None:
        async for chunk in response.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": content or b""})


def _request_headers(scope: Scope, token: str) -> Headers:
    """Return the request's headers for a service, without those of the connection and those that a client may forge."""
    state = scope["state"]
    of_connection = _named_by_connection(scope["headers"])
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in HOP_BY_HOP
        and name not in REPLACED
        and name not in of_connection
        and not name.startswith(UNTRUSTED_PREFIXES)
    ]
    headers.append((TOKEN_HEADER.encode(), token.encode()))
    headers.append((b"traceparent", state["traceparent"].encode()))
    headers.append((b"x-request-id", state["trace_id"].encode()))
    return headers


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Return the names in the Connection header. They belong to this connection, like the hop-by-hop headers."""
    return {part.strip().lower() for name, value in headers if name == b"connection" for part in value.split(b",")}


def _response_start(response: aiohttp.ClientResponse) -> Message:
    of_connection = _named_by_connection((name.lower(), value) for name, value in response.raw_headers)
    headers = [
        (name.lower(), value)
        for name, value in response.raw_headers
        if name.lower() not in HOP_BY_HOP and name.lower() not in of_connection and name.lower() not in SET_BY_GATEWAY
    ]
    return {"type": "http.response.start", "status": response.status, "headers": headers}
