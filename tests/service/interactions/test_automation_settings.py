"""The settings of automations: kept in versions, and refused with their place."""

from pathlib import Path
from typing import Any

import pytest

from chassis.types import json
from services.interactions.outreach.automations.events import TRIGGER_EVENTS, TriggerEvent
from tests.support.automations import TASK, an_automation
from tests.support.promises import created
from tests.support.service import ServiceUnderTest

PATH = "/v1/automations"
CONTRACTS = Path(__file__).parents[3] / "contracts" / "events"
MESSAGE = {
    "message": {"channel": "email", "purpose": "newsletter", "subject": "Thanks", "body": "Dear {{customer.name}}"}
}


async def test_an_automation_reads_back_as_created_and_each_version_is_kept(interactions: ServiceUnderTest) -> None:
    body = an_automation(
        "Thank", conditions=[{"fact": "amount", "at_least": "100"}], stops_on=["purchase_refunded"] * 2
    )
    automation = await created(interactions, PATH, body)
    assert (await interactions.get(f"{PATH}/{automation['id']}")).json() == automation
    assert automation["stops_on"] == ["purchase_refunded"]
    assert automation["conditions"][0] == {
        "fact": "amount",
        "one_of": None,
        "none_of": None,
        "at_least": "100",
        "at_most": None,
    }
    # What a response shows can be sent back.
    same = {name: automation[name] for name in ("name", "conditions", "steps", "stops_on", "pause_days")}
    assert (await interactions.patch(f"{PATH}/{automation['id']}", same)).json() == automation
    changed = (await interactions.patch(f"{PATH}/{automation['id']}", {"conditions": []})).json()
    assert (changed["version"], changed["conditions"]) == (2, [])
    versions = (await interactions.get(f"{PATH}/{automation['id']}/versions")).json()["items"]
    assert [(each["number"], len(each["conditions"])) for each in versions] == [(1, 1), (2, 0)]
    taken = await interactions.post(PATH, body)
    assert (taken.status_code, taken.json()["automation_id"]) == (409, automation["id"])


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"trigger": "full_moon"}, "/trigger", None),
        ({"steps": []}, "/steps", None),
        ({"steps": [{"after_minutes": 5}]}, "/steps/0", "one_action"),
        ({"steps": [TASK | MESSAGE]}, "/steps/0", "one_action"),
        ({"steps": [TASK | {"after_minutes": -1}]}, "/steps/0/after_minutes", None),
        ({"steps": [{"task": {"title": "{{ total }}"}}]}, "/steps/0/task/title", "unknown_placeholder"),
        ({"steps": [{"task": {"title": "{{ customer.__class__ }}"}}]}, "/steps/0/task/title", "unknown_placeholder"),
        (
            {"steps": [{"case": {"subject": "x", "description": "{{}}"}}]},
            "/steps/0/case/description",
            "unknown_placeholder",
        ),
        ({"steps": [{"customer": {}}]}, "/steps/0/customer", "no_change"),
        ({"conditions": [{"fact": "store"}]}, "/conditions/0", "no_condition"),
        ({"conditions": [{"fact": "mood", "one_of": ["bad"]}]}, "/conditions/0/fact", "unknown_fact"),
        ({"conditions": [{"fact": "amount", "at_least": "many"}]}, "/conditions/0/at_least", None),
        ({"stops_on": ["full_moon"]}, "/stops_on/0", None),
        ({"pause_days": 0}, "/pause_days", None),
    ],
)
async def test_bad_input_is_refused_with_its_place(
    interactions: ServiceUnderTest, fields: dict[str, Any], pointer: str, code: str | None
) -> None:
    response = await interactions.post(PATH, an_automation("Bad") | fields)
    assert response.status_code == 422, response.text
    (error,) = response.json()["errors"]
    assert error["pointer"] == pointer
    assert code is None or error["code"] == code
    assert (await interactions.get(PATH)).json()["items"] == []


@pytest.mark.parametrize("event", TRIGGER_EVENTS, ids=lambda event: str(event.trigger))
def test_the_event_of_each_trigger_has_its_facts(event: type[TriggerEvent]) -> None:
    kind = event.kind_of_trigger
    schema = json.loads((CONTRACTS / f"{event.event_type}.json").read_bytes())
    promised = schema["properties"].keys() & set(schema["required"])
    assert {*kind.facts, f"{kind.about}_id", "customer_id"} <= promised
    assert {field for field in (kind.money, kind.time) if field} <= promised
    assert all(schema["properties"][fact].get("type") not in ("array", "object") for fact in kind.facts)
