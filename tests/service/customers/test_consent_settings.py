"""Consent settings: the purposes and channels that a tenant uses, and the defaults of one that has chosen none."""

from typing import Any

import pytest

from tests.service.customers.test_consents import a_customers_path, decide, permission
from tests.support.service import ServiceUnderTest

PATH = "/v1/consent-settings"
NEWS = {"key": "product_news", "name": "News", "translations": [{"language": "nl", "name": "Nieuws"}]}


async def keys(customers: ServiceUnderTest, name: str) -> list[str]:
    return [term["key"] for term in (await customers.get(PATH)).json()[name]]


async def test_a_tenant_has_the_usual_purposes_and_channels(customers: ServiceUnderTest) -> None:
    settings = (await customers.get(PATH)).json()
    assert settings["version"] == 0
    assert {"key": "whatsapp", "name": "Whatsapp", "translations": []} in settings["channels"]
    assert "newsletter" in await keys(customers, "purposes")
    assert (settings["retired_purposes"], settings["frequency_caps"], settings["quiet_hours"]) == ([], [], None)


async def test_what_is_left_out_is_retired_and_keeps_its_receipts(customers: ServiceUnderTest) -> None:
    path = await a_customers_path(customers)
    receipt = await decide(customers, path, "granted")
    changed = await customers.patch(PATH, {"purposes": [NEWS, {"key": "newsletter"}]}, if_match='"0"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"1"')
    assert await keys(customers, "purposes") == ["product_news", "newsletter"]
    assert "marketing" in await keys(customers, "retired_purposes")
    answer = await permission(customers, path)
    assert (answer["permitted"], answer["reason"], answer["receipt"]) == (False, "retired", receipt)
    again = await customers.post(
        f"{path}/consents", {"purpose": "marketing", "channel": "email", "decision": "granted", "source": "form"}
    )
    assert (again.status_code, again.json()["errors"][0]["code"]) == (422, "unknown_purpose")
    await decide(customers, path, "withdrawn")
    await decide(customers, path, "granted", purpose="product_news")
    assert (await permission(customers, path, purpose="product_news"))["permitted"]
    await customers.patch(PATH, {"purposes": None})
    assert "marketing" in await keys(customers, "purposes")
    assert await keys(customers, "retired_purposes") == ["product_news"]
    assert (await permission(customers, path))["reason"] == "withdrawn"


async def test_a_change_of_a_stale_version_is_refused(customers: ServiceUnderTest) -> None:
    await customers.patch(PATH, {"frequency_caps": [{"contacts": 1, "days": 7}]})
    stale = await customers.patch(PATH, {"frequency_caps": None}, if_match='"0"')
    assert (stale.status_code, stale.json()["version"]) == (412, 1)
    unchanged = await customers.patch(PATH, {"frequency_caps": [{"contacts": 1, "days": 7}]}, if_match='"1"')
    assert unchanged.json()["version"] == 1


async def test_quiet_hours_are_changed_in_part(customers: ServiceUnderTest) -> None:
    await customers.patch(PATH, {"quiet_hours": {"starts": "21:00", "ends": "08:00"}})
    changed = await customers.patch(PATH, {"quiet_hours": {"ends": "09:00"}})
    hours = {"starts": "21:00", "ends": "09:00", "channels": ["phone", "sms", "whatsapp", "push", "chat"]}
    assert changed.json()["quiet_hours"] == hours
    assert (await customers.patch(PATH, {"quiet_hours": None})).json()["quiet_hours"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"purposes": []}, "/purposes"),
        ({"purposes": [{"key": "News!"}]}, "/purposes/0/key"),
        ({"purposes": [{"key": "a"}, {"key": "a"}]}, "/purposes/1/key"),
        ({"purposes": [{"name": "News"}]}, "/purposes/0/key"),
        ({"channels": [{"key": "email", "translations": [{"language": "xx", "name": "E"}]}]},
         "/channels/0/translations/0/language"),
        ({"frequency_caps": [{"contacts": 0, "days": 7}]}, "/frequency_caps/0/contacts"),
        ({"frequency_caps": [{"contacts": 1, "days": 91}]}, "/frequency_caps/0/days"),
        ({"frequency_caps": [{"contacts": 1, "days": 7, "channel": "pigeon"}]}, "/frequency_caps/0/channel"),
        ({"quiet_hours": {"starts": "21:00"}}, "/quiet_hours/ends"),
        ({"quiet_hours": {"starts": "24:00", "ends": "08:00"}}, "/quiet_hours/starts"),
        ({"quiet_hours": {"starts": "08:00", "ends": "08:00"}}, "/quiet_hours/ends"),
        ({"quiet_hours": {"starts": "21:00", "ends": "08:00", "channels": ["pigeon"]}}, "/quiet_hours/channels/0"),
    ],
)  # fmt: skip
async def test_settings_that_make_no_sense_are_refused(
    customers: ServiceUnderTest, body: dict[str, Any], pointer: str
) -> None:
    answer = await customers.patch(PATH, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await customers.get(PATH)).json()["version"] == 0
