"""Requests to addresses that a tenant chose, such as a webhook's or an identity provider's: only to public ones.

Otherwise a tenant could reach the inside of the network through Rapport (server-side request forgery). The address is
checked where the socket is created, after the name was resolved, so a name that changes between the check and the
connection gains nothing. Redirects and proxy variables of the environment are not followed.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

WEB_PORTS = frozenset((80, 443))
CONNECT_SECONDS = 5
DNS_SECONDS = 2
DNS_CACHE_SECONDS = 10
KEEP_ALIVE_SECONDS = 15
MAX_URL_LENGTH = 2_000
_NOT_PUBLIC_V4 = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments, used for a cloud's metadata
    IPv4Network("192.88.99.0/24"),  # relays to IPv6
    IPv4Network("168.63.129.16/32"),  # a public address at which a cloud offers its virtual machines internal services
)
_UNICAST_V6 = IPv6Network("2000::/3")
"""Outside of it are local addresses, and those that contain an IPv4 address: mapped, compatible and NAT64."""
_NOT_PUBLIC_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Protocol assignments such as Teredo, documentation, and 6to4, which contains an IPv4 address."""
_AFTER_AUTHORITY = re.compile("[/?#]")
_NUMBER = re.compile(r"^(?:\d+|0x[0-9a-f]*)$", re.IGNORECASE)


class ForbiddenUrl(ValueError):
    """The URL cannot be one of a public server. The text says why."""


class ForbiddenAddress(OSError):
    """The name of a server resolves to an address that is not public."""

    def __init__(self) -> None:
        # The text does not repeat the address: it would show the tenant the inside of the network.
        super().__init__("the host has no public address")


class OutboundError(Exception):
    """There was no usable response. The text says why, and may be shown to the tenant."""


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """The servers that may be called."""

    allow_loopback: bool = False
    """For development: allow loopback addresses too, at any port and without TLS."""
    ports: Collection[int] = WEB_PORTS

    def require_url(self, text: str, schemes: Collection[str] = ("https",)) -> URL:
        """Return a URL that may be called as far as its text shows. Raises ForbiddenUrl.

        The addresses to which its name resolves are checked when it is called.
        """
        url = _parsed(text)
        host = (url.raw_host or "").rstrip(".")
        if not host:
            raise ForbiddenUrl("has no host")
        is_loopback = self.allow_loopback and _is_loopback_name(host)
        if url.scheme not in schemes and not (is_loopback and url.scheme == "http"):
            raise ForbiddenUrl(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        if not is_loopback and url.port not in self.ports:
            raise ForbiddenUrl(f"the port must be {' or '.join(map(str, sorted(self.ports)))}")
        if not is_loopback:
            self._require_public_host(host)
        return url

    def require_address(self, text: str) -> None:
        """Raise ForbiddenAddress unless an address may be connected to."""
        try:
            address = ip_address(text)
        except ValueError:
            raise ForbiddenAddress from None
        if not (is_public(address) or (self.allow_loopback and _is_loopback(address))):
            raise ForbiddenAddress

    def new_socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """Return a socket for an address that a name resolved to. Raises ForbiddenAddress."""
        family, kind, protocol, _, address = addr_info
        self.require_address(address[0])
        return socket.socket(family, kind, protocol)

    def _require_public_host(self, host: str) -> None:
        try:
            address = ip_address(host)
        except ValueError:
            if _NUMBER.match(host.rpartition(".")[2]):  # 2130706433, 0x7f.1 and 0177.0.0.1 are IPv4 addresses as well
                raise ForbiddenUrl("the host must be a name, or an address in its usual form") from None
            if "%" in host or "." not in host or _is_loopback_name(host):
                raise ForbiddenUrl("the host is not a public name") from None
            return
        if not is_public(address):
            raise ForbiddenUrl("the host is not a public address")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address belongs to a single host of the public internet, and is written as what it is."""
    if isinstance(address, IPv4Address):
        special = address.is_multicast or any(address in network for network in _NOT_PUBLIC_V4)
        return address.is_global and not special
    return address in _UNICAST_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


@asynccontextmanager
async def open_session(
    policy: OutboundPolicy, *, resolver: AbstractResolver | None = None, **arguments: Any
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that connects only to addresses that the policy allows.

    It keeps no cookies, and ignores proxies and passwords of the environment. Responses are not decompressed, because a
    small response may expand without bound. Pass `allow_redirects=False` to each request.
    """
    connector = aiohttp.TCPConnector(
        limit=0,
        # By default one that needs no threads: names whose servers do not respond delay no others.
        resolver=resolver or aiohttp.AsyncResolver(timeout=DNS_SECONDS, tries=2),
        ttl_dns_cache=DNS_CACHE_SECONDS,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        socket_factory=policy.new_socket,
    )
    defaults: dict[str, Any] = {
        "cookie_jar": aiohttp.DummyCookieJar(),
        "auto_decompress": False,
        "trust_env": False,
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
    }
    async with aiohttp.ClientSession(connector=connector, **defaults | arguments) as session:
        yield session


async def fetch(session: aiohttp.ClientSession, url: URL, *, max_bytes: int, seconds: float) -> bytes:
    """Return the content of a response with status 200. Raises OutboundError.

    `seconds` covers everything, from the look-up of the name to the last byte.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        async with asyncio.timeout(seconds), session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise OutboundError(f"the server responded with {response.status} instead of 200")
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > max_bytes:
                    response.close()
                    raise OutboundError(f"the response is larger than {max_bytes} bytes")
            return bytes(content)
    except TimeoutError:
        raise OutboundError(f"there was no complete response within {seconds:g} seconds") from None
    except (aiohttp.ClientError, OSError) as error:
        raise OutboundError(reason(error)) from error


def reason(error: Exception) -> str:
    """Return why a request failed, without addresses, which would show the tenant the inside of the network."""
    if isinstance(getattr(error, "os_error", error), ForbiddenAddress):
        return str(ForbiddenAddress())
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name of the host does not resolve"
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        return "the TLS certificate or handshake is not valid"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the connection was refused or timed out"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    return "the response is not valid HTTP"


def _parsed(text: str) -> URL:
    if len(text) > MAX_URL_LENGTH or any(character <= " " or character in "\\\x7f" for character in text):
        raise ForbiddenUrl(f"must have at most {MAX_URL_LENGTH} characters, without spaces and backslashes")
    try:
        url = URL(text)
        url.port  # noqa: B018  (parsed only now)
    except ValueError:
        raise ForbiddenUrl("is not a URL") from None
    if "@" in _AFTER_AUTHORITY.split(text.partition("//")[2], maxsplit=1)[0]:
        raise ForbiddenUrl("must not contain a user name or password")
    if url.fragment or "#" in text:
        raise ForbiddenUrl("must not contain a fragment")
    return url


def _is_loopback_name(host: str) -> bool:
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return _is_loopback(ip_address(host))
    except ValueError:
        return False


def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
