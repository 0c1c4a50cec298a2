"""The status and the metrics: a tenant reads its own counts, and the operator those of all tenants."""

import time

import pytest

from chassis.core.identity import OPERATOR_CALLER
from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.gateway import Shop, a_shop, operator_of
from tests.support.service import ServiceUnderTest


async def test_a_tenants_status_counts_its_own_waiting_events(gateway: ServiceUnderTest, shop: Shop) -> None:
    other = await a_shop(gateway)
    for _ in range(3):
        await other.revoke(await other.create("tenants:read"))
    counts = [(await each.get("/v1/status")).json()["services"]["gateway"] for each in (shop, other)]
    assert [count["outbox_pending"] for count in counts] == [2, 8]
    everybody = (await operator_of(gateway).get("/v1/status")).json()["services"]["gateway"]
    assert everybody["outbox_pending"] >= 10


async def test_the_operators_token_opens_the_status_and_nothing_else(gateway: ServiceUnderTest) -> None:
    operator = operator_of(gateway)
    assert (await operator.get("/v1/status")).status_code == 200
    for path in ("/v1/tenants", "/v1/api-keys", "/v1/access-events"):
        assert (await operator.get(path)).status_code == 403, path
    assert await operator.with_key(operator.key[:-1]).status() == 401


async def test_a_tenants_status_counts_its_own_dead_letters_and_orphans(interactions: ServiceUnderTest) -> None:
    other = await interactions.for_new_tenant()
    assert (await interactions.post("/v1/purchases", a_purchase())).status_code == 201  # its customer is unknown
    await interactions.rows("update awaited_customer set since = since - interval '6 minutes'")
    await interactions.deliver({"type": "customers.consent_granted.v1", "key": uuid7(), "data": {}})
    mine, theirs = [(await each.get("/internal/status")).json() for each in (interactions, other)]
    assert (mine["gauges"], mine["dead_letters"], mine["outbox_pending"]) == ({"orphans": 1}, 1, 1)
    assert (theirs["gauges"], theirs["dead_letters"], theirs["outbox_pending"]) == ({"orphans": 0}, 0, 0)
    operator = interactions.for_tenant(OPERATOR_CALLER.tenant)
    everybody = await interactions.shared.running.status.read_for(OPERATOR_CALLER)
    assert everybody.gauges["orphans"] >= 1
    assert everybody.dead_letters >= 1
    assert operator.caller != OPERATOR_CALLER, "a key of the tenant zero is not the operator"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic b3BlcmF0b3I6"])
async def test_the_metrics_need_the_operators_token(service: ServiceUnderTest, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    refused = await service.shared.client.get("/metrics", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    token = service.shared.running.settings.operator_token
    assert token is not None
    opened = await service.shared.client.get(
        "/metrics", headers={"authorization": f"Bearer {token.get_secret_value()}"}
    )
    assert opened.status_code == 200
    assert "outbox_pending" in opened.text


async def test_without_an_operators_token_there_are_no_metrics(
    gateway: ServiceUnderTest, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.shared.running.endpoints, "operator_token", None)
    for headers in ({}, {"authorization": "Bearer None"}, {"authorization": f"Bearer {shop.key}"}):
        response = await gateway.shared.client.get("/metrics", headers=headers)
        assert (response.status_code, "outbox_pending" in response.text) == (404, False)


async def test_metrics_that_are_read_often_are_counted_once_a_second(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, reads = customers.shared.running.status, []
    read = status.read

    async def count() -> object:
        reads.append(1)
        return await read()

    monkeypatch.setattr(status, "read", count)
    monkeypatch.setattr(status, "_cached", None)
    token = customers.shared.running.settings.operator_token
    assert token is not None
    headers = {"authorization": f"Bearer {token.get_secret_value()}"}
    began = time.monotonic()
    for _ in range(20):
        assert (await customers.shared.client.get("/metrics", headers=headers)).status_code == 200
    assert len(reads) <= 2 + (time.monotonic() - began)
