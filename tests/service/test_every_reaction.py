"""What holds of every reaction of the four services, taken from their registries: a new one is tested too.

What cannot be read is parked and stops nobody; what can is applied once by each feature, whatever the others do.
"""

from collections import Counter
from typing import Any

import pytest

from chassis.feature import Feature, Reaction
from chassis.ids import uuid7
from chassis.reactions import Reactor
from tests.support.events import example_of
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.generated


def example(service: ServiceUnderTest, reaction: Reaction) -> dict[str, Any]:
    return example_of(reaction.incoming.event_type, service.tenant)


def spoilt(service: ServiceUnderTest, reaction: Reaction) -> list[dict[str, Any]]:
    """The example in every way that this reaction cannot read."""
    good = example(service, reaction)
    needed = [name for name, field in reaction.incoming.model_fields.items() if field.is_required()]
    values = [
        *({"raw": raw} for raw in (None, b"", b"\xff\xfe", b"{", b"null", b"[]", b'"text"', b"{}")),
        *({"data": {other: good["data"][other] for other in good["data"] if other != name}} for name in needed),
        *({"data": good["data"] | {name: {"wrong": []}}} for name in needed),
    ]
    return [good | value | {"id": uuid7()} for value in values]


async def noted(service: ServiceUnderTest, feature: str) -> Counter[Any]:
    rows = await service.rows(
        "select event_id from chassis.inbox where tenant_id = $1 and feature = $2", service.tenant.id, feature
    )
    return Counter(row["event_id"] for row in rows)


async def test_what_cannot_be_read_is_parked_with_its_reason_and_the_rest_flows(service: ServiceUnderTest) -> None:
    for reaction in service.service.reactions:
        before, bad, after = example(service, reaction), spoilt(service, reaction), example(service, reaction)
        records = [service.record_of(fact) for fact in (before, *bad, after)]
        await service.shared.reactor.apply(records)
        parked = {
            letter["event_id"]: letter
            for letter in await service.dead_letters()
            if letter["feature"] == reaction.feature and letter["type"] == reaction.incoming.event_type
        }
        assert set(parked) == {one["id"] for one in bad}, reaction
        assert all(letter["reason"] and letter["attempts"] == 1 for letter in parked.values()), reaction
        passed = await noted(service, reaction.feature)
        assert {before["id"], after["id"], *parked} <= set(passed), reaction
        letters = len(await service.dead_letters())
        await service.shared.reactor.apply(records)  # parked means passed: nothing is parked twice
        assert len(await service.dead_letters()) == letters, reaction


async def test_an_event_that_is_told_again_is_applied_once_by_each_feature(service: ServiceUnderTest) -> None:
    """Also by one that keeps nothing to know the fact again by."""
    for reaction in service.service.reactions:
        applied: list[Any] = []
        careless = a_feature_beside(reaction, applied)
        fact = example(service, reaction)
        reactor = reactor_with(service, careless)
        for copies in (1, 2, 1):
            await reactor.apply([service.record_of(fact) for _ in range(copies)])
        assert applied == [fact["id"]], reaction
        for feature in (reaction.feature, careless.name):
            assert (await noted(service, feature))[fact["id"]] == 1, reaction
    assert await service.dead_letters() == []


async def test_one_features_failure_leaves_the_others_applied_and_is_replayed(service: ServiceUnderTest) -> None:
    for reaction in service.service.reactions:
        broken, applied = ["the cause"], []
        failing = a_feature_beside(reaction, applied, broken)
        first, last = example(service, reaction), example(service, reaction)
        reactor = reactor_with(service, failing)
        await reactor.apply([service.record_of(first), service.record_of(last)])
        letters = await service.dead_letters()
        assert [(one["event_id"], one["feature"], one["reason"]) for one in letters] == [
            (fact["id"], failing.name, "RuntimeError: the cause") for fact in (first, last)
        ], reaction
        assert {first["id"], last["id"]} <= set(await noted(service, reaction.feature)), reaction
        assert applied == []
        broken.clear()
        for letter in letters:
            assert await reactor.replay(letter["id"]) is None
        assert applied == [first["id"], last["id"]], reaction
        assert await service.dead_letters() == []


def a_feature_beside(reaction: Reaction, applied: list[Any], broken: list[str] | None = None) -> Feature:
    """Another feature on the same event, which notes what it is given, and fails while `broken` says why."""
    other = Feature(f"beside-{reaction.feature}")

    @other.on(reaction.incoming)
    async def note_the_event(_: object, event: Any) -> None:
        if broken:
            raise RuntimeError(broken[0])
        applied.append(event.envelope.id)

    return other


def reactor_with(service: ServiceUnderTest, feature: Feature) -> Reactor:
    """The service's reactor, as if it had one more feature."""
    service.service.features.append(feature)
    try:
        return service.service.reactor(service.shared.worker_pool)
    finally:
        service.service.features.pop()
