"""The throttle: failures cost time, of the address that caused them, and within bounded memory."""

import time

import pytest

from chassis.core.problems import TooManyFailures
from gateway.access import throttle
from gateway.access.throttle import Throttle, client_address

NETWORKS = [throttle.ip_network("10.0.0.0/8")]


def wait(throttle: Throttle, address: str, key: str | None) -> int:
    """Return the seconds until the next attempt."""
    try:
        throttle.check(address, key)
    except TooManyFailures as refused:
        return int(refused.headers["Retry-After"])
    return 0


def fail(throttle: Throttle, address: str, key: str | None, times: int) -> None:
    for _ in range(times):
        throttle.count(address, key)


def test_each_failure_after_the_free_ones_doubles_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1_000.0)
    tried = Throttle(3, 100)
    waits = []
    for _ in range(10):
        tried.count("a", "key")
        waits.append(wait(tried, "a", "key"))
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_a_key_is_slow_for_the_address_that_guesses_it_and_no_other() -> None:
    tried = Throttle(3, 100)
    fail(tried, "a", "key", 10)
    assert wait(tried, "a", "key") > 0
    assert (wait(tried, "b", "key"), wait(tried, "a", "other"), wait(tried, "a", None)) == (0, 0, 0)


def test_an_address_that_tries_many_keys_waits_for_some_seconds() -> None:
    tried = Throttle(3, 10)
    for number in range(50):
        tried.count("a", f"key {number}")
    assert 0 < wait(tried, "a", "new") <= throttle.MAX_ADDRESS_SECONDS
    assert wait(tried, "b", "new") == 0


def test_the_right_secret_ends_the_wait_for_its_key() -> None:
    tried = Throttle(3, 100)
    fail(tried, "a", "key", 10)
    tried.forget("a", "key")
    assert wait(tried, "a", "key") == 0


def test_a_key_that_was_used_does_not_wait_for_other_failures_of_its_address() -> None:
    tried = Throttle(3, 10)
    tried.forget("a", "used")
    for number in range(50):
        tried.count("a", f"key {number}")
    assert wait(tried, "a", "new") > 0
    assert wait(tried, "a", "used") == 0
    fail(tried, "a", "used", 5)
    assert wait(tried, "a", "used") > 0


def test_failures_are_forgotten_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tried = Throttle(3, 100)
    fail(tried, "a", "key", 10)
    now += throttle.FORGET_SECONDS + 1
    fail(tried, "a", "key", 2)
    assert wait(tried, "a", "key") == 0


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_COUNTED", 100)
    tried = Throttle(1, 1)
    for number in range(1_000):
        tried.count(f"address {number}", f"key {number}")
    assert len(tried._failures) == 100


@pytest.mark.parametrize(
    ("case", "peer", "forwarded", "address"),
    [
        ("a direct client", "203.0.113.7", None, "203.0.113.7"),
        ("a client that pretends", "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("behind a proxy", "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("behind two proxies", "10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("a client that pretends behind a proxy", "10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("a proxy that adds nothing", "10.0.0.1", None, "10.0.0.1"),
        ("a proxy that adds no address", "10.0.0.1", "unknown", "10.0.0.1"),
        ("IPv6", "10.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_the_address_is_that_of_the_nearest_client(case: str, peer: str, forwarded: str | None, address: str) -> None:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    assert client_address({"client": (peer, 1), "headers": headers}, NETWORKS) == address
    if forwarded is not None:
        assert client_address({"client": (peer, 1), "headers": headers}, []) == peer
