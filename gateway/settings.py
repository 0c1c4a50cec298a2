"""The settings of the gateway, beside those of every service."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

import chassis
from chassis.http.outbound import OutboundPolicy

_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+")


def _require_origins(text: str) -> str:
    for origin in filter(None, map(str.strip, text.split(","))):
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin} is not an origin: write it as browsers do, such as https://shop.example")
    return text


Origins = Annotated[str, AfterValidator(_require_origins)]


class Settings(chassis.Settings):
    """The gateway's own settings."""

    consumer_interval_seconds: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Minimum time between two fetches of events for the feed and webhooks. Events that arrive in "
        "between are added together, which costs less.",
    )
    internal_token_private_key: SecretStr = Field(description="The Ed25519 key (JWK) that signs internal tokens.")
    internal_token_seconds: float = Field(60.0, ge=5, description="Lifetime of an internal token.")
    upstreams: dict[str, str] = Field(description="Address of each service: a JSON object of name to URL.")
    upstream_concurrency: int = Field(
        16,
        ge=2,
        description="Requests that a service gets at a time. Others wait for their turn; tenants get equal parts.",
    )
    upstream_uploads: int = Field(
        6, ge=2, description="The same for requests with a body of more than 64 kB, which have turns of their own."
    )
    upstream_wait_seconds: float = Field(
        5.0, gt=0, description="How long a request waits for its turn before it fails with 429 or 503."
    )
    upstream_deadline_seconds: float = Field(
        35.0,
        gt=0,
        description="How long a request to a service may take, from its turn to the last byte of its response.",
    )
    tenant_concurrency: int = Field(512, ge=2, description="Maximum open requests of a tenant, waiting ones included.")
    tenant_requests_per_second: float = Field(
        5_000.0, gt=0, description="Maximum rate of a tenant's requests, unless `rapport tenants limit` sets another."
    )
    key_requests_per_second: float = Field(
        5_000.0, gt=0, description="Maximum rate of an API key's requests, unless `rapport keys limit` sets another."
    )
    visitor_requests_per_second: float = Field(
        50.0,
        gt=0,
        description="Maximum rate of requests with a link token from an address. All visitors of a tenant have ten "
        "times as many.",
    )
    request_burst_seconds: float = Field(
        2.0, ge=1, description="For how many seconds' worth of requests may come at once after a pause."
    )
    shared_rate_limits: bool = Field(
        False,
        description="Count the requests to all replicas of the gateway together, in its database. Otherwise each "
        "replica grants the rates by itself.",
    )
    cors_origins: Origins | None = Field(
        None,
        description="Origins whose pages may call the API from a browser, comma separated, such as "
        "`https://shop.example`. `*` allows all.",
    )
    authentication_failures_per_key: int = Field(
        10, ge=1, description="Failed attempts to use a key from an address, before it must wait between attempts."
    )
    authentication_failures_per_address: int = Field(
        100, ge=1, description="The same for all keys and tokens that were not used before."
    )
    trusted_proxies: list[IPv4Network | IPv6Network] = Field(
        [], description="Networks of proxies in front of the gateway, whose X-Forwarded-For names the client: JSON."
    )
    issuer_limit: int = Field(10, ge=1, description="Maximum identity providers of a tenant.")
    api_key_limit: int = Field(100, ge=1, description="Maximum valid API keys of a tenant. Commands are not limited.")
    webhook_encryption_keys: SecretStr = Field(
        min_length=16,
        description="Keys that encrypt the secrets of webhook endpoints, comma separated: the first one encrypts, all "
        "decrypt. The same for all replicas.",
    )
    webhook_endpoint_limit: int = Field(100, ge=1, description="Maximum webhook endpoints of a tenant.")
    webhook_concurrency: int = Field(8, ge=1, le=100, description="Requests that a webhook endpoint gets at a time.")
    webhook_timeout_seconds: float = Field(
        15.0, gt=0, description="How long a request to a webhook endpoint may take, from the look-up of its name."
    )
    webhook_days: int = Field(30, ge=7, description="How long deliveries to webhook endpoints are listed.")
    outbound_allow_loopback: bool = Field(
        False,
        description="For development: let tenants name addresses of this machine, at any port and without TLS.",
    )
    outbound_ports: list[int] = Field(
        [80, 443], description="Ports of the servers that tenants name: a JSON list of numbers."
    )
    event_feed_days: int | None = Field(
        None, ge=1, description="How long `GET /v1/events` keeps events; none: for ever."
    )
    reconcile_seconds: float = Field(
        300.0, gt=0, description="How often published events are compared with what was applied, for `/v1/status`."
    )
    contracts: Path = Field(
        Path(__file__).parent.parent / "contracts", description="The folder of openapi.json and asyncapi.json."
    )

    @property
    def encryption_keys(self) -> list[str]:
        """The keys that encrypt stored secrets, the newest first."""
        return [key.strip() for key in self.webhook_encryption_keys.get_secret_value().split(",") if key.strip()]

    @property
    def outbound_policy(self) -> OutboundPolicy:
        """The servers that a tenant may name."""
        return OutboundPolicy(self.outbound_allow_loopback, frozenset(self.outbound_ports))
