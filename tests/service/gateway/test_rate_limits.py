"""Rate limits: buckets of tenants and keys, open requests, and the headers that report them."""

from dataclasses import replace
from uuid import UUID

import pytest

from chassis.core.identity import Caller
from chassis.core.problems import TooManyRequests
from gateway.access.key_cache import Credential
from gateway.proxy.rate_limits import RateLimits
from gateway.settings import Settings
from tests.support.service import ServiceUnderTest, a_tenant, settings_of


def limits_of(gateway: ServiceUnderTest, **changes: float) -> RateLimits:
    settings = settings_of(gateway.data_dir, gateway.service, **changes)
    assert isinstance(settings, Settings)
    return RateLimits(settings, gateway.shared.running.pool)


def a_credential(number: int, caller: Caller) -> Credential:
    return Credential(UUID(int=number), caller, b"", None, False, False, UUID(int=number))


def a_caller() -> Caller:
    return Caller(a_tenant(), "key:x", frozenset())


def admitted(limits: RateLimits, credential: Credential) -> int:
    """Return how many requests are admitted at once."""
    count = 0
    while True:
        try:
            limits.admit(credential)
        except TooManyRequests:
            return count
        count += 1


def test_all_keys_of_a_tenant_share_its_rate(gateway: ServiceUnderTest) -> None:
    limits = limits_of(gateway, tenant_requests_per_second=0.01, request_burst_seconds=1_000)
    caller, other = a_caller(), a_caller()
    assert admitted(limits, a_credential(1, caller)) == 10
    assert admitted(limits, a_credential(2, caller)) == 0
    assert admitted(limits, a_credential(3, other)) == 10


def test_a_key_has_a_rate_of_its_own(gateway: ServiceUnderTest) -> None:
    limits = limits_of(gateway, key_requests_per_second=0.01, request_burst_seconds=1_000)
    caller = a_caller()
    assert admitted(limits, a_credential(1, caller)) == 10
    assert admitted(limits, a_credential(2, caller)) == 10


def test_the_headers_describe_the_limit_with_the_fewest_requests_left(gateway: ServiceUnderTest) -> None:
    limits = limits_of(gateway, tenant_requests_per_second=0.01, request_burst_seconds=1_000)
    headers = dict(limits.admit(a_credential(1, a_caller())))
    assert headers == {b"ratelimit-policy": b'"tenant";q=10;w=1000', b"ratelimit": b'"tenant";r=9;t=100'}


def test_a_refusal_says_when_to_retry(gateway: ServiceUnderTest) -> None:
    limits = limits_of(gateway, key_requests_per_second=0.25, request_burst_seconds=4)
    credential = a_credential(1, a_caller())
    limits.admit(credential)
    with pytest.raises(TooManyRequests) as refusal:
        limits.admit(credential)
    assert refusal.value.headers == {
        "Retry-After": "4",
        "ratelimit-policy": '"key";q=1;w=4',
        "ratelimit": '"key";r=0;t=4',
    }
    assert refusal.value.detail == "The limit is 0.25 requests a second per key."


def test_a_tenant_and_a_key_may_have_rates_of_their_own(gateway: ServiceUnderTest) -> None:
    limits = limits_of(gateway, tenant_requests_per_second=0.01, request_burst_seconds=1_000)
    caller = a_caller()
    limited = replace(a_credential(1, caller), key_rate=0.005)
    assert admitted(limits, limited) == 5
    assert admitted(limits, a_credential(2, caller)) == 4  # the first refusal of the key took a token of the tenant
    raised = replace(a_credential(1, caller), tenant_rate=0.02)
    assert admitted(limits, raised) == 20


def test_a_tenant_has_so_many_requests_open(gateway: ServiceUnderTest) -> None:
    limits = limits_of(gateway, tenant_concurrency=2)
    tenant, other = UUID(int=1), UUID(int=2)
    with (
        limits.open_request(tenant),
        limits.open_request(tenant),
        limits.open_request(other),
        pytest.raises(TooManyRequests),
        limits.open_request(tenant),
    ):
        pass
    with limits.open_request(tenant), limits.open_request(tenant):
        pass
