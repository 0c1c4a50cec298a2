"""The settings of cases: own vocabularies, a limit for reopening, and a mediator."""

from datetime import timedelta

from tests.support.cases import TO_A_DECISION, a_case, moved, opened, written
from tests.support.service import ServiceUnderTest


async def settle(service: ServiceUnderTest, **settings: object) -> None:
    response = await service.patch("/v1/case-settings", settings)
    assert response.status_code == 200, response.text


async def test_a_tenant_has_causes_of_its_own(interactions: ServiceUnderTest) -> None:
    usual = (await interactions.get("/v1/case-settings")).json()
    assert "overpricing" in usual["causes"]
    await settle(interactions, causes=["damage", "other", "damage"])
    assert (await interactions.get("/v1/case-settings")).json()["causes"] == ["damage", "other"]
    assert (await opened(interactions, cause="damage"))["cause"] == "damage"
    await settle(interactions, causes=None)
    assert (await interactions.get("/v1/case-settings")).json()["causes"] == usual["causes"]


async def test_an_unknown_term_is_refused_wherever_it_is_sent(interactions: ServiceUnderTest) -> None:
    case = await opened(interactions, category="any text until there is a list")
    await settle(interactions, categories=["bill"])
    await moved(interactions, case["id"], *TO_A_DECISION[:-1])
    path = f"/v1/cases/{case['id']}"
    refused = [
        await interactions.post("/v1/cases", a_case(category="magic")),
        await interactions.patch(path, {"cause": "magic"}),
        await interactions.post(f"{path}/transitions", TO_A_DECISION[-1] | {"remedy": "magic"}),
    ]
    assert [response.json()["errors"][0]["code"] for response in refused] == ["unknown_case_term"] * 3
    assert [response.json()["errors"][0]["pointer"] for response in refused] == ["/category", "/cause", "/remedy"]


async def test_a_case_is_reopened_only_within_the_limit(interactions: ServiceUnderTest) -> None:
    clock = {"clock_at": "2026-03-01T10:00:00Z", "clock_runs_since": None}
    sandbox = await interactions.for_new_tenant(kind="sandbox", **clock)
    await settle(sandbox, reopen_days=14)
    case = await opened(sandbox, kind="request")
    await moved(sandbox, case["id"], "resolved", "closed")

    def after(days: int) -> ServiceUnderTest:
        at = sandbox.tenant.now() + timedelta(days=days)
        return sandbox.for_tenant(sandbox.tenant.model_copy(update={"clock_at": at}))

    late = after(15)
    moving = await late.post(f"/v1/cases/{case['id']}/transitions", {"state": "in_progress"})
    writing = await late.post(f"/v1/cases/{case['id']}/messages", {"body": "Again.", "direction": "inbound"})
    assert [response.json()["code"] for response in (moving, writing)] == ["reopen_limit_reached"] * 2
    assert (await moved(after(14), case["id"], "in_progress"))["reopened_count"] == 1


async def test_a_mediator_is_called_once(interactions: ServiceUnderTest) -> None:
    await settle(interactions, mediator_after=2)
    case = await opened(interactions, kind="request")
    await interactions.published()
    for _ in range(3):
        await moved(interactions, case["id"], "resolved")
        await written(interactions, case["id"], "It broke again.", direction="inbound")
    called = [event for event in await interactions.published() if "mediator" in event.type]
    assert [event.data["reopened_count"] for event in called] == [2]
    read = (await interactions.get(f"/v1/cases/{case['id']}")).json()
    assert read["mediator_called_at"] == called[0].data["mediator_called_at"]
