"""The status and the metrics of a running service: the counts of its database and the gauges of its features."""

import pytest

from tests.support.facts import a_purchase
from tests.support.service import ServiceUnderTest


async def test_the_gauges_of_features_are_on_the_status_page_and_in_the_metrics(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (await interactions.get("/internal/status")).json()["gauges"]
    assert (await interactions.post("/v1/purchases", a_purchase())).status_code == 201  # its customer is unknown
    await interactions.rows("update awaited_customer set since = since - interval '6 minutes'")
    answer = await interactions.get("/internal/status")
    assert answer.status_code == 200
    assert answer.json()["gauges"] == {"orphans": before["orphans"] + 1}
    status = interactions.shared.running.status
    monkeypatch.setattr(status, "_cached", None)
    token = interactions.shared.running.settings.operator_token
    assert token is not None
    headers = {"authorization": f"Bearer {token.get_secret_value()}"}
    metrics = (await interactions.shared.client.get("/metrics", headers=headers)).text
    assert f'service_gauge{{name="orphans"}} {(await status.read()).gauges["orphans"]}.0' in metrics.splitlines()


async def test_a_service_without_gauges_has_none(customers: ServiceUnderTest) -> None:
    assert (await customers.get("/internal/status")).json()["gauges"] == {}
