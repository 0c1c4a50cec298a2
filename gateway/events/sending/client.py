"""The client of webhooks: one signed request per attempt, with a deadline for everything.

A receiver may hang, drip, reset the connection, or respond with gigabytes. Only its status and the first kilobyte are
read, so none of that costs more than a socket until the deadline.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import aiohttp
from yarl import URL

from chassis.core.clock import clock
from chassis.core.events import Envelope
from chassis.core.identity import HEADER, Signer
from chassis.core.settings import Settings as BaseSettings
from chassis.http.outbound import OutboundPolicy, open_session, reason
from gateway.events.rules.encryption import Encryption
from gateway.events.rules.records import RecordAddress, address_of, with_record
from gateway.events.rules.retries import parse_retry_after
from gateway.events.rules.signatures import signatures
from gateway.events.sending.endpoints import Endpoint
from gateway.events.webhook_queries import DueDelivery
from gateway.settings import Settings

MAX_RESPONSE_BYTES = 1_024
MAX_READ_BYTES = 16_384
"""A longer response is cut off, and its connection is closed. Reading a short rest costs less than a new connection."""
RESPONSE_SECONDS = 1.0
"""How long the content of a response may take. Its status has arrived by then, and decides."""
MAX_RECORD_BYTES = 4_000_000
RECORD_SECONDS = 10
RECORD_RETRY_SECONDS = 1.0
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
USER_AGENT = "Rapport-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an attempt."""

    at: datetime
    latency_ms: int
    status: int | None
    error: str | None = None
    """Why there is no status."""
    response: str = ""
    retry_after: float | None = None
    was_cut: bool = False
    """True if the response did not end in time, or was too long."""


class RecordUnavailable(Exception):
    """The service that owns a record does not respond."""


class WebhookClient:
    """Sends deliveries to endpoints, and reads records for those that ask for them."""

    def __init__(
        self,
        settings: Settings,
        policy: OutboundPolicy,
        session: aiohttp.ClientSession,
        services: aiohttp.ClientSession,
    ) -> None:
        self.settings = settings
        self.policy = policy
        self.encryption = Encryption(settings.encryption_keys)
        self._session = session
        self._services = services
        self._signer = Signer(settings.internal_token_private_key.get_secret_value(), settings.internal_token_seconds)

    async def send(self, endpoint: Endpoint, delivery: DueDelivery) -> Answer:
        """Send a delivery and return the result. It waits while a service that owns a record is unavailable."""
        if endpoint.url is None:
            return Answer(clock.now(), 0, None, endpoint.refusal)
        assert delivery.data is not None
        data = await self._with_record(endpoint, delivery) if endpoint.includes_record else delivery.data
        body = _envelope(delivery).to_json(data)
        at, started = clock.now(), time.monotonic()
        answer = await self._post(at, endpoint.url, _headers(endpoint, str(delivery.event_id), at, body), body)
        return replace(answer, latency_ms=int((time.monotonic() - started) * 1000))

    async def _post(self, at: datetime, url: URL, headers: list[tuple[str, str]], body: bytes) -> Answer:
        seconds = self.settings.webhook_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                response = await self._session.post(url, data=body, headers=headers, allow_redirects=False)
                try:
                    content = await _first_kilobyte(response)
                finally:
                    was_cut = not response.content.at_eof()
                    (response.close if was_cut else response.release)()
                retry_after = parse_retry_after(response.headers.get("Retry-After"), at)
                return Answer(at, 0, response.status, None, content, retry_after, was_cut)
        except TimeoutError:
            return Answer(at, 0, None, f"there was no response within {seconds:g} seconds")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(at, 0, None, reason(error))

    async def _with_record(self, endpoint: Endpoint, delivery: DueDelivery) -> str:
        assert delivery.data is not None
        address = address_of(delivery.type, delivery.data)
        if address is None:
            return delivery.data
        while True:
            try:
                return with_record(delivery.data, await self._read_record(endpoint, address))
            except RecordUnavailable:
                await asyncio.sleep(RECORD_RETRY_SECONDS)

    async def _read_record(self, endpoint: Endpoint, address: RecordAddress) -> str | None:
        """Return the JSON of a record, or None if it does not exist or may not be read. Raises RecordUnavailable."""
        token = self._token(endpoint, address)
        if token is None:
            return None
        url = URL(self.settings.upstreams[address.service] + address.path, encoded=True)
        try:
            async with (
                asyncio.timeout(RECORD_SECONDS),
                self._services.get(url, headers={HEADER: token}, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    if response.status == 429 or response.status >= 500:
                        raise RecordUnavailable
                    return None
                content = await response.read()
                return content.decode() if len(content) <= MAX_RECORD_BYTES else None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise RecordUnavailable from error

    def _token(self, endpoint: Endpoint, address: RecordAddress) -> str | None:
        token, until = endpoint.tokens.get(address.service, ("", 0.0))
        if until < time.monotonic():
            reader = endpoint.reader(address.scope)
            if reader is None:
                return None
            token = self._signer.sign(reader, address.service)
            endpoint.tokens[address.service] = (token, time.monotonic() + self._signer.lifetime_seconds / 2)
        return token


@asynccontextmanager
async def open_client(settings: BaseSettings) -> AsyncIterator[WebhookClient]:
    """Open the connections of a client."""
    assert isinstance(settings, Settings)
    policy = settings.outbound_policy
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            open_session(policy, skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"))
        )
        services = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        )
        yield WebhookClient(settings, policy, session, services)


async def _first_kilobyte(response: aiohttp.ClientResponse) -> str:
    """Return the first kilobyte of the content, or less if it does not arrive in time."""
    content, read = b"", 0
    try:
        async with asyncio.timeout(RESPONSE_SECONDS):
            while read < MAX_READ_BYTES and (part := await response.content.readany()):
                content += part[: MAX_RESPONSE_BYTES - len(content)]
                read += len(part)
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass  # the status has arrived
    return content.decode("utf-8", "replace").replace("\0", "�")


def _headers(endpoint: Endpoint, id: str, at: datetime, body: bytes) -> list[tuple[str, str]]:
    timestamp = int(at.timestamp())
    return [
        *endpoint.headers,
        ("User-Agent", USER_AGENT),
        ("Content-Type", CONTENT_TYPE),
        ("webhook-id", id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", signatures(endpoint.signing_keys(at), id, timestamp, body)),
    ]


def _envelope(delivery: DueDelivery) -> Envelope:
    return Envelope(
        id=delivery.event_id,
        type=delivery.type,
        tenant=delivery.tenant_id,
        subject=delivery.subject,
        time=delivery.time,
        actor=delivery.actor,
        sequence=delivery.sequence,
        traceparent=delivery.traceparent,
    )
