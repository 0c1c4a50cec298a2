"""Slow down attempts to guess credentials: by the address that sends them, and by the key that they name.

A key that was verified before waits for no other failures of its address, so an attack does not lock its owner out.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import takewhile
from typing import Any

from chassis.core.problems import TooManyFailures

MAX_COUNTED = 20_000
MAX_KEY_SECONDS = 60.0
MAX_ADDRESS_SECONDS = 8.0
"""Many clients may share an address."""
FORGET_SECONDS = 600.0
Network = IPv4Network | IPv6Network
Subject = tuple[str, str | None]


@dataclass(slots=True)
class Failures:
    """The failures of a subject."""

    count: int = 0
    last: float = 0.0
    until: float = 0.0
    is_known: bool = False
    """True for a key whose secret the address has sent: it does not wait for the address's other failures."""


class Throttle:
    """Counts failures. After some that are free, each one doubles the time until the next attempt."""

    def __init__(self, free_per_key: int, free_per_address: int) -> None:
        self._free_per_key = free_per_key
        self._free_per_address = free_per_address
        self._failures: OrderedDict[Subject, Failures] = OrderedDict()

    def check(self, address: str, key: str | None) -> None:
        """Raise TooManyFailures if an address must wait before it tries this key again, or any new key or token."""
        of_key = self._failures.get((address, key), _NONE)
        of_address = _NONE if of_key.is_known else self._failures.get((address, None), _NONE)
        wait = max(of_key.until, of_address.until) - time.monotonic()
        if wait > 0:
            raise TooManyFailures(wait)

    def count(self, address: str, key: str | None) -> None:
        """Count a failure."""
        self._count((address, None), self._free_per_address, MAX_ADDRESS_SECONDS)
        if key is not None:
            self._count((address, key), self._free_per_key, MAX_KEY_SECONDS)
        self._drop_oldest()

    def forget(self, address: str, key: str | None) -> None:
        """Forget the failures of a key from an address, which has now sent its secret."""
        if key is not None:
            self._failures.pop((address, key), None)
            self._failures[address, key] = Failures(last=time.monotonic(), is_known=True)
            self._drop_oldest()

    def _count(self, subject: Subject, free: int, longest: float) -> None:
        now = time.monotonic()
        failures = self._failures.pop(subject, None)
        if failures is None or now - failures.last > FORGET_SECONDS:
            failures = Failures(is_known=failures is not None and failures.is_known)
        failures.count += 1
        failures.last = now
        if failures.count >= free:
            failures.until = now + min(2.0 ** min(failures.count - free, 16), longest)
        self._failures[subject] = failures

    def _drop_oldest(self) -> None:
        while len(self._failures) > MAX_COUNTED:
            self._failures.popitem(last=False)


def client_address(scope: Any, proxies: Sequence[Network]) -> str:
    """Return the address of the client: the nearest one that is not a trusted proxy's. Of IPv6, its network of /64."""
    address = str((scope.get("client") or ("",))[0])
    for forwarded in _forwarded(scope["headers"]) if proxies else ():
        if not _is_among(address, proxies):
            break
        address = forwarded
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the addresses of X-Forwarded-For, the nearest first."""
    values = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    parts = [part.strip() for part in reversed(",".join(values).split(","))]
    return list(takewhile(_is_address, parts))


def _is_among(address: str, networks: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


_NONE = Failures()
