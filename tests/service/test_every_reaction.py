"""Every event handler: all handlers in the registries of the four services are tested, including new handlers.

An unreadable event becomes a dead letter and blocks no other event. A valid event is applied once by each feature,
even if another feature fails.
"""

from collections import Counter
from typing import Any

import pytest

from chassis.core.events import Envelope
from chassis.feature import EventHandler, Feature
from chassis.messaging.records import KafkaRecord
from chassis.types.ids import uuid7
from tests.support.events import example_of, lasting_handlers
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.generated


def example(service: ServiceUnderTest, handler: EventHandler) -> dict[str, Any]:
    return example_of(handler.event.event_type, service.tenant)


def malformed(service: ServiceUnderTest, handler: EventHandler) -> list[dict[str, Any]]:
    """Return variants of the example that this handler cannot read."""
    good = example(service, handler)
    needed = [name for name, field in handler.event.model_fields.items() if field.is_required()]
    values = [
        *({"raw": raw} for raw in (None, b"", b"\xff\xfe", b"{", b"null", b"[]", b'"text"', b"{}")),
        *({"data": {other: good["data"][other] for other in good["data"] if other != name}} for name in needed),
        *({"data": good["data"] | {name: {"wrong": []}}} for name in needed),
    ]
    variants = [good | value | {"id": uuid7()} for value in values]
    return [fact for fact in variants if not is_readable(handler, service.record_of(fact))]


def is_readable(handler: EventHandler, record: KafkaRecord) -> bool:
    """Return whether a variant is valid all the same: a reader may complete older facts, or take any JSON object."""
    if record.value is None:
        return False
    try:
        handler.event.from_record(Envelope.from_headers(record.headers), record.value)
    except ValueError:
        return False
    return True


async def noted(service: ServiceUnderTest, feature: str) -> Counter[Any]:
    rows = await service.rows(
        "select event_id from chassis.inbox where tenant_id = $1 and feature = $2", service.tenant.id, feature
    )
    return Counter(row["event_id"] for row in rows)


async def test_what_cannot_be_read_is_parked_with_its_reason_and_the_rest_flows(service: ServiceUnderTest) -> None:
    for handler in lasting_handlers(service.service):
        before, bad, after = example(service, handler), malformed(service, handler), example(service, handler)
        records = [service.record_of(fact) for fact in (before, *bad, after)]
        await service.shared.dispatcher.apply(records)
        sent = {one["id"] for one in (before, *bad, after)}  # another feature may read the same type
        parked = {
            letter["event_id"]: letter
            for letter in await service.dead_letters()
            if letter["feature"] == handler.feature and letter["event_id"] in sent
        }
        assert set(parked) == {one["id"] for one in bad}, handler
        assert all(letter["reason"] and letter["attempts"] == 1 for letter in parked.values()), handler
        passed = await noted(service, handler.feature)
        assert {before["id"], after["id"], *parked} <= set(passed), handler
        letters = len(await service.dead_letters())
        await service.shared.dispatcher.apply(records)  # no event is dead-lettered twice
        assert len(await service.dead_letters()) == letters, handler


async def test_an_event_that_is_told_again_is_applied_once_by_each_feature(service: ServiceUnderTest) -> None:
    """This includes a feature that stores nothing to recognize a repeated event."""
    for handler in lasting_handlers(service.service):
        applied: list[Any] = []
        careless = a_feature_beside(handler, applied)
        fact = example(service, handler)
        dispatcher = service.dispatcher_with(careless)
        for copies in (1, 2, 1):
            await dispatcher.apply([service.record_of(fact) for _ in range(copies)])
        assert applied == [fact["id"]], handler
        for feature in (handler.feature, careless.name):
            assert (await noted(service, feature))[fact["id"]] == 1, handler
    assert await service.dead_letters() == []


async def test_one_features_failure_leaves_the_others_applied_and_is_replayed(service: ServiceUnderTest) -> None:
    for handler in lasting_handlers(service.service):
        broken, applied = ["the cause"], []
        failing = a_feature_beside(handler, applied, broken)
        first, last = example(service, handler), example(service, handler)
        dispatcher = service.dispatcher_with(failing)
        await dispatcher.apply([service.record_of(first), service.record_of(last)])
        letters = await service.dead_letters()
        assert [(one["event_id"], one["feature"], one["reason"]) for one in letters] == [
            (fact["id"], failing.name, "RuntimeError: the cause") for fact in (first, last)
        ], handler
        assert {first["id"], last["id"]} <= set(await noted(service, handler.feature)), handler
        assert applied == []
        broken.clear()
        for letter in letters:
            assert await dispatcher.replay(letter["id"]) is None
        assert applied == [first["id"], last["id"]], handler
        assert await service.dead_letters() == []


def a_feature_beside(handler: EventHandler, applied: list[Any], broken: list[str] | None = None) -> Feature:
    """Return another feature for the same event. It records each event, or fails while `broken` holds a reason."""
    other = Feature(f"beside-{handler.feature}")

    @other.on(handler.event)
    async def note_the_event(_: object, event: Any) -> None:
        if broken:
            raise RuntimeError(broken[0])
        applied.append(event.envelope.id)

    return other
