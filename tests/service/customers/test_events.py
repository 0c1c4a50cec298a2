"""The events of customers: their ids in other systems, what changed, and personal data in the contact details alone."""

from collections import Counter
from typing import Any

from chassis.types import json
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest

TILL, WEB = {"source": "till", "id": "4711"}, {"source": "web", "id": "ada"}
PERSONAL = {
    "given_name": "Augusta",
    "family_name": "Lovelace",
    "birth_date": "1815-12-10",
    "occupation": "Mathematician",
    "area": "Marylebone",
    "emails": [{"address": "ada@example.com", "label": "private"}],
    "phones": [{"number": "+31 20 794 0800"}],
    "addresses": [{"street": "Keizersgracht 1", "city": "Amsterdam", "postal_code": "1015 CJ"}],
    "tags": ["poet"],
    "custom": {"note": "collects engines"},
    "preferred_name": "Countess",
    "salutation": "Lady",
    "needs": ["A quiet table"],
    "interests": ["Bernoulli numbers"],
    "social_profiles": [{"network": "letters", "handle": "A.A.L."}],
    "preferences": {"delivery": "by coach", "payment": "banker's draft"},
    "strategic": True,
    "strategic_reason": "First of all programmers",
    "owner_id": "agent-7",
}


async def created(customers: ServiceUnderTest, **fields: Any) -> str:
    """Create a customer, without its event. Return the path."""
    customer = (await customers.post("/v1/customers", a_customer(**fields))).json()
    await customers.published()
    return f"/v1/customers/{customer['id']}"


async def data_of(customers: ServiceUnderTest) -> list[dict[str, Any]]:
    return [event.data for event in await customers.published()]


def texts(value: Any) -> set[str]:
    """Return every text within a JSON value."""
    if isinstance(value, dict):
        return set().union(*map(texts, value.values()))
    if isinstance(value, list):
        return set().union(*map(texts, value))
    return {str(value)}


async def test_every_event_has_the_ids_of_other_systems(customers: ServiceUnderTest) -> None:
    path = f"/v1/customers/{(await customers.post('/v1/customers', a_customer(external_ids=[TILL]))).json()['id']}"
    await customers.patch(path, {"lifecycle": "client"})
    for decision in ("granted", "withdrawn"):
        consent = {"purpose": "survey", "channel": "email", "source": "form", "decision": decision}
        await customers.post(f"{path}/consents", consent)
    events = await data_of(customers)
    assert [event["external_ids"] for event in events] == [[TILL]] * 4


async def test_an_update_has_the_version_the_stage_before_and_its_time(customers: ServiceUnderTest) -> None:
    path = await created(customers)
    changed = (await customers.patch(path, {"lifecycle": "client", "tags": ["poet"]})).json()
    (event,) = await data_of(customers)
    assert event == {
        "customer_id": changed["id"],
        "external_ids": [],
        "version": 2,
        "kind": "person",
        "lifecycle": "client",
        "state": "active",
        "archived_at": None,
        "contact": None,
        "changed": ["lifecycle", "tags"],
        "previous_lifecycle": "prospect",
        "removed_external_ids": [],
        "updated_at": changed["updated_at"],
    }


async def test_an_update_names_the_ids_that_the_customer_no_longer_has(customers: ServiceUnderTest) -> None:
    path = await created(customers, external_ids=[TILL, WEB])
    await customers.patch(path, {"external_ids": [WEB]})
    (event,) = await data_of(customers)
    assert (event["external_ids"], event["removed_external_ids"]) == ([WEB], [TILL])


async def test_an_upsert_publishes_the_ids_that_it_adds(customers: ServiceUnderTest) -> None:
    await created(customers, external_ids=[TILL])
    items = [{"kind": "person", "external_ids": [TILL, WEB]}, {"kind": "person", **known_as("4712")}]
    await customers.post("/v1/customers/batch", {"items": items})
    updated, new = await data_of(customers)
    assert (updated["external_ids"], updated["changed"]) == ([TILL, WEB], ["external_ids"])
    assert updated["removed_external_ids"] == []
    assert new["external_ids"] == [{"source": "till", "id": "4712"}]


async def test_only_the_contact_details_contain_personal_data(customers: ServiceUnderTest) -> None:
    path = await created(customers)
    body = a_customer(**PERSONAL)
    await customers.post("/v1/customers", body)
    await customers.patch(path, PERSONAL)
    consent = {"purpose": "survey", "channel": "email", "source": "form", "decision": "granted"}
    await customers.post(f"{path}/consents", consent | {"wording": "Yes, Augusta", "evidence": {"ip": "192.0.2.7"}})
    published = await customers.published()
    assert Counter(event.type.split(".")[1] for event in published) == {
        "customer_created": 1,
        "customer_updated": 1,
        "owner_assigned": 2,
        "profile_completed": 2,
        "consent_granted": 1,
    }
    for event in published:
        assert event.data.pop("contact", None) is None or "customer_" in event.type
    text = json.dumps([event.data for event in published]).decode()
    personal = texts(PERSONAL) - {"True", "agent-7"} | {"Augusta", "192.0.2.7"}
    assert [each for each in personal if each in text] == []
