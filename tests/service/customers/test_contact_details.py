"""Contact details in events: every change of a name or an address publishes them, whatever operation makes it."""

import asyncio
from typing import Any

from tests.service.customers.test_events import PERSONAL
from tests.support import commands
from tests.support.facts import a_customer, known_as
from tests.support.service import Published, ServiceUnderTest

EMAIL = {"address": "Ada@Example.com", "normal": "ada@example.com", "primary": True}
PHONE = {"number": "020 794 0800", "normal": "+31207940800", "primary": True}
HOME = {"country": "NL", "postal_code": "1015 CJ", "latitude": 52.37, "longitude": 4.89}
FULL = {
    "given_name": "Augusta",
    "family_name": "Lovelace",
    "preferred_name": "Ada",
    "emails": [{"address": "Ada@Example.com"}],
    "phones": [{"number": "020 794 0800"}],
    "addresses": [{"country": "BE"}, {**HOME, "primary": True}],
    "languages": ["en", "nl"],
    "preferred_channel": "email",
    "owner_id": "agent-7",
}
CONTACT = {
    "name": "Ada",
    "given_name": "Augusta",
    "family_name": "Lovelace",
    "emails": [EMAIL],
    "phones": [PHONE],
    "languages": ["en", "nl"],
    "preferred_channel": "email",
    "owner_id": "agent-7",
    **HOME,
}


async def records(customers: ServiceUnderTest) -> list[Published]:
    """Return the published events of records: created and updated."""
    return [event for event in await customers.published() if event.type.split(".")[1].startswith("customer_")]


async def contacts(customers: ServiceUnderTest) -> list[Any]:
    return [event.data["contact"] for event in await records(customers)]


async def created(customers: ServiceUnderTest, **fields: Any) -> str:
    return str((await customers.post("/v1/customers", a_customer(**fields))).json()["id"])


async def test_a_new_customer_has_its_contact_details(customers: ServiceUnderTest) -> None:
    await created(customers, **FULL)
    assert await contacts(customers) == [CONTACT]


async def test_a_nameless_customer_has_empty_ones(customers: ServiceUnderTest) -> None:
    await customers.post("/v1/customers", {"kind": "person", **known_as("4711")})
    (contact,) = await contacts(customers)
    assert (contact["name"], contact["emails"], contact["phones"], contact["country"]) == (None, [], [], None)


async def test_each_field_of_the_contact_details_publishes_them(customers: ServiceUnderTest) -> None:
    path = f"/v1/customers/{await created(customers)}"
    await customers.published()
    for name, value in FULL.items():
        await customers.patch(path, {name: value})
        (contact,) = await contacts(customers)
        assert contact is not None, name
    assert contact == CONTACT


async def test_other_changes_publish_none(customers: ServiceUnderTest) -> None:
    path = f"/v1/customers/{await created(customers)}"
    await customers.published()
    others = {name: PERSONAL[name] for name in ("tags", "custom", "needs", "birth_date", "area")}
    await customers.patch(path, others)
    await customers.post(f"{path}/archive", {})
    await customers.post(f"{path}/restore", {})
    assert await contacts(customers) == [None] * 3


async def test_upserts_publish_what_they_change(customers: ServiceUnderTest) -> None:
    items = [{"kind": "person", **known_as("1"), **FULL}, {"kind": "person", **known_as("2"), "tags": ["new"]}]
    await customers.post("/v1/customers/batch", {"items": items})
    first, second = await contacts(customers)
    assert (first, second["name"]) == (CONTACT, None)
    changes = [{"kind": "person", **known_as("1"), "phones": []}, {"kind": "person", **known_as("2"), "tags": ["old"]}]
    await customers.post("/v1/customers/batch", {"items": changes})
    assert await contacts(customers) == [CONTACT | {"phones": []}, None]


async def test_merges_and_their_undo_publish_what_they_change(customers: ServiceUnderTest) -> None:
    survivor = await created(customers, emails=[{"address": "ada@example.org"}])
    merged = await created(customers, emails=[{"address": "ada@example.com"}])
    await customers.published()
    merge = (await customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": merged})).json()
    of_merged, of_survivor = await contacts(customers)
    assert of_merged is None
    assert {email["normal"] for email in of_survivor["emails"]} == {"ada@example.com", "ada@example.org"}
    await customers.post(f"/v1/merges/{merge['id']}/undo", {})
    of_survivor, of_merged = await contacts(customers)
    assert ([email["normal"] for email in of_survivor["emails"]], of_merged) == (["ada@example.org"], None)


async def publish_all(customers: ServiceUnderTest, *options: str) -> commands.Finished:
    await customers.rows("delete from chassis.outbox returning seq")  # the command waits for the relay if it is long
    words = ["customers", "publish-contacts", "--tenant", str(customers.tenant.id), *options]
    return await asyncio.to_thread(commands.run, words, customers.data_dir.root)


async def test_an_operator_publishes_the_contact_details_of_all_customers(customers: ServiceUnderTest) -> None:
    ids = sorted([await created(customers, **FULL), await created(customers)])
    merged = await created(customers, given_name="Grace", **known_as("1"))
    await customers.post(f"/v1/customers/{ids[0]}/merge", {"merged_id": merged})
    await customers.published()
    done = await publish_all(customers)
    assert done.code == 0, done.errors
    events = await records(customers)
    assert sorted(event.data["customer_id"] for event in events) == sorted([*ids, merged])
    assert all(event.data["changed"] == [] and event.data["contact"]["name"] for event in events)
    (of_merged,) = [event.data for event in events if event.data["customer_id"] == merged]
    assert (of_merged["state"], of_merged["external_ids"]) == ("merged", [])
    assert done.output.split()[-1] == f"{customers.tenant.id}:{max(*ids, merged)}"


async def test_an_interrupted_command_is_continued(customers: ServiceUnderTest) -> None:
    ids = sorted([await created(customers), await created(customers)])
    await customers.published()
    done = await publish_all(customers, "--after", f"{customers.tenant.id}:{ids[0]}")
    assert done.code == 0, done.errors
    assert [event.data["customer_id"] for event in await records(customers)] == ids[1:]
    wrong = await publish_all(customers, "--after", "tea")
    assert wrong.code == 2
    assert "two ids" in wrong.errors
