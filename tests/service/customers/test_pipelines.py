"""Pipelines: stages are changed without losing a deal, and the summary adds up."""

import asyncio
from typing import Any

from tests.support.sales import a_deal, a_pipeline, ids_of, stage_bodies
from tests.support.service import ServiceUnderTest


async def test_stages_are_renamed_added_and_ordered_by_their_ids(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers)
    first, second, third, won, lost = stage_bodies(pipeline)
    new = {"name": "Trial", "probability": "0.4"}
    body = {"stages": [first, second | {"name": "Proposal"}, new, third, won, lost]}
    changed = (await customers.patch(f"/v1/pipelines/{pipeline['id']}", body, if_match='"1"')).json()
    assert [stage["name"] for stage in changed["stages"]] == ["Talks", "Proposal", "Trial", "Signing", "Won", "Lost"]
    assert changed["stages"][1]["id"] == second["id"]
    assert changed["version"] == 2
    again = await customers.patch(f"/v1/pipelines/{pipeline['id']}", {"stages": stage_bodies(changed)})
    assert again.json()["version"] == 2


async def test_a_stage_with_deals_is_not_removed(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers)
    first, second, *others = stage_bodies(pipeline)
    deal = await a_deal(customers, pipeline, stage_id=second["id"])
    path = f"/v1/pipelines/{pipeline['id']}"
    for stages in ([first, *others], [first, second | {"kind": "lost"}, *others]):
        refusal = await customers.patch(path, {"stages": stages})
        assert (refusal.status_code, refusal.json()["code"]) == (409, "stage_in_use")
        assert refusal.json()["stages"] == [{"id": second["id"], "name": "Offer", "deals": 1}]
    await customers.post(f"/v1/deals/{deal['id']}/stage-changes", {"stage_id": first["id"]})
    assert (await customers.patch(path, {"stages": [first, *others]})).status_code == 200


async def test_a_stage_that_is_being_removed_takes_no_deal(customers: ServiceUnderTest) -> None:
    """Either the deal is moved and the stage stays, or the stage is removed and the move names no stage."""
    for _ in range(5):
        pipeline = await a_pipeline(customers, name=f"Pipeline {_}")
        first, second, *others = stage_bodies(pipeline)
        deal = await a_deal(customers, pipeline)
        removed, moved = await asyncio.gather(
            customers.patch(f"/v1/pipelines/{pipeline['id']}", {"stages": [first, *others]}),
            customers.post(f"/v1/deals/{deal['id']}/stage-changes", {"stage_id": second["id"]}),
        )
        assert sorted((removed.status_code, moved.status_code)) in ([200, 409], [200, 422])


async def test_the_first_pipeline_is_the_default_until_another_is_chosen(customers: ServiceUnderTest) -> None:
    first, second = await a_pipeline(customers), await a_pipeline(customers, name="Second")
    assert (first["is_default"], second["is_default"]) == (True, False)
    chosen = (await customers.patch(f"/v1/pipelines/{second['id']}", {"is_default": True})).json()
    assert chosen["is_default"] is True
    assert (await customers.get(f"/v1/pipelines/{first['id']}")).json()["is_default"] is False
    assert (await customers.patch(f"/v1/pipelines/{second['id']}", {"is_default": False})).status_code == 422
    taken = await customers.patch(f"/v1/pipelines/{second['id']}", {"name": first["name"]})
    assert (taken.status_code, taken.json()["pipeline_id"]) == (409, first["id"])


async def test_stages_of_every_kind_are_needed_each_with_its_name(customers: ServiceUnderTest) -> None:
    won, lost = {"name": "Won", "kind": "won"}, {"name": "Lost", "kind": "lost"}
    cases: list[tuple[list[dict[str, Any]], str]] = [
        ([won, lost, {"name": "Gone", "kind": "lost"}], "missing_stage"),
        ([{"name": "won"}, won, lost], "repeated_stage"),
    ]
    for stages, code in cases:
        refusal = await customers.post("/v1/pipelines", {"name": "x", "stages": stages})
        assert (refusal.status_code, refusal.json()["errors"][0]["code"]) == (422, code)


async def test_the_summary_counts_and_weighs_the_deals_of_each_stage(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers)
    second = ids_of(pipeline["stages"])[1]
    for amount, currency in (("10.01", "EUR"), ("20.00", "EUR"), ("5", "JPY"), (None, "EUR")):
        fields = {"currency": currency, **({"amount": amount} if amount else {})}
        await a_deal(customers, pipeline, stage_id=second, **fields)
    summary = (await customers.get(f"/v1/pipelines/{pipeline['id']}/summary")).json()
    assert [stage["deals"] for stage in summary["stages"]] == [0, 4, 0, 0, 0]
    assert summary["stages"][1]["amounts"] == [
        {"total": {"amount": "30.01", "currency": "EUR"}, "weighted": {"amount": "15.01", "currency": "EUR"}},
        {"total": {"amount": "5", "currency": "JPY"}, "weighted": {"amount": "3", "currency": "JPY"}},
    ]
    none = (await customers.get(f"/v1/pipelines/{pipeline['id']}/summary", owner_id="nobody")).json()
    assert [stage["deals"] for stage in none["stages"]] == [0] * 5


async def test_a_shorter_time_makes_the_deals_of_a_stage_stall(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers)
    deal = await a_deal(customers, pipeline)
    first, *others = stage_bodies(pipeline)
    await customers.patch(f"/v1/pipelines/{pipeline['id']}", {"stages": [first | {"stalled_after_days": 1}, *others]})
    (row,) = await customers.rows("select stalls_at - updated_at as after from deal where id = $1", deal["id"])
    assert row["after"].days == 1


async def test_the_stages_of_a_pipeline_are_never_null(customers: ServiceUnderTest) -> None:
    pipeline = await a_pipeline(customers)
    refused = await customers.patch(f"/v1/pipelines/{pipeline['id']}", {"stages": None})
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == "/stages"
